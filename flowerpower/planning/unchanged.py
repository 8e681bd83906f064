"""Whether the live state is what the specs ask for, told from their outline: then there is nothing to plan.

It agrees with `diff.make_plan`, and where in doubt it says no: then the specs are loaded, and what is not surely the
same is compared field by field.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import NamedTuple

from flowerpower.planning.diff import plan_of
from flowerpower.planning.plan import Plan
from flowerpower.planning.settle import next_tick
from flowerpower.schedule.jitter import delay
from flowerpower.state.desired import settings_of
from flowerpower.state.glance import LiveSchedule
from flowerpower.state.job_codec import JobSettings
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.models import Json, Reading, Schedule, Source, State
from flowerpower.state.outline import Outline, Wanted


def unchanged_plan(keys: Keys, outline: Outline, reading: Reading, source: Source, same: Set[str]) -> Plan | None:
    """Return the plan that changes nothing; None unless the live state is just what *outline* asks for.

    As to *same* see `same_schedules`.
    """
    live, left = reading.state.schedules, reading.forgotten
    if reading.without_run_spec - left or reading.damaged:
        return None
    if len(same) < outline.count or outline.count + len(left & live.keys()) != len(live):
        return None
    if not _same_pipelines(outline, reading):
        return None
    schedules = {name: one for name, one in live.items() if name not in left} if left else live
    managed = replace(reading, state=State(schedules, reading.state.pipelines))
    return plan_of(keys, source, managed, (), managed.state, outline.rules)


def same_schedules(keys: Keys, outline: Outline, reading: Reading) -> frozenset[str]:
    """Return the schedules that are live just as *outline* asks for, so that a plan need not compare them."""
    live, left = reading.state.schedules, reading.forgotten | reading.without_run_spec
    expected = _Expected(keys, outline.jobs, reading)

    def is_same(one: Wanted) -> bool:
        found = live.get(one.name)
        if found is None or one.name in left or f"cursor.{one.name}" in reading.damaged:
            return False
        if not one.is_of(found):
            return False
        return expected.waits(one, found) or one.name in reading.firing

    return frozenset(live[one.name].name for one in outline.schedules() if is_same(one))


def _same_pipelines(outline: Outline, reading: Reading) -> bool:
    return outline.pipelines == {name: one.digest for name, one in reading.state.pipelines.items()}


class _Job(NamedTuple):
    """What the pending jobs of many schedules have in common."""

    paused: bool
    jitter: int
    settings: JobSettings


class _Expected:
    """The pending jobs that there should be; what many have in common is worked out once."""

    def __init__(self, keys: Keys, jobs: tuple[Mapping[str, Json], ...], reading: Reading) -> None:
        self._keys = keys
        self._reading = reading
        self._start = keys.queue("")
        self._jobs = [
            _Job(bool(fields.get("paused")), int(str(fields.get("jitter", 0))), settings_of(keys, fields))
            for fields in jobs
        ]

    def waits(self, one: Wanted, live: Schedule) -> bool:
        """Tell whether just that job waits which a plan of the whole specs would want."""
        job, reading = self._jobs[one.job], self._reading
        if job.paused or one.name in reading.holds:
            return live.occurrence is None
        cursor = reading.cursors.get(one.name)
        if cursor is None or cursor.pending is None:
            return live.occurrence is None and next_tick(self._keys, live, reading) is None
        waiting = live.waiting if isinstance(live, LiveSchedule) else None  # any other is a matter for a whole plan
        if waiting is None or waiting.settings != job.settings or waiting.id != cursor.pending:
            return False
        start = f"{self._start}{one.name}--"
        tick = tick_of(waiting.id.removeprefix(start))
        return tick is not None and waiting == (
            f"{start}{tick}",
            tick + delay(one.name, tick, job.jitter),
            job.settings,
        )
