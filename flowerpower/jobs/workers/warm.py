"""The warm worker: one process that runs many jobs, one after the other, beside the worker that watches it.

A run then starts in a millisecond and may find what an earlier one left in memory. The worker stays what it is: it
renews heartbeats, kills a run that should stop, records one that dies, and starts another process.
"""

from __future__ import annotations

import json
import logging
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from rq import Queue
from rq.executions import Execution
from rq.job import Job

from flowerpower.jobs.workers.worker import FlowerPowerWorker
from flowerpower.settings import kept_environment

RUNS = 1000  # that a process does before another takes its place
GROWTH = 256 * 1024 * 1024  # bytes that it may grow after its first run
_DONE, _LAST = b"done\n", b"last\n"  # of the same length


@dataclass(frozen=True, slots=True)
class _Horse:
    """The process that runs jobs: it is told of each on one pipe and answers on the other."""

    pid: int
    orders: IO[bytes]
    answers: IO[bytes]
    said: bytearray = field(default_factory=lambda: bytearray(len(_DONE)))

    def answer(self) -> bytes:
        """Wait for its word on the job that it has; nothing when it has died.

        It is read to where the next call finds it: a signal may raise, or ask too, at the moment it has arrived.
        """
        if not any(self.said):
            os.readv(self.answers.fileno(), [self.said])
        return bytes(self.said).strip(b"\0")

    def close(self) -> tuple[int, Any]:
        """Let it end, and return the status it ended with."""
        with suppress(BrokenPipeError):
            self.orders.close()
        _, status, usage = os.wait4(self.pid, 0)
        self.answers.close()
        return status, usage


class WarmWorker(FlowerPowerWorker):
    """A worker whose runs share a process; `runs` is how many at most."""

    runs: int = RUNS
    _horse: _Horse | None = None

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Hand the job to the warm process; code that changed since the preload is imported in one of its own."""
        if self.outdated:
            self._let_go()
            super().fork_work_horse(job, queue)
            return
        execution = self.execution
        assert execution is not None  # noqa: S101 - RQ has prepared it
        order = {"job": job.id, "queue": queue.name, "execution": execution.id}
        text = json.dumps(order | {"since": execution.created_at.isoformat()}).encode() + b"\n"
        if self._horse is None or not _sent(self._horse, text):
            self._let_go()
            self._horse = self._start()
            _sent(self._horse, text)
        self._horse_pid = self._horse.pid

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        """Wait until the warm process has done its job, or has died of it."""
        horse = self._horse
        if horse is None or horse.pid != self.horse_pid:
            return super().wait_for_horse()
        answer = horse.answer()
        if answer == _DONE:
            return horse.pid, os.EX_OK, None
        self._horse = None
        status, usage = horse.close()
        self.note_end_of_horse()
        silent = status == os.EX_OK and answer != _LAST
        return horse.pid, (1 << 8 if silent else os.EX_OK if answer == _LAST else status), usage

    def teardown(self) -> None:
        """End the warm process with this worker."""
        self._ends = True
        self._let_go()
        super().teardown()

    def _let_go(self) -> None:
        if self._horse is not None and not self.is_horse:
            self._horse.close()
            self._horse = None
            self.note_end_of_horse()

    def _start(self) -> _Horse:
        order_end, order_start = os.pipe()
        answer_end, answer_start = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(order_start)
            os.close(answer_end)
            self._work_until_told(os.fdopen(order_end, "rb"), os.fdopen(answer_start, "wb", buffering=0))
        os.close(order_end)
        os.close(answer_start)
        return _Horse(pid, os.fdopen(order_start, "wb", buffering=0), os.fdopen(answer_end, "rb", buffering=0))

    def _work_until_told(self, orders: IO[bytes], answers: IO[bytes]) -> None:
        """Run the jobs that come until there are no more, or it is time for another process."""
        os.setpgrp()
        self.live_with_worker()
        # Or what a run has forked would hold the pipes open, and the worker would not see that this process has died.
        os.register_at_fork(after_in_child=lambda: (orders.close(), answers.close()))
        self.setup_work_horse_signals()
        from flowerpower.pipelines.reuse import keep_drivers

        self._is_horse = True
        keep_drivers()
        try:
            baseline = 0
            for count, line in enumerate(orders, start=1):
                with _tidy():
                    self._perform(json.loads(line))
                baseline = baseline or _memory()
                if count >= self.runs or _memory() > baseline + GROWTH:
                    answers.write(_LAST)
                    break
                answers.write(_DONE)
        except BaseException:
            self.log.exception("the warm process failed")
            os._exit(1)
        os._exit(0)

    def _perform(self, order: dict[str, str]) -> None:
        job = self.job_class.fetch(order["job"], connection=self.connection, serializer=self.serializer)
        queue = next(queue for queue in self.queues if queue.name == order["queue"])
        execution = Execution(order["execution"], job.id, self.connection, self.name)
        execution.created_at = datetime.fromisoformat(order["since"])
        execution._job = job  # or RQ would fetch it again, with its own serializer
        self.executions = {execution.id: execution}
        self.perform_job(job, queue, execution)


def _sent(horse: _Horse, text: bytes) -> bool:
    """Tell whether a process could be told of a job: it may have died while it had nothing to do."""
    horse.said[:] = bytes(len(_DONE))
    try:
        horse.orders.write(text)
    except BrokenPipeError:
        return False
    return True


@contextmanager
def _tidy() -> Iterator[None]:
    """Put back after a run what it may have changed for the next one.

    That is the folder, the environment, the time zone, the mask of new files, which logs are off, and random numbers.
    """
    folder, mask, disabled = _folder(), os.umask(0), logging.root.manager.disable
    os.umask(mask)
    random.seed()
    try:
        with kept_environment():
            yield
    finally:
        time.tzset()
        os.umask(mask)
        logging.disable(disabled)
        if folder:
            with suppress(OSError):  # it was removed meanwhile
                os.chdir(folder)


def _folder() -> Path | None:
    """Return the working folder; nothing where somebody has removed it."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def _memory() -> int:
    """Return the bytes of memory that this process has now; the most it ever had where only that is known."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * resource.getpagesize()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
