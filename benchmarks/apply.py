"""`apply` after its plan: creating and deleting schedules."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.context import Context, Stage, Table
from benchmarks.measure import Side
from benchmarks.worlds import World, make_world

_NOTE = (
    "Peers write the same jobs. rq-scheduler also stores how each recurs, but no zone, retries or failure_ttl, and its "
    "`cancel` leaves the job behind: only creating is compared. flowerpower also writes records, run specs, cursors "
    "and history with the inverse, checks everything before the first write, and reads it all back."
)


def run(context: Context) -> Iterator[Table]:
    """Yield a table for each number of schedules; flowerpower also creates and deletes a tenth as many pipelines."""
    for size in context.sizes:
        world = make_world(context.folder, size)
        few = make_world(context.folder, context.slow_size(size)) if context.quick else world
        with context.stage(emptied=True) as stage:
            yield context.compare(f"apply {size:,} schedules", _sides(context, stage, world, few), _NOTE)


def _sides(context: Context, stage: Stage, world: World, few: World) -> list[Side]:
    versions, slow = context.peers.versions, context.slow_rounds(few.schedules)
    one_by_one = stage.peer("rq_side", "one_by_one", few.folder)
    pipelined = stage.peer("rq_side", "pipelined", few.folder)
    scheduler = stage.peer("rq_scheduler_side", "create", few.folder)
    return [
        Side("flowerpower", context.version, stage.ours("apply", world.folder), world.schedules),
        Side("RQ one by one", versions["rq"], one_by_one, few.schedules, slow),
        Side("RQ in one pipeline", versions["rq"], pipelined, few.schedules, slow),
        Side("rq-scheduler", versions["rq-scheduler"], scheduler, few.schedules, slow),
        Side(
            "raw pipeline by redis-py",
            versions["redis"],
            stage.peer("raw_side", "apply", world.folder),
            world.schedules,
        ),
    ]
