"""Adapters that saw a run begin are told of its end, also when its process was killed and its worker lives on."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.projects import PIPELINE, running_worker, wanted, work_until_empty, write_project
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.jobs.manager import RQManager
from flowerpower.jobs.messages.messenger import make_messenger
from flowerpower.jobs.records import WORKER_GONE
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.jobs.workers import epilogue
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
HANGS = (
    "\n\ndef doubled(number: int) -> int:\n    __import__('time').sleep(60)\n\n\ndef day(doubled: int) -> str:\n    ..."
)
DIES = HANGS.replace("__import__('time').sleep(60)", "__import__('os').kill(__import__('os').getpid(), 9)")


@pytest.fixture
def store(redis_connection: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(tmp_path / "lineage"))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    start_at_half_past(redis_connection)
    return Store(redis_connection, KEYS, SHIFTED_CLOCK)


def fire(store: Store, folder: Path, flow: str, more: str = "") -> str:
    """Apply a project whose pipeline tells OpenLineage, let an hour pass, and return the run that was pushed."""
    pipeline = PIPELINE.replace(', moment: "${tick:%Y-%m-%d}"', "") + "adapters: [openlineage]\n" + more
    write_project(folder, flow=flow, pipeline=pipeline)
    apply_plan(make_plan(store.keys, wanted(folder), store.read(), SOURCE), store, "apply")
    shift_clock(store.connection, 3600)
    Scheduler(store, "one").step()
    return max(store.read().active)


def told(folder: Path) -> list[dict[str, Any]]:
    file = folder / "lineage"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


@pytest.mark.parametrize("how", ["", "warm"])
def test_every_attempt_that_was_killed_fails_in_lineage(store: Store, redis_url: str, tmp_path: Path, how: str) -> None:
    fire(store, tmp_path, DIES, "retry: {max: 1}\n")

    work_until_empty(redis_url, KEYS, tmp_path, how)

    events = told(tmp_path)
    assert [event["eventType"] for event in events] == ["START", "FAIL"] * 2
    ids = [event["run"]["runId"] for event in events]
    assert (ids[0], ids[2], len(set(ids))) == (ids[1], ids[3], 2)
    assert {event["job"]["name"] for event in events} == {"report"}
    assert "killed by signal 9" in events[-1]["run"]["facets"]["errorMessage"]["message"]


def test_a_run_that_was_cancelled_is_aborted_in_lineage(store: Store, redis_url: str, tmp_path: Path) -> None:
    run = fire(store, tmp_path, HANGS)

    with running_worker(redis_url, KEYS, tmp_path) as worker:
        worker.wait_for(lambda: told(tmp_path))
        RQManager(store, "", who=lambda: "ana").cancel(run, "wrong input")
        worker.wait_for(lambda: len(told(tmp_path)) > 1)

    begun, ended = told(tmp_path)
    assert (begun["eventType"], ended["eventType"]) == ("START", "ABORT")
    assert begun["run"]["runId"] == ended["run"]["runId"]
    assert ended["run"]["facets"]["errorMessage"]["message"] == "cancelled by ana: wrong input"


def test_a_run_whose_worker_is_stopped_at_once_fails_in_lineage(store: Store, redis_url: str, tmp_path: Path) -> None:
    fire(store, tmp_path, HANGS)

    with running_worker(redis_url, KEYS, tmp_path) as worker:
        worker.wait_for(lambda: told(tmp_path))
        worker.process.terminate()
        time.sleep(1.2)
        worker.stop()

    assert [event["eventType"] for event in told(tmp_path)] == ["START", "FAIL"]


def test_a_run_that_fails_by_itself_is_told_once(store: Store, redis_url: str, tmp_path: Path) -> None:
    fire(store, tmp_path, HANGS.replace("sleep(60)", "sleep('no')"))

    work_until_empty(redis_url, KEYS, tmp_path)

    assert [event["eventType"] for event in told(tmp_path)] == ["START", "FAIL"]


@pytest.mark.parametrize(("more", "attempts"), [("", 1), ("retry: {max: 1}\n", 2)])
def test_a_run_that_is_lost_with_its_worker_fails_in_lineage(
    store: Store, redis_url: str, tmp_path: Path, more: str, attempts: int
) -> None:
    fire(store, tmp_path, HANGS, more)
    scheduler, messenger = Scheduler(store, "one"), make_messenger(store, "one")
    messenger.step()  # it reads on from here

    for attempt in range(1, attempts + 1):
        with running_worker(redis_url, KEYS, tmp_path) as worker:
            worker.wait_for(lambda attempt=attempt: len(told(tmp_path)) == 2 * attempt - 1)
            worker.process.kill()
        until = time.monotonic() + 30
        while (len(told(tmp_path)) < 2 * attempt or messenger.endings.is_busy) and time.monotonic() < until:
            shift_clock(store.connection, 1)  # a retry that waits is due
            scheduler.step()
            messenger.step()
            time.sleep(0.2)

    events = told(tmp_path)
    assert [event["eventType"] for event in events] == ["START", "FAIL"] * attempts
    assert len({event["run"]["runId"] for event in events}) == attempts
    assert events[-1]["run"]["facets"]["errorMessage"]["message"] == WORKER_GONE


def test_a_run_of_which_its_own_worker_told_is_told_once(store: Store, redis_url: str, tmp_path: Path) -> None:
    fire(store, tmp_path, DIES)
    messenger = make_messenger(store, "one")
    messenger.step()

    work_until_empty(redis_url, KEYS, tmp_path)
    messenger.step()

    assert not messenger.endings.is_busy
    assert [event["eventType"] for event in told(tmp_path)] == ["START", "FAIL"]


def test_what_hangs_while_it_is_told_does_not_hold_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epilogue, "PATIENCE", 0.3)
    began = time.monotonic()

    assert epilogue._in_child(lambda: time.sleep(30)) is False
    assert time.monotonic() - began < 10
    assert epilogue._in_child(lambda: None) is True
