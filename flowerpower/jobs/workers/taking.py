"""How a worker takes jobs: from its own queues, past what is damaged in them, and as long as nobody asks it to stop."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

from redis.exceptions import ResponseError
from rq import Queue
from rq.exceptions import StopRequested
from rq.job import Job
from rq.registry import FailedJobRegistry, FinishedJobRegistry
from rq.worker_registration import clean_worker_registry

from flowerpower.jobs.workers.heartbeats import BeatingWorker, past_damage

REFUSED_SECONDS = 1.0  # before the next job, where Redis refused this one

logger = logging.getLogger("flowerpower.worker")


class TakingWorker(BeatingWorker):
    """RQ's worker, which lets go of no queue but those that are damaged; `stop` is set once it is to take no more."""

    stop: threading.Event
    _waits: bool = False  # for the next job

    def clean_registries(self) -> None:
        """Clean up after dead workers in our own queues: RQ would also unpickle jobs of other queues.

        Started jobs are left to the scheduler, which goes by the clock of Redis and spares workers after an outage.
        """
        self._ordered_queues = list(self.queues)  # also those that were damaged when it looked last
        try:
            for queue in self.queues:
                _clean_up(queue)
        except ResponseError as error:
            self.note_refusal(error)
        self.last_cleaned_at = datetime.now(UTC)  # type: ignore[assignment]

    def clean_group_registries(self) -> None:
        """Leave RQ's groups alone: flowerpower makes none, and RQ would unpickle their jobs."""

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for the next job, unless somebody has asked to stop meanwhile."""
        self._waits, again = True, True
        found: tuple[Job, Queue] | None = None  # which ends this worker, and another one starts
        try:
            while again:
                if self.stop.is_set():
                    raise StopRequested
                found, again = self._dequeued(timeout, max_idle_time)
            return found
        finally:
            self._waits = False

    def _dequeued(self, timeout: int | None, max_idle_time: int | None) -> tuple[tuple[Job, Queue] | None, bool]:
        """Return the next job, and whether to ask once more, since what was met is damaged."""
        found: tuple[Job, Queue] | None = None
        try:
            with past_damage("a queue waits") as told:
                found = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        except UnicodeDecodeError:
            logger.error("what stood in a queue is no text, and no job")
            return None, True
        except ResponseError as error:
            self.note_refusal(error)
            self.stop.wait(REFUSED_SECONDS)
            return None, True
        return found, bool(told) and self._leave_damaged_queues()

    def _leave_damaged_queues(self) -> bool:
        """Work on the queues that are lists, until the next clean-up; tell whether there are any."""
        keys = {queue: (queue.key, queue.intermediate_queue_key) for queue in self._ordered_queues}
        left = [queue for queue, pair in keys.items() if all(map(self._is_list, pair))]
        fewer = len(left) < len(keys)
        self._ordered_queues = left
        return fewer and bool(left)

    def _is_list(self, key: str) -> bool:
        return self.connection.type(key) in (b"none", b"list")


def _clean_up(queue: Queue) -> None:
    """Clean up after dead workers in one queue, unless another worker does it just now."""
    if not queue.acquire_maintenance_lock():
        return
    for registry in (FinishedJobRegistry, FailedJobRegistry):
        with past_damage(f"{registry.__name__} of {queue.name} is not cleaned up"):
            registry(queue=queue, job_class=queue.job_class).cleanup()
    with past_damage(f"the workers of {queue.name} are not cleaned up"):
        clean_worker_registry(queue)
    queue.release_maintenance_lock()  # type: ignore[no-untyped-call]
