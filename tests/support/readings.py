"""What a plan reads of a live namespace, as values, without Redis."""

from __future__ import annotations

from dataclasses import replace

from flowerpower.planning.diff import make_plan
from flowerpower.state.models import Cursor, Desired, Head, Reading, Record, State
from support.states import KEYS, SOURCE

NOW = 1_800_000_000
EMPTY = Reading(now=NOW, head=Head(), state=State(), records={}, cursors={})


def applied(wanted: Desired, **changed: object) -> Reading:
    """Return what Redis holds after these specs were applied, as far as a plan can see."""
    plan = make_plan(KEYS, wanted, EMPTY, SOURCE)
    schedules = plan.after.schedules
    reading = Reading(
        now=NOW,
        head=Head(generation=1),
        state=plan.after,
        records={
            **{f"schedule.{name}": Record(1, "seal") for name in schedules},
            **{f"pipeline.{name}": Record(1, "seal") for name in plan.after.pipelines},
        },
        cursors={
            name: Cursor(NOW, 1, live.occurrence.id if live.occurrence else None) for name, live in schedules.items()
        },
    )
    return replace(reading, **changed)
