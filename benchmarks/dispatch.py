"""Dispatch: every schedule is due at the same second."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.context import Context, Stage, Table
from benchmarks.measure import Side
from benchmarks.triggers import due_trigger
from benchmarks.worlds import World, make_world

_NOTE = (
    "Cron expressions of nine kinds in seven zones. flowerpower records cursor, active run and next occurrence of each "
    "tick in one atomic step, and heals a slice of all schedules in passing. RQScheduler moves one-shot jobs: "
    "nothing recurs. rq-scheduler, CronScheduler and redbeat take the expressions without their zones."
)


def run(context: Context) -> Iterator[Table]:
    """Yield a table for each number of due schedules."""
    for size in context.sizes:
        world = make_world(context.folder, size, due_trigger)
        few = make_world(context.folder, context.slow_size(size), due_trigger) if context.quick else world
        with context.stage(emptied=True) as stage:
            yield context.compare(f"dispatch {size:,} due ticks", _sides(context, stage, world, few), _NOTE)


def _sides(context: Context, stage: Stage, world: World, few: World) -> list[Side]:
    versions, slow, size = context.peers.versions, context.slow_rounds(few.schedules), world.schedules
    cron = stage.peer("rq_scheduler_side", "dispatch", few.folder)
    cron_scheduler = stage.peer("rq_side", "cron_scheduler", few.folder)
    redbeat = stage.peer("redbeat_side", "dispatch", few.folder)
    return [
        Side("flowerpower", context.version, stage.ours("dispatch", world.folder), size),
        Side("flowerpower, just started", context.version, stage.ours("dispatch_cold", world.folder), size),
        Side("RQScheduler, back to back", versions["rq"], stage.peer("rq_side", "scheduler", world.folder), size),
        Side("rq-scheduler", versions["rq-scheduler"], cron, few.schedules, slow),
        Side("RQ CronScheduler", versions["rq"], cron_scheduler, few.schedules, slow),
        Side("celery-redbeat", versions["celery-redbeat"], redbeat, few.schedules, slow),
    ]
