"""Whole keys that somebody wrote over: what reads goes on with the rest and names them, and the way out leads out.

With FLOWERPOWER_TEST_LONG set each key takes every other type, else one of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from redis import Redis
from support.command_line import CommandLine, command_line
from support.players import Player
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import KEYS, SOURCE, desired, pipeline, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import StoreError
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.planning.sync import Wanted
from flowerpower.render.alarms import alarms_of
from flowerpower.render.status import status_text
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

HOUR = 3600
WANTED = desired([schedule("hourly", every=HOUR), schedule("other", every=HOUR)], [pipeline("report")])
QUEUE = KEYS.queue("default")
OF_QUEUES = {
    KEYS.queue_list(QUEUE): "list",
    KEYS.scheduled(QUEUE): "zset",
    KEYS.workers(QUEUE): "set",
    KEYS.registry("wip", QUEUE): "zset",
    KEYS.registry("failed", QUEUE): "zset",
}
KINDS = {**KEYS.types(), **OF_QUEUES, KEYS.outcomes("hourly"): "zset"}
WRITE = {
    "string": lambda redis, key: redis.set(key, "?"),
    "hash": lambda redis, key: redis.hset(key, "?", "?"),
    "zset": lambda redis, key: redis.zadd(key, {"?": 1}),
    "list": lambda redis, key: redis.rpush(key, "?"),
}


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    """Two schedules that have run once."""
    start_at_half_past(redis_connection)
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    apply_plan(make_plan(KEYS, WANTED, store.read(), SOURCE), store, "apply")
    shift_clock(redis_connection, HOUR)
    Scheduler(store, "one").step()
    player = Player(store, QUEUE)
    for _ in range(2):
        player.take()
        player.end()
    return store


def write_over(connection: Redis, key: str, kind: str) -> None:
    connection.delete(key)
    WRITE[kind](connection, key)


def types_for(key: str) -> list[str]:
    wrong = [kind for kind in WRITE if kind != KINDS[key]]
    return wrong if "FLOWERPOWER_TEST_LONG" in os.environ else wrong[len(key) % len(wrong) :][:1]


@pytest.mark.parametrize("key", KINDS)
def test_the_status_names_the_key_and_shows_the_rest_and_the_way_out_leads_out(store: Store, key: str) -> None:
    for kind in types_for(key):
        write_over(store.connection, key, kind)

        status = read_status(store, Wanted.of(WANTED, "c0ffee"))

        (damage,) = status.damaged.values()
        (alarm,) = [alarm for alarm in alarms_of(status) if alarm.code == "damaged"]
        assert f"the key {key} is" in damage.message
        assert f"should be a {KINDS[key]}" in damage.message
        assert f"Damaged: {alarm.message}" in status_text(status)
        assert (status.missing, status.unmanaged) == ((), 0)
        assert not [one.name for one in status.schedules if one.drifted and key != KEYS.specs]
        assert {one.name for one in status.schedules} == (set() if key == KEYS.schedules else {"hourly", "other"})

        found = re.search(r"redis-cli RENAME (\S+) (\S+);", damage.hint)
        assert found
        store.connection.rename(found[1], found[2])
        apply_plan(make_plan(KEYS, WANTED, store.read(), SOURCE), store, f"mends {kind}")
        store.connection.delete(KEYS.lease)
        scheduler = Scheduler(store, "two")
        for _ in range(3):
            scheduler.step()
            shift_clock(store.connection, 20)

        assert read_status(store).damaged == {}
        assert not make_plan(KEYS, WANTED, store.read(), SOURCE).changes
        shift_clock(store.connection, HOUR)
        scheduler.step()
        assert {run.name for run in store.read().active.values()} == {"hourly", "other"}
        store.connection.delete(KEYS.active, KEYS.active_index)


def test_nothing_is_planned_against_what_cannot_be_read(store: Store) -> None:
    write_over(store.connection, KEYS.schedules, "string")
    write_over(store.connection, KEYS.holds, "string")

    with pytest.raises(StoreError, match=r"the key \S+:holds is a string and should be a hash \(and 1 more") as caught:
        store.read()

    assert f"redis-cli RENAME {KEYS.holds} {KEYS.holds}.bad" in caught.value.hint


OURS = Keys("acme", "default")
RUN = OURS.run_id("hourly", "m01")
EVERY_KEY = {
    key.replace(KEYS.namespace, OURS.namespace).replace(QUEUE, OURS.queue("default")): KINDS[key] for key in KINDS
}
EVERY_KEY |= {OURS.older("hourly"): "zset", OURS.kept(RUN): "hash", OURS.job(RUN): "hash"}
COMMANDS = {
    "status": ("status", "--live"),
    "plan": ("plan",),
    "forecast": ("forecast",),
    "next": ("next",),
    "runs": ("runs",),
    "runs of one": ("runs", "hourly"),
    "one run": ("runs", "--job", RUN),
    "history": ("history",),
    "drift": ("drift",),
    "export": ("export",),
    "doctor": ("doctor",),
}


@pytest.fixture(scope="module")
def line(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A project that is applied, with a run that is active."""
    with Redis.from_url(redis_server) as connection:
        connection.flushall()
        line = command_line(tmp_path_factory.mktemp("project"), redis_server)
        assert line("apply", "--auto-approve").code == 0
        entry = '{"name": "hourly", "tick": 1, "attempt": 0, "since": 1}'
        connection.hset(OURS.active, RUN, entry)
        yield line


@pytest.mark.parametrize("key", EVERY_KEY)
def test_every_command_names_the_key_that_is_in_its_way(line: CommandLine, key: str) -> None:
    number, kind = [*EVERY_KEY].index(key), EVERY_KEY[key]
    asked = (
        [*COMMANDS] if "FLOWERPOWER_TEST_LONG" in os.environ else [*COMMANDS][number % len(COMMANDS) :: len(COMMANDS)]
    )
    with Redis.from_url(line.environment["FLOWERPOWER_REDIS"]) as connection:
        kept = connection.dump(key)
        write_over(connection, key, "string" if kind != "string" else "hash")
        try:
            answers = {name: line(*COMMANDS[name]) for name in asked}
        finally:
            connection.delete(key)
            if kept is not None:
                connection.restore(key, 0, kept)

    for name, answer in answers.items():
        told = " ".join((answer.out + answer.err).split())
        assert answer.code in (0, 1, 2), (name, told)
        is_in_the_way = answer.code == 1 and name != "doctor"  # which finds other things wrong with this server
        if is_in_the_way or key in SEEN_BY.get(name, ()):
            assert told.count(f"the key {key} ") == 1, (name, told)
            assert re.search(rf"redis-cli -s \S+ RENAME {re.escape(f'{key} {key}.bad')}", told), (name, told)


OF_RUNS = {OURS.kept(RUN), OURS.job(RUN)}
SEEN_BY = {"status": EVERY_KEY.keys() - OF_RUNS - {OURS.older("hourly")}, "doctor": EVERY_KEY.keys() - OF_RUNS}
