"""Workers that are killed where somebody sees it: their runs are looked after within seconds, never two at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.projects import Worker, running_worker, wanted, write_project
from support.states import SOURCE

from flowerpower import JobQueueManager, RQManager
from flowerpower.apply import apply_plan
from flowerpower.jobs.details import read_run
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.records import WORKER_GONE
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
QUEUE = KEYS.queue("default")
SOON = 20.0  # seconds, on a busy machine; RQ's heartbeats would run out after 70
FLOW = """
import fcntl, os, pathlib, time

FOLDER = pathlib.Path({folder!r})


def doubled() -> int:
    with (FOLDER / "lock").open("w") as lock, (FOLDER / "began").open("a") as began:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("twice", file=began, flush=True)
        print(os.getpid(), file=began, flush=True)
        exec((FOLDER / "order").read_text())
    return 42
"""
WAIT = "while not (FOLDER / 'go').exists(): time.sleep(0.05)"
REPORT = "name: report\nmodules: [flow]\noutputs: [doubled]\ntimeout: 5m\n"


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    return Store(redis_connection, KEYS)


def obedient(store: Store, url: str, folder: Path, more: str = "", order: str = WAIT) -> RQManager:
    """Apply a pipeline whose runs do what the file `order` says, and return who enqueues them."""
    (folder / "order").write_text(order)
    write_project(folder, flow=FLOW.format(folder=str(folder)), pipeline=REPORT + more, schedule="every: 24h")
    apply_plan(make_plan(KEYS, wanted(folder), store.read(), SOURCE), store, "apply")
    return JobQueueManager.create("rq", store=store, url=url)


def began(folder: Path) -> list[str]:
    """Return the process of each attempt that has begun; `twice` before one that had another beside it."""
    file = folder / "began"
    return file.read_text().split() if file.exists() else []


def parent_of(process: str | int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def alive(process: str | int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def outcomes(store: Store, name: str = "report") -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes(name), 0, -1)]


def kill_worker_of_run(worker: Worker, folder: Path, count: int = 1) -> int:
    """Kill the process that watches the newest run, once so many have begun; return it."""
    worker.wait_for(lambda: len(began(folder)) == count)
    victim = parent_of(began(folder)[-1])
    os.kill(victim, signal.SIGKILL)
    worker.wait_for(lambda: not alive(began(folder)[-1]))  # it may just have come to its end in the meantime
    return victim


@pytest.mark.parametrize("warm", [(), ("warm",)])
def test_a_run_whose_worker_in_a_pool_is_killed_is_tried_again_within_seconds(
    store: Store, redis_url: str, tmp_path: Path, warm: tuple[str, ...]
) -> None:
    run = obedient(store, redis_url, tmp_path, "retry: {max: 1}\n").enqueue("report")
    with running_worker(redis_url, KEYS, tmp_path, "two", "scheduler", *warm) as worker:
        kill_worker_of_run(worker, tmp_path)
        (tmp_path / "go").touch()
        worker.wait_for(lambda: outcomes(store), SOON)
        assert worker.stop() == 0

    assert "twice" not in began(tmp_path)
    (outcome,) = outcomes(store)
    assert (outcome["run"], outcome["status"], outcome["attempt"]) == (run.id, "succeeded", 2)
    first, second = read_run(store, run.id).attempts
    assert (first.status, first.reason, second.status) == ("failed", WORKER_GONE, "succeeded")
    assert not any(alive(process) for process in began(tmp_path))


def test_a_run_without_retries_whose_worker_in_a_pool_is_killed_fails_within_seconds(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    obedient(store, redis_url, tmp_path).enqueue("report")
    with running_worker(redis_url, KEYS, tmp_path, "two", "scheduler") as worker:
        kill_worker_of_run(worker, tmp_path)
        worker.wait_for(lambda: outcomes(store), SOON)
        worker.stop()

    (outcome,) = outcomes(store)
    assert (outcome["status"], outcome["reason"], outcome["attempt"]) == ("failed", WORKER_GONE, 1)
    assert len(began(tmp_path)) == 1
    assert store.read().active == {}


_POOL = """
import os, signal, sys, time
from pathlib import Path
from flowerpower.jobs import ledger
from flowerpower.jobs.workers.processes import WorkerOptions, run_workers
from flowerpower.jobs.workers.worker import FlowerPowerWorker
from flowerpower.state.keys import Keys

url, root, moment = sys.argv[1:]
first = Path(root, "first")
names = ("execute_job", "fork_work_horse", "main_work_horse", "perform_job")
inner = {name: getattr(FlowerPowerWorker, name) for name in names}
finish = ledger.Ledger.finish

def die(worker=None):
    first.touch()
    os.kill(worker or os.getpid(), signal.SIGKILL)

def at(chosen):
    return moment == chosen and not first.exists()

def execute_job(self, job, queue):
    if at("as it is taken"):
        die()
    inner["execute_job"](self, job, queue)

