"""Hamilton's executors of parallel blocks, less eager: it asks without a pause whether a task is done.

That takes a whole core for the length of the run, and with threads the time of those that work. Importing this imports
Hamilton.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from hamilton.execution import executors

_PAUSE = 0.002


class PatientFuture(executors.TaskFutureWrappingPythonFuture):  # type: ignore[misc]
    """A future that makes who asks too early wait a moment; it may say more of what a task raised."""

    _marker: PatientFuture | None = None  # the one at which to wait, so that each round waits once

    def __init__(self, future: Any, placed: Callable[[BaseException], BaseException] | None = None) -> None:
        super().__init__(future)
        self._placed = placed

    def get_state(self) -> Any:
        """Return the state of the task."""
        marker = PatientFuture._marker
        if not self.future.done() and (marker is None or marker is self or marker.future.done()):
            PatientFuture._marker = self
            time.sleep(_PAUSE)
        return super().get_state()

    def get_result(self) -> Any:
        """Return the result, or None as long as there is none; raises what the task raised."""
        try:
            return super().get_result()
        except Exception as error:
            if self._placed is None:
                raise
            placed = self._placed(error)
            raise placed from placed.__cause__


class PatientThreads(executors.MultiThreadingExecutor):  # type: ignore[misc]
    """Tasks in threads."""

    def submit_task(self, task: Any) -> Any:
        """Start a task, and return its future."""
        return PatientFuture(super().submit_task(task).future)


class PatientProcesses(executors.MultiProcessingExecutor):  # type: ignore[misc]
    """Tasks in processes."""

    def submit_task(self, task: Any) -> Any:
        """Start a task, and return its future."""
        return PatientFuture(super().submit_task(task).future)
