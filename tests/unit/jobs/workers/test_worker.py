"""What a worker tells Redis of itself between two jobs."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq.job import Job
from rq.worker import WorkerStatus

from flowerpower.jobs.absence import Absence
from flowerpower.jobs.run import Home
from flowerpower.jobs.workers import processes
from flowerpower.jobs.workers.following import _why_killed
from flowerpower.jobs.workers.worker import make_worker
from flowerpower.state.keys import Keys


def test_a_heartbeat_is_left_out_only_while_the_last_one_lasts(redis_connection: Redis) -> None:
    worker = make_worker(redis_connection, Keys("acme", "default"), ["default"], name="one")
    worker.register_birth()

    def lifetime() -> int:
        seconds: int = redis_connection.ttl(worker.key)
        return seconds

    worker.heartbeat()
    idle = lifetime()
    redis_connection.expire(worker.key, 70)
    worker.heartbeat()
    assert lifetime() <= 70, "it was renewed a moment ago"
    with redis_connection.pipeline() as pipe:
        worker.heartbeat(70, pipeline=pipe)
        pipe.execute()
    worker.heartbeat()
    assert lifetime() == idle, "a job had shortened it"


def test_a_run_past_its_time_limit_lives_until_its_worker_kills_it_and_is_said_to_be_killed_for_it(
    redis_connection: Redis,
) -> None:
    worker = make_worker(redis_connection, Keys("acme", "default"), ["default"], name="one")
    job = Job.create("flowerpower.jobs.run.run_scheduled", connection=redis_connection, timeout=20)
    kills_after = job.timeout + 60 + worker.job_monitoring_interval

    looks = [(passed, passed + worker.get_heartbeat_ttl(job, passed)) for passed in range(0, kills_after, 10)]

    assert all(until >= passed + worker.job_monitoring_interval + 60 for passed, until in looks)
    assert _why_killed(job, None) == "it did not end at its time limit of 20 s and was killed"
    assert _why_killed(job, 11) == "its process was killed by signal 11"
    assert _why_killed(job, 3 << 8) == "its process ended with exit code 3, without a word"
    assert _why_killed(job, 1 << 8) == "its process ended without a word"  # with code 0 as well


def test_a_state_is_told_once(redis_connection: Redis) -> None:
    worker = make_worker(redis_connection, Keys("acme", "default"), ["default"], name="one")

    for state in (WorkerStatus.BUSY, WorkerStatus.IDLE):
        worker.set_state(state)
        assert redis_connection.hget(worker.key, "state") == state.value.encode()
    redis_connection.delete(worker.key)
    worker.set_state(WorkerStatus.IDLE)
    assert not redis_connection.exists(worker.key)


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_threads_that_an_import_starts_are_named(redis_connection: Redis, stop: threading.Event) -> None:
    worker = make_worker(redis_connection, Keys("acme", "default"), ["default"], name="one")
    assert worker.import_first() == []

    worker.preload = lambda: threading.Thread(target=stop.wait, name="pool-of-a-library", daemon=True).start()

    assert worker.import_first() == ["pool-of-a-library"]


@pytest.mark.parametrize(
    ("code", "found"),
    [("import polars", False), ("import polars; polars.LazyFrame({'a': [1]}).select('a').sort('a').collect()", True)],
)
def test_polars_alone_is_no_reason_to_import_in_each_run_and_a_query_of_it_is(code: str, found: bool) -> None:
    look = "from flowerpower.jobs.workers.unforkable import threads_to_miss; print(len(list(threads_to_miss())))"

    told = subprocess.run([sys.executable, "-c", f"{code}; {look}"], capture_output=True, check=True, text=True)

    assert (int(told.stdout) > 0) is found


def test_a_process_that_cannot_start_anew_warns_of_threads_and_works_on(
    redis_url: str,
    tmp_path: Path,
    stop: threading.Event,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = threading.Thread(target=stop.wait, name="pool-of-a-library", daemon=True)
    monkeypatch.setattr(processes, "preload", lambda *_: started.start())
    options = processes.WorkerOptions(root=tmp_path, queues=["default"], burst=True, with_scheduler=False)

    with processes.session_put_back():
        assert processes.run_worker(redis_url, Keys("acme", "default"), options) is False

    (told,) = [line for line in caplog.messages if "threads" in line]
    assert told == (
        "imported modules have started threads (pool-of-a-library), which forks do not have: a run may wait for them "
        "for ever; if so, start the worker with preload=False"
    )


def test_a_file_that_a_worker_cannot_read_is_no_absence_of_redis(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreadable(*_: Any) -> None:
        raise PermissionError(13, "Permission denied", "/flows/flow.py")

    monkeypatch.setattr(processes, "preload", unreadable)
    absence = Absence(logging.getLogger("flowerpower.worker"), "no run is taken")
    options = processes.WorkerOptions(root=tmp_path, queues=["default"], burst=True)

    worker = processes._work_once(
        redis_url, Keys("acme", "default"), options, Home(tmp_path), threading.Event(), absence
    )

    assert worker is None
    assert not absence.lasts
    assert caplog.messages == ["this worker cannot work: [Errno 13] Permission denied: '/flows/flow.py'"]
