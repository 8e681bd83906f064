"""Pools whose parent is killed: their workers finish what they run, and who of them dies is still seen to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from support.projects import running_worker

from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.records import WORKER_GONE
from flowerpower.state.store import Store

from .test_workers_that_die import (
    KEYS,
    SOON,
    alive,
    began,
    obedient,
    outcomes,
    parent_of,
    scheduler_elsewhere,
)


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    return Store(redis_connection, KEYS)


def children_of(process: int) -> set[int]:
    """Return the children of all threads of a process."""
    found = (one.read_text() for one in Path(f"/proc/{process}/task").glob("*/children"))
    return {int(child) for text in found for child in text.split()}


def orphaned(store: Store, url: str, folder: Path, more: str = "") -> int:
    """Let a pool run something, kill its parent, and return the process of the worker that drains alone."""
    obedient(store, url, folder, more).enqueue("report")
    with running_worker(url, KEYS, folder, "two") as pool:
        pool.wait_for(lambda: began(folder))
        worker = parent_of(began(folder)[0])
        pool.process.kill()
    wait_until(lambda: len(children_of(worker)) == 2)  # its run, and who looks after it now
    assert alive(began(folder)[0])
    return worker


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_worker_that_is_killed_after_the_parent_of_its_pool_is_seen_to_die(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    worker = orphaned(store, redis_url, tmp_path)
    (beside,) = children_of(worker) - {int(began(tmp_path)[0])}

    os.kill(worker, signal.SIGKILL)
    with scheduler_elsewhere(redis_url):
        wait_until(lambda: outcomes(store))

    assert outcomes(store)[0]["reason"] == WORKER_GONE
    wait_until(lambda: not alive(beside))


def test_a_worker_whose_pool_has_lost_its_parent_finishes_its_run_and_ends(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    worker = orphaned(store, redis_url, tmp_path)
    left = children_of(worker) | {worker}

    (tmp_path / "go").touch()
    wait_until(lambda: not any(map(alive, left)))

    assert outcomes(store)[0]["status"] == "succeeded"
    assert read_status(store).listening == ()


_UNTOLD = """
import sys
from pathlib import Path
from flowerpower.jobs.workers import supervisor
from flowerpower.jobs.workers.processes import WorkerOptions, run_workers
from flowerpower.state.keys import Keys

supervisor.end_with_parent = lambda signum: None  # as where the kernel does not tell that a parent has ended
run_workers(sys.argv[1], Keys("acme", "default"), 2, lambda: WorkerOptions(root=Path(sys.argv[2]), queues=("default",)))
"""


def test_a_pool_ends_with_its_parent_also_where_no_kernel_tells_of_it(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    obedient(store, redis_url, tmp_path)
    with subprocess.Popen([sys.executable, "-c", _UNTOLD, redis_url, str(tmp_path)]) as pool:
        wait_until(lambda: len(read_status(store).listening) == 2)
        children = children_of(pool.pid)
        pool.kill()

    wait_until(lambda: not any(map(alive, children)))
    assert read_status(store).listening == ()
