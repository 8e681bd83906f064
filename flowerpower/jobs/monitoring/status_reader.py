"""Reads the status of a namespace, again and again if need be: what has not changed since is not worked out anew.

A look costs a fixed number of round trips up to five thousand schedules, and no command that a user who only reads may
not send.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Any

from flowerpower.jobs.monitoring.company import with_company
from flowerpower.jobs.monitoring.status import ScheduleStatus, Status
from flowerpower.jobs.records import RunRecord, decode_outcome
from flowerpower.planning.settle import pending_tick
from flowerpower.planning.sync import Wanted
from flowerpower.state.connection import redis_errors
from flowerpower.state.desired import occurrence_at
from flowerpower.state.live import LiveFields
from flowerpower.state.misplaced import address_of, is_misplaced, misplaced
from flowerpower.state.models import Occurrence, Reading, Record, Run, Schedule
from flowerpower.state.pipelined import batches, pack_for_keys, replies
from flowerpower.state.store import Store

_RECENT_OF_ALL = 20_000  # outcomes that one look takes in, besides the newest of each schedule
_AT_ONCE = 2_000  # schedules whose outcomes are asked for together
_SEARCHED = 100  # schedules whose last success is looked for in all that is kept, by one look
_FEW = 20  # outcomes among which the last run of most is that skips ticks
_KEPT = 1_000  # outcomes that are kept of a schedule
_IN_THE_WAY = "a whole key in Redis is damaged, so nothing can be compared"


@dataclass(slots=True)
class _Known:
    """What a record says, and what was worked out of it: good as long as the record is the same, byte for byte."""

    raw: bytes
    record: Record
    base: ScheduleStatus
    pending: str | None = ""  # the job that `expected` is
    expected: Occurrence | None = None
    outcome: bytes = b""  # the newest, as it is written
    succeeded_at: int | None = None
    searched: bool = False  # whether an older success was looked for


class StatusReader:
    """Looks at one namespace."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, _Known] = {}

    def read(self, wanted: Wanted = Wanted(), recent: int = 1, *, successes: bool = False) -> Status:  # noqa: B008
        """Return what is live now, with so many of the last outcomes of each schedule: fewer where there are thousands.

        With *successes* the last success of those that failed since is looked for, in what is kept.
        """
        store, keys = self._store, self._store.keys
        reading = store.read(partly=True)
        wanted = Wanted(unknown=_IN_THE_WAY) if reading.unread else wanted
        schedules = reading.state.schedules
        names = sorted(schedules)
        recent = max(1, min(recent, _RECENT_OF_ALL // max(len(names), 1)))
        self._known = {name: self._of(reading, schedules[name]) for name in names}
        with redis_errors("reading outcomes"):
            raw = dict(zip(names, self._outcomes(names, recent), strict=True))
        odd = [keys.outcomes(name) for name in names if raw[name] is None]
        if successes:
            with redis_errors("reading outcomes"):
                self._search(raw)
        looks = [self._schedule(reading, name, raw[name] or (), wanted) for name in names]
        with redis_errors("reading outcomes"):
            behind = self._behind_skipped(looks, recent, reading.active.values())
        status = Status(
            namespace=keys.namespace,
            now=reading.now,
            head=reading.head,
            schedules=tuple(_with_active((behind.get(one.name, one) for one in looks), reading.active.values())),
            workers={queue.rpartition("--")[2]: count for queue, count in reading.consumers.workers.items()},
            scheduler=reading.consumers.scheduler,
            pipelines=len(reading.state.pipelines),
            unmanaged=0 if reading.unread else sum(reading.unmanaged.values()),  # they may be ours
            troubles=reading.consumers.troubles,
            damaged={**reading.damaged, **{address_of(keys, key): misplaced(keys, key, "zset") for key in odd}},
            readable=not reading.unread,
            wanted=wanted,
            missing=wanted.missing(schedules),
        )
        return with_company(store, status, sorted(reading.consumers.workers))

    def _of(self, reading: Reading, schedule: Schedule) -> _Known:
        fields = schedule.fields
        known = self._known.get(schedule.name)
        raw = fields.raw if isinstance(fields, LiveFields) else b""
        if known is None or not raw or known.raw != raw:
            record = reading.records[f"schedule.{schedule.name}"]
            known = _Known(raw, record, _base(schedule, record))
        cursor = reading.cursors.get(schedule.name)
        pending = cursor.pending if cursor else None
        if known.pending != pending:
            known.pending, known.expected = pending, _expected(self._store, schedule, reading)
        return known

    def _outcomes(self, names: Sequence[str], recent: int) -> Iterator[list[bytes] | None]:
        """Yield the last outcomes of each schedule, newest first; None for a key of another type."""
        keys = map(self._store.keys.outcomes, names)
        commands = batches(pack_for_keys("ZREVRANGE", keys, ("0", str(recent - 1))), _AT_ONCE)
        with closing(replies(self._store.connection, commands)) as answers:
            for answer in answers:
                yield None if is_misplaced(answer) else answer

    def _search(self, raw: Mapping[str, Sequence[bytes] | None]) -> None:
        """Look for the last success of schedules that did not succeed last; a few at each look."""
        wanted = [
            name
            for name, known in self._known.items()
            if raw[name] and not known.searched and b'"succeeded"' not in raw[name][0]  # type: ignore[index]
        ]
        some = wanted[:_SEARCHED]
        for name, found in zip(some, self._outcomes(some, _KEPT), strict=True):
            known = self._known[name]
            known.searched = True
            outcomes = (decode_outcome(name, one) for one in found or () if b'"succeeded"' in one)
            moments = [one.at or one.last for one in outcomes if one and one.status == "succeeded"]
            known.succeeded_at = max([*moments, known.succeeded_at or 0]) or None

    def _behind_skipped(
        self, looks: Sequence[ScheduleStatus], recent: int, runs: Iterable[Run]
    ) -> dict[str, ScheduleStatus]:
        """Return those whose last tick was skipped, with how the newest ended that was not: it says how they fare.

        A run that takes long hides behind the ticks that were skipped meanwhile, each an outcome of its own.
        """
        found = {one.name: one for one in looks if one.last and one.last.says_nothing}
        outcomes = {name: one.recent for name, one in found.items()}
        for known, depth, most in ((recent, _FEW, len(found)), (max(recent, _FEW), _KEPT, _SEARCHED)):
            hidden = [
                name for name, ends in outcomes.items() if len(ends) >= known and all(one.says_nothing for one in ends)
            ]
            some = hidden[:most] if known < depth else ()
            for name, raw in zip(some, self._outcomes(some, depth), strict=True):
                outcomes[name] = tuple(filter(None, map(partial(decode_outcome, name), raw or ())))
        begun = {run.name: run.tick for run in sorted(runs, key=lambda run: run.tick) if not run.alone}
        return {name: _behind(one, outcomes[name], begun.get(name, 0)) for name, one in found.items()}

    def _schedule(self, reading: Reading, name: str, raw: Sequence[bytes], wanted: Wanted) -> ScheduleStatus:
        known, live = self._known[name], reading.state.schedules[name]
        recent = tuple(outcome for one in raw if (outcome := decode_outcome(name, one)))
        last = recent[0] if recent else None
        if last and last.status == "succeeded":
            known.succeeded_at, known.searched = max(last.at or last.last, known.succeeded_at or 0), True
        due = live.occurrence.due if live.occurrence else None
        drifted = not known.record.intact or name in reading.without_run_spec
        drifted = drifted or (name not in reading.firing and live.occurrence != known.expected)
        drifted = drifted and not reading.unread
        damaged = not reading.damaged.keys().isdisjoint((f"schedule.{name}", f"cursor.{name}"))
        return replace(
            known.base,
            queue=known.base.queue or (live.occurrence.queue.rpartition("--")[2] if live.occurrence else ""),
            hold=reading.holds.get(name),
            next_tick=due,
            late=max(0, reading.now - due) if due is not None else 0,
            last=last,
            recent=recent,
            waiting=reading.waiting.get(name, 0),
            damaged=damaged,
            drifted=drifted or damaged,
            sync=wanted.sync_of(live, reading.forgotten, drifted=drifted or damaged),
            succeeded_at=known.succeeded_at,
        )


def _behind(schedule: ScheduleStatus, outcomes: Sequence[RunRecord], begun: int) -> ScheduleStatus:
    """Return a schedule with the newest of its outcomes that is none of a skipped tick, and how many were skipped after
    that or, where one has begun later, after the tick *begun*.
    """
    newer = [*takewhile(lambda one: one.says_nothing, outcomes)]
    ended = outcomes[len(newer)] if len(newer) < len(outcomes) else None
    good = ended is not None and ended.status == "succeeded" and (ended.at or ended.last)
    return replace(
        schedule,
        before_skipped=ended,
        skipped=sum(one.count for one in newer if one.last > begun),
        succeeded_at=max(good, schedule.succeeded_at or 0) if good else schedule.succeeded_at,
    )


def _with_active(schedules: Iterable[ScheduleStatus], runs: Iterable[Run]) -> Iterator[ScheduleStatus]:
    """Yield the schedules with how many of these runs are theirs, and since when."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.name, []).append(run)
    for one in schedules:
        own = found.get(one.name)
        yield _active(one, own) if own else one


def _active(schedule: ScheduleStatus, runs: Sequence[Run]) -> ScheduleStatus:
    idle = [run for run in runs if not run.is_with_worker]
    return replace(
        schedule,
        active=len(runs),
        queued=len(idle),
        retrying=sum(run.tried for run in idle),
        active_since=min(run.since for run in runs),
        waits=next((run.waits for run in runs if run.waits), ""),
    )


def _base(schedule: Schedule, record: Record) -> ScheduleStatus:
    """Return what the record of a schedule says of it."""
    fields: Mapping[str, Any] = schedule.fields
    return ScheduleStatus(
        name=schedule.name,
        pipeline=str(fields.get("pipeline", "")),
        queue=str(fields.get("queue", "")),
        timezone=str(fields.get("timezone", "UTC")),
        trigger=_trigger_text(fields),
        paused=bool(fields.get("paused")),
        hold=None,
        next_tick=None,
        late=0,
        active=0,
        last=None,
        commit=record.commit,
        owner=str(fields.get("owner") or ""),
        revision=record.revision,
        place=record.place,
    )


def _expected(store: Store, live: Schedule, reading: Reading) -> Occurrence | None:
    """Return the job that should wait, as the cursor names it."""
    tick = pending_tick(store.keys, live.name, reading)
    try:
        return None if tick is None else occurrence_at(store.keys, live, tick)
    except (KeyError, TypeError, ValueError, AttributeError):  # the record was altered beyond reading
        return None


def _trigger_text(fields: Mapping[str, Any]) -> str:
    kind = next((kind for kind in ("cron", "every", "at") if kind in fields), "")
    return f"{kind} {fields[kind]}" if kind else ""


def read_status(store: Store, wanted: Wanted = Wanted(), recent: int = 1) -> Status:  # noqa: B008 - frozen
    """Return what is live now, with the last outcomes of each schedule, and beside it what the specs ask for.

    Raises `StoreError` or `FormatError` as `Store.read` does. Who looks again and again uses a `StatusReader`.
    """
    return StatusReader(store).read(wanted, recent)
