"""What an apply and a plan do when Redis is not kind: lost replies, no rights, no server."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
from redis import Redis
from support.proxy import proxy_before
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import StoreError, UsageError
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.connection import connect, hide_credentials
from flowerpower.state.models import Desired
from flowerpower.state.store import Store

FIRST, SECOND = desired([schedule("a")]), desired([schedule("a", timeout=9), schedule("b")])


def apply(store: Store, wanted: Desired, apply_id: str) -> int:
    return apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, apply_id).generation


def test_an_apply_whose_reply_was_lost_knows_that_it_happened(
    redis_connection: Redis, redis_url: str, tmp_path: Path
) -> None:
    with (
        proxy_before(unquote(redis_url.removeprefix("unix://")), tmp_path / "p") as proxy,
        connect(proxy.url) as connection,
    ):
        store = Store(connection, KEYS)
        apply(store, FIRST, "one")
        proxy.cut = b'"apply_id": "two"'

        assert apply(store, SECOND, "two") == 2

        assert proxy.dropped == 1
        assert len(redis_connection.xrange(KEYS.history)) == 2
        assert make_plan(KEYS, SECOND, store.read(), SOURCE).changes == ()


def test_a_fire_whose_reply_was_lost_is_not_sent_again(redis_connection: Redis, redis_url: str, tmp_path: Path) -> None:
    apply(Store(redis_connection, KEYS), desired([schedule("often", every=1)]), "one")
    with (
        proxy_before(unquote(redis_url.removeprefix("unix://")), tmp_path / "p") as proxy,
        connect(proxy.url) as connection,
    ):
        scheduler = Scheduler(Store(connection, KEYS), "one")
        scheduler.step()
        proxy.cut = b"\0due\0"
        with pytest.raises(StoreError, match="firing"):
            step_for(scheduler, seconds=20)
        scheduler.step()

    queued = redis_connection.lrange(KEYS.queue_list(KEYS.queue("default")), 0, -1)
    assert len(queued) == len(set(queued)) == 1


def step_for(scheduler: Scheduler, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        scheduler.step()


def test_a_plan_needs_only_a_user_that_may_read(redis_connection: Redis, redis_url: str) -> None:
    apply(Store(redis_connection, KEYS), FIRST, "one")
    rules = ["reset", "on", ">secret", "~*", "&*", "-@all", "+@read", "+@connection", "+time", "+info"]
    redis_connection.execute_command("ACL", "SETUSER", "reader", *rules)
    path = unquote(redis_url.removeprefix("unix://"))
    try:
        with connect(f"unix://reader:secret@{path}") as connection:
            store = Store(connection, KEYS)
            plan = make_plan(KEYS, SECOND, store.read(), SOURCE)
            assert {change.address for change in plan.changes} == {"schedule.a", "schedule.b"}
            with pytest.raises(StoreError, match="refused") as raised:
                apply_plan(plan, store, "two")
            assert "secret" not in str(raised.value)
    finally:
        redis_connection.execute_command("ACL", "DELUSER", "reader")


def test_a_server_that_is_not_there_is_said_plainly(tmp_path: Path) -> None:
    with connect(f"unix://{tmp_path / 'nobody'}") as connection, pytest.raises(StoreError, match="reading") as raised:
        Store(connection, KEYS).read()

    assert "safe to repeat" in raised.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "garbage hunter2",
        "http://ana:hunter2@host/",
        "redis://ana:hunter2@host:port/0",
        "redis://ana:hun/ter2@[x",
        "redis://ana:hunter2@[x",
        "redis://127.0.0.1:99999/0?password=hunter2",
        "redis://h/0?hunter2=y",
    ],
)
def test_what_is_no_redis_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(UsageError) as raised, connect(url) as connection:
        connection.ping()

    shown = f"{raised.value} {raised.value.hint} {raised.value.__cause__}"
    assert not {"hunter2", "ter2"} & set(re.split(r"\W", shown))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rediss://ana:s3cret@host:6380/1", "rediss://***@host:6380/1"),
        ("redis://ana:s3/cr@et#@host/1", "redis://***@host/1"),
        ("redis://host/1?password=s3cret", "redis://host/1?***"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_a_url_is_shown_without_its_credentials(url: str, shown: str) -> None:
    assert hide_credentials(url) == shown
