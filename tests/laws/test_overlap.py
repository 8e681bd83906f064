"""Whatever runs, ends, dies, is applied, held or lost in between: every tick that was called for has one outcome."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis import Redis
from support.tick_bench import NAMES
from support.tick_world import World

EXAMPLES = int(os.environ.get("FLOWERPOWER_TEST_HISTORIES", "70"))
OVERLAPS = ("skip", "buffer_one", "buffer_all", "cancel_other", "allow")
CHANGES: Any = st.fixed_dictionaries(
    {},
    optional={
        "every": st.sampled_from([1000, 1700, 170]),
        "catchup": st.sampled_from(["latest", "all", "none"]),
        "window": st.sampled_from([86_400, 3_000]),
        "overlap": st.sampled_from(OVERLAPS),
        "limit": st.sampled_from([100, 2]),
        "paused": st.booleans(),
        "cancels": st.booleans(),
        "queue": st.sampled_from(["default", "heavy"]),
        "timeout": st.sampled_from([60, 61]),
    },
)
ENDINGS = ["succeeded", "failed", "retry", "later", "died", "vanished", "abandoned"]
DOINGS: dict[str, tuple[int, Any]] = {  # how often, and how
    "wait": (3, st.sampled_from([30, 60, 100, 700, 1000, 5000, 20_000, -500, -3000])),
    "fire": (3, st.sampled_from([0, 0, 1])),
    "tick": (5, st.sampled_from([0, 0, 1])),
    "take": (6, st.sampled_from([0, 0, 1])),
    "end": (5, st.sampled_from(ENDINGS)),
    "apply": (3, CHANGES),
    "pause": (1, st.sampled_from([None, 50, 1000])),
    "resume": (1, st.none()),
    "manual": (1, st.none()),
    "cancel": (1, st.none()),
    "lose": (1, st.none()),
    "crash": (1, st.sampled_from([0, 1])),
    "freeze": (2, st.sampled_from([0, 1])),
    "thaw": (3, st.sampled_from([0, 1000])),
    "restart": (1, st.sampled_from([0, 1])),
    "delete": (1, st.none()),
}
STOCK: dict[str, tuple[int, Any]] = {"stock": (6, st.none())}


# A hold that begins and ends between two looks of a scheduler, here because the clock stepped back.
SHORT_HOLD = [
    ("wait", 0, 30),
    ("fire", 0, 1),
    ("wait", 0, -3000),
    ("tick", 0, 0),
    ("tick", 0, 0),
    ("pause", 0, 50),
    ("freeze", 0, 0),
    ("fire", 0, 1),
]


def steps(doings: dict[str, tuple[int, Any]]) -> Any:
    """Return a strategy of histories: what is done, to which schedule, how."""
    step = st.sampled_from([what for what, (often, _) in doings.items() for _ in range(often)]).flatmap(
        lambda what: st.tuples(st.just(what), st.sampled_from([0, 0, 0, 1]), doings[what][1])
    )
    return st.integers(5, 30).flatmap(lambda length: st.lists(step, min_size=length, max_size=length))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(first=st.tuples(CHANGES, CHANGES), history=st.one_of(steps(DOINGS), steps(DOINGS), steps(DOINGS | STOCK)))
@example(first=({}, {}), history=SHORT_HOLD)
def test_every_tick_has_one_outcome(redis_connection: Redis, first: Any, history: list[tuple[str, int, Any]]) -> None:
    world = World.make(redis_connection)
    for name, change in zip(NAMES, first, strict=True):
        world.act("apply", name, change)

    for what, which, how in history:
        world.act("apply" if what == "delete" else what, NAMES[which], how)
    world.settle()

    world.check()
