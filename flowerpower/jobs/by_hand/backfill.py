"""Backfill: run the past ticks of a schedule that have not succeeded, a few at a time, as it is applied now.

What is done lies in Redis and nowhere else: the outcomes of ticks, the active runs, and which of them a backfill handed
out. So it can be stopped at any point, by Ctrl-C or a crash; the same call again goes on where it was. How many run at
once is counted by the script that hands them out, over all backfills of a schedule: two people, or a worker that died,
never make it more.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flowerpower.errors import FlowerPowerError, RefusedError, StoreError, UsageError
from flowerpower.jobs.by_hand.applied import Applied, read_applied
from flowerpower.jobs.by_hand.inputs import Look, check_inputs, look_not
from flowerpower.jobs.by_hand.naming import names_since
from flowerpower.jobs.by_hand.past import HandOut, PastTick, Sign, hand_out, look_at, order_of
from flowerpower.jobs.by_hand.ranges import Ranges
from flowerpower.jobs.by_hand.stopping import read_mark
from flowerpower.jobs.ledger import RunRef
from flowerpower.jobs.monitoring.company import live_workers
from flowerpower.jobs.records import RunRecord
from flowerpower.planning.window import nearest_ticks, past_moment, ticks_between
from flowerpower.state.connection import redis_errors
from flowerpower.state.renamed import name_now
from flowerpower.state.store import Store
from flowerpower.told_in_python import called

MOST_TICKS = 1000  # without being told that more are meant
_AT_ONCE = 50
_FASTEST, _SLOWEST = 0.1, 1.0  # seconds between two looks
_PATIENCE = 600  # seconds that Redis may be away
_DONE = ("succeeded",)
_BUSY = ("running", "queued", "scheduled", "retrying")
_LEFT = ("waiting", "undecided")  # to the schedule itself


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """The ticks of a window, and what a backfill would do with each."""

    applied: Applied
    first: int
    last: int
    ticks: tuple[PastTick, ...]
    now: int
    workers: int
    again: bool = False

    def __repr__(self) -> str:
        return (
            f"<BackfillPlan of {self.applied.schedule.name}: {len(self.to_run):,} of {len(self.ticks):,} ticks to run>"
        )

    @property
    def namespace(self) -> str:
        """The namespace of the schedule."""
        return str(self.applied.run_spec.get("namespace", ""))

    @property
    def to_run(self) -> tuple[PastTick, ...]:
        """The ticks that would be run."""
        done = () if self.again else _DONE
        return tuple(tick for tick in self.ticks if tick.status not in (*done, *_BUSY, *_LEFT))

    @property
    def busy(self) -> tuple[PastTick, ...]:
        """The ticks whose runs are active already."""
        return tuple(tick for tick in self.ticks if tick.status in _BUSY)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill is: `ended` is each run that came to its end, `active` the ticks that run or wait."""

    total: int
    ended: Mapping[int, RunRecord]
    active: tuple[int, ...]
    left: int
    note: str = ""

    def count(self, status: str) -> int:
        """Return how many runs ended so."""
        return sum(record.status == status for record in self.ended.values())

    @property
    def failed(self) -> int:
        """How many runs ended, but did not succeed."""
        return len(self.ended) - self.count("succeeded")


def plan_backfill(
    store: Store,
    name: str,
    start: str | int,
    end: str | int,
    *,
    again: bool = False,
    most: int = MOST_TICKS,
) -> BackfillPlan:
    """Return what a backfill of a window would do; nothing is written.

    `start` and `end` are epoch seconds or texts as `past_moment` reads them, both included. Raises `RefusedError` when
    there are more than *most* ticks, `UsageError` for a window without any.
    """
    applied, now = read_applied(store, name), store.time()
    first = start if isinstance(start, int) else past_moment(start, applied.timezone, now, called("--from", "start"))
    last = (
        end if isinstance(end, int) else past_moment(end, applied.timezone, now, called("--to", "end"), ends_day=True)
    )
    if first > now:
        raise UsageError(
            f"the window begins in the future: {datetime.fromtimestamp(first, ZoneInfo(applied.timezone)).isoformat()}",
            hint=f"what is still to come fires by itself: `flowerpower next {name}`",
        )
    if first > last:
        raise UsageError("the window ends before it begins", hint="--from names its first moment, --to its last one")
    last = min(last, now)
    found = _ticks(applied, first, last, most)
    return BackfillPlan(
        applied, first, last, tuple(look_at(store, applied, found)), now, _workers(store, applied), again=again
    )


