"""Plan and apply on a real Redis: the laws, and what must never be touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from support.redis_state import SHIFTED_CLOCK, dump_keys, shift_clock
from support.states import KEYS, SOURCE, desired, desired_states, pipeline, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import FormatError, StalePlanError, StoreError
from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import Plan
from flowerpower.state.keys import Keys
from flowerpower.state.models import Desired, Occurrence
from flowerpower.state.scripts import clock_text
from flowerpower.state.store import Store

ON_REAL_REDIS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    return Store(redis_connection, KEYS)


def plan_for(store: Store, wanted: Desired) -> Plan:
    return make_plan(store.keys, wanted, store.read(), SOURCE)


def apply(store: Store, wanted: Desired, apply_id: str = "apply-1") -> Plan:
    plan = plan_for(store, wanted)
    apply_plan(plan, store, apply_id)
    return plan


@ON_REAL_REDIS
@given(first=desired_states(), second=desired_states())
def test_apply_reaches_the_wanted_state_and_then_rests(
    redis_connection: Redis, first: Desired, second: Desired
) -> None:
    redis_connection.flushall()
    store = Store(redis_connection, KEYS)
    apply(store, first, "one")

    plan = apply(store, second, "two")

    live = store.read()
    assert live.state.schedules.keys() == second.state.schedules.keys()
    assert {name: s.digest for name, s in live.state.schedules.items()} == {
        name: s.digest for name, s in second.state.schedules.items()
    }
    assert live.state == plan.after or live.now > plan.read_at  # an `every: 1s` may have moved on
    assert plan_for(store, second).changes == ()


@ON_REAL_REDIS
@given(wanted=desired_states(), data=st.data())
def test_apply_repairs_any_tampering(redis_connection: Redis, wanted: Desired, data: st.DataObject) -> None:
    redis_connection.flushall()
    store = Store(redis_connection, KEYS)
    apply(store, wanted, "one")
    for name, live in store.read().state.schedules.items():
        tamper(redis_connection, store, name, live.occurrence, data.draw(TAMPERINGS, label=name))

    plan = plan_for(store, wanted)
    apply_plan(plan, store, "two")

    assert plan_for(store, wanted).changes == ()
    assert all(change.drifted for change in plan.changes)


@ON_REAL_REDIS
@given(first=desired_states(), second=desired_states())
def test_apply_leaves_what_is_not_ours_byte_for_byte(redis_connection: Redis, first: Desired, second: Desired) -> None:
    redis_connection.flushall()
    populate_by_others(redis_connection)
    before = dump_keys(redis_connection, without=OURS)
    queues = redis_connection.smembers("rq:queues")

    apply(Store(redis_connection, KEYS), first, "one")
    apply(Store(redis_connection, KEYS), second, "two")

    assert dump_keys(redis_connection, without=OURS) == before
    assert queues <= redis_connection.smembers("rq:queues")


def test_applying_twice_changes_nothing_but_the_commit(store: Store, redis_connection: Redis) -> None:
    wanted = desired([schedule("nightly"), schedule("often", every=60)], [pipeline("report")])
    apply(store, wanted, "one")
    before = dump_keys(redis_connection, without=("flowerpower:acme.test:head",))

    plan = make_plan(KEYS, wanted, store.read(), replace(SOURCE, commit="later"))
    applied = apply_plan(plan, store, "two")

    assert plan.changes == ()
    assert applied.generation == 1
    assert store.head().commit == "later"
    assert dump_keys(redis_connection, without=("flowerpower:acme.test:head",)) == before


def test_a_reworded_trigger_with_the_same_fires_is_no_change(store: Store) -> None:
    apply(store, desired([schedule("nightly", cron="0 0 * * *")]))

    assert plan_for(store, desired([schedule("nightly", cron="@daily")])).changes == ()


def test_an_unchanged_trigger_keeps_its_pending_tick_and_a_changed_one_starts_from_now(store: Store) -> None:
    apply(store, desired([schedule("a", cron="0 2 * * *"), schedule("b", cron="0 2 * * *")]))
    before = store.read().state.schedules

    apply(store, desired([schedule("a", cron="0 2 * * *", timeout=99), schedule("b", cron="30 3 * * *")]), "two")

    after = store.read().state.schedules
    assert after["a"].occurrence == replace(before["a"].occurrence, timeout=99, args=after["a"].occurrence.args)
    assert datetime.fromtimestamp(after["b"].occurrence.due, UTC).strftime("%H:%M") == "03:30"
    assert after["b"].occurrence.due > store.read().now


def test_a_commit_is_waited_for_longer_than_other_answers(redis_connection: Redis, redis_url: str) -> None:
    store = Store(redis_connection, KEYS)
    plan = plan_for(store, desired([schedule("a")]))
    slow = "for _ = 1, 3e7 do end\n" + clock_text()
    with Redis.from_url(redis_url, socket_timeout=0.05, retry=Retry(NoBackoff(), 0)) as hasty:
        with pytest.raises(StoreError):
            Store(hasty, KEYS, slow).time()
        impatient = Store(hasty, KEYS, slow)
        impatient.time = store.time  # type: ignore[method-assign]

        apply_plan(plan, impatient, "one")

    assert set(store.read().state.schedules) == {"a"}


def test_a_plan_made_for_another_state_writes_nothing(store: Store, redis_connection: Redis) -> None:
    stale = plan_for(store, desired([schedule("a")]))
    apply(store, desired([schedule("b")]), "other")
    before = dump_keys(redis_connection)

    with pytest.raises(StalePlanError, match="another apply"):
        apply_plan(stale, store, "late")

    stage = f"{KEYS.prefix}stage"
    assert dump_keys(redis_connection, without=(stage,)) == before


def test_a_record_altered_between_plan_and_apply_is_a_conflict(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a"), schedule("b")]))
    plan = plan_for(store, desired([schedule("a", timeout=5), schedule("b", timeout=5)]))
    record = redis_connection.hget(KEYS.schedules, "b")
    redis_connection.hset(KEYS.schedules, "b", record.replace(b'"report"', b'"repork"'))
    before = dump_keys(redis_connection)

    with pytest.raises(StalePlanError, match=r"schedule\.b"):
        apply_plan(plan, store, "two")

    assert dump_keys(redis_connection, without=(f"{KEYS.prefix}stage",)) == before


@pytest.mark.parametrize("key", [KEYS.schedules, KEYS.cursors, KEYS.history, KEYS.runs, KEYS.specs, "rq:queues"])
def test_a_key_of_another_type_in_the_way_leaves_everything_as_it_was(
    store: Store, redis_connection: Redis, key: str
) -> None:
    plan = plan_for(store, desired([schedule("a")]))
    redis_connection.set(key, "not ours")
    before = dump_keys(redis_connection)

    with pytest.raises(StalePlanError, match="not ours to overwrite"):
        apply_plan(plan, store, "one")

    assert dump_keys(redis_connection, without=(f"{KEYS.prefix}stage",)) == before


def test_an_occurrence_that_fires_between_plan_and_commit_is_no_conflict(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a", every=3600)]))
    plan = plan_for(store, desired([schedule("a", every=3600, timeout=7)]))
    moved_on = KEYS.run_id("a", (plan.read_at // 3600 + 2) * 3600)
    old = store.read().cursors["a"]
    redis_connection.rename(KEYS.job(str(old.pending)), KEYS.job(moved_on))
    redis_connection.zrem(KEYS.scheduled(KEYS.queue("default")), str(old.pending))
    redis_connection.zadd(KEYS.scheduled(KEYS.queue("default")), {moved_on: (plan.read_at // 3600 + 2) * 3600})
    redis_connection.hset(KEYS.cursors, "a", f"{plan.read_at} {old.revision} {moved_on}")

    apply_plan(plan, store, "two")

    live = store.read()
    assert live.cursors["a"].pending == moved_on
    assert live.state.schedules["a"].occurrence.timeout == 7
    assert plan_for(store, desired([schedule("a", every=3600, timeout=7)])).changes == ()


def test_a_plan_names_old_new_and_what_is_really_there(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a", timeout=60)]))
    pending = store.read().cursors["a"].pending
    redis_connection.hset(KEYS.job(str(pending)), "timeout", "5")

    (change,) = plan_for(store, desired([schedule("a", timeout=90)])).changes

    fields = {field.name: (field.old, field.new, field.remote, field.reason) for field in change.fields}
    assert fields["timeout"] == (60, 90, 60, "git")
    assert fields["job.timeout"] == (60, 90, 5, "drift")


def test_the_state_of_another_project_and_environment_stays_apart(redis_connection: Redis) -> None:
    stores = [Store(redis_connection, Keys(project, env)) for project in ("acme", "acme-b") for env in ("test", "prod")]
    for store in stores:
        apply(store, desired([schedule("nightly", store.keys)]))
    others = {store.keys.namespace: store.read().state for store in stores[1:]}

    apply(stores[0], desired([schedule("hourly", stores[0].keys, cron="@hourly")]), "two")

    assert {store.keys.namespace: store.read().state for store in stores[1:]} == others


def test_a_damaged_record_is_named_and_nothing_is_guessed(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a")]))
    redis_connection.hset(KEYS.schedules, "a", "{not json")

    found = store.read()

    assert "schedule 'a'" in found.damaged["schedule.a"].message
    assert found.state.schedules["a"].fields == {}


def test_a_record_of_a_newer_format_is_refused(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a")]))
    redis_connection.hset(KEYS.schedules, "a", '{"format": 2}')

    with pytest.raises(FormatError, match="schedule 'a' has format 2"):
        store.read()


def test_deleting_a_schedule_leaves_only_its_history(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a"), schedule("b")]))
    apply(store, desired([schedule("a")]), "two")

    left = [key for key in dump_keys(redis_connection) if b"--b--" in key]
    assert left == []
    assert set(store.read().cursors) == {"a"}
    assert len(redis_connection.xrange(KEYS.history)) == 2


OURS = (
    "flowerpower:acme.test:",
    "rq:job:acme--test--",
    "rq:scheduled:acme--test--",
    "rq:queue:acme--test--",
    "rq:queues",
)


def populate_by_others(connection: Redis) -> None:
    """Let stock RQ users work in the same Redis, pickle and all, and another project of ours."""
    from rq import Queue

    queue = Queue("default", connection=connection)
    queue.enqueue(len, "abc", job_id="stock-1")
    queue.enqueue_at(datetime.now(UTC) + timedelta(days=1), len, "abc", job_id="stock-2")
    Queue("acme--prod--default", connection=connection).enqueue_in(
        timedelta(hours=1), len, "x", job_id="acme--prod--nightly--1"
    )
    connection.set("flowerpower:acme.prod:head", "x")


def tamper(connection: Redis, store: Store, name: str, occurrence: Occurrence | None, how: str) -> None:
    """Do to one schedule what a stranger's hand might."""
    keys = store.keys
    if how == "cursor lost":
        connection.hdel(keys.cursors, name)
    if how == "record":
        record = connection.hget(keys.schedules, name)
        connection.hset(keys.schedules, name, record.replace(b'"timeout":', b'"timeout":1'))
    if occurrence is not None and how in JOB_TAMPERINGS:
        JOB_TAMPERINGS[how](connection, keys, occurrence)


