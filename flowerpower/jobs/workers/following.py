"""How a worker follows the process of a run: it hears how that ends, and speaks for the one that cannot any more."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import Any

from redis.exceptions import RedisError
from rq import Queue
from rq.executions import Execution
from rq.job import Job

from flowerpower.jobs.ledger import Ledger, run_ref
from flowerpower.jobs.running.telling import plain_failure
from flowerpower.jobs.workers.epilogue import Attempt, attempt_under_way, tell_adapters
from flowerpower.jobs.workers.heartbeats import past_damage
from flowerpower.jobs.workers.taking import TakingWorker
from flowerpower.jobs.workers.traces import Traces
from flowerpower.state.connection import without_retries
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

_LONGEST_TRACEBACK = 64 * 1024  # characters that RQ keeps of an error, which may hold anything, from its end
_ENDED_SILENTLY = 1 << 8  # the status, as `wait` tells it, of a process that ended with code 1

logger = logging.getLogger("flowerpower.worker")


class FollowingWorker(TakingWorker):
    """RQ's worker, which records each attempt that was killed, and hands no job back twice."""

    keys: Keys
    traces: Traces | None = None  # that it leaves for who started it
    _monitored: tuple[Job, Queue, Execution] | None = None  # what the process that is watched runs
    _killed: tuple[Store, Attempt, str] | None = None  # of whose end its adapters are to be told

    def handle_job_success(self, job: Job, *more: Any, **named: Any) -> None:
        """Let RQ note a success; the run has been recorded, so where RQ cannot there is nothing to try again."""
        with past_damage(f"not all of the end of run {job.id} is noted for RQ"):
            super().handle_job_success(job, *more, **named)

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        """Wait for the process of a run; one that ended well without handing its job back ended silently."""
        found, status, usage = super().wait_for_horse()
        self.note_end_of_horse()
        if status == os.EX_OK and self._monitored and not self._handed_back(self._monitored[2]):
            status = _ENDED_SILENTLY
        return found, status, usage

    def handle_work_horse_killed(self, job: Job, retpid: Any, ret_val: Any, rusage: Any) -> None:
        """Record the end of an attempt whose process was killed: it could not speak for itself."""
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)  # type: ignore[no-untyped-call]
        if self._monitored is None or self._handed_back(self._monitored[2]):
            return
        self._record_killed(job, self._monitored[2], _why_killed(job, ret_val))

    def monitor_work_horse(self, job: Job, queue: Queue, execution: Execution) -> None:
        """Watch the process of a run, and remember what it runs."""
        self._monitored = (job, queue, execution)
        try:
            super().monitor_work_horse(job, queue, execution)
        finally:
            self._monitored = None

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Let RQ retry or fail a job, unless its process has handed it back already and another one may run it."""
        if not self.is_horse and execution is not None and self._handed_back(execution):
            logger.warning("run %s went on elsewhere while this worker was held up", job.id)
            return
        stopped = self._stopped_job_id == job.id and not self.is_horse
        said = exc_string[-_LONGEST_TRACEBACK:].encode(errors="backslashreplace").decode()
        super().handle_job_failure(job, queue, started_job_registry, said, execution)
        if stopped and execution is not None:
            self._record_end(job, execution, "cancelled", "it was told to stop", final=True)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Let RQ tell of a failure in words that the author of the pipeline can use."""
        with plain_failure(self.log, exc_info[1]):
            super().handle_exception(job, *exc_info)

    def note_end_of_horse(self) -> None:
        """Note that the process which runs jobs is gone, and has been waited for."""
        if self.traces:
            self.traces.end_run()

    def _record_killed(self, job: Job, execution: Execution, reason: str) -> None:
        self._record_end(job, execution, "failed", reason, final=not int(job.retries_left or 0))

    def _record_end(self, job: Job, execution: Execution, status: str, reason: str, *, final: bool) -> None:
        """Record the end of an attempt that cannot speak for itself any more."""
        store = Store(without_retries(self.connection), self.keys)
        run = run_ref(store, job.id, 0)
        if run is None:
            return
        attempt = attempt_under_way(store, run, str(job.args[-1]))
        took = max(0.0, time.time() - execution.created_at.timestamp())
        ended = Ledger(store).finish(
            run, execution=execution.id, status=status, reason=reason, final=final, duration=took
        )
        if ended and attempt:
            self._killed = (store, attempt, reason)

    def _tell_adapters(self) -> None:
        """Tell the adapters of a run that was killed, once all that others wait for is done."""
        if self._killed:
            killed, self._killed = self._killed, None
            tell_adapters(*killed)

    def _handed_back(self, execution: Execution) -> bool:
        """Tell whether RQ knows of the end of an execution; one that cannot be asked for now counts as known."""
        key = f"{self.keys.rq}:executions:{execution.job_id}"
        try:
            return self.connection.zscore(key, execution.id) is None
        except RedisError:
            return True


def _why_killed(job: Job, status: int | None) -> str:
    """Return why the process of a run is gone, by the status that it ended with; none where RQ has killed it itself."""
    if status is None:
        return f"it did not end at its time limit of {job.timeout} s and was killed"
    if not os.WIFSIGNALED(status):
        code = "" if status == _ENDED_SILENTLY else f" with exit code {os.WEXITSTATUS(status)},"
        return f"its process ended{code} without a word"
    more = " (SIGKILL), which is what happens when memory runs out" if os.WTERMSIG(status) == signal.SIGKILL else ""
    return f"its process was killed by signal {os.WTERMSIG(status)}{more}"
