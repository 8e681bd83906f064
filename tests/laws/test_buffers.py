"""However many ticks wait, and whatever their words hold: the oldest starts, and the others wait as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from support.holds import QUEUE, events, queued
from support.redis_state import SHIFTED_CLOCK
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.state.desired import run_template
from flowerpower.state.store import Store

ODD = ['],["', ',"ticks":[', "]]}", '"', "\\", "[", "é日", "]}", "often @ 2026-11-22 02:00 UTC"]
WORDS = st.one_of(st.sampled_from(ODD), st.lists(st.sampled_from(ODD), max_size=5).map("".join), st.text(max_size=8))
TICKS = st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 2**31), WORDS, WORDS), min_size=1, max_size=5)
# How the same buffer was written: by this version, by one before it (in any order), or by hand.
LAYOUTS = ("last", "first", "spaced")


@pytest.fixture(scope="module")
def front() -> dict[str, Any]:
    """What stands in a buffer beside its ticks."""
    template: Any = run_template(KEYS, schedule("often")[0])
    return {name: template[name] for name in ("queue", "digest", "job", "meta")} | {"together": False}


def make_store(connection: Redis) -> Store:
    connection.flushall()
    store = Store(connection, KEYS, SHIFTED_CLOCK)
    wanted = desired([schedule("often", every=3600, overlap="buffer_all")])
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "apply")
    return store


def put(store: Store, front: dict[str, Any], ticks: list[Any], layout: str = "last") -> None:
    whole = {"ticks": ticks, **front} if layout == "first" else {**front, "ticks": ticks}
    separators = (", ", ": ") if layout == "spaced" else (",", ":")
    store.connection.hset(KEYS.buffers, "often", json.dumps(whole, separators=separators, ensure_ascii=False))


def waiting(store: Store) -> list[Any]:
    raw: Any = store.connection.hget(KEYS.buffers, "often")
    return json.loads(raw)["ticks"] if raw else []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ticks=TICKS, layout=st.sampled_from(LAYOUTS))
def test_the_oldest_starts_and_the_others_wait_as_they_were(
    redis_connection: Redis, front: dict[str, Any], ticks: list[Any], layout: str
) -> None:
    store = make_store(redis_connection)
    put(store, front, ticks, layout)

    assert store.scripts.call("drain", ["often"]) == 1

    oldest = KEYS.run_id("often", ticks[0][0])
    assert queued(store) == [oldest]
    assert redis_connection.hget(KEYS.job(oldest), "description") == ticks[0][2].encode()
    assert waiting(store) == [list(tick) for tick in ticks[1:]]


def test_thousands_that_wait_are_not_read_to_start_the_oldest(redis_connection: Redis, front: dict[str, Any]) -> None:
    store = make_store(redis_connection)
    put(store, front, [[3600, 3601, "words", "more"], [7200, "damaged"]])

    store.scripts.call("drain", ["often"])

    assert queued(store) == [KEYS.run_id("often", 3600)]
    redis_connection.delete(KEYS.active, KEYS.active_index, KEYS.queue_list(QUEUE))
    assert store.scripts.call("drain", ["often"]) == 0
    assert [event["reason"] for event in events(store, "removed")] == ["the ticks in its buffer could not be read"]
    assert waiting(store) == []
