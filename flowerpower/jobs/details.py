"""Everything that is known of one run: its attempts, what it made, how it failed, what it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flowerpower.errors import UsageError
from flowerpower.jobs import figures
from flowerpower.jobs.events import newest_events
from flowerpower.jobs.ledger import RunRef, run_ref
from flowerpower.jobs.monitoring.company import live_workers
from flowerpower.jobs.records import RunRecord, active_run, decode_outcome, plain_time, types_of_runs, zone_of
from flowerpower.state.codec import loads
from flowerpower.state.connection import redis_errors
from flowerpower.state.keys import tick_of
from flowerpower.state.misplaced import refuse_misplaced
from flowerpower.state.store import Store

_JOB_FIELDS = (
    "status",
    "origin",
    "enqueued_at",
    "started_at",
    "ended_at",
    "worker_name",
    "meta",
    "timeout",
    "retries_left",
)
_ENDS = {"succeeded", "failed", "cancelled", "attempt_failed", "missed", "skipped"}
_UNTOLD = "nobody told how it ended"  # as of a worker that was killed, when another one took over at once
_MOST_EVENTS = 20_000
_BEFORE = 120  # seconds that the first event of a run may be older than its tick, as clocks go


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a run; `kept` is what it left behind when it failed. Times are epoch seconds, 0 if unknown."""

    number: int
    status: str = "running"
    started: int = 0
    seconds: float | None = None
    worker: str = ""
    reason: str = ""
    kept: Mapping[str, Any] = field(default_factory=dict)
    has_log: bool = False


@dataclass(frozen=True, slots=True)
class RunDetails:
    """One run. `summary` is what it returned, `live` is where it is now, `last_seen` where it was when its process was
    killed; each is empty when nothing is known.
    """

    record: RunRecord
    now: int
    attempts: tuple[Attempt, ...] = ()
    notes: tuple[tuple[int, str], ...] = ()  # what else happened to it, the oldest first
    summary: Mapping[str, Any] = field(default_factory=dict)
    live: Mapping[str, Any] = field(default_factory=dict)
    last_seen: Mapping[str, Any] = field(default_factory=dict)
    pipeline: str = ""
    queue: str = ""
    enqueued: int = 0
    by_hand: bool = False
    retries_left: int = 0
    next_at: int = 0  # when the next attempt of one that waits for its retry is due, 0 if that is now, or unknown
    workers: int | None = None  # that listen on its queue, None when that was not asked

    @property
    def is_over(self) -> bool:
        """Whether its outcome is recorded."""
        return self.record.status in {"succeeded", "failed", "cancelled", "missed", "skipped"}


