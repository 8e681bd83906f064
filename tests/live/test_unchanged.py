"""Whether nothing has changed, told from an outline: never another answer than a plan of the whole specs gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from support.states import KEYS, SOURCE, desired, desired_states, pipeline, schedule

from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.planning.managed import managed
from flowerpower.planning.plan import Plan
from flowerpower.planning.unchanged import same_schedules, unchanged_plan
from flowerpower.state.models import Desired, Reading
from flowerpower.state.outline import decode_outline, encode_outline, outline_of
from flowerpower.state.store import Store

ON_REAL_REDIS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
WANTED = desired(
    [
        schedule("alpha", retry={"max": 2, "intervals": [10]}, jitter=30),
        schedule("beta", queue="heavy", timezone="Europe/Berlin"),
        schedule("gamma"),
        schedule("paused", paused=True),
        schedule("over", at="2001-01-01T00:00:00"),
    ],
    [pipeline("report")],
)
HOLD = '{"who":"ana","why":"x","since":1}'


def from_outline(wanted: Desired, reading: Reading) -> Plan | None:
    outline = decode_outline(encode_outline(outline_of(wanted, "tree")))
    assert outline
    return unchanged_plan(KEYS, outline, reading, SOURCE, same_schedules(KEYS, outline, reading))


def from_specs(wanted: Desired, reading: Reading) -> Plan:
    return make_plan(KEYS, wanted, managed(reading, wanted), SOURCE)


def from_what_differs(wanted: Desired, reading: Reading) -> Plan:
    same = same_schedules(KEYS, outline_of(wanted, "tree"), reading)
    return make_plan(KEYS, wanted, managed(reading, wanted), SOURCE, same)


def apply(store: Store, wanted: Desired) -> None:
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "one")


@ON_REAL_REDIS
@given(first=desired_states(), second=desired_states(), again=st.booleans())
def test_an_outline_tells_of_any_two_states_what_the_specs_tell(
    redis_connection: Redis, first: Desired, second: Desired, again: bool
) -> None:
    redis_connection.flushall()
    store = Store(redis_connection, KEYS)
    apply(store, first)
    wanted = first if again else second
    reading = store.read()

    plan, whole = from_outline(wanted, reading), from_specs(wanted, reading)

    assert plan == (None if whole.changes else whole)
    assert not again or plan is not None
    assert from_what_differs(wanted, reading) == whole


def pending(redis: Redis, name: str) -> str:
    cursor = redis.hget(KEYS.cursors, name)
    assert isinstance(cursor, bytes)
    return cursor.decode().split(" ")[2]


def move(redis: Redis) -> None:
    job = pending(redis, "alpha")
    redis.zrem(KEYS.scheduled(KEYS.queue("default")), job)
    redis.zadd(KEYS.scheduled(KEYS.queue("other")), {job: 4_000_000_000})


def spell_cursor(redis: Redis) -> None:
    redis.zrem(KEYS.scheduled(KEYS.queue("default")), pending(redis, "alpha"))
    redis.hset(KEYS.cursors, "alpha", f"1_0 1 {pending(redis, 'alpha')}")


def seal_anew(redis: Redis, key: str, name: str) -> None:
    """Make a record that is no JSON, and whose checksum is right."""
    raw = redis.hget(key, name)
    assert isinstance(raw, bytes)
    text = re.sub(rb'"digest":"[0-9a-f]*"', b'"digest":"%b"' % (b"0" * 64), b"{" + raw[len('{"sum":"",') + 64 :])
    text = text.replace(b'"spec":{', b'"spec":{no JSON')
    redis.hset(key, name, b'{"sum":"%b",%b' % (sha256(text).hexdigest().encode(), text[1:]))


TAMPERING: dict[str, Callable[[Redis], object]] = {
    "a job is gone": lambda redis: redis.zrem(KEYS.scheduled(KEYS.queue("heavy")), pending(redis, "beta")),
    "a job comes later": lambda redis: redis.zincrby(KEYS.scheduled(KEYS.queue("heavy")), 60, pending(redis, "beta")),
    "a job has moved": move,
    "a job has another timeout": lambda redis: redis.hset(KEYS.job(pending(redis, "alpha")), "timeout", "61"),
    "a job has other retries": lambda redis: redis.hset(KEYS.job(pending(redis, "alpha")), "retry_intervals", "[5,6]"),
    "a job's retries wait for no list": lambda redis: redis.hset(
        KEYS.job(pending(redis, "alpha")), "retry_intervals", "5"
    ),
    "a job calls something else": lambda redis: redis.hset(
        KEYS.job(pending(redis, "alpha")), "data", '["os.system", null, ["x"], {}]'
    ),
    "a job has another argument": lambda redis: redis.hset(
        KEYS.job(pending(redis, "alpha")),
        "data",
        (redis.hget(KEYS.job(pending(redis, "alpha")), "data") or b"").replace(b"alpha", b"beta"),  # type: ignore[union-attr, operator]
    ),
    "a job's hash is gone": lambda redis: redis.delete(KEYS.job(pending(redis, "alpha"))),
    "a record is gone": lambda redis: redis.hdel(KEYS.schedules, "alpha"),
    "a record was altered": lambda redis: redis.hset(
        KEYS.schedules,
        "alpha",
        (redis.hget(KEYS.schedules, "alpha") or b"").replace(b"60", b"61"),  # type: ignore[union-attr, operator]
    ),
    "a record was altered and sealed anew": lambda redis: seal_anew(redis, KEYS.schedules, "alpha"),
    "a pipeline was altered and sealed anew": lambda redis: seal_anew(redis, KEYS.pipelines, "report"),
    "a pipeline is gone": lambda redis: redis.hdel(KEYS.pipelines, "report"),
    "a schedule more": lambda redis: redis.hset(KEYS.schedules, "more", redis.hget(KEYS.schedules, "beta")),  # type: ignore[arg-type]
    "a cursor is gone": lambda redis: redis.hdel(KEYS.cursors, "alpha"),
    "a cursor names nothing": lambda redis: redis.hset(KEYS.cursors, "alpha", "5 1 -"),
    "a cursor names another job": lambda redis: redis.hset(KEYS.cursors, "alpha", f"5 1 {pending(redis, 'beta')}"),
    "a cursor names garbage": lambda redis: redis.hset(KEYS.cursors, "alpha", "5 1 garbage"),
    "a cursor names a tick beyond all time": lambda redis: redis.hset(
        KEYS.cursors, "alpha", f"5 1 acme--test--alpha--{'9' * 5000}"
    ),
    "a cursor names a job in other words": lambda redis: redis.hset(
        KEYS.cursors, "alpha", "5 1 acme--test--alpha--007"
    ),
    "a cursor has a number that Lua does not know": spell_cursor,
    "a cursor is beyond all time": lambda redis: redis.hset(KEYS.cursors, "alpha", f"{10**30} 1 -"),
    "two cursors name one job": lambda redis: redis.hset(KEYS.cursors, "gamma", f"5 1 {pending(redis, 'alpha')}"),
    "a cursor of what is over names a job": lambda redis: redis.hset(KEYS.cursors, "over", "5 1 acme--test--over--5"),
    "a hold came": lambda redis: redis.hset(KEYS.holds, "alpha", HOLD),
    "a hold of what is paused came": lambda redis: redis.hset(KEYS.holds, "paused", HOLD),
    "it was forgotten": lambda redis: redis.hset(KEYS.forgotten, "alpha", "{}"),
}


@pytest.mark.parametrize("tampering", TAMPERING)
def test_an_outline_sees_what_another_hand_did(redis_connection: Redis, tampering: str) -> None:
    store = Store(redis_connection, KEYS)
    apply(store, WANTED)
    assert from_outline(WANTED, store.read()) is not None

    TAMPERING[tampering](redis_connection)
    reading = store.read()

    whole = from_specs(WANTED, reading)
    assert from_outline(WANTED, reading) == (None if whole.changes else whole)
    assert from_what_differs(WANTED, reading) == whole


@pytest.mark.parametrize("tampering", TAMPERING)
def test_an_apply_puts_back_what_another_hand_did(redis_connection: Redis, tampering: str) -> None:
    store = Store(redis_connection, KEYS)
    apply(store, WANTED)
    TAMPERING[tampering](redis_connection)

    apply(store, WANTED)
    reading = store.read()

    assert not from_specs(WANTED, reading).changes
    assert not reading.damaged


def test_what_was_forgotten_and_is_not_wanted_is_left_alone(redis_connection: Redis) -> None:
    store = Store(redis_connection, KEYS)
    apply(store, WANTED)
    redis_connection.hset(KEYS.forgotten, "beta", "{}")
    less = desired(
        [
            schedule("alpha", retry={"max": 2, "intervals": [10]}, jitter=30),
            schedule("gamma"),
            schedule("paused", paused=True),
            schedule("over", at="2001-01-01T00:00:00"),
        ],
        [pipeline("report")],
    )

    live = store.read()  # once: a second may pass between two

    plan = from_outline(less, live)

    assert plan == from_specs(less, live) == from_what_differs(less, live)
    assert plan is not None
    assert plan.forgotten == ("beta",)
