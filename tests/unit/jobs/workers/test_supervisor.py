"""The parent of several processes, in the moments between two of its steps."""

from __future__ import annotations

import os
import signal

import pytest

from flowerpower.jobs.workers.supervisor import Child, Supervisor


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
