"""What becomes of a due schedule, as the fire script reads it: pure, and quick enough for thousands a second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flowerpower.schedule.catchup import ON_TIME, OUTSIDE, Decision, Range, decide, range_between
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
    pending = _pending_tick(keys, cursor)
    decision = _decide(compiled, cursor.tick, now, pending)
    moved = _moved(keys, compiled, decision, pending, now) if mode == "claimed" and pending is not None else {}
    variable: dict[str, Any] = {
        "cursor": encode_cursor(cursor),
        "mode": mode,
        "decided": decision.cursor,
        "runs": [_run(keys, compiled, tick) for tick in decision.run],
        "missed": [[span.first, span.last, span.count, span.reason] for span in decision.missed],
        **({} if decision.next_tick is None else {"next": _next(keys, compiled, decision.next_tick)}),
        **moved,
    }
    return f"{compiled.constant}, {json.dumps(variable)[1:]}"


def _moved(keys: Keys, compiled: Compiled, decision: Decision, tick: int, now: int) -> dict[str, Any]:
    """Return what is different when a worker has the occurrence in hand: its tick runs there, or is refused."""
    runs = [_run(keys, compiled, other) for other in decision.run if other != tick]
    if tick in decision.run:
        return {"claimed": _run(keys, compiled, tick), "runs": runs}
    if tick > now:  # the clock of the stock scheduler is ahead
        following = compiled.trigger.next_tick(tick)
        next_run = {} if following is None else {"next": _next(keys, compiled, following)}
        return {"claimed": _run(keys, compiled, tick), "decided": tick, **next_run}
    spans = [part for span in decision.missed for part in _without(compiled.trigger, span, tick)]
    reason = next((span.reason for span in decision.missed if span.first <= tick <= span.last), OUTSIDE)
    return {"late": [tick, reason], "missed": [[span.first, span.last, span.count, span.reason] for span in spans]}


def _without(trigger: Trigger, span: Range, tick: int) -> tuple[Range, ...]:
    """Return the range without its first tick, if that is the given one."""
    return range_between(trigger, tick, span.last, span.reason) if span.first == tick else (span,)


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
