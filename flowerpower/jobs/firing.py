"""What becomes of a due schedule, as the fire script reads it: pure, and quick enough for thousands a second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flowerpower.schedule.catchup import ON_TIME, Decision, decide
from flowerpower.schedule.trigger import Trigger
from flowerpower.state.codec import encode_cursor
from flowerpower.state.desired import describe_run, occurrence_at, room_to_wait, run_template, trigger_of
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.models import Cursor, Schedule

Mode = Literal["due", "heal", "claimed"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A live schedule as the scheduler keeps it between ticks."""

    schedule: Schedule
    revision: int
    trigger: Trigger
    catchup: str
    window: int
    jitter: int
    constant: str  # the part of the fire message that no tick changes: JSON without its closing brace

    @property
    def name(self) -> str:
        """Return the schedule's name."""
        return self.schedule.name


def compile_schedule(keys: Keys, schedule: Schedule, revision: int) -> Compiled:
    """Return what firing needs; raises `TriggerError`, `KeyError` or `ValueError` when the record is not usable."""
    fields: Mapping[str, Any] = schedule.fields
    room = room_to_wait(fields)
    constant = {
        "name": schedule.name,
        "overlap": str(fields["overlap"]),
        **run_template(keys, schedule),
        **({"room": room} if room else {}),
    }
    return Compiled(
        schedule=schedule,
        revision=revision,
        trigger=trigger_of(fields),
        catchup=str(fields["catchup"]),
        window=int(fields["catchup_window"]),
        jitter=int(fields.get("jitter", 0)),
        constant=json.dumps(constant)[:-1],
    )


def fire_message(keys: Keys, compiled: Compiled, cursor: Cursor, now: int, mode: Mode = "due") -> str:
    """Return what the fire script does for one schedule: the ticks since its cursor, decided by its catch-up rule."""
    claimed = _pending_tick(keys, cursor)
    decided_up_to = cursor.tick
    if mode == "claimed" and claimed is not None:
        decided_up_to = max(decided_up_to, claimed)
    decision = _decide(compiled, decided_up_to, now, claimed)
    variable: dict[str, Any] = {
        "cursor": encode_cursor(cursor),
        "mode": mode,
        "decided": max(decision.cursor, decided_up_to),
        "runs": [_run(keys, compiled, tick) for tick in decision.run],
        "missed": [[span.first, span.last, span.count, span.reason] for span in decision.missed],
    }
    if mode == "claimed" and claimed is not None:
        variable["claimed"] = _run(keys, compiled, claimed)
    if decision.next_tick is not None:
        variable["next"] = _next(keys, compiled, decision.next_tick)
    return f"{compiled.constant}, {json.dumps(variable)[1:]}"


def _decide(compiled: Compiled, cursor: int, now: int, pending: int | None) -> Decision:
    """Decide the due ticks; with jitter a tick is due when its delay is over, and the pending one is known to be."""
    if pending is not None and _is_on_time(compiled, cursor, now, pending):
        following = compiled.trigger.next_tick(pending)
        if following is None or following > now:
            return Decision((pending,), (), pending, following)
    moment = now - compiled.jitter
    if pending is not None and compiled.jitter:
        moment = max(moment, min(pending, now))
    return decide(
        compiled.trigger,
        cursor=cursor,
        now=max(moment, cursor),
        catchup=compiled.catchup,
        window=compiled.window,
    )


def _is_on_time(compiled: Compiled, cursor: int, now: int, pending: int) -> bool:
    """Tell whether the pending tick is so little late that every rule runs it: the common case, decided at once."""
    return not compiled.jitter and cursor < pending <= now <= pending + min(ON_TIME, compiled.window)


def _pending_tick(keys: Keys, cursor: Cursor) -> int | None:
    run_id = keys.parse_run_id(cursor.pending) if cursor.pending else None
    return tick_of(run_id[1]) if run_id else None


def _run(keys: Keys, compiled: Compiled, tick: int) -> list[Any]:
    description, meta = describe_run(compiled.schedule, tick)
    return [tick, keys.run_id(compiled.name, tick), description, meta["tick"]]


def _next(keys: Keys, compiled: Compiled, tick: int) -> list[Any]:
    description, meta = describe_run(compiled.schedule, tick)
    occurrence = occurrence_at(keys, compiled.schedule, tick) if compiled.jitter else None
    due = occurrence.due if occurrence else tick
    return [keys.run_id(compiled.name, tick), due, description, meta["tick"]]