def fork_work_horse(self, job, queue):
    if at("before the fork"):
        die()
    self.dies = at("as the run is forked")
    inner["fork_work_horse"](self, job, queue)
    if self.dies:
        die()

def main_work_horse(self, job, queue):
    if self.dies:
        time.sleep(1.5)  # and is not noted yet
        Path(root, "late").touch()
    inner["main_work_horse"](self, job, queue)

def perform_job(self, job, queue, execution):
    if at("before the claim"):
        self.prepare_job_execution(job)
        die(os.getppid())
        time.sleep(60)
    return inner["perform_job"](self, job, queue, execution)

def finish_and_die(self, *args, **named):
    done = finish(self, *args, **named)
    if at("as the outcome is written"):
        die(os.getppid())
        time.sleep(60)
    return done

FlowerPowerWorker.execute_job = execute_job
FlowerPowerWorker.fork_work_horse = fork_work_horse
FlowerPowerWorker.main_work_horse = main_work_horse
FlowerPowerWorker.perform_job = perform_job
ledger.Ledger.finish = finish_and_die
run_workers(url, Keys("acme", "default"), 2, lambda: WorkerOptions(root=Path(root), queues=("default",)))
"""


def events(store: Store) -> list[str]:
    return [fields[b"event"].decode() for _, fields in store.connection.xrange(KEYS.runs)]


@contextmanager
def deadly_pool(url: str, folder: Path, moment: str) -> Iterator[Worker]:
    """Run two workers, the first of which is killed at some moment of its first run."""
    log = folder / "worker.log"
    with log.open("w") as file:
        command = [sys.executable, "-c", _POOL, url, str(folder), moment]
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield Worker(process, log)
    finally:
        process.kill()
        process.wait(timeout=30)


@pytest.mark.parametrize(
    ("moment", "retry"),
    [
        ("as it is taken", ""),  # which Redis knows nothing of; others may be about to note it, so it takes ten seconds
        ("before the fork", ""),
        ("as the run is forked", "retry: {max: 1}\n"),
        ("before the claim", ""),
        ("before the claim", "retry: {max: 1}\n"),
    ],
)
def test_a_run_that_was_in_hand_and_not_begun_is_delivered_again_within_seconds_and_runs_once(
    store: Store, redis_url: str, tmp_path: Path, moment: str, retry: str
) -> None:
    obedient(store, redis_url, tmp_path, retry, order="pass").enqueue("report")
    with deadly_pool(redis_url, tmp_path, moment) as worker:
        worker.wait_for((tmp_path / "first").exists)  # it has been killed
        worker.wait_for(lambda: outcomes(store), SOON)
        time.sleep(2.0 if moment == "as the run is forked" else 0.0)
        assert worker.stop() == 0

    assert len(began(tmp_path)) == 1
    assert [event for event in events(store) if event != "enqueued"] == ["redelivered", "started", "succeeded"]
    (outcome,) = outcomes(store)
    assert (outcome["status"], outcome["attempt"]) == ("succeeded", 1)
    assert store.read().active == {}
    assert (tmp_path / "late").exists() == (moment == "as the run is forked")


def test_a_run_whose_outcome_is_written_as_its_worker_is_killed_does_not_run_again(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    run = obedient(store, redis_url, tmp_path, "retry: {max: 1}\n", order="pass").enqueue("report")
    with deadly_pool(redis_url, tmp_path, "as the outcome is written") as worker:
        worker.wait_for(lambda: "refused" in events(store), SOON)
        worker.stop()

    assert len(began(tmp_path)) == 1
    (outcome,) = outcomes(store)
    assert (outcome["run"], outcome["status"], outcome["attempt"]) == (run.id, "succeeded", 1)


def test_what_a_run_has_started_ends_with_its_worker(store: Store, redis_url: str, tmp_path: Path) -> None:
    order = "import subprocess; (FOLDER / 'child').write_text(str(subprocess.Popen(['sleep', '300']).pid))\n" + WAIT
    obedient(store, redis_url, tmp_path, order=order).enqueue("report")
    with running_worker(redis_url, KEYS, tmp_path, "two", "scheduler") as worker:
        worker.wait_for(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
        kill_worker_of_run(worker, tmp_path)
        worker.wait_for(lambda: outcomes(store), SOON)
        assert not alive((tmp_path / "child").read_text())


def test_an_idle_worker_of_a_pool_that_is_killed_is_not_counted_any_more(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    obedient(store, redis_url, tmp_path)
    with running_worker(redis_url, KEYS, tmp_path, "two") as worker:
        worker.wait_for(lambda: len(read_status(store).listening) == 2)
        victim = read_status(store).listening[0]
        os.kill(victim.pid, signal.SIGKILL)
        worker.wait_for(lambda: victim.name not in {one.name for one in read_status(store).listening}, SOON)
        worker.wait_for(lambda: store.read().consumers.workers == {QUEUE: 2})  # its successor is


def test_a_run_of_a_single_worker_that_is_killed_is_tried_again_as_soon_as_there_is_another(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    run = obedient(store, redis_url, tmp_path, "retry: {max: 1}\n").enqueue("report")
    with running_worker(redis_url, KEYS, tmp_path, "scheduler") as worker:
        worker.wait_for(lambda: began(tmp_path))
        worker.process.kill()
        end = time.monotonic() + SOON
        while store.connection.scard(KEYS.workers(QUEUE)) or store.connection.exists(KEYS.lease):
            assert time.monotonic() < end, worker.output()
            time.sleep(0.1)
    assert not alive(began(tmp_path)[0])
    (tmp_path / "go").touch()
    with running_worker(redis_url, KEYS, tmp_path, "scheduler") as worker:
        worker.wait_for(lambda: outcomes(store), SOON)
        worker.stop()

    assert "twice" not in began(tmp_path)
    (outcome,) = outcomes(store)
    assert (outcome["run"], outcome["status"], outcome["attempt"]) == (run.id, "succeeded", 2)


def wait_for_outcome(store: Store, dead: Worker) -> None:
    """Wait until somebody has told of the end of a run whose worker is gone."""
    end = time.monotonic() + SOON
    while not outcomes(store):
        assert time.monotonic() < end, dead.output()
        time.sleep(0.1)


@contextmanager
def scheduler_elsewhere(url: str) -> Iterator[None]:
    """Run a scheduler that has nothing to do with any worker, as on another machine."""
    command = (
        "import sys; from flowerpower.jobs.workers.beside import run_scheduler; from flowerpower.state.keys import Keys"
    )
    command += "; run_scheduler(sys.argv[1], Keys('acme', 'default'))"
    with subprocess.Popen([sys.executable, "-c", command, url]) as process, Redis.from_url(url) as connection:
        try:
            while f".{process.pid}." not in str(connection.get(KEYS.lease)):  # that of a test before may have it still
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def test_a_run_of_a_worker_without_a_scheduler_that_is_killed_is_tried_again_within_seconds(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    run = obedient(store, redis_url, tmp_path, "retry: {max: 1}\n").enqueue("report")
    with scheduler_elsewhere(redis_url):
        with running_worker(redis_url, KEYS, tmp_path) as worker:
            worker.wait_for(lambda: began(tmp_path))
            worker.process.kill()
            worker.process.wait()
        (tmp_path / "go").touch()
        with running_worker(redis_url, KEYS, tmp_path) as worker:
            worker.wait_for(lambda: outcomes(store), SOON)
            assert len(read_status(store).listening) == 1  # the dead one counts no more
            assert worker.stop() == 0

    assert "twice" not in began(tmp_path)
    (outcome,) = outcomes(store)
    assert (outcome["run"], outcome["status"], outcome["attempt"]) == (run.id, "succeeded", 2)


def test_a_worker_that_is_killed_while_it_drains_is_seen_to_die(store: Store, redis_url: str, tmp_path: Path) -> None:
    obedient(store, redis_url, tmp_path).enqueue("report")
    with running_worker(redis_url, KEYS, tmp_path, "scheduler") as worker:
        worker.wait_for(lambda: began(tmp_path))
        for process in children_of(worker.process.pid) - {int(began(tmp_path)[0])}:
            os.kill(process, signal.SIGTERM)  # as a service manager does to all processes of a service
        worker.process.terminate()
        worker.wait_for(lambda: not store.connection.exists(KEYS.lease))
        time.sleep(2.0)  # the scheduler has long ended
        worker.process.kill()
        worker.process.wait()
    with scheduler_elsewhere(redis_url):
        wait_for_outcome(store, worker)

    assert outcomes(store)[0]["reason"] == WORKER_GONE


def test_a_worker_that_is_killed_while_it_drains_for_its_closed_terminal_is_seen_to_die(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    obedient(store, redis_url, tmp_path).enqueue("report")
    with scheduler_elsewhere(redis_url), running_worker(redis_url, KEYS, tmp_path) as worker:
        worker.wait_for(lambda: began(tmp_path))
        for process in children_of(worker.process.pid) | {worker.process.pid}:
            os.kill(process, signal.SIGHUP)
        time.sleep(1.0)
        assert alive(began(tmp_path)[0])
        worker.process.kill()
        wait_for_outcome(store, worker)

    assert outcomes(store)[0]["reason"] == WORKER_GONE


def test_nothing_is_left_beside_a_worker_that_has_ended(store: Store, redis_url: str, tmp_path: Path) -> None:
    obedient(store, redis_url, tmp_path, order="pass").enqueue("report")
    with running_worker(redis_url, KEYS, tmp_path) as worker:
        worker.wait_for(lambda: outcomes(store))
        worker.wait_for(lambda: len(children_of(worker.process.pid)) == 1)  # the process of the run has ended
        beside = children_of(worker.process.pid)
        assert worker.stop() == 0

    assert not any(alive(process) for process in beside)
    assert "died" not in worker.output()


def children_of(process: int) -> set[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text()
    return {int(child) for child in found.split()}
