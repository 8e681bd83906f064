"""Looks at the live state: many commands at once, on any connection, and nothing overlooked."""

from __future__ import annotations

from contextlib import closing

import pytest
from redis import Redis
from redis.exceptions import ResponseError
from support.states import KEYS, SOURCE, desired, pipeline, schedule

from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.state import front, reading
from flowerpower.state.models import STOCK_SCHEDULER
from flowerpower.state.pipelined import batches, pack, pack_for_keys, replies
from flowerpower.state.store import Store


def fleet(size: int) -> list[str]:
    return [f"s{number}" for number in range(size)]


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    store = Store(redis_connection, KEYS)
    wanted = desired(
        [schedule(name, queue="default" if name < "s5" else "heavy") for name in fleet(25)], [pipeline("report")]
    )
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "one")
    return store


@pytest.mark.parametrize("size", [1, 7, 25, 5000])
def test_a_look_is_the_same_in_batches_of_any_size(store: Store, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    whole = store.read()
    monkeypatch.setattr(front, "RECORDS", size)
    monkeypatch.setattr(reading, "RECORDS", size)
    monkeypatch.setattr(reading, "_BATCH", size)

    found = store.read()

    assert sorted(found.state.schedules) == sorted(fleet(25))
    assert found.state == whole.state
    assert found.firing == frozenset()


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_look_is_the_same_in_each_version_of_the_protocol(store: Store, redis_url: str, protocol: int) -> None:
    with Redis.from_url(redis_url, protocol=protocol) as other:
        found = Store(other, KEYS).read()

    assert found.state == store.read().state
    assert all(one.occurrence and one.occurrence.function != "(unreadable)" for one in found.state.schedules.values())


@pytest.mark.parametrize(
    ("locks", "lease", "expected"),
    [
        ({"default": "c0ffee" * 5, "heavy": "4711"}, "", STOCK_SCHEDULER),
        ({"default": "c0ffee" * 5}, "", ""),  # nobody moves what is due to the other queue
        ({"default": "host.4711.c0ffee", "heavy": "host.4711.c0ffee"}, "", ""),  # of one of ours that has ended
        ({"default": "c0ffee" * 5, "heavy": "4711"}, "host.4712.c0ffee", "host.4712.c0ffee"),
        ({}, "", ""),
    ],
)
def test_a_scheduler_of_rq_counts_where_it_looks_after_every_queue(
    store: Store, redis_connection: Redis, locks: dict[str, str], lease: str, expected: str
) -> None:
    redis_connection.mset({f"rq:scheduler-lock:{KEYS.queue(queue)}": lock for queue, lock in locks.items()} or {"x": 1})
    if lease:
        redis_connection.set(KEYS.lease, lease)

    assert store.read().consumers.scheduler == expected


def test_jobs_are_seen_in_queues_that_rq_has_forgotten(store: Store, redis_connection: Redis) -> None:
    before = store.read().state
    redis_connection.delete(KEYS.queues)

    assert store.read().state == before


def test_a_job_in_two_registries_is_no_job_of_ours(store: Store, redis_connection: Redis) -> None:
    run_id = store.read().cursors["s1"].pending
    assert run_id
    redis_connection.zadd(KEYS.scheduled(KEYS.queue("heavy")), {run_id: 5})

    job = store.read().state.schedules["s1"].occurrence

    assert job
    assert job.function == "(unreadable)"


def test_replies_come_in_order_and_errors_are_among_them(redis_connection: Redis) -> None:
    redis_connection.set("text", "x")
    redis_connection.hset("hash", "ü", "1")
    commands = [*pack_for_keys("HMGET", ["hash", "text", "none"], ["ü", "other"]), pack("GET", "text")]

    for size in (1, 2, 4):
        first, second, third, last = replies(redis_connection, batches(commands, size))
        assert (first, third, last) == ([b"1", None], [None, None], b"x")
        assert isinstance(second, ResponseError)


def test_who_stops_early_leaves_no_reply_to_somebody_else(redis_connection: Redis) -> None:
    redis_connection.set("text", "x")
    with closing(replies(redis_connection, [[pack("GET", "text")] * 3])) as answers:
        next(answers)

    assert redis_connection.ping() is True


@pytest.mark.parametrize(
    ("score", "due"),
    [("inf", 253_402_214_400), ("-inf", 0), ("1e17", 253_402_214_400), ("-1e300", 0), ("1700000000.75", 1_700_000_000)],
)
def test_a_score_that_is_not_what_was_applied_is_drift_that_apply_puts_back(
    store: Store, redis_connection: Redis, score: str, due: int
) -> None:
    before = store.read()
    run_id = before.cursors["s1"].pending
    assert run_id
    redis_connection.zadd(KEYS.scheduled(KEYS.queue("default")), {run_id: score})

    found = store.read().state.schedules["s1"].occurrence

    assert found
    assert found.due == due
    wanted = desired(
        [schedule(name, queue="default" if name < "s5" else "heavy") for name in fleet(25)], [pipeline("report")]
    )
    plan = make_plan(KEYS, wanted, store.read(), SOURCE)
    assert [(change.address, change.drifted) for change in plan.changes] == [("schedule.s1", True)]
    apply_plan(plan, store, "two")
    assert store.read().state == before.state
