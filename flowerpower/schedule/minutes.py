"""How often many triggers fire in each minute of a stretch of time.

Going from tick to tick would be millions of steps for a large namespace. Crons of one zone that match the same days
share one day, on which each counts its minutes once; that day is then laid on the clock of the zone. What is rare (a
`start` in the middle of a minute, a change of the clocks) is counted by itself, so the numbers are exact.

A weight may be a complex number: that adds up two things, such as starts and seconds of work, in one pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from operator import add
from typing import NamedTuple

from flowerpower.schedule.trigger import FIFTY_YEARS, CronInZone, Every, Trigger
from flowerpower.schedule.zones import DAY, load_zone

MINUTE = 60
_RUNS = 50  # that are looked at to learn how many ticks run
_NOTHING = 1e-9  # what rounding may leave


class _Clock(NamedTuple):
    """A stretch with one offset: its instants, `end` not included."""

    start: int
    end: int
    offset: int
    before: int  # the offset just before `start`
    fresh: int  # the first instant whose wall has not been shown before


class _Shared(NamedTuple):
    """What crons have in common whose ticks lie on the same clock, on the same days, within the same bounds."""

    timezone: str
    fixed: bool
    days: tuple[int, ...]
    first: int
    end: int


@dataclass(frozen=True)
class Stretch:
    """So many whole minutes from `first` on, which is the start of a minute in seconds since the Unix epoch."""

    first: int
    minutes: int

    @property
    def end(self) -> int:
        """Return the first second after it."""
        return self.first + self.minutes * MINUTE

    def effort(self, trigger: Trigger) -> int:
        """Return about how many steps it takes to count a trigger, for those who must bound their work."""
        rule = trigger.rule
        if isinstance(rule, CronInZone):
            bounded = trigger.start > self.first or trigger.end < self.end
            return len(rule.cron.minutes) * (self.minutes // 1440 + 2 if bounded else 1)
        return min(self.minutes, self.minutes * MINUTE // rule.step + 1) if isinstance(rule, Every) else 1

    def count(self, weighted: Iterable[tuple[Trigger, complex]]) -> dict[int, complex]:
        """Return the sum of the weights of all ticks in each minute; minutes count from 0, those without are absent."""
        found: dict[int, complex] = defaultdict(float)
        shared: dict[_Shared, dict[int, complex]] = defaultdict(lambda: defaultdict(float))
        for trigger, weight in weighted:
            if isinstance(trigger.rule, CronInZone) and self._clocks[trigger.timezone]:
                self._add_cron(trigger, trigger.rule, weight, found, shared)
            elif isinstance(trigger.rule, Every):
                self._add_every(trigger, trigger.rule, weight, found)
            else:
                self._add_each(trigger, weight, found, self.first, self.end)
        for key, day in shared.items():
            self._lay(key, day, found)
        return dict(found)

    def _add_cron(
        self,
        trigger: Trigger,
        rule: CronInZone,
        weight: complex,
        found: dict[int, complex],
        shared: dict[_Shared, dict[int, complex]],
    ) -> None:
        """Count the whole minutes on the shared day, and by themselves the pieces of minutes at `start` and `end`."""
        cron = rule.cron
        start, end = max(self.first, trigger.start), min(self.end, trigger.end + 1)
        first, last = -(-start // MINUTE) * MINUTE, end // MINUTE * MINUTE
        if first > last:
            first = last = end
        self._add_each(trigger, weight, found, start, first)
        self._add_each(trigger, weight, found, last, end)
        clocks = self._clocks[trigger.timezone]
        days = tuple(day for day in _days(clocks) if cron.runs_on(day))
        changed = len(clocks) > 1 or clocks[0].fresh > clocks[0].start  # else fixed or not is all the same
        day = shared[_Shared(trigger.timezone, cron.fixed and changed, days, first, last)]
        many = weight * len(cron.seconds)
        for minute in cron.minutes:
            day[minute] += many
        gaps = [clock for clock in clocks if clock.before < clock.offset and first <= clock.start < last]
        for gap in gaps if cron.fixed else ():
            shown = gap.start + gap.offset
            if cron.count(gap.start + gap.before, shown - 1) and not cron.count(shown, shown):
                found[(gap.start - self.first) // MINUTE] += weight  # one tick stands for all that the gap swallowed

    def _lay(self, key: _Shared, day: dict[int, complex], found: dict[int, complex]) -> None:
        """Lay a day's minutes on each day that they share, where the clock of the zone shows them."""
        for clock in self._clocks[key.timezone]:
            start = max(clock.fresh if key.fixed else clock.start, key.first)
            end = min(clock.end, key.end)
            for number in key.days:
                midnight = number * DAY - clock.offset
                if midnight >= end or midnight + DAY <= start:
                    continue
                base, inside = (midnight - self.first) // MINUTE, start <= midnight and midnight + DAY <= end
                for minute, weight in day.items():
                    if inside or start <= midnight + minute * MINUTE < end:
                        found[base + minute] += weight

    def _add_every(self, trigger: Trigger, rule: Every, weight: complex, found: dict[int, complex]) -> None:
        start, last = max(self.first, trigger.start), min(self.end - 1, trigger.end)
        if rule.step < MINUTE:
            self._add_each(trigger, weight, found, start, last + 1)
            return
        for tick in range(start + (rule.anchor - start) % rule.step, last + 1, rule.step):
            found[(tick - self.first) // MINUTE] += weight

    def _add_each(self, trigger: Trigger, weight: complex, found: dict[int, complex], start: int, end: int) -> None:
        """Count minute by minute, however many ticks there are."""
        while start < end:
            following = min((start // MINUTE + 1) * MINUTE, end)
            number = trigger.count_ticks(start, following - 1)
            if number:
                found[(start - self.first) // MINUTE] += number * weight
            start = following

    @cached_property
    def _clocks(self) -> _ByZone:
        return _ByZone(self.first, self.end)


class _ByZone(dict[str, tuple[_Clock, ...]]):
    """The clocks of a stretch by zone, each looked up once."""

    def __init__(self, first: int, end: int) -> None:
        super().__init__()
        self._first, self._end = first, end

    def __missing__(self, timezone: str) -> tuple[_Clock, ...]:
        self[timezone] = _clocks(timezone, self._first, self._end)
        return self[timezone]


def _clocks(timezone: str, first: int, end: int) -> tuple[_Clock, ...]:
    """Return the clocks of a zone, none if its minutes do not begin with ours: offsets once had seconds."""
    zone, instant, found = load_zone(timezone), first, []
    while instant < end:
        span = zone.span_at(instant)
        before = span.previous if span.start == instant else span.offset
        fresh = max(instant, span.start + max(0, span.previous - span.offset))
        if any(number % MINUTE for number in (instant, span.offset, fresh)):
            return ()
        found.append(_Clock(instant, min(span.end, end), span.offset, before, fresh))
        instant = span.end
    return tuple(found)


def _days(clocks: tuple[_Clock, ...]) -> range:
    first = min((clock.start + clock.offset) // DAY for clock in clocks)
    last = max((clock.end + clock.offset) // DAY for clock in clocks)
    return range(first, last + 1)


def least_gap(trigger: Trigger) -> int:
    """Return seconds that surely lie between any two ticks but where clocks are changed; quick, and often exact."""
    rule = trigger.rule
    if isinstance(rule, Every):
        return rule.step
    if not isinstance(rule, CronInZone):
        return FIFTY_YEARS
    seconds, minutes = rule.cron.seconds, rule.cron.minutes
    if len(seconds) > 1:
        return min(MINUTE - seconds[-1] + seconds[0], *(after - before for before, after in pairwise(seconds)))
    overnight = DAY - (minutes[-1] - minutes[0]) * MINUTE
    return min([overnight, *((after - before) * MINUTE for before, after in pairwise(minutes))])


def runs_per_tick(trigger: Trigger, after: int, seconds: int) -> float:
    """Return which part of the ticks from a moment on run, if a run takes so long and ticks during it are skipped."""
    tick = first = trigger.next_tick(after)
    runs = 0
    while tick is not None and runs < _RUNS:
        following = trigger.next_tick(tick + seconds - 1)
        if following is None:
            break
        tick, runs = following, runs + 1
    if tick is None or first is None or not runs:
        return 1.0
    return runs / trigger.count_ticks(first, tick - 1)


def spread(found: dict[int, complex], jitter: int, minutes: int) -> dict[int, complex]:
    """Return the starts with each spread evenly over *jitter* seconds from its minute on; some fall behind the end."""
    if jitter <= MINUTE:
        return found
    whole, rest = divmod(jitter, MINUTE)
    if len(found) * (whole + 1) < minutes // 4:
        return _spread_each(found, jitter, minutes)
    steps: list[complex] = [0.0] * minutes
    extra: list[complex] = [0.0] * minutes
    for minute, weight in found.items():
        steps[minute] += weight * MINUTE / jitter
        if minute + whole < minutes:
            steps[minute + whole] -= weight * MINUTE / jitter
            extra[minute + whole] += weight * rest / jitter
    starts = map(add, accumulate(steps), extra)
    return {minute: weight for minute, weight in enumerate(starts) if abs(weight) > _NOTHING}


def _spread_each(found: dict[int, complex], jitter: int, minutes: int) -> dict[int, complex]:
    """Do the same start by start, which is quicker for a few."""
    whole, rest = divmod(jitter, MINUTE)
    after: dict[int, complex] = defaultdict(float)
    for minute, weight in found.items():
        for later in range(minute, min(minute + whole, minutes)):
            after[later] += weight * MINUTE / jitter
        if rest and minute + whole < minutes:
            after[minute + whole] += weight * rest / jitter
    return dict(after)
