"""When a schedule fires: `cron`, `every` or `at`, as moments in real time.

`parse_trigger` turns the words of a spec into a `Trigger`; a trigger answers which tick comes next and which came
before. Nothing here reads a clock, and every search ends: what does not fire within 50 years does not fire.
`docs/triggers.md` tells all of it, with examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple, Protocol

from flowerpower.durations import duration_text, parse_duration
from flowerpower.schedule.cron import Cron, parse_cron
from flowerpower.schedule.errors import TriggerError
from flowerpower.schedule.jitter import delay
from flowerpower.schedule.zones import DAY, EPOCH, FIRST, LAST, SECOND, Zone, load_zone, parse_moment

__all__ = ["Duration", "Kind", "Moment", "Rule", "Trigger", "TriggerError", "parse_trigger"]

Kind = Literal["cron", "every", "at"]
Duration = int | str | timedelta
Moment = str | date
FIFTY_YEARS = 51 * 366 * 86_400
MOST_TICKS = 100_000
_LOOKED_AT = 500  # ticks, to learn how close two of them come: a cron repeats what it does within them
_LEAP_YEAR = 19_723 * DAY  # 2024-01-01


class Rule(Protocol):
    """Where ticks lie, before any `start` and `end`; all numbers are seconds since the Unix epoch."""

    def after(self, instant: int) -> int | None:
        """Return the first tick after the instant."""

    def before(self, instant: int) -> int | None:
        """Return the last tick before the instant."""

    def count(self, first: int, last: int) -> int:
        """Return how many ticks lie between two instants, both included, without walking from tick to tick."""


class Every:
    """A tick at the anchor and at every whole number of steps from it, in elapsed seconds."""

    __slots__ = ("anchor", "step")

    def __init__(self, anchor: int, step: int) -> None:
        self.anchor = anchor
        self.step = step

    def after(self, instant: int) -> int | None:
        """Return the first tick after the instant."""
        return self.anchor + ((instant - self.anchor) // self.step + 1) * self.step

    def before(self, instant: int) -> int | None:
        """Return the last tick before the instant."""
        return self.anchor + ((instant - self.anchor - 1) // self.step) * self.step

    def count(self, first: int, last: int) -> int:
        """Return how many ticks lie between two instants, both included."""
        return max(0, (last - self.anchor) // self.step - (first - 1 - self.anchor) // self.step)


class At:
    """One tick."""

    __slots__ = ("moment",)

    def __init__(self, moment: int) -> None:
        self.moment = moment

    def after(self, instant: int) -> int | None:
        """Return the tick if it comes after the instant."""
        return self.moment if self.moment > instant else None

    def before(self, instant: int) -> int | None:
        """Return the tick if it came before the instant."""
        return self.moment if self.moment < instant else None

    def count(self, first: int, last: int) -> int:
        """Return 1 if the tick lies between two instants, both included."""
        return int(first <= self.moment <= last)


class CronInZone:
    """A cron expression on the clocks of one zone, by Debian's rule where those are changed.

    A fixed-time expression fires once for each matching wall: at its first pass, or where the gap that swallowed it
    ends. A wildcard expression fires whenever the clock shows a matching wall: in both passes, never for a gap.
    """

    __slots__ = ("cron", "zone")

    def __init__(self, cron: Cron, zone: Zone) -> None:
        self.cron = cron
        self.zone = zone

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


class Trigger(NamedTuple):
    """When a schedule fires. `start` and `end` are the first and last second that may hold a tick, both included.

    Triggers with equal `key` have equal ticks, whatever words they were written in; with equal `jitter` too they are
    equal.
    """

    kind: Kind
    timezone: str
    key: str
    start: int
    end: int
    rule: Rule
    jitter: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trigger) and (self.key, self.jitter) == (other.key, other.jitter)

    def __ne__(self, other: object) -> bool:  # a tuple has its own
        return not self == other

    def __hash__(self) -> int:
        return hash((self.key, self.jitter))

    def __repr__(self) -> str:
        return f"Trigger({self.kind!r}, {self.timezone!r}, {self.key!r}, jitter={self.jitter})"

    def next_ticks(self, after: datetime, count: int) -> list[datetime]:
        """Return up to `count` ticks strictly after an aware datetime, in the schedule's zone, oldest first.

        Raises ValueError if `after` is naive, or `count` below 0 or above 100,000.
        """
        return self._walk(self.next_tick, _second(after, "after"), count)

    def previous_ticks(self, before: datetime, count: int) -> list[datetime]:
        """Return up to `count` ticks strictly before an aware datetime, in the schedule's zone, newest first.

        Raises ValueError if `before` is naive, or `count` below 0 or above 100,000.
        """
        whole = _second(before, "before")
        return self._walk(self.previous_tick, whole + (before.microsecond > 0), count)

    def starts(self, tick: datetime, schedule: str) -> datetime:
        """Return when a tick of that schedule starts: up to `jitter` seconds later, always the same for a tick."""
        second = _second(tick, "tick")
        return load_zone(self.timezone).local(second + delay(schedule, second, self.jitter))

    def next_tick(self, after: int) -> int | None:
        """Return the first tick after that second since the Unix epoch, or None if there is none."""
        if after < self.start:
            after = self.start - 1
        if after >= self.end:
            return None
        tick = self.rule.after(after)
        return tick if tick is not None and tick <= self.end else None

    def ticks_after(self, after: int) -> Iterator[int]:
        """Yield the ticks after that second since the Unix epoch, as long as there are any."""
        tick = self.next_tick(after)
        while tick is not None:
            yield tick
            tick = self.next_tick(tick)

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

    def _walk(self, step: Callable[[int], int | None], begin: int, count: int) -> list[datetime]:
        if not 0 <= count <= MOST_TICKS:
            raise ValueError(f"`count` is {count}, not between 0 and {MOST_TICKS}: ask again from the last of them")
        zone, ticks = load_zone(self.timezone), list[datetime]()
        tick = step(begin) if count else None
        while tick is not None:
            ticks.append(zone.local(tick))
            tick = step(tick) if len(ticks) < count else None
        return ticks


def _second(moment: datetime, name: str) -> int:
    """Return the last whole second since the Unix epoch up to an aware datetime."""
    if moment.utcoffset() is None:
        raise ValueError(f"`{name}` needs a time zone: a naive datetime names no moment")
    return (moment - EPOCH) // SECOND


def parse_trigger(  # noqa: PLR0913  the words of a spec, all by name
    *,
    cron: str | None = None,
    every: Duration | None = None,
    at: Moment | None = None,
    timezone: str = "UTC",
    start: Moment | None = None,
    end: Moment | None = None,
    jitter: Duration = 0,
) -> Trigger:
    """Return the trigger that a spec describes; raise TriggerError, a ValueError with `what` and `hint`, if wrong.

    Exactly one of `cron` (five fields, six with seconds first, or an @word), `every` (elapsed time: `15m`, whole
    seconds or a timedelta) and `at` (ISO 8601 or a datetime). `timezone` is an IANA name. `start` and `end` are moments
    as `at` is, and both inclusive; a date without a time is the start of that day in the zone, so `end: 2026-12-31`
    ends with the first second of that day. `every` counts from `start`, or from the Unix epoch without one. `jitter`
    moves no tick: it is how much later at most a tick may start, no longer than from one tick to the next.
    """
    if sum(value is not None for value in (cron, every, at)) != 1:
        raise TriggerError("a schedule needs exactly one of `cron`, `every` and `at`", hint="keep one of the three")
    _check_text("timezone", timezone, "timezone: Europe/Berlin")
    zone = load_zone(timezone)
    first, last = _bounds(start, end, zone)
    bounds = (f" from {first}" if start is not None else "") + (f" to {last}" if end is not None else "")
    held = _seconds("jitter", jitter, least=0) if jitter else 0
    if cron is not None:
        _check_text("cron", cron, "cron: 0 6 * * MON-FRI")
        parsed = parse_cron(cron)
        _check_jitter(held, _shortest_distance(parsed) if held else 0)
        key = _cron_key(parsed, zone) + bounds
        return Trigger("cron", timezone, key, first, last, CronInZone(parsed, zone), held)
    if at is not None:
        moment = At(parse_moment(at, zone, "at"))
        inside = first <= moment.moment <= last
        return Trigger("at", timezone, f"at {moment.moment}" if inside else "at never", first, last, moment, held)
    rule = Every(0 if start is None else first, _seconds("every", every, least=1))
    _check_jitter(held, rule.step)
    key = f"every {rule.step} phase {rule.anchor % rule.step}{bounds}"
    return Trigger("every", timezone, key, first, last, rule, held)


def _bounds(start: Moment | None, end: Moment | None, zone: Zone) -> tuple[int, int]:
    first = FIRST if start is None else parse_moment(start, zone, "start")
    last = LAST if end is None else parse_moment(end, zone, "end")
    if last < first:
        raise TriggerError(f"`end: {end}` lies before `start: {start}`", hint="a schedule ends after it starts")
    return first, last


def _check_text(name: str, value: object, example: str) -> None:
    if not isinstance(value, str):
        raise TriggerError(f"`{name}` is {str(value)[:60]!r}, not a text", hint=f"write `{example}`")


def _cron_key(cron: Cron, zone: Zone) -> str:
    """Return the canonical text; in UTC no clock is ever changed, so fixed and wildcard are the same there."""
    if zone.is_utc:
        return f"cron {cron.text} UTC"
    return f"cron {cron.text} {'fixed' if cron.fixed else 'wild'} {zone.name}"


def _seconds(name: str, value: Duration | None, *, least: int) -> int:
    try:
        whole = not isinstance(value, timedelta) or value % SECOND == timedelta(0)
        seconds = parse_duration(value // SECOND if isinstance(value, timedelta) and whole else value)
    except ValueError:
        seconds = -1
    if seconds < least:
        example = "15m" if name == "every" else "30s"
        raise TriggerError(
            f"`{name}: {value}` is not a duration of whole seconds{', at least one' if least else ''}",
            hint=f"write `{name}: {example}`, or a number of seconds; at most 3650 days",
        )
    return seconds


def _shortest_distance(cron: Cron) -> int:
    """Return how many seconds its closest ticks are apart, looking at some hundred and at no change of clocks."""
    shortest, wall = FIFTY_YEARS, cron.next_wall(_LEAP_YEAR - 1)
    for _ in range(_LOOKED_AT):
        following = None if wall is None else cron.next_wall(wall)
        if wall is None or following is None:
            break
        shortest, wall = min(shortest, following - wall), following
    return shortest


def _check_jitter(jitter: int, distance: int) -> None:
    """Refuse a jitter that could hold a tick back until after the next one: starts would come in heaps."""
    if jitter > distance:
        raise TriggerError(
            f"`jitter` is {duration_text(jitter)}, but there are ticks only {duration_text(distance)} apart",
            hint=f"at most `jitter: {duration_text(distance)}`, so that each tick starts before the next one is due",
        )
