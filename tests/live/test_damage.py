"""Keys of another type, in every key that a scheduler touches: the others go on, and it is told once.

With FLOWERPOWER_TEST_LONG set each key takes every type, else one of them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

import pytest
from redis import Redis
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.doctor.live import read_live
from flowerpower.doctor.live_checks import live_findings
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.render.status import status_text
from flowerpower.render.status_json import status_dict
from flowerpower.state.store import Store

HOUR = 3600
HEAVY = KEYS.queue("heavy")
WRITE: dict[str, Callable[[Redis, str], object]] = {
    "string": lambda redis, key: redis.set(key, "?"),
    "list": lambda redis, key: redis.rpush(key, "?"),
    "set": lambda redis, key: redis.sadd(key, "?"),
    "zset": lambda redis, key: redis.zadd(key, {"?": 1}),
    "hash": lambda redis, key: redis.hset(key, "?", "?"),
    "stream": lambda redis, key: redis.xadd(key, {"?": "?"}),
}


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    start_at_half_past(redis_connection)
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    wanted = desired(
        [
            schedule("bad", every=HOUR, queue="heavy", overlap="allow"),
            schedule("good", every=HOUR, overlap="allow"),
        ]
    )
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "apply")
    scheduler = Scheduler(store, "one")
    shift_clock(redis_connection, HOUR)
    scheduler.step()  # so that a run of each is active
    return store


def places(store: Store) -> dict[str, tuple[str, str, bool]]:
    """Return keys by what they are, with their type, and whether they concern the schedule `bad` alone."""
    running = next(run for run in store.read().active if "--bad--" in run)
    pending = str(store.read().cursors["bad"].pending)
    execution = KEYS.execution(running, "e")
    own = {
        "outcomes": (KEYS.outcomes("bad"), "zset"),
        "the job that waits": (KEYS.job(pending), "hash"),
        "the job that runs": (KEYS.job(running), "hash"),
        "its execution": (execution, "hash"),
        "its queue": (KEYS.queue_list(HEAVY), "list"),
        "what its workers popped": (f"{KEYS.queue_list(HEAVY)}:intermediate", "list"),
        "its registry": (KEYS.scheduled(HEAVY), "zset"),
        "what its workers run": (f"rq:wip:{HEAVY}", "zset"),
        "what failed": (f"rq:failed:{HEAVY}", "zset"),
        "RQ's lock": (f"rq:scheduler-lock:{HEAVY}", "string"),
        "the lease": (KEYS.lease, "string"),
        "what is told": (KEYS.troubles, "string"),
    }
    shared = {key.removeprefix(KEYS.prefix): (key, kind) for key, kind in KEYS.types().items()}
    return {name: (*place, True) for name, place in own.items()} | {
        name: (*place, False) for name, place in shared.items() if name not in ("scheduler", "troubles")
    }


NAMES = [
    *("outcomes", "the job that waits", "the job that runs", "its execution", "its queue", "what its workers popped"),
    *("its registry", "what its workers run", "what failed", "RQ's lock", "the lease", "what is told"),
    *(name.removeprefix(KEYS.prefix) for name in KEYS.types() if name not in (KEYS.lease, KEYS.troubles)),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_key_of_another_type_is_told_once_stops_no_other_schedule_and_can_be_mended(
    store: Store, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    connection = store.connection
    key, true_type, alone = places(store)[name]
    wrong = [kind for kind in WRITE if kind != true_type]
    first = NAMES.index(name) % len(wrong)
    for kind in wrong if "FLOWERPOWER_TEST_LONG" in os.environ else wrong[first : first + 1]:
        kept = connection.dump(key)
        connection.delete(key)
        WRITE[kind](connection, key)
        scheduler = Scheduler(store, "one")
        connection.delete(KEYS.lease) if key != KEYS.lease else None
        shift_clock(connection, HOUR)
        before = connection.llen(KEYS.queue_list(KEYS.queue("default")))

        caplog.clear()
        with caplog.at_level(logging.INFO, "flowerpower.scheduler"):
            for _ in range(3):
                scheduler.step()
                shift_clock(connection, 20)

        told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(told) == len(set(told)), told
        if alone:
            assert connection.llen(KEYS.queue_list(KEYS.queue("default"))) == before + 1, (kind, told)
        connection.delete(key)
        if kept is not None:
            connection.restore(key, 0, kept)
        connection.delete(KEYS.lease)
        shift_clock(connection, HOUR)
        Scheduler(store, "two").step()
        assert connection.llen(KEYS.queue_list(KEYS.queue("default"))) > before, kind
        connection.delete(KEYS.lease)


def test_status_and_doctor_name_what_is_in_the_way(store: Store) -> None:
    store.connection.delete(KEYS.queue_list(HEAVY))
    store.connection.set(KEYS.queue_list(HEAVY), "?")
    shift_clock(store.connection, HOUR)
    scheduler = Scheduler(store, "one")
    store.connection.delete(KEYS.lease)
    scheduler.step()

    status = read_status(store)
    told = "schedule bad cannot be fired: a key of another type is in its way"

    assert told in status.troubles
    assert f"Trouble: {told}" in status_text(status)
    assert told in status_dict(status)["troubles"]
    assert told in next(one.message for one in live_findings(read_live(store, "")) if one.name == "troubles")
    store.connection.delete(KEYS.queue_list(HEAVY))
    shift_clock(store.connection, 20)
    scheduler.step()
    assert read_status(store).troubles == ()


def test_a_cursor_that_names_a_job_of_another_schedule_is_healed_and_the_job_left_alone(store: Store) -> None:
    connection, key = store.connection, KEYS.scheduled(KEYS.queue("default"))
    bad, good = (value.split() for value in connection.hmget(KEYS.cursors, "bad", "good"))
    connection.hset(KEYS.cursors, "bad", b" ".join([*bad[:2], good[2]]))
    before = connection.hgetall(KEYS.job(good[2].decode()))

    connection.delete(KEYS.lease)
    healer = Scheduler(store, "two")
    for _ in range(2):
        healer.step()
        shift_clock(connection, 20)

    healed = connection.hget(KEYS.cursors, "bad").split()[2].decode()
    assert KEYS.occurrence_of("bad", healed) is not None
    assert connection.zscore(KEYS.scheduled(HEAVY), healed) is not None
    assert connection.zscore(key, good[2]) is not None
    assert connection.hgetall(KEYS.job(good[2].decode())) == before


def test_doctor_names_a_key_of_another_type(store: Store) -> None:
    store.connection.delete(KEYS.runs)
    store.connection.set(KEYS.runs, "?")

    finding = next(one for one in live_findings(read_live(store, "")) if one.name == "records")

    assert finding.verdict == "fail"
    assert finding.message == f"the key {KEYS.runs} is a string and should be a stream"


def test_doctor_names_what_cannot_undo_an_apply_any_more(store: Store) -> None:
    ((entry, _),) = store.connection.xrange(KEYS.history)
    key = KEYS.inverse(entry.decode())
    store.connection.delete(key)
    store.connection.set(key, "?")

    finding = next(one for one in live_findings(read_live(store, "")) if one.name == "records")

    assert (finding.verdict, finding.message) == ("fail", f"the key {key} is a string and should be a hash")
    assert f"redis-cli RENAME {key} {key}.bad; then the apply of that name, " in finding.hint


def test_a_lease_that_never_ends_is_nobodys(store: Store) -> None:
    store.connection.set(KEYS.lease, "a stranger")
    shift_clock(store.connection, HOUR)

    assert Scheduler(store, "two").step() == 2
