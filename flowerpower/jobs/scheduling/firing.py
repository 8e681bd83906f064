"""What becomes of a due schedule, as the fire script reads it: pure, and quick enough for thousands a second."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from sys import intern
from typing import Any, Literal, NamedTuple

from flowerpower.schedule.catchup import ON_TIME, OUTSIDE, Decision, Range, decide, range_between
from flowerpower.schedule.jitter import delay
from flowerpower.schedule.trigger import Trigger
from flowerpower.state.codec import encode_cursor
from flowerpower.state.desired import describe_tick, room_to_wait, run_meta, run_shape, trigger_of
from flowerpower.state.job_codec import plain_call
from flowerpower.state.keys import Keys
from flowerpower.state.models import Cursor, Schedule

Mode = Literal["due", "heal", "claimed"]

_NO_RUN = ("", "", "")
_NO_NEXT = ("", "", "", "")


class FireMessage(NamedTuple):
    """What the fire script is told of one schedule, in the order in which it reads it.

    Ticks are epoch seconds, written out. Where there is no run or no next tick its fields are empty.
    """

    shape: str  # JSON: what many schedules have in common, and a call of the script needs once
    name: str
    digest: str
    meta: str
    cursor: str  # as it was read
    revision: str
    pending: str
    mode: str
    decided: str
    run: str  # the one tick that runs; where more do, `rest` has them all
    run_words: str
    run_local: str
    next: str
    next_due: str
    next_words: str
    next_local: str
    rest: str  # JSON of what is rare: runs, missed, claimed, late


@dataclass(frozen=True, slots=True)
class Compiled:
    """A live schedule as the scheduler keeps it between ticks: what firing needs and no more, for there may be many."""

    name: str
    run: str  # digest of the run spec
    queue: str  # RQ's name of the queue
    paused: bool
    revision: int
    trigger: Trigger
    catchup: str
    window: int
    jitter: int
    timezone: str
    shape: str
    meta: str


def compile_schedule(keys: Keys, schedule: Schedule, revision: int) -> Compiled:
    """Return what firing needs; raises `TriggerError`, `KeyError` or `ValueError` when the record is not usable."""
    fields: Mapping[str, Any] = schedule.fields
    if plain_call((keys.namespace, schedule.name, schedule.run)) is None:
        raise ValueError("its name or the digest of its run spec is damaged")
    room = room_to_wait(fields)
    shape = {**run_shape(keys, schedule), "overlap": str(fields["overlap"]), **({"room": room} if room else {})}
    if fields.get("after"):
        shape |= {"after": [str(name) for name in fields["after"]], "deadline": int(fields.get("start_deadline") or 0)}
    return Compiled(
        name=schedule.name,
        run=schedule.run,
        queue=intern(keys.queue(str(fields["queue"]))),
        paused=bool(fields.get("paused")),
        revision=revision,
        trigger=trigger_of(fields),
        catchup=intern(str(fields["catchup"])),
        window=int(fields["catchup_window"]),
        jitter=int(fields.get("jitter", 0)),
        timezone=intern(str(fields.get("timezone", "UTC"))),
        shape=intern(json.dumps(shape)),  # of many schedules the same: kept once
        meta=run_meta(schedule),
    )


def fire_message(keys: Keys, compiled: Compiled, cursor: Cursor, now: int, mode: Mode = "due") -> FireMessage:
    """Return what the fire script does for one schedule: the ticks since its cursor, decided by its catch-up rule."""
    pending = keys.occurrence_of(compiled.name, cursor.pending)
    decision = _decide(compiled, cursor.tick, now, pending)
    rest: dict[str, Any] = {}
    if mode == "claimed" and pending is not None:
        decision, rest = _moved(compiled, decision, pending, now)
    runs = [_run(compiled, tick) for tick in decision.run]
    if len(runs) > 1:
        rest["runs"] = runs
    if decision.missed:
        rest["missed"] = [_span(span) for span in decision.missed]
    return FireMessage(
        compiled.shape,
        compiled.name,
        compiled.run,
        compiled.meta,
        encode_cursor(cursor),
        str(cursor.revision),
        (cursor.pending or "") if pending is not None else "",
        mode,
        str(decision.cursor),
        *(runs[0] if len(runs) == 1 else _NO_RUN),
        *_next(compiled, decision.next_tick),
        json.dumps(rest) if rest else "",
    )


def script_arguments(messages: Sequence[FireMessage]) -> list[str]:
    """Return the arguments of the fire script: what schedules have in common, once, and what each has of its own."""
    shapes: dict[str, int] = {}
    texts = [
        "\0".join(
            (str(shapes.setdefault(shape, len(shapes) + 1)), *fields, "")
        )  # each ends with a NUL, which none holds
        for shape, *fields in messages
    ]
    return [f"[{', '.join(shapes)}]", *texts]


def _moved(compiled: Compiled, decision: Decision, tick: int, now: int) -> tuple[Decision, dict[str, Any]]:
    """Return what is different when a worker has the occurrence in hand: its tick runs there, or is refused."""
    if tick in decision.run:
        others = tuple(other for other in decision.run if other != tick)
        return replace(decision, run=others), {"claimed": _run(compiled, tick)}
    if tick > now:  # the clock of the stock scheduler is ahead
        ahead = replace(decision, cursor=tick, next_tick=compiled.trigger.next_tick(tick))
        return ahead, {"claimed": _run(compiled, tick)}
    spans = tuple(part for span in decision.missed for part in _without(compiled.trigger, span, tick))
    reason = next((span.reason for span in decision.missed if span.first <= tick <= span.last), OUTSIDE)
    return replace(decision, missed=spans), {"late": [tick, reason]}


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


def _span(span: Range) -> list[Any]:
    return [span.first, span.last, span.count, span.reason]


def _run(compiled: Compiled, tick: int) -> tuple[str, str, str]:
    local, words = describe_tick(tick, compiled.timezone)
    return str(tick), words, local


def _next(compiled: Compiled, tick: int | None) -> tuple[str, str, str, str]:
    if tick is None:
        return _NO_NEXT
    local, words = describe_tick(tick, compiled.timezone)
    due = tick + delay(compiled.name, tick, compiled.jitter)
    return str(tick), str(due), words, local
