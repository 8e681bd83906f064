"""`plan` when nothing has changed, step by step."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.context import Context, Table
from benchmarks.measure import Side
from benchmarks.worlds import make_world

_NOTE = (
    "The time in a process that has started; the steps have no peer: compare them with each other. octoDNS plans as "
    "many DNS records, of four lines each and one of them changed; what is live are YAML files too: it asks no server."
)


def run(context: Context) -> Iterator[Table]:
    """Yield a table for each number of schedules."""
    for size in context.sizes:
        world = make_world(context.folder, size).folder
        less = context.slow_size(size)
        few = make_world(context.folder, less).folder if context.quick else world
        with context.stage(emptied=False) as stage:
            stage.ours("prepare", world)()
            octodns = stage.peer("octodns_side", "plan", few)
            sides = [
                Side("flowerpower", context.version, stage.ours("plan", world), size),
                Side("octoDNS", context.peers.versions["octodns"], octodns, less, context.slow_rounds(less)),
            ]
            yield context.compare(f"plan of {size:,} schedules, nothing changed", sides, _NOTE)
