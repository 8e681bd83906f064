"""`plan` when nothing has changed: for the first time, and when the specs are those of the command before."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.context import Context, Table
from benchmarks.measure import Side
from benchmarks.worlds import make_world

_NOTE = (
    "The time in a process that has started, with nothing remembered, as in CI. flowerpower checks all specs and their "
    "modules on the way, from some 2,000 files on in two processes: CPU and peak are those of one. `known` is where a "
    "plan of the same files came before, as after an edit that is looked at twice. octoDNS plans as many "
    "DNS records, of four lines each and one of them changed; what is live are YAML files too: it asks no server."
)

_SETTLED = 2.5  # seconds: files written within the last two are not trusted to show a change
_NOTE_AGAIN = (
    "`plan` is all of it in a process that has started, guards and text included, outside git; the other side is a "
    "check of unchanged specs plus a look at the live state, each of which `plan` cannot do without. Peaks are of the "
    "whole process, Python and libraries included."
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
                Side("flowerpower", context.version, stage.ours("plan_first", world), size),
                Side("flowerpower, ten edited and known", context.version, stage.ours("plan_edited", world), size),
                Side("octoDNS", context.peers.versions["octodns"], octodns, less, context.slow_rounds(less)),
            ]
            yield context.compare(f"plan of {size:,} schedules for the first time", sides, _NOTE)
    for size in context.large_sizes:
        yield _again(context, size)


def _again(context: Context, size: int) -> Table:
    folder = context.folder / "again"
    world = make_world(folder, size).folder
    with context.stage(emptied=False) as stage:
        stage.ours("prepare", world)()
        time.sleep(_SETTLED)
        stage.ours("plan_again", world)()  # now it is not the first time any more
        sides = [
            Side("flowerpower plan", context.version, stage.ours("plan_again", world), size),
            Side("validate + read live", context.version, stage.ours("look_again", world), size),
        ]
        return context.compare(f"plan of {size:,} schedules again", sides, _NOTE_AGAIN)
