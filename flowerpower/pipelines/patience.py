"""Hamilton's executors of parallel blocks, less eager, and not waiting for what hangs.

Hamilton asks without a pause whether a task is done. That takes a whole core for the length of the run, and with
threads the time of those that work. Importing this imports Hamilton.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hamilton.execution import executors

from flowerpower.pipelines.failures import is_time_limit

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


class _Leaving:
    """An executor that does not wait for tasks which hang when the run has to end; Hamilton's waits for all of them."""

    pool: Any
    initialized: bool

    def finalize(self) -> None:
        """Close the pool, called while the error leaves that ended the run, if one did; what has not begun is left."""
        error = sys.exc_info()[1]
        wait = error is None or (isinstance(error, Exception) and not is_time_limit(error))
        workers = dict(getattr(self.pool, "_processes", None) or {})
        self.pool.shutdown(wait=wait, cancel_futures=error is not None)
        self.initialized = False
        for worker in () if wait else workers.values():
            worker.kill()  # it would go on without anybody who wants its result


class PatientThreads(_Leaving, executors.MultiThreadingExecutor):  # type: ignore[misc]
    """Tasks in threads."""

    def submit_task(self, task: Any) -> Any:
        """Start a task, and return its future."""
        return PatientFuture(super().submit_task(task).future)


class PatientProcesses(_Leaving, executors.MultiProcessingExecutor):  # type: ignore[misc]
    """Tasks in processes."""

    def submit_task(self, task: Any) -> Any:
        """Start a task, and return its future; no limit strikes before the pool knows a process that this starts."""
        with _limit_held_back():
            return PatientFuture(super().submit_task(task).future)


@contextmanager
def _limit_held_back() -> Iterator[None]:
    """Let a time limit, which raises wherever the signal of the clock meets the main thread, strike after the block."""
    limit = signal.getsignal(signal.SIGALRM)
    if not callable(limit) or threading.current_thread() is not threading.main_thread():
        yield
        return
    struck: list[tuple[int, Any]] = []
    signal.signal(signal.SIGALRM, lambda *told: struck.append(told))
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, limit)
        if struck:
            limit(*struck[0])
