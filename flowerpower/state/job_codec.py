"""RQ jobs as text: what we write for a run, and what the jobs that lie in Redis are read as.

What lies there may be anybody's: nothing of it is imported, unpickled or believed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import TypeAlias

from flowerpower.state.codec import loads
from flowerpower.state.models import Occurrence

JOB_FUNCTION = "flowerpower.jobs.run.run_scheduled"
UNREADABLE = "(unreadable)"  # the function of what stands for a job that is not as we write them
JOB_FIELDS = ("data", "origin", "timeout", "result_ttl", "failure_ttl", "retries_left", "retry_intervals", "status")


def job_fields(occurrence: Occurrence) -> dict[str, str]:
    """Return the fields of the RQ job hash that do not depend on the tick, named and written as RQ does."""
    return {**job_template(occurrence), "data": job_data(occurrence)}


def job_data(occurrence: Occurrence) -> str:
    """Return the call that a job is, as RQ's JSON serializer writes it."""
    return json.dumps([occurrence.function, None, list(occurrence.args), {}])


def call_start(namespace: str) -> str:
    """Return how the calls of a namespace begin; `plain_call` is that, the name, `", "`, the digest and an end."""
    return f'["{JOB_FUNCTION}", null, ["{namespace}", "'


JobSettings: TypeAlias = tuple[str, int, int, int, int, tuple[int, ...]]


def job_settings(occurrence: Occurrence) -> JobSettings:
    """Return what `job_template` is made of."""
    settings: JobSettings = _settings(occurrence)
    return settings


def job_template(occurrence: Occurrence) -> Mapping[str, str]:
    """Return what a job has in common with others of the same queue and settings; the same value for all of them."""
    return template_of(*_settings(occurrence))


_settings = attrgetter("queue", "timeout", "result_ttl", "failure_ttl", "retries", "retry_intervals")


@lru_cache(maxsize=5000)
def template_of(
    queue: str, timeout: int, result_ttl: int, failure_ttl: int, retries: int, intervals: tuple[int, ...]
) -> Mapping[str, str]:
    """Return the fields that jobs of these settings have in common, named and written as RQ does.

    RQ also writes eight that are empty, such as `worker_name`, and reads a job without them just the same.
    """
    fields = {
        "origin": queue,
        "timeout": str(timeout),
        "result_ttl": str(result_ttl),
        "failure_ttl": str(failure_ttl),
    }
    if retries:
        fields |= {"retries_left": str(retries), "retry_intervals": json.dumps(list(intervals or (0,)))}
    return fields


def decode_occurrence(
    run_id: str, due: int, values: Sequence[bytes | None], expected: tuple[str, ...] = ()
) -> Occurrence | None:
    """Return the occurrence that a live RQ job is, None if unreadable; *expected* arguments need no parsing."""
    data = values[0]
    try:
        function, args = JOB_FUNCTION, expected
        if data != plain_call(expected):
            function, args = _decode_data(data or b"")
        queue, timeout, result_ttl, failure_ttl, retries, intervals = decode_settings(*values[1:-1])
        return Occurrence(run_id, queue, due, function, args, timeout, result_ttl, failure_ttl, retries, intervals)
    except (ValueError, TypeError, zlib.error):
        return None


def plain_call(args: tuple[str, ...]) -> bytes | None:
    """Return a scheduled run's call as RQ's JSON serializer writes it; None for arguments that need escapes."""
    text = '", "'.join(args)
    if not args or text.count('"') != 2 * len(args) - 2 or "\\" in text or not (text.isascii() and text.isprintable()):
        return None
    return f'["{JOB_FUNCTION}", null, ["{text}"], {{}}]'.encode()


@lru_cache(maxsize=5000)
def decode_settings(
    origin: bytes | None,
    timeout: bytes | None,
    result_ttl: bytes | None,
    failure_ttl: bytes | None,
    retries: bytes | None,
    intervals: bytes | None,
) -> tuple[str, int, int, int, int, tuple[int, ...]]:
    """Return what jobs have in common with many others: there are far fewer than jobs.

    Raises `ValueError` where one is missing that each job of ours has, or is something else.
    """
    if origin is None or timeout is None or result_ttl is None or failure_ttl is None:
        raise ValueError("a field is missing")
    waits = loads(intervals) if intervals and int(retries or 0) else []
    if not isinstance(waits, list) or not all(isinstance(wait, int) for wait in waits):
        raise ValueError("what a retry waits for is no list of seconds")
    return origin.decode(), int(timeout), int(result_ttl), int(failure_ttl), int(retries or 0), tuple(waits)


def _decode_data(raw: bytes) -> tuple[str, tuple[str, ...]]:
    text = raw if raw.startswith(b"[") else _decompress(raw)
    function, _instance, args, _kwargs = loads(text)
    if not isinstance(function, str) or not isinstance(args, list) or not all(isinstance(arg, str) for arg in args):
        raise TypeError("not a job of ours")
    return function, tuple(args)


def _decompress(raw: bytes, limit: int = 1 << 20) -> bytes:
    """Inflate RQ's compressed job data, at most *limit* bytes: what lies in Redis may be hostile."""
    return zlib.decompressobj().decompress(raw, limit)
