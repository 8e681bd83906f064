"""What is live and how it went: schedules with their next tick and last outcome, workers, scheduler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.models import Head, Hold, Reading, Schedule
from flowerpower.state.store import Store

HEALS_OF = 86_400  # seconds that a heal is shown


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
class Heal:
    """Something that was lost or in the way, and that the scheduler mended; times are epoch seconds."""

    event: str  # healed, redelivered, removed, closed
    at: int
    schedule: str = ""
    tick: int | None = None
    run: str = ""
    reason: str = ""


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
    troubles: tuple[str, ...] = ()  # what the scheduler finds wrong, the alarm first
    heals: tuple[Heal, ...] = ()  # of the last day, newest first


def read_status(store: Store) -> Status:
    """Return what is live now; raises `StoreError` or `FormatError` as `Store.read` does."""
    reading = store.read()
    names = sorted(reading.state.schedules)
    with redis_errors("reading outcomes"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.xrevrange(store.keys.heals, "+", (reading.now - HEALS_OF) * 1000)
        for name in names:
            pipe.zrevrange(store.keys.outcomes(name), 0, 0)
        healed, *found = pipe.execute(raise_on_error=False)
    outcomes = [_outcome(newest[0]) if (newest := _sound(reply)) else None for reply in found]
    odd = [name for name, reply in zip(names, found, strict=True) if isinstance(reply, Exception)]
    told = [f"the outcomes of {name} cannot be read: the key is of another type" for name in odd]
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
        troubles=(*reading.consumers.troubles, *told),
        heals=tuple(_heal(entry, fields) for entry, fields in _sound(healed)),
    )


def _sound(reply: Any) -> list[Any]:
    """Return a reply, nothing for a key of another type; raise any other failure."""
    if isinstance(reply, Exception):
        if not str(reply).startswith("WRONGTYPE"):
            raise reply
        return []
    return list(reply)


def _heal(entry: bytes, fields: Mapping[bytes, bytes]) -> Heal:
    text = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in fields.items()}
    tick = text.get("tick", "")
    return Heal(
        event=text.get("event", ""),
        at=int(entry.split(b"-")[0]) // 1000,
        schedule=text.get("schedule", ""),
        tick=int(tick) if tick.isascii() and tick.isdigit() else None,
        run=text.get("job", ""),
        reason=text.get("reason", ""),
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
