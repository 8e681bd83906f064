"""When clocks are changed, and which fires that touches.

A plan marks every fire near a change of the clocks in the next 12 months: there a local time may not exist, or come
twice, and a reader should see what the rule makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice, takewhile
from typing import Literal

from flowerpower.schedule.trigger import CronInZone, Trigger
from flowerpower.schedule.zones import DAY, NAIVE_EPOCH, Zone, load_zone

YEAR = 365 * DAY
NEAR = 3 * 3600
MOST_FIRES = 5

Effect = Literal["delayed", "left out", "once", "twice", "near"]


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A moment (seconds since the Unix epoch) at which a zone goes from one offset to another (seconds east of UTC)."""

    at: int
    before: int
    after: int

    @property
    def is_gap(self) -> bool:
        """Tell whether the clock is put forward, so that local times are missing."""
        return self.after > self.before


@dataclass(frozen=True, slots=True)
class Mark:
    """A fire, in seconds since the Unix epoch, and the change of the clocks it lies near."""

    tick: int
    change: ClockChange


@dataclass(frozen=True, slots=True)
class Touch:
    """What one change of the clocks does to a trigger.

    `delayed`: local times that do not exist fire once, where the gap ends; `left out`: they do not fire; `once`: local
    times that come twice fire the first time only; `twice`: they fire both times; `near`: it fires close to the change,
    as always. `fires` are up to five ticks around it, `count` is how many there are.
    """

    change: ClockChange
    effect: Effect
    fires: tuple[int, ...]
    count: int


def clock_changes(timezone: str, *, after: int, until: int | None = None) -> tuple[ClockChange, ...]:
    """Return the changes of a zone's clocks after one moment up to another, by default for 12 months."""
    zone = load_zone(timezone)
    until = after + YEAR if until is None else until
    found: list[ClockChange] = []
    span = zone.span_at(after)
    while span.end <= until:
        edge = span.end
        span = zone.span_at(edge)
        if span.start == edge and span.offset != span.previous:
            found.append(ClockChange(edge, span.previous, span.offset))
    return tuple(found)


def marks(timezone: str, fires: Iterable[int]) -> tuple[Mark, ...]:
    """Return those fires that lie on the local day of a change of the clocks, or within three hours of one."""
    zone = load_zone(timezone)
    found: list[Mark] = []
    for tick in fires:
        for change in clock_changes(timezone, after=tick - 2 * DAY, until=tick + 2 * DAY):
            first, last = _neighbourhood(zone, change)
            if first <= tick <= last:
                found.append(Mark(tick, change))
                break
    return tuple(found)


def touches(trigger: Trigger, *, after: int) -> tuple[Touch, ...]:
    """Return what each change of the clocks in the 12 months after a moment does to a trigger, if anything."""
    zone = load_zone(trigger.timezone)
    found: list[Touch] = []
    for change in clock_changes(trigger.timezone, after=after):
        first, last = _neighbourhood(zone, change)
        first = max(first, after + 1)
        effect = _effect(trigger, change)
        count = trigger.count_ticks(first, last)
        if count or effect != "near":
            found.append(Touch(change, effect, _fires_around(trigger, change, first, last), count))
    return tuple(found)


def _neighbourhood(zone: Zone, change: ClockChange) -> tuple[int, int]:
    """Return the first and the last second that count as near a change."""
    today = (zone.local(change.at).date() - NAIVE_EPOCH.date()) // timedelta(days=1) * DAY
    first, end = zone.first_instant(today), zone.first_instant(today + DAY)
    return min(first, change.at - NEAR), max(end - 1, change.at + NEAR)


def _effect(trigger: Trigger, change: ClockChange) -> Effect:
    """Return what becomes of the local times that are missing or come twice."""
    rule = trigger.rule
    inside = trigger.start <= change.at <= trigger.end
    if not isinstance(rule, CronInZone) or not inside:
        return "near"
    first, end = sorted((change.at + change.before, change.at + change.after))
    if not rule.cron.count(first, end - 1):
        return "near"
    if change.is_gap:
        return "delayed" if rule.cron.fixed else "left out"
    return "once" if rule.cron.fixed else "twice"


def _fires_around(trigger: Trigger, change: ClockChange, first: int, last: int) -> tuple[int, ...]:
    """Return up to five ticks of a neighbourhood, from two before the change."""
    begin = max(first, change.at)
    for _ in range(2):
        earlier = trigger.previous_tick(begin)
        begin = earlier if earlier is not None and earlier >= first else begin
    return tuple(takewhile(lambda tick: tick <= last, islice(trigger.ticks_after(begin - 1), MOST_FIRES)))