def put_into_second_queue(connection: Redis, keys: Keys, occurrence: Occurrence) -> None:
    connection.zadd(keys.scheduled(keys.queue("elsewhere")), {occurrence.id: occurrence.due})
    connection.sadd(keys.queues, keys.queue_list(keys.queue("elsewhere")))


def set_field(name: str, value: str) -> Callable[[Redis, Keys, Occurrence], Any]:
    return lambda connection, keys, occurrence: connection.hset(keys.job(occurrence.id), name, value)


JOB_TAMPERINGS: dict[str, Callable[[Redis, Keys, Occurrence], Any]] = {
    "timeout": set_field("timeout", "1"),
    "data": set_field("data", '["os.system", null, ["true"], {}]'),
    "status": set_field("status", "deferred"),
    "status of a run": set_field("status", "queued"),
    "due": lambda redis, keys, job: redis.zadd(keys.scheduled(job.queue), {job.id: job.due + 3600}),
    "job lost": lambda redis, keys, job: redis.delete(keys.job(job.id)),
    "registry lost": lambda redis, keys, job: redis.zrem(keys.scheduled(job.queue), job.id),
    "second queue": put_into_second_queue,
}
TAMPERINGS = st.sampled_from(["nothing", "cursor lost", "record", *JOB_TAMPERINGS])


def test_after_the_clock_has_stepped_back_a_new_schedule_waits_for_its_next_tick_and_not_for_that_of_the_plan(
    redis_connection: Redis,
) -> None:
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    wanted = desired([schedule("new", every=60), schedule("fired", every=60)])
    apply(store, desired([schedule("fired", every=30)]))
    passed = store.read().cursors["fired"].tick
    shift_clock(redis_connection, -600)  # plans are made by the true time, ten minutes later

    apply(store, wanted, "two")

    found, now = store.read(), store.time()
    new, fired = (found.state.schedules[name].occurrence for name in ("new", "fired"))
    assert new
    assert now < new.due <= now + 60
    assert fired
    assert passed < fired.due <= passed + 60
