"""RQ's job, restricted: JSON only, and nothing runs that is not on the list, before anything is imported.

JSON alone does not protect a worker: RQ imports any dotted name it finds in Redis, callbacks and webhooks included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from flowerpower.errors import FlowerPowerError
from flowerpower.state.job_codec import JOB_FUNCTION


class ForbiddenJobError(FlowerPowerError):
    """A job asked for a function that this worker does not run."""


class RestrictedJob(Job):
    """A job that resolves its function only if it is allowed, and has no callbacks and no webhooks."""

    allowed: frozenset[str] = frozenset({JOB_FUNCTION})

    @property
    def func(self) -> Callable[..., Any] | None:
        """Return the function to run; raise `ForbiddenJobError` for any that is not on this worker's list."""
        name = self.func_name
        if name not in self.allowed or self.instance is not None:
            raise ForbiddenJobError(
                f"this worker does not run {name!r}",
                hint="name it with --allow-function if it is meant",
            )
        function: Callable[..., Any] | None = super().func
        return function

    def restore(self, raw_data: Any) -> Any:
        """Read the job and forget what would make RQ import or call anything else."""
        result = super().restore(raw_data)
        self.webhooks = []
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        return result


def restricted_job(allowed: Iterable[str]) -> type[RestrictedJob]:
    """Return the job class of a worker that runs these functions besides flowerpower's own."""
    names = frozenset({JOB_FUNCTION, *allowed})
    return type("RestrictedJob", (RestrictedJob,), {"allowed": names})


def restricted_queue(name: str, connection: Redis, job_class: type[Job] = RestrictedJob) -> Queue:
    """Return an RQ queue that reads JSON and makes restricted jobs."""
    return Queue(name, connection=connection, job_class=job_class, serializer=JSONSerializer)


def returned(connection: Redis, run_id: str) -> Any:
    """Return what a job returned, None when nothing is known of it."""
    try:
        result = RestrictedJob.fetch(run_id, connection=connection, serializer=JSONSerializer).latest_result()
    except NoSuchJobError:
        return None
    return result.return_value if result else None


def failure(connection: Redis, run_id: str) -> str:
    """Return how RQ says that a job failed, nothing when it does not say."""
    try:
        result = RestrictedJob.fetch(run_id, connection=connection, serializer=JSONSerializer).latest_result()
    except NoSuchJobError:
        return ""
    return str(result.exc_string or "") if result else ""


def is_readable(connection: Redis, run_id: str) -> bool:
    """Tell whether RQ can read a job, or finds that there is none; where it cannot, it stops at it for ever."""
    try:
        RestrictedJob.fetch(run_id, connection=connection, serializer=JSONSerializer)
    except (NoSuchJobError, RedisConnectionError, RedisTimeoutError):
        return True
    except Exception:  # noqa: BLE001 - whatever lies there, and whatever RQ makes of it
        return False
    return True


def registries(connection: Redis, queues: Iterable[str]) -> list[StartedJobRegistry]:
    """Return the registries of started jobs of some queues, reading JSON and making restricted jobs."""
    return [StartedJobRegistry(queue=restricted_queue(name, connection)) for name in queues]
