"""Whether the live state is what the specs ask for, told from their outline: then there is nothing to plan.

It agrees with `diff.make_plan`, and where in doubt it says no: then the specs are loaded and compared field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from typing import NamedTuple

from flowerpower.planning.diff import plan_of
from flowerpower.planning.plan import Plan
from flowerpower.planning.settle import next_tick
from flowerpower.schedule.jitter import delay
from flowerpower.state.desired import occurrence_at
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.models import Json, Occurrence, Reading, Schedule, Source, State
from flowerpower.state.outline import Outline, Wanted

_SHARED = attrgetter("queue", "function", "timeout", "result_ttl", "failure_ttl", "retries", "retry_intervals")


def unchanged_plan(keys: Keys, outline: Outline, reading: Reading, source: Source) -> Plan | None:
    """Return the plan that changes nothing; None unless the live state is just what *outline* asks for."""
    live, left = reading.state.schedules, reading.forgotten
    if reading.without_run_spec - left or reading.damaged:
        return None
    expected = _Expected(keys, outline.jobs, reading)
    wanted = 0
    for one in outline.schedules():
        wanted += 1
        found = live.get(one.name)
        if found is None or one.name in left:
            return None
        if not (found.digest.startswith(one.digest) and found.run.startswith(one.run)):
            return None
        if not expected.waits(one, found) and one.name not in reading.firing:
            return None
    if wanted + len(left & live.keys()) != len(live) or not _same_pipelines(outline, reading):
        return None
    schedules = {name: one for name, one in live.items() if name not in left} if left else live
    managed = replace(reading, state=State(schedules, reading.state.pipelines))
    return plan_of(keys, source, managed, (), managed.state, outline.rules)


def _same_pipelines(outline: Outline, reading: Reading) -> bool:
    return outline.pipelines == {name: one.digest for name, one in reading.state.pipelines.items()}


class _Job(NamedTuple):
    """What the pending jobs of many schedules have in common."""

    paused: bool
    jitter: int
    shared: object


class _Expected:
    """The pending jobs that there should be; what many have in common is worked out once."""

    def __init__(self, keys: Keys, jobs: tuple[Mapping[str, Json], ...], reading: Reading) -> None:
        self._keys = keys
        self._reading = reading
        self._namespace, self._start = keys.namespace, keys.queue("")
        self._jobs = [self._job(fields) for fields in jobs]

    def _job(self, fields: Mapping[str, Json]) -> _Job:
        model = Schedule("", fields, timing="", basis="", run="", digest="")
        shared = _SHARED(occurrence_at(self._keys, model, 0))
        return _Job(bool(fields.get("paused")), int(str(fields.get("jitter", 0))), shared)

    def waits(self, one: Wanted, live: Schedule) -> bool:
        """Tell whether just that job waits which a plan of the whole specs would want."""
        job, reading = self._jobs[one.job], self._reading
        if job.paused or one.name in reading.holds:
            return live.occurrence is None
        cursor = reading.cursors.get(one.name)
        if cursor is None or cursor.pending is None:
            return live.occurrence is None and next_tick(self._keys, live, reading) is None
        found = live.occurrence
        return found is not None and found.id == cursor.pending and self._is_for(found, live, job)

    def _is_for(self, found: Occurrence, live: Schedule, job: _Job) -> bool:
        start = f"{self._start}{live.name}--"
        tick = tick_of(found.id[len(start) :]) if found.id.startswith(start) else None
        return (
            tick is not None
            and found.id == f"{start}{tick}"
            and found.due == tick + delay(live.name, tick, job.jitter)
            and found.args == (self._namespace, live.name, live.run)
            and _SHARED(found) == job.shared
        )
