"""Workers whose terminal is closed, or that are told so: what runs is finished, although nobody reads any more."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis
from support.command_line import quiet_environment
from support.projects import PIPELINE, running_worker, write_project
from support.redis_state import SHIFTED_CLOCK, start_at_half_past

from flowerpower import FlowerPowerProject
from flowerpower.state.store import Store

from .test_worker_processes import (
    KEYS,
    alive,
    fire,
    obedient_project,
    order,
    outcomes,
    run_one,
    seen,
    workers,
)

_ON_TERMINAL = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); os.login_tty(0); "
_ON_TERMINAL += "os.execv(sys.argv[1], sys.argv[1:])"
FLOW = """
import pathlib, time

FOLDER = pathlib.Path({folder!r})


def doubled(number: int) -> int:
    (FOLDER / "began").touch()
    while not (FOLDER / "go").exists():
        print("still at it")
        time.sleep(0.05)
    return number * 2


def day(moment: str, doubled: int) -> str:
    return moment
"""


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    start_at_half_past(redis_connection)
    return Store(redis_connection, KEYS, SHIFTED_CLOCK)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_run_is_finished_whose_terminal_was_closed(redis_url: str, tmp_path: Path, processes: str) -> None:
    folder = write_project(tmp_path, flow=FLOW.format(folder=str(tmp_path)), pipeline=PIPELINE, schedule="every: 24h")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "flowerpower", "worker", "--redis", redis_url, "--processes", processes]
    with FlowerPowerProject.load(folder, redis=redis_url) as project:
        project.apply(project.plan())
        run = project.jobs.enqueue("report")
        with subprocess.Popen(
            [sys.executable, "-SE", "-c", _ON_TERMINAL, *command],
            cwd=folder,
            env=quiet_environment(),
            stdin=theirs,
        ) as worker:
            os.close(theirs)
            end = time.monotonic() + 40
            while not (tmp_path / "began").exists():
                os.read(ours, 65536)
                assert time.monotonic() < end
            os.close(ours)  # the kernel tells whoever has the terminal
            time.sleep(1.5)
            (tmp_path / "go").touch()
            worker.wait(timeout=40)  # its exit code tells that its last words found no reader

        assert run.status() == "finished"
        assert not project.jobs.status().listening


def test_a_scheduler_alone_goes_on_when_the_shell_that_started_it_ends(redis_url: str, tmp_path: Path) -> None:
    folder = write_project(tmp_path)
    (folder / "log").touch()  # the shell may make it after it has told the process
    command = f"nohup {sys.executable} -m flowerpower scheduler --redis {redis_url} > log 2>&1 & echo $!; read end"
    shell = subprocess.Popen(
        ["sh", "-c", command],
        cwd=folder,
        env=quiet_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert shell.stdout is not None
    scheduler = int(shell.stdout.readline())
    try:
        end = time.monotonic() + 40
        while "works first" not in (folder / "log").read_text():
            assert time.monotonic() < end
            time.sleep(0.1)
        shell.communicate("\n", timeout=20)
        time.sleep(2.5)
        assert alive(scheduler), (folder / "log").read_text()
    finally:
        os.kill(scheduler, signal.SIGTERM)

    end = time.monotonic() + 20
    while alive(scheduler):
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("how", ["forked", "warm", "two"])
def test_a_worker_whose_terminal_is_closed_finishes_its_run_however_often_it_is_told(
    store: Store, redis_url: str, tmp_path: Path, how: str
) -> None:
    obedient_project(store, tmp_path)
    order(tmp_path, "while not pathlib.Path(ROOT, 'go').exists(): time.sleep(0.05)")
    with running_worker(redis_url, KEYS, tmp_path, how) as worker:
        fire(store)
        worker.wait_for(lambda: seen(tmp_path))
        run = int(seen(tmp_path)[0][0])
        for number, pause in ((signal.SIGHUP, 0.1), (signal.SIGHUP, 1.1), (signal.SIGTERM, 1.1), (signal.SIGHUP, 0.3)):
            for process in (worker.process.pid, run):
                os.kill(process, number)
            time.sleep(pause)
        assert alive(run)
        (tmp_path / "go").touch()
        assert worker.process.wait(timeout=30) == 0

    assert [end["status"] for end in outcomes(store)] == ["succeeded"]


@pytest.mark.parametrize("how", ["forked", "two"])
def test_an_idle_worker_whose_terminal_is_closed_ends(store: Store, redis_url: str, tmp_path: Path, how: str) -> None:
    obedient_project(store, tmp_path)
    with running_worker(redis_url, KEYS, tmp_path, how, "scheduler") as worker:
        worker.wait_for(lambda: workers(store))
        worker.process.send_signal(signal.SIGHUP)
        assert worker.process.wait(timeout=30) == 0

    assert "Traceback" not in worker.output()
    assert workers(store) == []


@pytest.mark.parametrize(
    "numbers", [(signal.SIGHUP,), (signal.SIGHUP, signal.SIGTERM), (signal.SIGTERM, signal.SIGHUP)]
)
def test_the_grace_of_a_run_begins_with_the_first_signal(
    store: Store, redis_url: str, tmp_path: Path, numbers: tuple[signal.Signals, ...]
) -> None:
    obedient_project(store, tmp_path)
    order(tmp_path, "time.sleep(60)")
    with running_worker(redis_url, KEYS, tmp_path, "grace") as worker:
        fire(store)
        worker.wait_for(lambda: seen(tmp_path))
        run, began = int(seen(tmp_path)[0][0]), time.monotonic()
        for number in numbers:
            worker.process.send_signal(number)
            time.sleep(1.2)
        worker.wait_for(lambda: not alive(run))
        took = time.monotonic() - began
        worker.process.wait(timeout=30)

    assert 2.9 < took < 4.5  # its time limit is five seconds
    assert outcomes(store)[0]["reason"] == "its worker was stopped while it ran"


def test_a_worker_that_was_started_under_nohup_passes_over_the_end_of_its_terminal(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    obedient_project(store, tmp_path)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with running_worker(redis_url, KEYS, tmp_path, "two") as worker:
            worker.wait_for(lambda: len(workers(store)) == 2)
            for process in (worker.process.pid, *workers(store)):
                os.kill(process, signal.SIGHUP)
            time.sleep(1.0)
            assert run_one(store, worker, tmp_path, "pass")["status"] == "succeeded"
            assert worker.stop() == 0
    finally:
        signal.signal(signal.SIGHUP, before)
