"""What is live and how it went: schedules with their next tick and last outcome, workers, scheduler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.models import Head, Hold, Reading, Schedule
from flowerpower.state.store import Store


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one tick, or of a range of ticks; times are epoch seconds."""

    first: int
    last: int
    count: int
    status: str  # succeeded, failed, skipped, missed, cancelled
    reason: str = ""
    run: str = ""
    attempt: int = 0
    duration: float = 0.0
    at: int = 0


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """One live schedule; `next_tick` is epoch seconds, None when paused, held or exhausted."""

    name: str
    pipeline: str
    queue: str
    timezone: str
    trigger: str
    paused: bool
    hold: Hold | None
    next_tick: int | None
    late: int  # seconds since the next tick was due, 0 when it is not
    active: int
    last: Outcome | None
    commit: str
    waiting: int = 0  # ticks that wait for the active run


@dataclass(frozen=True, slots=True)
class Status:
    """One look at a namespace."""

    namespace: str
    now: int
    head: Head
    schedules: tuple[ScheduleStatus, ...]
    workers: Mapping[str, int] = field(default_factory=dict)
    scheduler: str = ""
    pipelines: int = 0
    unmanaged: int = 0


def read_status(store: Store) -> Status:
    """Return what is live now; raises `StoreError` or `FormatError` as `Store.read` does."""
    reading = store.read()
    names = sorted(reading.state.schedules)
    with redis_errors("reading outcomes"):
        pipe = store.connection.pipeline(transaction=False)
        for name in names:
            pipe.zrevrange(store.keys.outcomes(name), 0, 0)
        outcomes = [_outcome(found[0]) if found else None for found in pipe.execute()]
    active: dict[str, int] = {}
    for run in reading.active.values():
        active[run.name] = active.get(run.name, 0) + 1
    return Status(
        namespace=store.keys.namespace,
        now=reading.now,
        head=reading.head,
        schedules=tuple(
            _schedule(reading, reading.state.schedules[name], last, active.get(name, 0))
            for name, last in zip(names, outcomes, strict=True)
        ),
        workers={queue.rpartition("--")[2]: count for queue, count in reading.consumers.workers.items()},
        scheduler=reading.consumers.scheduler,
        pipelines=len(reading.state.pipelines),
        unmanaged=sum(reading.unmanaged.values()),
    )


def _schedule(reading: Reading, schedule: Schedule, last: Outcome | None, active: int) -> ScheduleStatus:
    fields: Mapping[str, Any] = schedule.fields
    due = schedule.occurrence.due if schedule.occurrence else None
    record = reading.records[f"schedule.{schedule.name}"]
    return ScheduleStatus(
        name=schedule.name,
        pipeline=str(fields.get("pipeline", "")),
        queue=str(fields.get("queue", "")),
        timezone=str(fields.get("timezone", "UTC")),
        trigger=_trigger_text(fields),
        paused=bool(fields.get("paused")),
        hold=reading.holds.get(schedule.name),
        next_tick=due,
        late=max(0, reading.now - due) if due is not None else 0,
        active=active,
        last=last,
        commit=record.commit,
        waiting=reading.waiting.get(schedule.name, 0),
    )


def _trigger_text(fields: Mapping[str, Any]) -> str:
    kind = next((kind for kind in ("cron", "every", "at") if kind in fields), "")
    return f"{kind} {fields[kind]}" if kind else ""


def _outcome(raw: bytes) -> Outcome | None:
    try:
        data = json.loads(raw)
        return Outcome(
            first=int(data["first"]),
            last=int(data["last"]),
            count=int(data["count"]),
            status=str(data["status"]),
            reason=str(data.get("reason", "")),
            run=str(data.get("run", "")),
            attempt=int(data.get("attempt", 0)),
            duration=float(data.get("duration", 0.0)),
            at=int(data.get("at", 0)),
        )
    except (ValueError, KeyError, TypeError):
        return None