def read_run(store: Store, text: str, *, history: bool = True) -> RunDetails:
    """Return what is known of a run, by its id or the id without project and environment.

    Without *history* its events are not read: quick enough to ask again and again. Raises `UsageError` for a run that
    nothing is known of.
    """
    run_id = store.keys.full_run_id(text)
    ref = run_ref(store, run_id, 0)
    if ref is None:
        raise UsageError(f"{text!r} is not the id of a run in {store.keys.namespace}", hint=_EXAMPLE)
    now, keys = plain_time(store), store.keys
    wanted = {**types_of_runs(keys, [ref.name]), keys.kept(run_id): "hash", keys.job(run_id): "hash"}
    refuse_misplaced(store.connection, keys, wanted | ({keys.runs: "stream"} if history else {}))
    with redis_errors("reading the run"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.hmget(store.keys.job(run_id), *_JOB_FIELDS)
        pipe.hgetall(store.keys.kept(run_id))
        job, kept = pipe.execute()
    fields = {name: (value or b"").decode(errors="replace") for name, value in zip(_JOB_FIELDS, job, strict=True)}
    record = find_record(store, ref)
    heard = _events_of(store, ref) if history else []
    if record is None:
        record = _from_rq(ref, fields, heard)
    if record is None:
        raise UsageError(f"nothing is known of a run {text!r}", hint=_hint_unknown(ref))
    return _details(store, record, fields, kept, heard, now)


_EXAMPLE = "for example nightly_sales--1795312800, as `flowerpower runs` shows it"


def find_record(store: Store, ref: RunRef) -> RunRecord | None:
    """Return how a run stands: active, or its outcome; None when neither is known."""
    return active_run(store, ref.id) or find_outcome(store, ref)


def find_outcome(store: Store, ref: RunRef) -> RunRecord | None:
    """Return the outcome of a run, or of the range of ticks that its tick lies in."""
    tick = tick_of(ref.run)
    with redis_errors("reading the outcome"):
        pipe = store.connection.pipeline(transaction=False)
        for key in (store.keys.outcomes(ref.name), store.keys.older(ref.name)):
            if tick is None:
                pipe.zrevrange(key, 0, -1)  # the tick of a run by hand is not in its id
            else:
                pipe.zrangebyscore(key, tick, tick)
                pipe.zrangebyscore(key, tick, "+inf", start=0, num=50)  # a range is filed under its last tick
        raws = [raw for reply in pipe.execute() for raw in reply]
    records = [record for raw in raws if (record := decode_outcome(ref.name, raw)) is not None]
    exact = [record for record in records if record.run == ref.id]
    alone = [record for record in records if tick is not None and record.first == record.last == tick]
    inside = [record for record in records if tick is not None and record.first <= tick <= record.last]
    usable = [record for record in (*exact, *alone, *inside) if record.run in ("", ref.id)]
    return usable[0] if usable else None


def _events_of(store: Store, ref: RunRef) -> list[tuple[int, Mapping[str, str]]]:
    """Return the events of one run, the oldest first; a clock may have been set back since its tick."""
    tick = tick_of(ref.run) or 0
    return _heard_since(store, ref, max(0, tick - _BEFORE)) or (_heard_since(store, ref, 0) if tick else [])


def _heard_since(store: Store, ref: RunRef, since: int) -> list[tuple[int, Mapping[str, str]]]:
    tick, found = tick_of(ref.run), []
    for number, event in enumerate(newest_events(store, since=since, page=1000)):
        fields = event.fields
        same_tick = tick is not None and fields.get("schedule") == ref.name and fields.get("tick") == str(tick)
        if fields.get("job") == ref.id or (same_tick and not fields.get("job")):
            found.append((event.moment, fields))
        if number > _MOST_EVENTS:
            break
    return found[::-1]


def _details(
    store: Store,
    record: RunRecord,
    job: Mapping[str, str],
    kept: Mapping[bytes, bytes],
    heard: Sequence[tuple[int, Mapping[str, str]]],
    now: int,
) -> RunDetails:
    meta = _json(job["meta"].encode())
    queue = job["origin"].rpartition("--")[2]
    waits = record.status in ("queued", "retrying", "scheduled")
    summary = _summary(store, record) if record.status == "succeeded" else {}
    where = {} if summary else _json(kept.get(b"live", b""))  # an attempt that can say how it ended takes it away
    runs = record.status == "running"
    return RunDetails(
        record=replace(record, timezone=zone_of(store, record.name)),
        now=now,
        attempts=_attempts(record, kept, heard, summary),
        notes=tuple((moment, _note(event)) for moment, event in heard if event.get("event") not in _ENDS | {"started"}),
        summary=summary,
        live=where if runs else {},
        last_seen={} if runs else where,
        pipeline=str(meta.get("pipeline") or summary.get("pipeline") or ""),
        queue=queue,
        enqueued=figures.moment(job["enqueued_at"]),
        by_hand=tick_of(record.run.rpartition("--")[2]) is None if record.run else False,
        retries_left=int(job["retries_left"]) if job["retries_left"].isdigit() else 0,
        next_at=_retry_due(store, record, job["origin"]) if record.status == "retrying" else 0,
        workers=live_workers(store, job["origin"]) if waits else None,
    )


def _attempts(
    record: RunRecord,
    kept: Mapping[bytes, bytes],
    heard: Sequence[tuple[int, Mapping[str, str]]],
    summary: Mapping[str, Any],
) -> tuple[Attempt, ...]:
    found = _attempts_heard(heard)
    for name, value in kept.items():
        if name.startswith(b"attempt:") and (number := figures.whole(name[8:].decode(errors="replace"))):
            found[number] = _with_kept(found.get(number, Attempt(number)), _json(value))
    if record.attempt and record.attempt not in found:
        status = record.status if record.status in _ENDS else "running"
        found[record.attempt] = Attempt(record.attempt, status, seconds=record.seconds, reason=record.reason)
    if summary and (last := found.get(record.attempt)):
        found[record.attempt] = replace(last, worker=last.worker or str(summary.get("worker") or ""))
    logs = {figures.whole(name[4:].decode(errors="replace")) for name in kept if name.startswith(b"log:")}
    whole = (replace(found[number], has_log=number in logs) for number in sorted(found))
    return tuple(_ended(attempt) if attempt.number < record.attempt else attempt for attempt in whole)


def _attempts_heard(heard: Sequence[tuple[int, Mapping[str, str]]]) -> dict[int, Attempt]:
    """Return what the events tell of each attempt."""
    found: dict[int, Attempt] = {}
    for moment, event in heard:
        number = figures.whole(event.get("attempt"))
        if event.get("event") == "started" and number:
            found[number] = Attempt(number, started=moment, worker=event.get("worker", ""))
        elif event.get("event") in _ENDS and number:
            before = found.get(number, Attempt(number))
            status = "failed" if event["event"] == "attempt_failed" else event["event"]
            seconds = _seconds(event.get("duration"))
            found[number] = replace(before, status=status, seconds=seconds, reason=event.get("reason", ""))
    return found


def _ended(attempt: Attempt) -> Attempt:
    """Return an attempt that another one followed: it cannot be running still."""
    return replace(attempt, status="failed", reason=_UNTOLD) if attempt.status == "running" else attempt


def _with_kept(attempt: Attempt, kept: Mapping[str, Any]) -> Attempt:
    """Return an attempt with what it left behind; the events say when and how it ended, if they are still there."""
    seconds = attempt.seconds if attempt.seconds is not None else _seconds(kept.get("seconds"))
    return replace(
        attempt,
        status="failed" if attempt.status == "running" else attempt.status,
        started=attempt.started or figures.moment(kept.get("started")),
        seconds=seconds,
        worker=attempt.worker or str(kept.get("worker") or ""),
        kept=kept,
    )


def _note(event: Mapping[str, str]) -> str:
    reason = event.get("reason", "")
    return f"{event.get('event', '')}{f': {reason}' if reason else ''}"


def _from_rq(ref: RunRef, job: Mapping[str, str], heard: Sequence[tuple[int, Mapping[str, str]]]) -> RunRecord | None:
    """Return how RQ or the events have it: a pending occurrence, or a run whose outcome is not kept any more."""
    words = {"scheduled": "scheduled", "queued": "queued", "started": "running", "deferred": "scheduled"}
    ended = {"finished": "succeeded", "failed": "failed", "stopped": "cancelled", "canceled": "cancelled"}
    status = words.get(job["status"]) or ended.get(job["status"])
    last = next((event for _, event in reversed(heard) if event.get("event") in _ENDS), None)
    if last is not None and (status is None or job["status"] in ended):
        moment = next(moment for moment, event in reversed(heard) if event is last)
        return RunRecord(
            ref.name,
            ref.tick or figures.moment(last.get("tick")),
            ref.tick or figures.moment(last.get("tick")),
            "failed" if last["event"] == "attempt_failed" else last["event"],
            reason=last.get("reason", ""),
            run=ref.id,
            attempt=figures.whole(last.get("attempt")),
            seconds=figures.number(last.get("duration")),
            at=moment,
            commit=last.get("commit", ""),
            other_code=last.get("other_code", ""),
        )
    if status is None:
        return None
    return RunRecord(ref.name, ref.tick, ref.tick, status, run=ref.id, at=figures.moment(job["ended_at"]))


def _summary(store: Store, record: RunRecord) -> Mapping[str, Any]:
    from flowerpower.jobs.workers.restricted import returned

    with redis_errors("reading the run's result"):
        found = returned(store.connection, record.run)
    if not isinstance(found, dict) or found.get("status") != "succeeded":
        return {}
    of_another = record.attempt and found.get("attempt") != record.attempt  # that was given up, and ended later
    return {} if of_another else found


def _retry_due(store: Store, record: RunRecord, queue: str) -> int:
    with redis_errors("looking for a retry"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.zscore(store.keys.scheduled(queue), record.run)
        (due,) = pipe.execute(raise_on_error=False)  # a list of RQ's that is of another type hides no run
    return figures.moment(due) if isinstance(due, float) else 0


def _hint_unknown(ref: RunRef) -> str:
    return f"`flowerpower runs {ref.name}` shows its runs; what ended long ago is forgotten"


def _json(raw: bytes) -> Mapping[str, Any]:
    try:
        found = loads(raw) if raw else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(value: Any) -> float | None:
    return None if value in (None, "") else figures.number(value)
