"""When a schedule fires: `cron`, `every` or `at`, as moments in real time.

`parse_trigger` turns the words of a spec into a `Trigger`; a trigger answers which tick comes next and which came
before. Nothing here reads a clock, and every search ends: what does not fire within 50 years does not fire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from flowerpower.schedule.cron import Cron, parse_cron
from flowerpower.schedule.errors import TriggerError
from flowerpower.schedule.zones import EPOCH, FIRST, LAST, SECOND, Zone, load_zone, parse_moment

__all__ = ["Kind", "Rule", "Trigger", "TriggerError", "parse_trigger"]

Kind = Literal["cron", "every", "at"]
FIFTY_YEARS = 51 * 366 * 86_400


class Rule(Protocol):
    """Where ticks lie, before any `start` and `end`; all numbers are seconds since the Unix epoch."""

    def after(self, instant: int) -> int | None:
        """Return the first tick after the instant."""

    def before(self, instant: int) -> int | None:
        """Return the last tick before the instant."""

    def count(self, first: int, last: int) -> int:
        """Return how many ticks lie between two instants, both included, without walking from tick to tick."""


@dataclass(frozen=True, slots=True)
class Every:
    """A tick at the anchor and at every whole number of steps from it, in elapsed seconds."""

    anchor: int
    step: int

    def after(self, instant: int) -> int | None:
        """Return the first tick after the instant."""
        return self.anchor + ((instant - self.anchor) // self.step + 1) * self.step

    def before(self, instant: int) -> int | None:
        """Return the last tick before the instant."""
        return self.anchor + ((instant - self.anchor - 1) // self.step) * self.step

    def count(self, first: int, last: int) -> int:
        """Return how many ticks lie between two instants, both included."""
        return max(0, (last - self.anchor) // self.step - (first - 1 - self.anchor) // self.step)


@dataclass(frozen=True, slots=True)
class At:
    """One tick."""

    moment: int

    def after(self, instant: int) -> int | None:
        """Return the tick if it comes after the instant."""
        return self.moment if self.moment > instant else None

    def before(self, instant: int) -> int | None:
        """Return the tick if it came before the instant."""
        return self.moment if self.moment < instant else None

    def count(self, first: int, last: int) -> int:
        """Return 1 if the tick lies between two instants, both included."""
        return int(first <= self.moment <= last)


@dataclass(frozen=True, slots=True)
class CronInZone:
    """A cron expression on the clocks of one zone, by Debian's rule where those are changed.

    A fixed-time expression fires once for each matching wall: at its first pass, or where the gap that swallowed it
    ends. A wildcard expression fires whenever the clock shows a matching wall: in both passes, never for a gap.
    """

    cron: Cron
    zone: Zone

    def after(self, instant: int) -> int | None:
        """Return the first tick after the instant."""
        cron, span_at, limit = self.cron, self.zone.span_at, instant + FIFTY_YEARS
        start, end, offset, previous = span_at(instant)
        while True:
            wall = instant + offset
            if previous > offset and cron.fixed:
                wall = max(wall, start + previous - 1)  # up to there the walls have been shown before
            found = cron.next_wall(wall)
            if found is None or found - offset < end:
                return None if found is None else found - offset
            if end > limit or end >= LAST:
                return None
            edge = end
            start, end, offset, previous = span_at(edge)
            if start == edge and cron.fixed and found < start + offset:  # found lies in the gap that ends here
                return start
            instant = edge - 1

    def before(self, instant: int) -> int | None:
        """Return the last tick before the instant."""
        cron, span_at, limit = self.cron, self.zone.span_at, instant - FIFTY_YEARS
        while instant > max(limit, FIRST):
            start, _, offset, previous = span_at(instant - 1)
            repeated = previous - offset if cron.fixed and previous > offset else 0
            found = cron.previous_wall(instant + offset)
            if found is None:
                return None
            if found - offset >= start + repeated:
                return found - offset
            if cron.fixed and offset > previous:
                skipped = cron.previous_wall(start + offset)
                if skipped is not None and skipped >= start + previous:
                    return start
            instant = start
        return None

    def count(self, first: int, last: int) -> int:
        """Return how many ticks lie between two instants, both included."""
        cron, total, instant = self.cron, 0, first
        while instant <= last:
            start, end, offset, previous = self.zone.span_at(instant)
            low = instant + offset
            if cron.fixed and previous > offset:
                low = max(low, start + previous)
            if cron.fixed and start == instant and cron.count(start + previous, low - 1):
                total += 1 - cron.count(low, low)  # the end of a gap may be a match of its own: one tick all the same
            total += cron.count(low, min(last, end - 1) + offset)
            instant = end
        return total


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a schedule fires. `start` and `end` are the first and last second that may hold a tick, both included.

    Triggers with equal `key` have equal ticks, whatever words they were written in.
    """

    kind: Kind
    timezone: str
    key: str
    start: int = field(repr=False)
    end: int = field(repr=False)
    rule: Rule = field(repr=False, compare=False)

    def next_ticks(self, after: datetime, count: int) -> list[datetime]:
        """Return up to `count` ticks strictly after an aware datetime, in the schedule's zone.

        Raises ValueError if `after` is naive.
        """
        if after.tzinfo is None:
            raise ValueError("`after` needs a time zone: a naive datetime names no moment")
        zone = load_zone(self.timezone)
        ticks: list[datetime] = []
        tick = self.next_tick((after - EPOCH) // SECOND)
        while tick is not None and len(ticks) < count:
            ticks.append(zone.local(tick))
            tick = self.next_tick(tick)
        return ticks

    def next_tick(self, after: int) -> int | None:
        """Return the first tick after that second since the Unix epoch, or None if there is none."""
        if after < self.start:
            after = self.start - 1
        if after >= self.end:
            return None
        tick = self.rule.after(after)
        return tick if tick is not None and tick <= self.end else None

    def previous_tick(self, tick: int) -> int | None:
        """Return the last tick before that second since the Unix epoch, or None if there is none."""
        if tick > self.end:
            tick = self.end + 1
        if tick <= self.start:
            return None
        found = self.rule.before(tick)
        return found if found is not None and found >= self.start else None

    def count_ticks(self, first: int, last: int) -> int:
        """Return how many ticks lie between two seconds since the Unix epoch, both included; fast however many."""
        return self.rule.count(max(first, self.start), min(last, self.end))


def parse_trigger(
    *,
    cron: str | None = None,
    every: int | None = None,
    at: str | None = None,
    timezone: str = "UTC",
    start: str | None = None,
    end: str | None = None,
) -> Trigger:
    """Return the trigger that a spec describes; raise TriggerError, a ValueError with `what` and `hint`, if wrong.

    Exactly one of `cron` (five fields, six with seconds first, or an @word), `every` (whole seconds of elapsed time)
    and `at` (ISO 8601). `timezone` is an IANA name. `start` and `end` are ISO 8601 and both inclusive; a date without a
    time is the start of that day in the zone, so `end: 2026-12-31` ends with the first second of that day.
    `every` counts from `start`, or from the Unix epoch without one.
    """
    if sum(value is not None for value in (cron, every, at)) != 1:
        raise TriggerError("a schedule needs exactly one of `cron`, `every` and `at`", hint="keep one of the three")
    zone = load_zone(timezone)
    first = FIRST if start is None else parse_moment(start, zone, "start")
    last = LAST if end is None else parse_moment(end, zone, "end")
    if last < first:
        raise TriggerError(f"`end: {end}` lies before `start: {start}`", hint="a schedule ends after it starts")
    bounds = (f" from {first}" if start is not None else "") + (f" to {last}" if end is not None else "")
    if cron is not None:
        parsed = parse_cron(cron)
        return Trigger("cron", timezone, _cron_key(parsed, zone) + bounds, first, last, CronInZone(parsed, zone))
    if at is not None:
        moment = At(parse_moment(at, zone, "at"))
        inside = first <= moment.moment <= last
        return Trigger("at", timezone, f"at {moment.moment}" if inside else "at never", first, last, moment)
    rule = Every(0 if start is None else first, _seconds(every))
    key = f"every {rule.step} phase {rule.anchor % rule.step}{bounds}"
    return Trigger("every", timezone, key, first, last, rule)


def _cron_key(cron: Cron, zone: Zone) -> str:
    """Return the canonical text; in UTC no clock is ever changed, so fixed and wildcard are the same there."""
    if zone.is_utc:
        return f"cron {cron.text} UTC"
    return f"cron {cron.text} {'fixed' if cron.fixed else 'wild'} {zone.name}"


def _seconds(every: int | None) -> int:
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise TriggerError(
            f"`every: {every}` is not a duration of whole seconds, at least one", hint="write `every: 15m`"
        )
    return every
