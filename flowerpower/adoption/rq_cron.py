"""The cron jobs that RQ's own cron schedulers (`rq cron CONFIG`) keep in Redis for people to look at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flowerpower.adoption.found import Found, Limits, Unread
from flowerpower.adoption.pickles import Unreadable
from flowerpower.adoption.rq_jobs import UnreadableJobError, checked_function
from flowerpower.adoption.values import NotPlainError, call_of, plain_value
from flowerpower.state.codec import canonical, digest

SCHEDULER_FIELDS = ("cron_jobs", "config_file", "hostname", "pid")
_NOT_JSON = "<not JSON serializable>"  # what RQ writes in the place of such arguments
_IDENTITY = ("func_name", "name", "queue_name", "args", "kwargs", "interval", "cron")


@dataclass(frozen=True, slots=True)
class CronScheduler:
    """One `rq cron` process as it describes itself."""

    name: str
    values: tuple[bytes | None, ...]  # of SCHEDULER_FIELDS


def cron_jobs(schedulers: Iterable[CronScheduler]) -> tuple[list[Found], list[Unread]]:
    """Return the cron jobs of all schedulers; one that several of them run is one."""
    found: dict[str, Found] = {}
    unread: list[Unread] = []
    for scheduler in schedulers:
        try:
            jobs = _jobs(scheduler)
        except UnreadableJobError as error:
            unread.append(Unread("rq-cron", scheduler.name[:200], str(error)))
            continue
        for number, job in enumerate(jobs, start=1):
            try:
                one = _cron_job(job, scheduler)
            except UnreadableJobError as error:
                unread.append(Unread("rq-cron", f"{scheduler.name[:200]}, job {number}", str(error)))
                continue
            known = found.get(one.id)
            found[one.id] = one if known is None else _merged(known, one)
    return list(found.values()), unread


def _merged(one: Found, other: Found) -> Found:
    due = min((due for due in (one.due, other.due) if due is not None), default=None)
    return replace(one, due=due, runners=(*one.runners, *other.runners))


def _jobs(scheduler: CronScheduler) -> list[Any]:
    raw = scheduler.values[0]
    if raw is None and not any(scheduler.values):
        raise UnreadableJobError("this scheduler is gone, and what it ran with it; start it to adopt from it")
    if raw is None:
        raise UnreadableJobError("an RQ before 2.7 does not write its cron jobs down; run `rq cron` of a newer one")
    try:
        jobs = json.loads(raw or b"")
    except (ValueError, RecursionError):
        jobs = None
    if not isinstance(jobs, list):
        raise UnreadableJobError("its list of cron jobs is damaged")
    return jobs


def _cron_job(job: Any, scheduler: CronScheduler) -> Found:
    if not isinstance(job, dict) or not isinstance(job.get("func_name"), str):
        raise UnreadableJobError("its description is damaged")
    function, title = checked_function(job["func_name"]), job.get("name")
    cron, interval = job.get("cron"), job.get("interval")
    if not isinstance(cron, str | None) or not (cron or _is_seconds(interval)):
        raise UnreadableJobError("it says neither an interval nor a cron expression that can be read")
    config, host, pid = ((raw or b"").decode("utf-8", "replace") for raw in scheduler.values[1:])
    return Found(
        "rq-cron",
        digest(canonical([config, *(_plain(job.get(name)) for name in _IDENTITY)]))[:20],
        call_of(function, _inner(job.get("args"), []), _inner(job.get("kwargs"), {})),
        str(job.get("queue_name") or "default"),
        _due(job.get("next_enqueue_time")),
        cron=cron or None,
        every=None if cron else interval,
        title="" if title in (None, "", job["func_name"]) else str(title),
        limits=_limits(job),
        left_out=tuple(words for key, words in (("meta", "its meta"), ("webhooks", "the webhooks")) if job.get(key)),
        config_file=config,
        runners=(f"{host or 'an unknown host'}, process {pid or 'unknown'}",),
    )


def _plain(value: Any) -> Any:
    try:
        return plain_value(value)
    except NotPlainError as error:
        raise UnreadableJobError("its description is damaged") from error


def _inner(text: Any, default: Any) -> Any:
    """Return the arguments, which are JSON inside JSON."""
    if text is None:
        return default
    if text == _NOT_JSON or not isinstance(text, str):
        return Unreadable("not written down by RQ: look into its cron file")
    try:
        return json.loads(text, parse_constant=lambda _: Unreadable("not a number"))
    except (ValueError, RecursionError):
        return Unreadable("not readable")


def _limits(job: Mapping[str, Any]) -> Limits:
    names = {"timeout": "job_timeout", "result_ttl": "result_ttl", "failure_ttl": "failure_ttl", "ttl": "ttl"}
    return Limits(**{ours: job[theirs] for ours, theirs in names.items() if _is_seconds(job.get(theirs), least=-1)})


def _is_seconds(value: Any, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 10**10


def _due(text: Any) -> int | None:
    try:
        moment = datetime.fromisoformat(str(text))
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) if moment.year < 9000 else None
    except (ValueError, OverflowError):
        return None
