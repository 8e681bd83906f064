"""`plan` when nothing has changed, step by step."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.context import Context, Table
from benchmarks.measure import Side
from benchmarks.worlds import make_world

_NOTE = "The time in a process that has started; there is no peer for these steps: compare them with each other."


def run(context: Context) -> Iterator[Table]:
    """Yield a table for each number of schedules."""
    for size in context.sizes:
        world = make_world(context.folder, size).folder
        with context.stage(emptied=False) as stage:
            stage.ours("prepare", world)()
            sides = [Side("flowerpower", context.version, stage.ours("plan", world), size)]
            yield context.compare(f"plan of {size:,} schedules, nothing changed", sides, _NOTE)
