"""Real scheduler processes that are killed, stopped and cut off: another one works, and nothing fires twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.proxy import BlackHole, running
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.contact import Contact
from flowerpower.jobs.scheduling import reconcile
from flowerpower.jobs.scheduling.reconcile import Reconciler
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.connection import connect
from flowerpower.state.store import Store

_SCHEDULE = """
import logging, sys
from flowerpower.jobs.workers.beside import run_scheduler
from flowerpower.state.keys import Keys

logging.basicConfig(level=logging.INFO)
run_scheduler(sys.argv[1], Keys("acme", "test"), interval=0.2)
"""


@pytest.fixture
def store(redis_url: str) -> Store:
    store = Store(connect(redis_url), KEYS)
    wanted = desired([schedule("second", every=1, overlap="allow")])
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "apply")
    return store


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    with ExitStack() as stack:

        def begin(url: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((tmp_path / "log").open("ab"))
            process = subprocess.Popen([sys.executable, "-c", _SCHEDULE, url], stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield begin


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def holder(store: Store) -> int:
    """Return the process that holds the lease, 0 for none."""
    raw = store.connection.get(KEYS.lease)
    return int(raw.decode().split(".")[-2]) if raw else 0


def runs(store: Store) -> list[str]:
    return [run.decode() for run in store.connection.lrange(KEYS.queue_list(KEYS.queue("default")), 0, -1)]


def fires_more(store: Store) -> bool:
    before = len(runs(store))
    wait_for(lambda: len(runs(store)) > before)
    return True


def test_another_scheduler_takes_over_and_the_old_one_does_no_harm_when_it_wakes(
    store: Store, redis_url: str, start: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    processes = {process.pid: process for process in (start(redis_url), start(redis_url))}
    wait_for(lambda: holder(store) in processes)
    first = holder(store)

    os.kill(first, signal.SIGSTOP)
    wait_for(lambda: holder(store) not in (0, first))
    second = holder(store)
    assert fires_more(store)
    os.kill(first, signal.SIGCONT)
    os.kill(second, signal.SIGKILL)
    wait_for(lambda: holder(store) == first)
    assert fires_more(store)

    assert len(runs(store)) == len(set(runs(store)))
    assert store.read().state.schedules["second"].occurrence is not None


def test_a_connection_that_never_answers_is_not_waited_for(
    store: Store, redis_url: str, tmp_path: Path, start: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    hole = BlackHole(redis_url.removeprefix("unix://"), tmp_path / "s")
    with running(hole):
        start(hole.url)
        assert fires_more(store)
        hole.dark = True
        wait_for(lambda: "Timeout" in (tmp_path / "log").read_text(encoding="utf-8"))
        hole.dark = False

        assert fires_more(store)
        wait_for(lambda: "Redis works again" in (tmp_path / "log").read_text(encoding="utf-8"))  # told after it fired

    assert (tmp_path / "log").read_text(encoding="utf-8").count("trying again") == 1


def test_after_an_outage_workers_are_given_time_to_be_heard_of_again(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    connection, run_id = store.connection, KEYS.run_id("second", 5)
    registry = f"rq:wip:{KEYS.queue('default')}"
    connection.hset(KEYS.job(run_id), mapping={"status": "started", "data": "[]", "created_at": "2026-01-01T00:00:00Z"})
    connection.zadd(registry, {f"{run_id}:execution": 1})  # it ran out while Redis was away
    reconciler = Reconciler(scheduler.fleet, scheduler.troubles)

    reconciler.spare_workers()
    reconciler.step([KEYS.queue("default")], store.time(), 1, whole=False)

    assert connection.zcard(registry) == 1


@pytest.mark.parametrize("job", ["another type", "damaged", "gone"])
def test_a_started_job_that_nobody_can_read_is_no_longer_waited_for(store: Store, job: str) -> None:
    scheduler = Scheduler(store, "one")
    connection, run_id = store.connection, KEYS.run_id("second", 5)
    registry = f"rq:wip:{KEYS.queue('default')}"
    connection.zadd(registry, {f"{run_id}:execution": 1})
    if job == "another type":
        connection.set(KEYS.job(run_id), "x")
    elif job == "damaged":
        connection.hset(KEYS.job(run_id), mapping={"status": "?", "data": "{", "created_at": "soon", "origin": b"\xff"})

    Reconciler(scheduler.fleet, scheduler.troubles).step([KEYS.queue("default")], store.time(), 1, whole=False)

    assert connection.zcard(registry) == 0
    assert scheduler.troubles.all() == []


def test_a_worker_whose_clock_is_behind_is_not_taken_for_dead(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    connection, run_id = store.connection, KEYS.run_id("second", 5)
    registry = f"rq:wip:{KEYS.queue('default')}"
    connection.zadd(registry, {f"{run_id}:execution": 1})
    connection.set(KEYS.execution(run_id, "execution"), "it is renewed", ex=60)

    Reconciler(scheduler.fleet, scheduler.troubles).step([KEYS.queue("default")], store.time(), 1, whole=False)

    assert connection.zscore(registry, f"{run_id}:execution") > 1


@pytest.mark.parametrize(
    ("setting", "bad", "good", "said"),
    [
        ("maxmemory", "1mb", "0", "Redis is full"),
        ("min-replicas-to-write", "1", "0", "too few replicas"),
    ],
)
def test_a_redis_that_refuses_is_told_once_and_asked_again(
    store: Store, caplog: pytest.LogCaptureFixture, setting: str, bad: str, good: str, said: str
) -> None:
    scheduler, stop = Scheduler(store, "one", interval=0.01), threading.Event()
    store.connection.config_set(setting, bad)
    thread = threading.Thread(target=scheduler.run, args=(stop,))
    try:
        thread.start()
        wait_for(lambda: caplog.messages)
        time.sleep(0.1)
        store.connection.config_set(setting, good)
        assert fires_more(store)
    finally:
        store.connection.config_set(setting, good)
        stop.set()
        thread.join()

    (told,) = [text for text in caplog.messages if "trying again" in text]
    assert said in told


def test_a_failure_is_reminded_of_only_when_it_changes(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    contact = Contact(store.connection)

    pauses = [contact.lost(ValueError("odd")) for _ in range(4)]
    contact.lost(ValueError("other"))
    contact.kept()
    contact.kept()

    assert pauses == sorted(pauses)
    assert [text.split(";")[0] for text in caplog.messages] == [
        "the pass failed: ValueError: odd",
        "the pass failed: ValueError: other",
        "Redis works again, after 0 s",
    ]


def test_a_worker_that_dies_with_a_clock_that_is_ahead_is_missed_as_soon_as_any_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "RENEWED_WITHIN", 0.5)
    scheduler = Scheduler(store, "one")
    connection, run_id = store.connection, KEYS.run_id("second", 5)
    registry = f"rq:wip:{KEYS.queue('default')}"
    connection.hset(KEYS.job(run_id), mapping={"status": "started", "data": "[]", "created_at": "2026-01-01T00:00:00Z"})
    connection.zadd(registry, {f"{run_id}:execution": int(connection.time()[0]) + 3600})
    reconciler = Reconciler(scheduler.fleet, scheduler.troubles)

    seen = []
    for pause in (
        0.0,
        0.0,
        0.6,
    ):  # looked at twice at once, as when a worker is known to be gone, is not looked at twice
        time.sleep(pause)
        reconciler.step([KEYS.queue("default")], store.time(), 1, whole=False)
        seen.append((connection.zcard(registry), connection.hget(KEYS.job(run_id), "status")))

    assert seen == [(1, b"started"), (1, b"started"), (0, b"failed")]


def test_a_worker_that_was_not_heard_of_for_long_is_missed_as_soon_as_its_signs_of_life_run_out(store: Store) -> None:
    scheduler, connection, run_id = Scheduler(store, "one"), store.connection, KEYS.run_id("second", 5)
    connection.hset(KEYS.job(run_id), mapping={"status": "started", "data": "[]", "created_at": "2026-01-01T00:00:00Z"})
    connection.zadd(f"rq:wip:{KEYS.queue('default')}", {f"{run_id}:execution": int(connection.time()[0]) + 1})
    connection.set(KEYS.execution(run_id, "execution"), "it is not renewed any more", px=1500)

    scheduler.step()  # it looks at all runs, and would not again for a quarter of a minute
    assert connection.hget(KEYS.job(run_id), "status") == b"started"
    time.sleep(1.5 + reconcile.JUST_AFTER)
    scheduler.step()

    assert connection.hget(KEYS.job(run_id), "status") == b"failed"


def test_a_run_that_was_begun_anew_is_left_alone_where_its_earlier_execution_is_missed(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    connection, run_id = store.connection, KEYS.run_id("second", 5)
    registry = f"rq:wip:{KEYS.queue('default')}"
    connection.hset(KEYS.job(run_id), mapping={"status": "started", "data": "[]", "created_at": "2026-01-01T00:00:00Z"})
    connection.zadd(registry, {f"{run_id}:first": 1, f"{run_id}:second": int(connection.time()[0]) + 60})
    connection.set(KEYS.execution(run_id, "second"), "it is renewed", ex=60)

    Reconciler(scheduler.fleet, scheduler.troubles).step([KEYS.queue("default")], store.time(), 1, whole=False)

    assert connection.zrange(registry, 0, -1) == [f"{run_id}:second".encode()]
    assert connection.hget(KEYS.job(run_id), "status") == b"started"


def test_a_run_whose_worker_died_makes_the_scheduler_call_nothing(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduler = Scheduler(store, "one")
    connection, run_id = store.connection, KEYS.run_id("second", 5)
    job = {"status": "started", "data": "[]", "created_at": "2026-01-01T00:00:00Z", "origin": KEYS.queue("default")}
    connection.hset(KEYS.job(run_id), mapping={**job, "failure_callback_name": "builtins.print"})
    connection.zadd(f"rq:wip:{KEYS.queue('default')}", {f"{run_id}:execution": 1})

    Reconciler(scheduler.fleet, scheduler.troubles).step([KEYS.queue("default")], store.time(), 1, whole=False)

    assert connection.hget(KEYS.job(run_id), "status") == b"failed"
    assert capsys.readouterr().out == ""


def test_a_job_that_nobody_can_read_keeps_no_other_from_being_missed(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    connection, registry = store.connection, f"rq:wip:{KEYS.queue('default')}"
    for tick, created in ((5, "never"), (6, "2026-01-01T00:00:00Z")):
        run_id = KEYS.run_id("second", tick)
        connection.hset(KEYS.job(run_id), mapping={"status": "started", "data": "[]", "created_at": created})
        connection.zadd(registry, {f"{run_id}:execution": 1})

    Reconciler(scheduler.fleet, scheduler.troubles).step([KEYS.queue("default")], store.time(), 1, whole=False)

    assert connection.hget(KEYS.job(KEYS.run_id("second", 6)), "status") == b"failed"
    assert connection.zcard(registry) == 0
