"""`after` in real time: workers of ours and of RQ, which hand a run that has to wait back until it may run.

Who is told to wait asks once more after 5 seconds, then nobody does for a minute, and a test waits for 40 seconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from redis import Redis
from support.projects import running_worker, wanted, write_project
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.jobs.events import newest_events
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
QUEUED_LATER = KEYS.scheduled(KEYS.queue("default"))
FLOW = """
from pathlib import Path
import time


def first() -> str:
    while not (Path(__file__).parent / "go").exists():
        time.sleep(0.05)
    return "done"


def second() -> str:
    return "done"


def broken() -> str:
    raise ValueError("no disk")
"""


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    return Store(redis_connection, KEYS)


def chain(store: Store, folder: Path, output: str = "first") -> None:
    """Apply a schedule that goes on until there is a file `flows/go`, and one that comes after it."""
    write_project(folder, flow=FLOW, pipeline=f"modules: [flow]\noutputs: [{output}]", schedule="every: 1s")
    (folder / "pipelines/then.yaml").write_text("modules: [flow]\noutputs: [second]\n")
    (folder / "schedules/then.yaml").write_text("pipeline: then\nevery: 1s\nafter: [often]\n")
    apply_plan(make_plan(store.keys, wanted(folder), store.read(), SOURCE), store, "apply")


def words(store: Store, name: str) -> list[str]:
    """Return how the ticks of a schedule ended, but for those that one of its own runs stood in the way of."""
    found = [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes(name), 0, -1)]
    return [outcome["status"] for outcome in found if outcome["reason"] != "overlap"]


def events(store: Store, kind: str) -> list[dict[str, str]]:
    """Return the events of a kind, the oldest first."""
    return [dict(event.fields) for event in newest_events(store) if event.fields["event"] == kind][::-1]


@pytest.mark.parametrize("how", [("scheduler", "two"), ("scheduler", "two", "warm")])
def test_workers_run_one_after_the_other(store: Store, redis_url: str, tmp_path: Path, how: tuple[str, ...]) -> None:
    chain(store, tmp_path)

    with running_worker(redis_url, KEYS, tmp_path, *how) as worker:
        worker.wait_for(lambda: events(store, "waiting"))
        assert "succeeded" not in words(store, "then")
        (tmp_path / "flows/go").touch()
        worker.wait_for(lambda: "succeeded" in words(store, "then"))

    [waited] = events(store, "waiting")[:1]
    started = [event for event in events(store, "started") if event["job"] == waited["job"]]
    assert [event["attempt"] for event in started] == ["1"]
    assert "succeeded" in words(store, "often")


def test_a_skip_is_no_warning_in_the_log_of_a_worker(store: Store, redis_url: str, tmp_path: Path) -> None:
    chain(store, tmp_path, output="broken")

    with running_worker(redis_url, KEYS, tmp_path, "scheduler") as worker:
        worker.wait_for(lambda: "skipped" in words(store, "then"))
        worker.stop()

    assert "no disk" in worker.output()  # this one says warnings and errors
    assert "is not run" not in worker.output()


@contextmanager
def stock_worker(url: str, folder: Path, *how: str) -> Iterator[None]:
    """Run a worker of RQ's own for the length of a block; it ends with what it runs."""
    command = [sys.executable, "-m", "rq.cli", "worker", "--serializer", "json", "-u", url, *how, KEYS.queue("default")]
    nowhere = subprocess.DEVNULL
    worker = subprocess.Popen(command, cwd=folder, stdout=nowhere, stderr=nowhere, start_new_session=True)
    try:
        yield
    finally:
        (folder / "flows/go").touch()
        worker.terminate()
        with suppress(subprocess.TimeoutExpired):  # RQ's may wait for its scheduler for ever
            worker.wait(timeout=10)
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def test_a_stock_worker_waits_as_well(store: Store, redis_url: str, tmp_path: Path) -> None:
    chain(store, tmp_path)

    with running_worker(redis_url, KEYS, tmp_path, "scheduler") as worker:
        worker.wait_for(lambda: store.read().active)
        with stock_worker(redis_url, tmp_path):
            worker.wait_for(lambda: events(store, "waiting"))
            (tmp_path / "flows/go").touch()
            worker.wait_for(lambda: "succeeded" in words(store, "then"))


def test_without_a_scheduler_of_ours_the_end_of_the_other_is_enough(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    chain(store, tmp_path)

    with stock_worker(redis_url, tmp_path, "--with-scheduler"), stock_worker(redis_url, tmp_path):
        wait_for(lambda: asks_late(store))
        (tmp_path / "flows/go").touch()
        wait_for(lambda: "succeeded" in words(store, "then"))


def asks_late(store: Store) -> bool:
    """Tell whether RQ lets a run wait for longer than the few seconds after which it asks once more."""
    late = int(time.time()) + 10
    return any((store.connection.zscore(QUEUED_LATER, run) or 0) > late for run in store.read().active)


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
