"""The scheduler on a real Redis, with time that runs as the test says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.redis_state import dump_keys, shift_clock
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.models import Desired
from flowerpower.state.store import Store

HOUR = 3600  # long enough that no real tick comes in between
QUEUE = KEYS.queue("default")


def apply(store: Store, wanted: Desired) -> None:
    apply_plan(make_plan(store.keys, wanted, store.read(), SOURCE), store, "apply")


def queued(store: Store, queue: str = QUEUE) -> list[str]:
    return [run.decode() for run in store.connection.lrange(KEYS.queue_list(queue), 0, -1)]


def outcomes(store: Store, name: str) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes(name), 0, -1)]


def tick_to_come(store: Store, name: str) -> int:
    return int(str(store.read().cursors[name].pending).rpartition("--")[2])


def finish(store: Store, run_id: str) -> None:
    """End a run as a worker would, without one."""
    store.connection.lrem(KEYS.queue_list(QUEUE), 0, run_id)
    store.connection.hdel(KEYS.active, run_id)
    store.connection.delete(KEYS.active_index)


def test_a_due_occurrence_becomes_a_queued_run_and_the_next_one_waits(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    tick = tick_to_come(store, "often")
    scheduler = Scheduler(store, "one")

    assert scheduler.step() == 0
    shift_clock(store.connection, HOUR)
    assert scheduler.step() == 1

    assert queued(store) == [KEYS.run_id("often", tick)]
    assert tick_to_come(store, "often") == tick + HOUR
    assert store.read().cursors["often"].tick == tick
    assert list(store.read().active) == [KEYS.run_id("often", tick)]


def test_a_second_scheduler_cannot_fire_a_tick_again(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    first, second = Scheduler(store, "one"), Scheduler(store, "two")
    shift_clock(store.connection, HOUR)
    cursors = second.fleet.cursors(["often"])
    first.step()

    assert second.fleet.fire(cursors, store.time()) == 0

    assert len(queued(store)) == 1


def test_the_standby_takes_over_when_the_lease_is_gone(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    first, second = Scheduler(store, "one"), Scheduler(store, "two")
    first.step()
    shift_clock(store.connection, HOUR)

    assert second.step() == 0
    store.connection.delete(KEYS.lease)
    assert second.step() == 1


def test_an_outage_runs_the_newest_tick_and_records_the_missed_ones_as_one_range(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    tick = tick_to_come(store, "often")
    shift_clock(store.connection, 10 * HOUR)

    Scheduler(store, "one").step()

    now = store.time()
    newest = now // HOUR * HOUR
    assert queued(store) == [KEYS.run_id("often", newest)]
    (missed,) = outcomes(store, "often")
    assert (missed["first"], missed["last"], missed["status"]) == (tick, newest - HOUR, "missed")
    assert missed["count"] == (newest - tick) // HOUR


def test_overlap_skip_records_the_tick_and_pushes_nothing(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    scheduler = Scheduler(store, "one")
    shift_clock(store.connection, HOUR)
    scheduler.step()
    running = queued(store)
    shift_clock(store.connection, HOUR)
    scheduler.step()

    assert queued(store) == running
    (skipped,) = outcomes(store, "often")
    assert (skipped["status"], skipped["reason"]) == ("skipped", "overlap")


def test_overlap_allow_pushes_every_tick(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR, overlap="allow", catchup="all")]))
    shift_clock(store.connection, 5 * HOUR)
    Scheduler(store, "one").step()

    assert len(queued(store)) == 5


def test_a_retry_is_moved_to_its_queue_and_is_no_occurrence(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    connection, retry = store.connection, KEYS.run_id("often", 1_000_000)
    connection.hset(KEYS.active, retry, json.dumps({"name": "often", "tick": 1_000_000, "attempt": 1, "since": 1}))
    connection.hset(KEYS.job(retry), mapping={"data": "[]", "status": "scheduled"})
    connection.zadd(KEYS.scheduled(QUEUE), {retry: 5, "somebody-elses": 6})
    connection.hset(KEYS.job("somebody-elses"), mapping={"data": "[]", "status": "scheduled"})

    Scheduler(store, "one").step()

    assert queued(store) == [retry, "somebody-elses"]
    assert connection.hget(KEYS.job(retry), "status") == b"queued"
    assert tick_to_come(store, "often") > store.time()


def test_a_stray_of_ours_is_removed_when_seen_twice_and_recorded(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    stray = KEYS.run_id("often", 5)
    store.connection.zadd(KEYS.scheduled(QUEUE), {stray: 5})
    store.connection.hset(KEYS.job(stray), mapping={"data": "[]", "status": "scheduled"})
    scheduler = Scheduler(store, "one")

    scheduler.step()
    assert store.connection.exists(KEYS.job(stray))
    scheduler.step()

    assert not store.connection.exists(KEYS.job(stray))
    assert queued(store) == []
    assert any(fields[b"event"] == b"removed" for _, fields in store.connection.xrange(KEYS.runs))


@pytest.mark.parametrize("how", ["job and entry", "entry", "cursor names none"])
def test_a_lost_occurrence_is_healed_and_recorded(store: Store, how: str) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    tick = tick_to_come(store, "often")
    pending = KEYS.run_id("often", tick)
    cursor = store.read().cursors["often"]
    if how != "entry":
        store.connection.delete(KEYS.job(pending))
    store.connection.zrem(KEYS.scheduled(QUEUE), pending)
    if how == "entry":
        store.connection.hset(KEYS.job(pending), "status", "deferred")
    if how == "cursor names none":
        store.connection.hset(KEYS.cursors, "often", f"{cursor.tick} {cursor.revision} -")

    Scheduler(store, "one").step()

    assert store.read().state.schedules["often"].occurrence.due == tick
    assert make_plan(KEYS, desired([schedule("often", every=HOUR)]), store.read(), SOURCE).changes == ()
    assert any(fields[b"event"] == b"healed" for _, fields in store.connection.xrange(KEYS.runs))


def test_a_flushed_redis_fires_nothing_and_raises_the_alarm(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    scheduler = Scheduler(store, "one")
    scheduler.step()
    kept = {key: store.connection.dump(key) for key in store.connection.scan_iter() if KEYS.head.encode() != key}
    store.connection.flushall()
    for key, dumped in kept.items():
        store.connection.restore(key, 0, dumped)
    shift_clock(store.connection, HOUR)

    assert scheduler.step() == 0

    assert "looks reset" in scheduler.alarm
    assert queued(store) == []


def test_jitter_moves_the_due_time_and_not_the_tick(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR, jitter=600)]))
    occurrence = store.read().state.schedules["often"].occurrence
    tick = tick_to_come(store, "often")
    assert 0 <= occurrence.due - tick < 600
    scheduler = Scheduler(store, "one")
    shift_clock(store.connection, occurrence.due - store.time())

    scheduler.step()

    assert queued(store) == [KEYS.run_id("often", tick)]
    assert outcomes(store, "often") == []


def test_a_broken_schedule_does_not_stop_the_others(store: Store) -> None:
    apply(store, desired([schedule("bad", every=HOUR), schedule("good", every=HOUR)]))
    record = store.connection.hget(KEYS.schedules, "bad")
    store.connection.hset(KEYS.schedules, "bad", record.replace(b'"catchup":"latest"', b'"catchup":17'))
    shift_clock(store.connection, HOUR)

    Scheduler(store, "one").step()

    assert [run.split("--")[2] for run in queued(store)] == ["good"]


def test_an_apply_between_look_and_fire_wins(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    scheduler = Scheduler(store, "one")
    shift_clock(store.connection, HOUR)
    cursors = scheduler.fleet.cursors(["often"])
    apply(store, desired([schedule("often", every=HOUR, timeout=5)]))

    assert scheduler.fleet.fire(cursors, store.time()) == 0
    assert scheduler.step() == 1
    assert store.connection.hget(KEYS.job(queued(store)[0]), "timeout") == b"5"


def test_a_due_tick_that_a_change_of_timing_removes_is_recorded_as_missed(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    tick = tick_to_come(store, "often")
    shift_clock(store.connection, HOUR)

    apply(store, desired([schedule("often", cron="0 2 * * *")]))

    (missed,) = outcomes(store, "often")
    assert (missed["first"], missed["status"]) == (tick, "missed")
    assert "changed" in missed["reason"]


@pytest.mark.parametrize("raw", ["5", "[]", "null", "{", '{"first": 1}'])
def test_a_damaged_outcome_stands_in_no_ticks_way(store: Store, raw: str) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    tick = tick_to_come(store, "often")
    running = KEYS.run_id("often", tick - HOUR)
    store.connection.zadd(KEYS.outcomes("often"), {raw: tick})
    store.connection.zadd(KEYS.active_index, {f"often--{tick - HOUR}": 0})
    store.connection.hset(KEYS.active, running, json.dumps({"name": "often", "tick": 1, "attempt": 0, "since": 1}))
    shift_clock(store.connection, HOUR)

    Scheduler(store, "one").step()

    assert store.read().cursors["often"].tick == tick


def test_the_fire_script_leaves_what_rqs_own_api_leaves(store: Store) -> None:
    from datetime import UTC, datetime

    from rq import Queue
    from rq.job import Job
    from rq.serializers import JSONSerializer

    apply(store, desired([schedule("often", every=HOUR, retry={"max": 2, "intervals": [5]})]))
    run_id = KEYS.run_id("often", tick_to_come(store, "often"))
    pending = store.connection.hgetall(KEYS.job(run_id))
    shift_clock(store.connection, HOUR)
    Scheduler(store, "one").step()
    fired = store.connection.hgetall(KEYS.job(run_id))

    from rq import Retry

    queue = Queue("other", connection=store.connection, serializer=JSONSerializer)
    options: dict[str, Any] = {
        "job_timeout": 60,
        "result_ttl": 500,
        "failure_ttl": 5000,
        "description": "x",
        "meta": {"a": 1},
        "retry": Retry(max=2, interval=[5, 5]),
    }
    waiting = queue.enqueue_at(datetime(2099, 1, 1, tzinfo=UTC), "f.g", "a", **options)
    now = queue.enqueue("f.g", "a", **options)

    theirs = {key: value for key, value in store.connection.hgetall(KEYS.job(now.id)).items() if value}
    assert pending.keys() == {key for key, value in store.connection.hgetall(KEYS.job(waiting.id)).items() if value}
    assert fired.keys() == theirs.keys()
    assert {key: type_of(value) for key, value in fired.items() if key not in VARIABLE} == {
        key: type_of(value) for key, value in theirs.items() if key not in VARIABLE
    }
    # What RQ writes as empty texts it reads as nothing, and so it reads what is not there.
    read = Job.fetch(run_id, connection=store.connection, serializer=JSONSerializer)
    assert read.to_dict().keys() == now.to_dict().keys()
    assert (read.worker_name, read.started_at, read.ended_at, read.last_heartbeat) == (None, None, None, None)
    assert store.connection.type(KEYS.queue_list(QUEUE)) == store.connection.type(queue.key)
    assert KEYS.queue_list(QUEUE).encode() in store.connection.smembers("rq:queues")


def test_run_specs_are_kept_while_anything_names_them_and_forgotten_then(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    (first,) = store.connection.hkeys(KEYS.specs)
    scheduler = Scheduler(store, "one")
    shift_clock(store.connection, HOUR)
    scheduler.step()
    run = queued(store)[0]
    apply(store, desired([schedule("often", every=HOUR, timeout=5)]))

    scheduler.step()
    assert first in store.connection.hkeys(KEYS.specs)
    finish(store, run)
    store.connection.zadd(f"rq:failed:{QUEUE}", {run: 1})
    apply(store, desired([schedule("often", every=HOUR, timeout=6)]))
    scheduler.step()
    assert first in store.connection.hkeys(KEYS.specs)
    store.connection.delete(f"rq:failed:{QUEUE}")
    apply(store, desired([schedule("often", every=HOUR, timeout=7)]))
    scheduler.step()

    assert store.connection.hkeys(KEYS.specs) == [store.read().state.schedules["often"].run.encode()]


VARIABLE = {b"data", b"meta", b"origin", b"description"}


def type_of(value: bytes) -> str:
    """Return the shape of a value: what differs between two jobs is masked."""
    import re

    return re.sub(r"\d", "9", value.decode())


def test_every_key_is_one_of_the_documented(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR, overlap="buffer_all", catchup="all")]))
    shift_clock(store.connection, 3 * HOUR)
    Scheduler(store, "one").step()

    names = {
        key.decode().removeprefix(KEYS.prefix) for key in dump_keys(store.connection) if key.startswith(b"flowerpower:")
    }
    documented = {
        "head",
        "schedules",
        "pipelines",
        "cursors",
        "active",
        "active_index",
        "buffers",
        "specs",
        "runs",
        "history",
        "inverses",
        "scheduler",
        "outcomes:often",
    }
    assert names <= documented
    assert "buffers" in names
