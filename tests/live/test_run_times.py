"""Run times as real workers leave them, read by a user who may only read."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from support.projects import wanted, work_until_empty, write_project
from support.redis_state import SHIFTED_CLOCK, shift_clock
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.errors import StoreError
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.connection import connect
from flowerpower.state.keys import Keys
from flowerpower.state.run_times import RunTimes, read_run_times
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    return Store(redis_connection, KEYS, SHIFTED_CLOCK)


@pytest.fixture
def reader(redis_connection: Redis, redis_url: str) -> Store:
    """The store of a user who may only read."""
    redis_connection.acl_setuser(
        "reader", enabled=True, passwords=["+secret"], keys=["*"], categories=["+@read", "+@connection"], reset=True
    )
    where = urlsplit(redis_url)
    if where.scheme == "unix":
        return Store(connect(f"unix://reader:secret@{where.path}"), KEYS)
    return Store(connect(f"redis://reader:secret@{where.hostname}:{where.port}/0"), KEYS)


def test_what_a_worker_ran_is_measured_for_a_user_who_may_only_read(
    store: Store, reader: Store, redis_url: str, tmp_path: Path
) -> None:
    apply_plan(make_plan(KEYS, wanted(write_project(tmp_path)), store.read(), SOURCE), store, "apply")
    shift_clock(store.connection, 3600)
    Scheduler(store, "one").step()
    work_until_empty(redis_url, KEYS, tmp_path)

    times = read_run_times(reader, store.read().state)

    own = times.own("often", "report")
    assert own is not None
    assert own.runs == 1
    assert own.p95 == own.median > 0
    assert times.pipelines["report"] == times.overall == own


def test_a_key_that_is_no_stream_tells_nothing(store: Store) -> None:
    store.connection.set(KEYS.runs, "x")

    assert read_run_times(store, store.read().state) == RunTimes()


def test_a_user_who_may_not_see_the_events_has_a_plan_without_run_times(
    store: Store, reader: Store, redis_connection: Redis
) -> None:
    redis_connection.acl_setuser("reader", enabled=True, keys=["other"], reset_keys=True)

    assert read_run_times(reader, store.read().state) == RunTimes()


def test_a_redis_that_is_away_is_an_error(store: Store) -> None:
    away = Store(connect("redis://127.0.0.1:1/0"), KEYS)

    with pytest.raises(StoreError, match="reading the run times"):
        read_run_times(away, store.read().state)
