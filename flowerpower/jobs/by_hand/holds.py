"""Hold schedules and let them go on: a person's word, kept beside the specs and acted on at once.

Each is one atomic script, for all of the schedules or for none. What the script writes is worked out here from what was
read; the script compares that with what is there, and if anything has moved it is read again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flowerpower.errors import FlowerPowerError, StoreError, UsageError
from flowerpower.jobs.by_hand.naming import named_schedules
from flowerpower.planning.holds import end_of_hold, lift
from flowerpower.schedule.trigger import TriggerError
from flowerpower.state.codec import decode_cursor, decode_hold, decode_schedule, seal
from flowerpower.state.connection import redis_errors
from flowerpower.state.damage import UNUSABLE, way_out_of
from flowerpower.state.desired import describe_run, occurrence_at, trigger_of
from flowerpower.state.job_codec import job_fields
from flowerpower.state.misplaced import WAY_OUT
from flowerpower.state.models import Hold, Schedule
from flowerpower.state.scripts import one_line
from flowerpower.state.store import Store

LOOK_SECONDS = 15
LONGEST_REASON = 500
_TRIES = 3
_BATCH = 500
_REFUSALS = {
    "type": ("these keys hold something that is not ours to overwrite: {names}", WAY_OUT),
    "missing": ("deleted by an apply just now: {names}", "`flowerpower status` shows what is live"),
    "cursor": ("the cursors of these schedules are damaged: {names}", "`flowerpower plan` says how to repair them"),
    "past": ("that moment is past for {names}", "give a moment that is still to come, or leave --until away"),
    "shorter": (
        "held already, and not as long as you ask: {names}",
        "--replace takes the hold over",
    ),
}

logger = logging.getLogger("flowerpower.scheduler")


@dataclass(frozen=True, slots=True)
class Held:
    """A schedule that is held; `pending` is the tick (epoch seconds) whose occurrence the hold removed."""

    name: str
    hold: Hold
    timezone: str
    pending: int | None = None
    active: int = 0  # its runs that are queued, running or waiting for a retry: they go on


@dataclass(frozen=True, slots=True)
class Paused:
    """What a pause did; `already` were held, at least as long as asked, and are left as they were."""

    now: int
    held: tuple[Held, ...]
    already: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """A schedule whose hold is lifted; ticks are epoch seconds."""

    name: str
    hold: Hold
    timezone: str = "UTC"
    skipped: int = 0  # ticks that the hold swallowed
    missed: int = 0  # ticks that had been missed before the hold, or after its end
    next_tick: int | None = None
    paused: bool = False  # its spec says so, and that stays


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a resume did."""

    now: int
    resumed: tuple[Released, ...]
    not_held: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What lies in Redis for one schedule."""

    name: str
    hold: bytes | None
    record: bytes | None
    cursor: bytes | None


def pause_schedules(
    store: Store, patterns: Sequence[str], *, who: str, why: str, until: str | int | None, replace: bool
) -> Paused:
    """Hold the named schedules (`*`, `?` and `[...]` match many) in one step.

    `until` is a text as `end_of_hold` reads it, or a moment in epoch seconds; `replace` takes over other holds. Raises
    `UsageError` for an unknown name, a moment that is past, a hold that is shorter; then nothing is written.
    """
    why = one_line(why)
    if not why:
        raise UsageError("a hold needs a reason", hint='for example --reason "vendor outage"')
    if len(why) > LONGEST_REASON:
        raise UsageError(f"the reason has {len(why):,} characters; {LONGEST_REASON} are the most")
    names = named_schedules(store, patterns)
    found, now = _read(store, names), store.time()
    ends = {one.name: _end(one, until, now) if isinstance(until, str) else until for one in found}
    items = [{"name": name} | ({} if end is None else {"until": end}) for name, end in ends.items()]
    order = {"who": one_line(who), "why": why, "replace": replace, "items": items}
    with redis_errors("holding schedules"):
        kind, said = (part.decode() for part in store.scripts.call("hold", [json.dumps(order)]))
    answer: Any = json.loads(said)
    if kind != "held":
        raise _refusal(store, kind, answer, now)
    zones = {one.name: _zone(one) or "UTC" for one in found}
    live = {one.name: one for one in _read(store, names)}
    held = tuple(
        Held(name, _hold_of(live[name]), zones[name], None if pending < 0 else int(pending), active)
        for name, pending, active in answer["held"]
    )
    already = tuple(Held(name, _hold_of(live[name]), zones[name]) for name in answer["already"])
    return Paused(now, held, already)


def resume_schedules(store: Store, patterns: Sequence[str], who: str) -> Resumed:
    """Lift the holds of the named schedules in one step; they start from now.

    Raises `UsageError` for an unknown name, `FormatError` for a damaged record; then nothing is written.
    """
    with redis_errors("reading holds"):
        raw: Any = store.connection.hkeys(store.keys.holds)
    held = {name.decode(errors="replace") for name in raw}
    names = named_schedules(store, patterns, also=held)
    order = json.dumps({"who": one_line(who), "reason": "", "each": False})
    for _ in range(_TRIES):
        found, now = _read(store, names), store.time()
        pairs = [_release(store, one, now) for one in found if one.hold is not None]
        not_held = tuple(one.name for one in found if one.hold is None)
        with redis_errors("lifting holds"):
            answers = store.scripts.call("resume", [order, *(message for message, _ in pairs)]) if pairs else []
        if b"damaged" in answers:
            name = pairs[answers.index(b"damaged")][1].name
            raise StoreError(
                f"nothing was resumed: keys of {name} hold something that is not ours to overwrite", hint=WAY_OUT
            )
        if b"moved" not in answers:
            return Resumed(now, tuple(released for _, released in pairs), not_held)
    raise StoreError("nothing was resumed: the schedules kept changing meanwhile", hint="try again")


def _refusal(store: Store, kind: str, names: Sequence[str], now: int) -> UsageError:
    from flowerpower.render.words import hold_words, listed

    message, hint = _REFUSALS[kind]
    if kind == "shorter":
        found = _read(store, names)
        names = [f"{one.name} {hold_words(_hold_of(one), _zone(one) or 'UTC', now)}" for one in found]
    return UsageError(f"nothing was held: {message.format(names=listed(names))}", hint=hint)


class Lifter:
    """Lifts holds when their time is over; several schedulers that do so at once lift each once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked: int | None = None
        self._nearest: int | None = None
        self._count = 0
        self._broken: set[tuple[str, Hold]] = set()

    def step(self, now: int) -> int:
        """Lift what is over and return how many were lifted.

        It looks every 15 s, when the next hold is to end, and when there are more or fewer holds than before.
        """
        with redis_errors("counting holds"):
            count: Any = self._store.connection.hlen(self._store.keys.holds)
        looked, nearest = self._looked, self._nearest
        is_recent = looked is not None and looked <= now < looked + LOOK_SECONDS
        if is_recent and count == self._count and (nearest is None or now < nearest):
            return 0
        self._looked, self._count = now, count
        with redis_errors("reading holds"):
            raw: Any = self._store.connection.hgetall(self._store.keys.holds)
        ends = {key.decode(errors="replace"): decode_hold(text).until for key, text in raw.items()}
        self._nearest = min((end for end in ends.values() if end is not None and end > now), default=None)
        over = sorted(name for name, end in ends.items() if end is not None and end <= now)
        return sum(self._lift(over[start : start + _BATCH], now) for start in range(0, len(over), _BATCH))

    def _lift(self, names: Sequence[str], now: int) -> int:
        messages: list[str] = []
        for one in _read(self._store, names):
            hold = _hold_of(one)
            try:
                if hold.until is not None and hold.until <= now:
                    messages.append(_release(self._store, one, now)[0])
            except UNUSABLE as error:
                if (one.name, hold) not in self._broken:
                    self._broken.add((one.name, hold))
                    way = way_out_of(error)
                    logger.error("the hold of %s is over and cannot be lifted: %s; %s", one.name, error, way)
        order = json.dumps({"who": "scheduler", "reason": "its time was over", "each": True})
        with redis_errors("lifting holds"):
            answers = self._store.scripts.call("resume", [order, *messages]) if messages else []
        lifted = int(answers.count(b"resumed"))
        if lifted:
            logger.info("%d holds are over and lifted: %s", lifted, ", ".join(names[:5]))
        return lifted


