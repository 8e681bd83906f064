"""`flowerpower dev`, as somebody uses it who edits a project in another window."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from support.projects import write_project

PATIENCE = 60.0


class Dev:
    """A running `flowerpower dev` and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        self._read = 0

    def wait_for(self, words: str) -> str:
        """Wait until something new is said that holds these words, and return all that is new."""
        end = time.monotonic() + PATIENCE
        while words not in (said := self._log.read_text(encoding="utf-8")[self._read :]):
            assert self.process.poll() is None, said
            assert time.monotonic() < end, f"{words!r} was not said\n{said}"
            time.sleep(0.1)
        self._read += len(said)
        return said


@contextmanager
def developing(folder: Path) -> Iterator[Dev]:
    with (folder.parent / "dev.log").open("wb") as log:
        command = [sys.executable, "-P", "-m", "flowerpower", "dev", "--no-color", "--project", str(folder)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield Dev(process, folder.parent / "dev.log")
        finally:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_each_save_is_applied_and_a_broken_one_leaves_the_last_good_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWERPOWER_VAR_token", "hunter2-of-a-variable")
    folder = write_project(tmp_path / "acme", schedule="every: 1s")
    schedule, flow = folder / "schedules/often.yaml", folder / "flows/flow.py"
    good = flow.read_text()

    with developing(folder) as dev:
        first = dev.wait_for("Apply complete: 2 added")
        assert "no live worker" not in first
        dev.wait_for("often @ ")
        shown = list(_command_lines())
        assert any(b"\0worker\0" in line and str(folder).encode() in line for line in shown)
        assert not any(b"hunter2" in line for line in shown)

        schedule.write_text("pipeline: report\nevery: 1x\n")
        assert "schedules/often.yaml:2" in dev.wait_for("what was applied before goes on")
        dev.wait_for("  ok  ")

        flow.write_text(good.replace("return number * 2", "raise ValueError('no rows')"))
        schedule.write_text("pipeline: report\nevery: 1s\n")
        failed = dev.wait_for("often @ ")
        while "failed" not in failed:
            failed += dev.wait_for("often @ ")
        assert "ValueError: no rows" in failed
        assert "Traceback" not in failed
        assert "exception raised" not in failed  # the line above says it, and why

        schedule.write_text("pipeline: report\nevery: 1s\nqueue: other\n")
        flow.write_text(good)
        dev.wait_for("A queue is new: the worker starts again")
        wait_until(lambda: "  ok  " in dev.wait_for("often @ "))

        dev.process.send_signal(signal.SIGINT)
        dev_said = dev.process.wait(PATIENCE)
    assert dev_said == 0


def _command_lines() -> Iterator[bytes]:
    """Yield what anybody may read of the processes of this machine."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield file.read_bytes()


def wait_until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end
