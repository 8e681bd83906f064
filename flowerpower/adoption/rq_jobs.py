"""RQ jobs as other tools left them: pending jobs of RQ's own scheduler, and entries of rq-scheduler."""

from __future__ import annotations

import json
import keyword
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from flowerpower.adoption.found import Call, Found, Limits, Unread
from flowerpower.adoption.pickles import Unreadable, read_pickle
from flowerpower.adoption.values import NotPlainError, call_of, plain_value

JOB_FIELDS = (
    *("data", "origin", "status", "timeout", "result_ttl", "failure_ttl", "ttl", "retries_left", "retry_intervals"),
    *("repeats_left", "repeat_intervals", "number_of_retries", "started_at", "meta", "success_callback_name"),
    *("failure_callback_name", "stopped_callback_name", "webhooks", "dependency_ids", "dependency_id", "group_id"),
    *("rate_limit_key", "enqueue_at_front"),
)
_LARGEST_DATA = 1 << 20
_LONGEST_FUNCTION = 300
_SCHEDULER_META = frozenset({"cron_string", "interval", "repeat", "use_local_timezone"})
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.:@/+-]{1,200}")
_WHAT_IS_LEFT_OUT: Mapping[str, str] = {
    "success_callback_name": "the callback on success",
    "failure_callback_name": "the callback on failure",
    "stopped_callback_name": "the callback when stopped",
    "webhooks": "the webhooks",
    "dependency_ids": "what it depends on",
    "dependency_id": "what it depends on",
    "group_id": "the group",
    "rate_limit_key": "the rate limit",
}


class UnreadableJobError(Exception):
    """A job that cannot be carried over; the message says why."""


def identity_of(raw: bytes) -> str:
    """Return the id of a job as a text that fits into a label; an odd one as its hexadecimal digits."""
    text = raw.decode("utf-8", "replace")
    return text if _PLAIN_ID.fullmatch(text) else f"hex-{raw.hex()[:120]}"


def pending_job(queue: str, raw_id: bytes, due: float, values: Sequence[bytes | None]) -> Found | Unread:
    """Return the job that waits in RQ's registry of scheduled jobs, from its `JOB_FIELDS`."""
    identity, job = identity_of(raw_id), dict(zip(JOB_FIELDS, values, strict=True))
    try:
        if job["number_of_retries"] or (job["started_at"] and not job["repeat_intervals"]):
            raise UnreadableJobError("it failed, and waits for its retry: let RQ finish it")
        call = job_call(job["data"])
        left_out = _left_out(job)
        every, times, note = _repetition(job)
        meta = _meta_words(job["meta"], frozenset())
        return Found(
            "rq",
            identity,
            call,
            queue,
            _moment(due),
            every=every,
            times=times,
            limits=_limits(job),
            left_out=(*left_out, *note, *meta),
        )
    except UnreadableJobError as error:
        return Unread("rq", identity, str(error))


def scheduler_entry(raw_id: bytes, due: float, values: Sequence[bytes | None]) -> Found | Unread:
    """Return the entry of rq-scheduler, from its score and the `JOB_FIELDS` of its job."""
    identity, job = identity_of(raw_id), dict(zip(JOB_FIELDS, values, strict=True))
    try:
        call = job_call(job["data"])
        meta = _meta(job["meta"])
        cron, every, repeat = meta.get("cron_string"), meta.get("interval"), meta.get("repeat")
        return Found(
            "rq-scheduler",
            identity,
            call,
            (job["origin"] or b"default").decode("utf-8", "replace"),
            _moment(due),
            cron=_text(cron) if cron and not every else None,  # it looks at the interval first, too
            every=_whole(every, "its interval") if every else None,
            times=_times(repeat) if cron or every else None,
            limits=_without_forever(_limits(job)),
            left_out=(*_left_out(job), *_meta_words(job["meta"], _SCHEDULER_META)),
        )
    except UnreadableJobError as error:
        return Unread("rq-scheduler", identity, str(error))


def job_call(data: bytes | None) -> Call:
    """Return the function and the arguments in a job's data: pickle or JSON, compressed or not."""
    if data is None:
        raise UnreadableJobError("its job is gone")
    parts = _read(inflated(data))
    if not isinstance(parts, list | tuple) or len(parts) != 4 or not isinstance(parts[0], str):
        raise UnreadableJobError("its data is not a job of RQ")
    function, instance, args, kwargs = parts
    if instance is not None:
        raise UnreadableJobError(f"it calls a method of an object, {_short(function)}, which only RQ can bring back")
    return call_of(checked_function(function), args, kwargs)


