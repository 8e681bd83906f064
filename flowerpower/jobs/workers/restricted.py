"""RQ's job, restricted: JSON only, and nothing runs that is not on the list, before anything is imported.

JSON alone does not protect a worker: RQ imports any dotted name it finds in Redis, callbacks and webhooks included.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from flowerpower.errors import FlowerPowerError
from flowerpower.state.job_codec import JOB_FUNCTION
from flowerpower.state.misplaced import says_misplaced

_LONGEST_CALL = 1024 * 1024  # bytes of what a job calls
_LONGEST_FIELD = 64 * 1024  # and of anything else about it
_NOTHING = b"[]"  # what cannot be called
_DROPPED = frozenset(
    {
        "result",
        "exc_info",
        "webhooks",
        "success_callback_name",
        "failure_callback_name",
        "stopped_callback_name",
        "rate_limit_key",
    }
)

logger = logging.getLogger("flowerpower.worker")


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

    @classmethod
    def fetch(cls, id: str, *more: Any, **named: Any) -> Job:
        """Read a job; what stands in a queue and cannot be the id of one is none, and must not end the worker."""
        try:
            return super().fetch(id, *more, **named)
        except ValueError as error:
            logger.error("%.100r stands in a queue and is no job", id)
            raise NoSuchJobError(f"{id!r} is no id of a job") from error

    def refresh(self) -> None:
        """Read the job from Redis; a key of another type is no job, and must not end the worker either."""
        try:
            super().refresh()  # type: ignore[no-untyped-call]
        except ResponseError as error:
            if not says_misplaced(error):
                raise
            logger.error("the key of job %s is of another type", self.id)
            raise NoSuchJobError(f"the key of job {self.id} is of another type") from error

    def restore(self, raw_data: Any) -> Any:
        """Read the job, but nothing that would make RQ import, call, fetch or inflate anything."""
        fields = {key.decode(errors="replace"): value for key, value in raw_data.items()}
        if "data" not in fields:
            raise NoSuchJobError(f"job {self.id} has no data")
        try:
            super().restore(_harmless(fields))
        except Exception as error:  # noqa: BLE001 - what a stranger's hand wrote must not end the worker
            logger.warning("job %s is damaged: %s", self.id, type(error).__name__)
            super().restore({b"data": _NOTHING, b"origin": fields.get("origin", b"")[:_LONGEST_FIELD]})
        self.webhooks = []
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        self.rate_limit_key = None


def _harmless(fields: Mapping[str, bytes]) -> dict[bytes, bytes]:
    """Return the fields that a job of ours has, each of a size that it can have."""
    kept = {name: value for name, value in fields.items() if name not in _DROPPED and len(value) <= _LONGEST_FIELD}
    return {name.encode(): value for name, value in kept.items()} | {b"data": _call(fields["data"])}


def _call(data: bytes) -> bytes:
    """Return what a job calls as JSON text, inflated as far as it may be; RQ compresses what it saves."""
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(data, _LONGEST_CALL)
        if not inflater.eof:
            return _NOTHING
    except zlib.error:
        text = data
    return text if text.startswith(b"[") and len(text) <= _LONGEST_CALL else _NOTHING


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


class RestrictedRegistry(StartedJobRegistry):
    """RQ's registry of the started jobs of a queue: of those it ends it calls and fetches nothing that they name."""

    def get_queue(self) -> Queue:
        """Return the queue, which makes restricted jobs, too."""
        return restricted_queue(self.name, self.connection)


def registries(connection: Redis, queues: Iterable[str]) -> list[RestrictedRegistry]:
    """Return the registries of started jobs of some queues, reading JSON and making restricted jobs."""
    return [RestrictedRegistry(name, connection, RestrictedJob, serializer=JSONSerializer) for name in queues]