def plans_again(store: Store, records: Sequence[RunRecord]) -> tuple[list[BackfillPlan], list[RunRecord]]:
    """Return a plan for each live schedule that runs the ticks of *records* once more, and the records it cannot take.

    Those are of runs by hand, of schedules that are not live, and ranges of ticks that nobody knows any more. What ran
    under a name that its schedule had before is the same schedule's, also where another one has that name now.
    """
    wanted: dict[str, list[RunRecord]] = {}
    names = names_since(store, [record.name for record in records])
    for record in records:
        is_by_hand = record.run and not record.is_of_tick
        for name in () if is_by_hand else names[record.name]:
            wanted.setdefault(name, []).append(record)
    found = [_plan_again(store, name, group) for name, group in sorted(wanted.items())]
    taken = {record for _, known in found for record in known}
    return [plan for plan, _ in found if plan], [record for record in records if record not in taken]


def _plan_again(store: Store, name: str, records: Sequence[RunRecord]) -> tuple[BackfillPlan | None, set[RunRecord]]:
    """Return a plan for the ticks of these records that one schedule has, if any, and those whose ticks are known."""
    try:
        applied = read_applied(store, name)
    except UsageError:
        return None, set()
    ranges = Ranges(store, applied)
    told = {record: ranges.ticks(record) for record in records}
    ticks = sorted({tick for some in told.values() for tick in some or ()})
    still = {record.status for record in records} | set(_BUSY)
    known = tuple(tick for tick in look_at(store, applied, ticks) if tick.status in still)
    taken = {record for record, some in told.items() if some is not None}
    if not known:
        return None, taken
    plan = BackfillPlan(applied, known[0].tick, known[-1].tick, known, store.time(), _workers(store, applied))
    return plan, taken


def _ticks(applied: Applied, first: int, last: int, most: int) -> list[int]:
    name = applied.schedule.name
    count = applied.trigger.count_ticks(first, last) if first <= last else 0
    if count > most:
        raise RefusedError(
            f"{name} has {count:,} ticks in that window, and {most:,} are the most without a word",
            hint=f"look at --from and --to; if all of them are meant: --allow-ticks {count}",
        )
    if not count:
        around = [moment for moment in nearest_ticks(applied.trigger, first) if moment <= last or moment < first]
        raise UsageError(f"{name} has no tick in that window that is past", hint=_hint_empty(applied, around))
    return ticks_between(applied.trigger, first, last)


def _hint_empty(applied: Applied, around: Sequence[int]) -> str:
    zone = ZoneInfo(applied.timezone)
    if not around:
        return "it has no earlier ticks; `start:` and `end:` of its spec count too"
    return f"the last tick before it is {datetime.fromtimestamp(around[0], zone).isoformat()}"


def _workers(store: Store, applied: Applied) -> int:
    return live_workers(store, store.keys.queue(str(applied.schedule.fields.get("queue"))))


