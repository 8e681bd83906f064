"""What becomes of a due schedule, as the fire script reads it: pure, and quick enough for thousands a second."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from flowerpower.schedule.catchup import ON_TIME, OUTSIDE, Decision, Range, decide, range_between
from flowerpower.schedule.trigger import Trigger
from flowerpower.state.codec import encode_cursor
from flowerpower.state.desired import describe_tick, occurrence_at, room_to_wait, run_meta, run_shape, trigger_of
from flowerpower.state.job_codec import plain_call
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.models import Cursor, Schedule

Mode = Literal["due", "heal", "claimed"]


class FireMessage(NamedTuple):
    """What the fire script is told of one schedule: JSON, and JSON without its opening brace."""

    shape: str  # what many schedules have in common, and a call of the script needs once
    text: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A live schedule as the scheduler keeps it between ticks."""

    schedule: Schedule
    revision: int
    trigger: Trigger
    catchup: str
    window: int
    jitter: int
    timezone: str
    shape: str
    constant: str  # the part of the fire message that no tick changes: JSON without its braces

    @property
    def name(self) -> str:
        """Return the schedule's name."""
        return self.schedule.name


def compile_schedule(keys: Keys, schedule: Schedule, revision: int) -> Compiled:
    """Return what firing needs; raises `TriggerError`, `KeyError` or `ValueError` when the record is not usable."""
    fields: Mapping[str, Any] = schedule.fields
    if plain_call((keys.namespace, schedule.name, schedule.run)) is None:
        raise ValueError("its name or the digest of its run spec is damaged")
    room = room_to_wait(fields)
    shape = {**run_shape(keys, schedule), "overlap": str(fields["overlap"]), **({"room": room} if room else {})}
    constant = {"name": schedule.name, "digest": schedule.run, "meta": run_meta(schedule)}
    return Compiled(
        schedule=schedule,
        revision=revision,
        trigger=trigger_of(fields),
        catchup=str(fields["catchup"]),
        window=int(fields["catchup_window"]),
        jitter=int(fields.get("jitter", 0)),
        timezone=str(fields.get("timezone", "UTC")),
        shape=json.dumps(shape),
        constant=json.dumps(constant)[1:-1],
    )


def fire_message(keys: Keys, compiled: Compiled, cursor: Cursor, now: int, mode: Mode = "due") -> FireMessage:
    """Return what the fire script does for one schedule: the ticks since its cursor, decided by its catch-up rule."""
    pending = _pending_tick(keys, cursor)
    decision = _decide(compiled, cursor.tick, now, pending)
    variable: dict[str, Any] = {"cursor": encode_cursor(cursor), "mode": mode, "decided": decision.cursor}
    if decision.run:
        variable["runs"] = [_run(compiled, tick) for tick in decision.run]
    if decision.missed:
        variable["missed"] = [_span(span) for span in decision.missed]
    if decision.next_tick is not None:
        variable["next"] = _next(keys, compiled, decision.next_tick)
    if mode == "claimed" and pending is not None:
        variable |= _moved(keys, compiled, decision, pending, now)
    return FireMessage(compiled.shape, f"{compiled.constant}, {json.dumps(variable)[1:]}")


def script_arguments(messages: Sequence[FireMessage]) -> list[str]:
    """Return the arguments of the fire script: what schedules have in common, once, and what each has of its own."""
    shapes: dict[str, int] = {}
    texts = [f'{{"of": {shapes.setdefault(shape, len(shapes) + 1)}, {text}' for shape, text in messages]
    return [f"[{', '.join(shapes)}]", *texts]


def _moved(keys: Keys, compiled: Compiled, decision: Decision, tick: int, now: int) -> dict[str, Any]:
    """Return what is different when a worker has the occurrence in hand: its tick runs there, or is refused."""
    runs = [_run(compiled, other) for other in decision.run if other != tick]
    if tick in decision.run:
        return {"claimed": _run(compiled, tick), "runs": runs}
    if tick > now:  # the clock of the stock scheduler is ahead
        following = compiled.trigger.next_tick(tick)
        next_run = {} if following is None else {"next": _next(keys, compiled, following)}
        return {"claimed": _run(compiled, tick), "decided": tick, **next_run}
    spans = [part for span in decision.missed for part in _without(compiled.trigger, span, tick)]
    reason = next((span.reason for span in decision.missed if span.first <= tick <= span.last), OUTSIDE)
    return {"late": [tick, reason], "missed": [_span(span) for span in spans]}


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


def _span(span: Range) -> list[Any]:
    return [span.first, span.last, span.count, span.reason]


def _run(compiled: Compiled, tick: int) -> list[Any]:
    local, words = describe_tick(tick, compiled.timezone)
    return [tick, words, local]


def _next(keys: Keys, compiled: Compiled, tick: int) -> list[Any]:
    local, words = describe_tick(tick, compiled.timezone)
    return [tick, occurrence_at(keys, compiled.schedule, tick).due if compiled.jitter else tick, words, local]