def _read(store: Store, names: Sequence[str]) -> list[_Found]:
    if not names:
        return []
    keys = store.keys
    with redis_errors("reading schedules and holds"):
        pipe = store.connection.pipeline(transaction=False)
        for key in (keys.holds, keys.schedules, keys.cursors):
            pipe.hmget(key, list(names))
        columns = pipe.execute()
    return [_Found(*row) for row in zip(names, *columns, strict=True)]


def _hold_of(found: _Found) -> Hold:
    return decode_hold(found.hold or b"")


def _zone(found: _Found) -> str:
    """Return the zone of a schedule, nothing when its record cannot be read."""
    try:
        return str(decode_schedule(found.name, found.record or b"")[0].fields.get("timezone", "UTC"))
    except FlowerPowerError:
        return ""


def _end(found: _Found, until: str, now: int) -> int:
    zone = _zone(found)
    if not zone and end_of_hold(until, "UTC", now) != end_of_hold(until, "Asia/Tokyo", now):
        raise UsageError(
            f"the record of {found.name} is damaged, so its time zone is not known",
            hint="give --until as a duration, or with an offset: 2026-12-01T09:00Z",
        )
    return end_of_hold(until, zone or "UTC", now)


def _release(store: Store, found: _Found, now: int) -> tuple[str, Released]:
    """Return what the resume script does for one schedule, and what that is for people."""
    hold = _hold_of(found)
    seals = {"hold": found.hold, "record": found.record, "cursor": found.cursor}
    message: dict[str, Any] = {"name": found.name} | {
        key: "" if raw is None else seal(raw) for key, raw in seals.items()
    }
    if found.record is None:
        return json.dumps(message), Released(found.name, hold)
    schedule, record = decode_schedule(found.name, found.record)
    zone = str(schedule.fields.get("timezone", "UTC"))
    if schedule.fields.get("paused"):
        return json.dumps(message), Released(found.name, hold, zone, paused=True)
    try:
        trigger, fields = trigger_of(schedule.fields), schedule.fields
        jitter = int(str(fields.get("jitter", 0)))
    except (TriggerError, TypeError) as error:
        raise StoreError(f"the record of {found.name} names no trigger: {error}", hint="apply repairs it") from error
    cursor = now if found.cursor is None else decode_cursor(found.name, found.cursor).tick
    lifting = lift(trigger, hold, cursor=cursor, now=now, jitter=jitter)
    next_tick = trigger.next_tick(lifting.cursor)
    message |= {
        "tick": lifting.cursor,
        "revision": record.revision,
        "ranges": [[span.first, span.last, span.count, status, span.reason] for span, status in lifting.ranges],
    }
    message |= {} if next_tick is None else _occurrence(store, schedule, next_tick)
    counts = [sum(span.count for span in spans) for spans in (lifting.skipped, lifting.missed)]
    return json.dumps(message), Released(found.name, hold, zone, counts[0], counts[1], next_tick)


def _occurrence(store: Store, schedule: Schedule, tick: int) -> dict[str, Any]:
    occurrence = occurrence_at(store.keys, schedule, tick)
    description, meta = describe_run(schedule, tick)
    return {
        "queue": occurrence.queue,
        "next": [occurrence.id, occurrence.due],
        "job": job_fields(occurrence),
        "description": description,
        "meta": json.dumps(meta)[:-1],
    }
