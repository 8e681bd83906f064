"""The parent of several processes, in the moments between two of its steps."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from flowerpower.jobs.stop import Stop
from flowerpower.jobs.workers.supervisor import OUTDATED, Child, Supervisor


def test_a_request_to_stop_just_after_a_child_has_ended_and_before_that_is_noted_is_heeded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait = os.waitpid

    def wait_and_be_asked(pid: int, options: int) -> tuple[int, int]:
        found = wait(pid, options)
        if found[0]:
            os.kill(os.getpid(), signal.SIGTERM)
        return found

    monkeypatch.setattr(os, "waitpid", wait_and_be_asked)
    child = Child("a child", lambda: 1)

    Supervisor([child]).run()

    assert child.done


def killed_at_first(folder: Path) -> int:
    """Work as a child that is killed, and ends well when it is started again."""
    if (folder / "again").exists():
        return 0
    (folder / "again").touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return 1


def test_what_is_to_be_done_for_a_child_that_died_is_done_before_all_ends(tmp_path: Path) -> None:
    noted: list[int] = []

    def bury(process: int) -> None:
        time.sleep(3)  # its successor has ended by then
        (tmp_path / "buried").write_text(f"{process} {os.getpid()}")

    def died(process: int) -> Callable[[], None]:
        noted.append(process)
        return partial(bury, process)

    Supervisor([Child("a child", partial(killed_at_first, tmp_path), died=died)]).run()

    process, by = map(int, (tmp_path / "buried").read_text().split())
    assert noted == [process]
    assert by not in (process, os.getpid())


@pytest.mark.parametrize("code", [0, OUTDATED])
def test_nothing_is_to_be_done_for_a_child_that_ends_as_it_should(tmp_path: Path, code: int) -> None:
    noted: list[int] = []

    def work() -> int:
        if (tmp_path / "again").exists():
            return 0
        (tmp_path / "again").touch()
        return code

    def died(process: int) -> Callable[[], None]:
        noted.append(process)
        return lambda: None

    Supervisor([Child("a child", work, died=died)]).run()

    assert noted == []


def test_who_does_it_is_asked_to_stop_with_the_others(tmp_path: Path) -> None:
    def bury() -> None:
        stop = Stop()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        (tmp_path / "begun").touch()
        assert stop.wait(60)
        (tmp_path / "asked").touch()

    def stop_soon() -> int:
        while not (tmp_path / "begun").exists():
            time.sleep(0.02)
        os.kill(os.getppid(), signal.SIGTERM)
        return 0

    dies = Child("one that dies", lambda: os.kill(os.getpid(), signal.SIGKILL) or 1, died=lambda _: bury)

    Supervisor([dies, Child("another", stop_soon)]).run()

    assert (tmp_path / "asked").exists()