@dataclass(slots=True)
class Backfill:
    """A backfill on its way; iterate over `steps` to carry it on."""

    store: Store
    plan: BackfillPlan
    limit: int = 1
    inputs: Mapping[str, Any] = field(default_factory=dict)
    reason: str = "backfill"
    stop_on_failure: bool = False
    sign: Sign | None = None
    pause: Callable[[float], None] = time.sleep
    look: Look = look_not
    _todo: deque[int] = field(default_factory=deque)
    _watched: set[int] = field(default_factory=set)
    _named: dict[int, str] = field(default_factory=dict)  # runs that were active before: perhaps under a former name
    _ended: dict[int, RunRecord] = field(default_factory=dict)
    _order: dict[str, Any] = field(default_factory=dict)
    _total: int = 0
    _given_up: int = 0
    _note: str = ""
    _mark: str = ""  # of the last time that all runs of the name were cancelled, when this began

    def steps(self) -> Iterator[Progress]:
        """Hand out the runs and watch them until all have ended; yields whenever there may be something to show.

        To stop handing out, stop iterating: what is handed out goes on. Raises `FlowerPowerError` when an apply took
        the schedule away or gave it other ticks, `StoreError` when Redis stays away.
        """
        if self.limit < 1:
            raise UsageError(f"at least one run at a time, not {self.limit}")
        check_inputs(self.inputs)
        self._todo = deque(tick.tick for tick in self.plan.to_run)
        self._watched = {tick.tick for tick in self.plan.busy}
        self._named = {tick.tick: tick.record.run for tick in self.plan.busy if tick.record}
        self._total = len(self._todo) + len(self._watched)
        self._mark = read_mark(self.store, self.plan.applied.schedule.name)
        wait, away = _FASTEST, 0.0
        yield self._progress()
        while self._todo or self._watched:
            try:
                moved = self._step()
                away = 0.0
            except StoreError as error:
                away += _SLOWEST
                if away > _PATIENCE:
                    raise
                self._order, self._note = {}, f"Redis is away: {error}"
                moved, wait = False, _SLOWEST
            yield self._progress()
            wait = _FASTEST if moved else min(wait * 1.5, _SLOWEST)
            if self._todo or self._watched:
                self.pause(wait)

    def _step(self) -> bool:
        """Look at what runs, hand out what there is room for, and tell whether anything moved."""
        moved = self._look()
        if self.stop_on_failure and self._progress().failed:
            self._give_up()
        return self._hand_out() or moved if self._todo and len(self._watched) < self.limit else moved

    def _give_up(self) -> None:
        self._given_up += len(self._todo)
        self._todo.clear()

    def _hand_out(self) -> bool:
        applied = self.plan.applied
        if not self._order:
            self._prepare()
        batch = [self._todo[index] for index in range(min(len(self._todo), self.limit, _AT_ONCE))]
        words = hand_out(self.store, self.plan.applied, self._order, batch, self.sign)
        if not words:
            self._follow(applied)
            return True
        self._note = _NOTES.get(words[-1], "")
        if words[0] == "called off":
            self._give_up()
            return True
        for tick, word in zip(batch, words, strict=False):
            if word in ("full", "yields"):
                break
            self._todo.popleft()
            if word in ("pushed", "active"):
                self._watched.add(tick)
            else:
                self._total -= 1  # somebody else has run it, or the schedule itself will
        return words[0] not in ("full", "yields")

    def _prepare(self) -> None:
        """Make the order. After a lost reply some of the ticks may be handed out already, and have ended."""
        plan = self.plan
        turns, again = plan.applied.takes_turns, plan.again
        how = HandOut(self.reason, self.inputs, self.limit, yields=turns, again=again, look=self.look)
        self._order = {**order_of(self.store, plan.applied, how), "called_off": self._mark}
        if not self._note:
            return
        for tick in look_at(self.store, plan.applied, sorted(self._todo)):
            if tick.record is not None and tick.record.run and tick.record.at >= plan.now:
                self._todo.remove(tick.tick)
                self._watched.add(tick.tick)

    def _follow(self, before: Applied) -> None:
        """Go on with what an apply made of the schedule, if its ticks are still the same."""
        left = f"{len(self._todo):,} ticks were not handed out"
        try:
            now = read_applied(self.store, name_now(self.store, before.schedule.name))
        except UsageError:
            raise FlowerPowerError(
                f"{before.schedule.name} was deleted by an apply meanwhile; {left}", hint="`flowerpower history`"
            ) from None
        if now.schedule.timing != before.schedule.timing:
            raise FlowerPowerError(
                f"an apply changed when {before.schedule.name} fires; {left}", hint="look at the window again"
            )
        self._named |= {tick: self._run_of(tick) for tick in self._watched}  # perhaps under the name of before
        self.plan = BackfillPlan(
            now, self.plan.first, self.plan.last, self.plan.ticks, self.plan.now, self.plan.workers, self.plan.again
        )
        self._order, self._note = {}, "an apply changed the schedule: what it brought is run from here on"

    def _look(self) -> bool:
        """Take note of the runs that have ended."""
        if not self._watched:
            return False
        keys, ticks = self.store.keys, sorted(self._watched)
        with redis_errors("looking at the runs"):
            raw: Any = self.store.connection.hmget(keys.active, [self._run_of(tick) for tick in ticks])
        ended = [tick for tick, entry in zip(ticks, raw, strict=True) if entry is None]
        name = name_now(self.store, self.plan.applied.schedule.name) if ended else ""
        for tick in ended:
            self._ended[tick] = self._end_of(RunRef(self._run_of(tick), name, str(tick), tick))
            self._watched.remove(tick)
        return bool(ended)

    def _run_of(self, tick: int) -> str:
        return self._named.get(tick) or self.store.keys.run_id(self.plan.applied.schedule.name, tick)

    def _end_of(self, run: RunRef) -> RunRecord:
        from flowerpower.jobs.details import find_outcome

        found = find_outcome(self.store, run)
        return found or RunRecord(run.name, run.tick, run.tick, "lost", reason="no outcome was recorded", run=run.id)

    def _progress(self) -> Progress:
        return Progress(
            self._total, dict(self._ended), tuple(sorted(self._watched)), len(self._todo) + self._given_up, self._note
        )


_NOTES = {
    "called off": "somebody cancelled all of its runs, so no other is started",
    "full": "others of its backfills run",
    "yields": "its own run has its turn first",
}
