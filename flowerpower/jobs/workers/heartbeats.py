"""Signs of life: how a worker is known to Redis, also after Redis was away, was emptied, or lost a list of RQ's."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import Worker
from rq.executions import Execution
from rq.job import Job
from rq.worker_registration import register

from flowerpower.jobs.absence import Absence
from flowerpower.state.connection import as_ours, refuses_writes
from flowerpower.state.misplaced import says_misplaced

LOOK_EVERY = 15  # seconds that an idle worker waits for a job before it gives a sign of life
_KNOWN_FOR = 90  # seconds that an idle worker counts as alive, as a busy one does; RQ takes eight minutes
_FRESH_SECONDS = 5.0  # how old a heartbeat may be when the next one is left out

logger = logging.getLogger("flowerpower.worker")


@contextmanager
def past_damage(what: str) -> Iterator[list[str]]:
    """Go on where a key of RQ's is of another type, which would end the worker each time; yield what was told of it."""
    told: list[str] = []
    try:
        yield told
    except ResponseError as error:
        if not says_misplaced(error):
            raise
        told.append(f"{what}, a key of RQ's is of another type: {error}")
        logger.error(told[0])


class BeatingWorker(Worker):
    """RQ's worker, which waits for seven minutes without a word and tells of an absent Redis every other second."""

    absence: Absence
    max_connection_wait_time = 5.0
    _renewed: float = 0.0  # when the heartbeat was renewed for as long as a worker may be idle

    @property
    def dequeue_timeout(self) -> int:
        """Return how long to wait for a job; RQ would not notice for minutes that Redis has forgotten this worker."""
        return LOOK_EVERY

    @property
    def connection_timeout(self) -> int:
        """Return how long to wait for a reply: as long as RQ does, since a script may keep Redis busy."""
        return int(self.worker_ttl) - 5

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Renew the worker's heartbeat: once where RQ does so three times between two jobs, in one round trip each."""
        if pipeline is not None:  # of a job: it shortens how long the worker is taken to be alive
            self._renewed = 0.0
            super().heartbeat(timeout, pipeline)
            return
        if timeout is None and time.monotonic() - self._renewed < _FRESH_SECONDS and not self.absence.lasts:
            return
        with self.connection.pipeline(transaction=False) as together:
            super().heartbeat(timeout or _KNOWN_FOR, together)
            register(self, together)
            is_first, *others = together.execute(raise_on_error=False)
        if isinstance(is_first, Exception):
            raise is_first
        if is_first:
            self._register_again()
        elif any(isinstance(one, ResponseError) for one in others):
            logger.debug("not all of this worker's signs of life could be given: %s", others)
        self.absence.over()
        self._renewed = 0.0 if timeout else time.monotonic()

    def note_refusal(self, error: ResponseError) -> None:
        """Tell that Redis takes no write for now, if this says so; raise it if it says anything else."""
        if not refuses_writes(error):
            raise error
        self.absence.gone(f"{error} ({as_ours(error, '').hint})", refuses=True)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Return how long a sign of life of a running job counts, which for RQ ends with the job's time limit.

        A run that its limit does not end is killed a little later; until then it must not look like one of no worker.
        """
        return max(int(super().get_heartbeat_ttl(job, working_time)), int(self.job_monitoring_interval) + 60)

    def register_birth(self) -> None:
        """Make the worker known; where one of RQ's lists of workers is of another type, it works all the same.

        RQ lists a queue with its first job, and who waits for that one would not be counted.
        """
        with past_damage("this worker is not in all of RQ's lists"):  # Redis does the rest of what is sent together
            super().register_birth()  # type: ignore[no-untyped-call]
        with past_damage("the queues of this worker are not in RQ's list"):
            self._list_queues(self.connection)

    def register_death(self) -> None:
        """Let the worker be known no more."""
        with past_damage("this worker is not taken out of all of RQ's lists"):
            super().register_death()  # type: ignore[no-untyped-call]

    def _register_again(self) -> None:
        """Make this worker and its queues known once more: Redis was flushed, and nobody would count with them."""
        logger.warning("Redis did not know this worker any more; it is registered again")
        with past_damage("this worker is not in all of RQ's lists"), self.connection.pipeline() as together:
            together.hset(self.key, mapping=self.serialize() | {"state": str(self.get_state())})
            register(self, together)
            self._list_queues(together)
            together.execute()

    def _list_queues(self, connection: Redis) -> None:
        connection.sadd(self.queue_class.redis_queues_keys, *(queue.key for queue in self.queues))

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Renew the heartbeats of a running job; a Redis that is away, or refuses, does not end the job."""
        try:
            super().maintain_heartbeats(job, execution)
        except (RedisConnectionError, RedisTimeoutError) as error:
            self.absence.gone(error)
        except ResponseError as error:
            if refuses_writes(error):
                self.note_refusal(error)
            else:
                logger.warning("Redis refused the heartbeat of a job that runs: %s", error)
        else:
            self.absence.over()
