"""How long runs took: one plain read of the run events, which a user who may only read is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.glance import passing_fields
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.models import State

if TYPE_CHECKING:
    from flowerpower.state.store import Store

_NEWEST = 10_000  # events; the stream keeps about as many
_LONGEST = 3650 * 86_400


@dataclass(frozen=True, slots=True)
class RunTime:
    """How long some succeeded runs took, in seconds."""

    runs: int
    median: float
    p95: float  # 95 of 100 took no longer


@dataclass(frozen=True, slots=True)
class RunTimes:
    """Measured run times of a namespace: of each schedule, of each pipeline that schedules run, of all."""

    schedules: Mapping[str, RunTime] = field(default_factory=dict)
    pipelines: Mapping[str, RunTime] = field(default_factory=dict)
    overall: RunTime | None = None
    pipeline_of: Mapping[str, str] = field(default_factory=dict)  # what each measured schedule ran

    def own(self, schedule: str, pipeline: str) -> RunTime | None:
        """Return what was measured of a schedule, None also when it ran another pipeline then."""
        return self.schedules.get(schedule) if self.pipeline_of.get(schedule) == pipeline else None

    def best(self, schedule: str, pipeline: str) -> RunTime | None:
        """Return the nearest there is: the schedule's own, else its pipeline's, else that of all runs."""
        return self.own(schedule, pipeline) or self.pipelines.get(pipeline) or self.overall


def read_run_times(store: Store, state: State) -> RunTimes:
    """Return what the newest run events tell of the schedules of a live state.

    A stream that cannot be read as one tells nothing: a forecast then counts starts. Raises `StoreError` when Redis
    fails.
    """
    from redis.exceptions import ResponseError

    with redis_errors("reading the run times"):
        try:
            events: Any = store.connection.xrevrange(store.keys.runs, count=_NEWEST)
        except ResponseError:  # another type of key, or a user who may not see it
            return RunTimes()
    return summarise(durations(store.keys, (fields for _, fields in events)), state)


def durations(keys: Keys, events: Iterable[Any]) -> dict[str, list[float]]:
    """Return the seconds that each schedule's succeeded runs took; runs by hand and damaged entries are left out."""
    found: dict[str, list[float]] = {}
    for event in events:
        measured = _measured(keys, event)
        if measured:
            found.setdefault(measured[0], []).append(measured[1])
    return found


def _measured(keys: Keys, event: Any) -> tuple[str, float] | None:
    if not event or event.get(b"event") != b"succeeded":
        return None
    try:
        name, run = keys.parse_run_id(event[b"job"].decode()) or ("", "")
        seconds = float(event[b"duration"])
    except (KeyError, ValueError):
        return None
    usable = tick_of(run) is not None and event.get(b"schedule") == name.encode() and 0 <= seconds <= _LONGEST
    return (name, seconds) if usable else None


def summarise(measured: Mapping[str, Sequence[float]], state: State) -> RunTimes:
    """Return the medians and percentiles of each schedule, each pipeline and all."""
    ours = {name: seconds for name, seconds in measured.items() if name in state.schedules}
    pipeline_of = {name: str(passing_fields(state.schedules[name]).get("pipeline", "")) for name in ours}
    by_pipeline: dict[str, list[float]] = {}
    for name, seconds in ours.items():
        by_pipeline.setdefault(pipeline_of[name], []).extend(seconds)
    everything = [value for seconds in ours.values() for value in seconds]
    return RunTimes(
        schedules={name: _run_time(seconds) for name, seconds in ours.items()},
        pipelines={name: _run_time(seconds) for name, seconds in by_pipeline.items()},
        overall=_run_time(everything) if everything else None,
        pipeline_of=pipeline_of,
    )


def _run_time(seconds: Sequence[float]) -> RunTime:
    ordered, runs = sorted(seconds), len(seconds)
    median = (ordered[(runs - 1) // 2] + ordered[runs // 2]) / 2
    return RunTime(runs, median, ordered[math.ceil(runs * 0.95) - 1])
