"""Reading the live state, with the real job of every schedule."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.context import Context, Table
from benchmarks.measure import Side
from benchmarks.worlds import make_world

_NOTE = (
    "RQ fetches the same jobs as objects, without our records; the raw side reads three fields of each job and no "
    "record. flowerpower reads records, cursors, registries and eight fields of each job, and compares."
)


def run(context: Context) -> Iterator[Table]:
    """Yield a table for each number of schedules."""
    versions = context.peers.versions
    for size in context.sizes:
        world = make_world(context.folder, size).folder
        with context.stage(emptied=False) as stage:
            stage.ours("prepare", world)()
            sides = [
                Side("flowerpower", context.version, stage.ours("read_live", world), size),
                Side("RQ Job.fetch_many", versions["rq"], stage.peer("rq_side", "fetch_many", world), size),
                Side("raw HMGET by redis-py", versions["redis"], stage.peer("raw_side", "read_live", world), size),
            ]
            yield context.compare(f"read the live state of {size:,} schedules", sides, _NOTE)
