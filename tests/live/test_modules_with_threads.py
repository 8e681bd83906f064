"""Modules that start threads while they are imported: a fork does not have those, so each run imports the modules."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.projects import running_worker, wanted, work_until_empty, write_project
from support.redis_state import SHIFTED_CLOCK, shift_clock
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
PIPELINE = "name: report\nmodules: [flow]\noutputs: [answer]\ntimeout: 60s\n"
FLOW = """
import os
import queue
import threading

ASKED, ANSWERS, PROCESS = queue.Queue(), queue.Queue(), os.getpid()


def work() -> None:
    while True:
        ANSWERS.put(ASKED.get() + 1)


threading.Thread(target=work, name="pool-of-a-library", daemon=True).start()


def answer() -> int:
    ASKED.put(41)
    return ANSWERS.get(timeout=10)
"""
TOLD = "imported modules have started threads (pool-of-a-library)"


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    return Store(redis_connection, KEYS, SHIFTED_CLOCK)


def fire(store: Store) -> None:
    shift_clock(store.connection, 3600)
    Scheduler(store, "one").step()


def outcomes(store: Store) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes("often"), 0, -1)]


@pytest.mark.parametrize("how", [(), ("two",), ("warm",)])
def test_a_worker_says_so_and_starts_anew_without_them_until_the_code_changes(
    store: Store, redis_url: str, tmp_path: Path, how: tuple[str, ...]
) -> None:
    write_project(tmp_path, flow=FLOW, pipeline=PIPELINE)
    apply_plan(make_plan(KEYS, wanted(tmp_path), store.read(), SOURCE), store, "apply")
    with running_worker(redis_url, KEYS, tmp_path, *how) as worker:
        for count in (1, 2):
            fire(store)
            worker.wait_for(lambda count=count: len(outcomes(store)) == count)
        before = worker.output().count(TOLD)
        write_project(tmp_path, flow=f"{FLOW}# edited\n", pipeline=PIPELINE)
        fire(store)
        worker.wait_for(lambda: worker.output().count(TOLD) > before and len(outcomes(store)) == 3)
        assert worker.stop() in (0, -signal.SIGTERM), worker.output()

    assert [outcome["status"] for outcome in outcomes(store)] == ["succeeded"] * 3, outcomes(store)
    assert before == (2 if how == ("two",) else 1), worker.output()


def test_a_worker_that_is_asked_to_stop_while_it_starts_anew_stops(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    write_project(tmp_path, flow=FLOW, pipeline=PIPELINE)
    for moment in (0.02, 0.3):
        with running_worker(redis_url, KEYS, tmp_path) as worker:
            worker.wait_for(lambda: TOLD in worker.output())
            time.sleep(moment)

            assert worker.stop() in (0, -signal.SIGTERM), worker.output()


def test_a_worker_that_ends_with_the_queues_empties_them_first(store: Store, redis_url: str, tmp_path: Path) -> None:
    write_project(tmp_path, flow=FLOW, pipeline=PIPELINE)
    apply_plan(make_plan(KEYS, wanted(tmp_path), store.read(), SOURCE), store, "apply")
    fire(store)

    assert TOLD in work_until_empty(redis_url, KEYS, tmp_path)

    assert [outcome["status"] for outcome in outcomes(store)] == ["succeeded"]