def checked_function(name: str) -> str:
    """Return the dotted name of a function; raise `UnreadableJobError` if it cannot be imported by that name."""
    pieces = name.split(".")
    good = all(piece.isidentifier() and not keyword.iskeyword(piece) for piece in pieces)
    if not good or len(name) > _LONGEST_FUNCTION or pieces[0] == "__main__":
        raise UnreadableJobError(f"{_short(name)} is not a function that can be imported")
    return name if len(pieces) > 1 else f"builtins.{name}"


def inflated(data: bytes) -> bytes:
    """Return job data without RQ's compression; never more than a job can reasonably hold."""
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(data, _LARGEST_DATA)
    except zlib.error:
        found, unfinished = data, len(data) > _LARGEST_DATA
    else:
        unfinished = not inflater.eof
    if unfinished:
        raise UnreadableJobError("its data is cut off or very large")
    return found


def _read(data: bytes) -> Any:
    try:
        if data[:1] in (b"[", b"{"):
            return json.loads(data, parse_constant=lambda _: Unreadable("not a number"))
        return read_pickle(data)
    except (ValueError, RecursionError):
        raise UnreadableJobError("its data is neither pickle nor JSON that can be read") from None


def _meta(raw: bytes | None) -> Mapping[Any, Any]:
    """Return the job's meta; RQ keeps it without compression, and none where it is empty."""
    if not raw:
        return {}
    found = _read(raw)
    if not isinstance(found, Mapping):
        raise UnreadableJobError("its meta cannot be read")
    return found


def _meta_words(raw: bytes | None, known: frozenset[str]) -> tuple[str, ...]:
    try:
        others = sorted(str(key)[:40] for key in _meta(raw).keys() - known)
    except (UnreadableJobError, TypeError):
        return ("its meta, which cannot be read",)
    return (f"its meta ({', '.join(others[:5])})",) if others else ()


def _left_out(job: Mapping[str, bytes | None]) -> tuple[str, ...]:
    words = [words for name, words in _WHAT_IS_LEFT_OUT.items() if job[name] not in (None, b"", b"[]")]
    if job["enqueue_at_front"] not in (None, b"", b"0"):
        words.append("its place at the front of the queue")
    return tuple(dict.fromkeys(words))


def _limits(job: Mapping[str, bytes | None]) -> Limits:
    retries = _number(job["retries_left"]) or 0
    return Limits(
        timeout=_number(job["timeout"]),
        result_ttl=_number(job["result_ttl"]),
        failure_ttl=_number(job["failure_ttl"]),
        ttl=_number(job["ttl"]),
        retries=retries,
        retry_intervals=_intervals(job["retry_intervals"]),
    )


def _without_forever(limits: Limits) -> Limits:
    """Leave out the `result_ttl` of -1 that rq-scheduler itself needs for what it repeats."""
    forever = limits.result_ttl is not None and limits.result_ttl < 0
    return Limits(limits.timeout, None if forever else limits.result_ttl, limits.failure_ttl, limits.ttl)


def _repetition(job: Mapping[str, bytes | None]) -> tuple[int | None, int | None, tuple[str, ...]]:
    """Return the interval and the number of runs that RQ's `Repeat` asks for, and what of it cannot be said."""
    left, intervals = _number(job["repeats_left"]) or 0, _intervals(job["repeat_intervals"])
    if left < 1:
        return None, None, ()
    if len(set(intervals)) != 1 or intervals[0] < 1:
        return None, None, (f"its {left} repetitions, at uneven intervals",)
    return intervals[0], left + 1, ()


def _intervals(raw: bytes | None) -> tuple[int, ...]:
    try:
        found = json.loads(raw or b"[]")
        return tuple(int(item) for item in (found if isinstance(found, list) else [found])[:100])
    except (ValueError, TypeError, RecursionError, OverflowError):
        return ()


def _number(raw: bytes | None) -> int | None:
    """Return the seconds or the number in a field: digits, also with a unit behind them as RQ allows."""
    text = (raw or b"").decode("ascii", "replace").strip()
    size = _UNITS.get(text[-1:].lower(), 1)
    digits = text[:-1] if text[-1:].lower() in _UNITS else text
    return int(digits) * size if re.fullmatch(r"-?[0-9]{1,12}", digits) else None


def _moment(due: float) -> int:
    if not math.isfinite(due) or not 0 <= due < 250_000_000_000:
        raise UnreadableJobError("the moment it waits for is out of reach")
    return int(due)


def _times(repeat: Any) -> int | None:
    return None if repeat is None else max(1, _whole(repeat, "how often it repeats"))


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**10:
        raise UnreadableJobError(f"{what} cannot be read")
    return value


def _text(value: Any) -> str:
    try:
        found = plain_value(value)
    except NotPlainError:
        found = None
    if not isinstance(found, str) or len(found) > 200:
        raise UnreadableJobError("its cron expression cannot be read")
    return found


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")
