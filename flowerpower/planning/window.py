"""A window of the past as people name it, and the ticks in it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from flowerpower.errors import UsageError
from flowerpower.schedule.trigger import Trigger, TriggerError, parse_trigger
from flowerpower.schedule.zones import LAST, load_zone, parse_moment
from flowerpower.specs.values import parse_duration

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SECONDS = re.compile(r"\d{9,11}", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_HINT = "write a day (2026-11-22, yesterday), a moment (2026-11-22T02:00), a time (02:00, the last), how long ago (2d)"
_HINT_COMING = (
    "write a day (2026-11-22, tomorrow), a moment (2026-11-22T02:00), a time (02:00, the next), in how long (2h)"
)


def past_moment(asked: str, timezone: str, now: int, flag: str, *, ends_day: bool = False) -> int:
    """Return the moment (epoch seconds) that a flag names: a day, a moment, the last `02:00`, `now`, or `2d` ago.

    Without an offset it is one on the clocks of the zone. A day is its first second, its last one with *ends_day*.
    Epoch seconds do as well. Raises `UsageError` for any other text.
    """
    text = asked.strip()
    if text == "now":
        return now
    if _SECONDS.fullmatch(text):
        return int(text)
    if text.isdecimal():  # 2026 is meant as a year, and would be half an hour
        raise UsageError(f"{flag} {text[:80]!r} names no moment", hint=_HINT)
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    if clock := _CLOCK.fullmatch(text):
        return _daily(clock, timezone).previous_tick(now + 1) or 0
    return _day_or_moment(text, timezone, now, flag, _HINT, ends_day=ends_day)


def coming_moment(asked: str, timezone: str, now: int, flag: str, *, ends_day: bool = False) -> int:
    """Return the moment (epoch seconds) of the future that a flag names, as `past_moment` does for one of the past.

    A time is the next such one, a duration counts from now.
    """
    text = asked.strip()
    if text.isdecimal():
        raise UsageError(f"{flag} {text[:80]!r} names no moment", hint=_HINT_COMING)
    try:
        return now + parse_duration(text)
    except ValueError:
        pass
    if clock := _CLOCK.fullmatch(text):
        return _daily(clock, timezone).next_tick(now) or LAST
    return _day_or_moment(text, timezone, now, flag, _HINT_COMING, ends_day=ends_day)


def _daily(clock: re.Match[str], timezone: str) -> Trigger:
    return parse_trigger(cron=f"{int(clock[2])} {int(clock[1])} * * *", timezone=timezone)


def _day_or_moment(asked: str, timezone: str, now: int, flag: str, hint: str, *, ends_day: bool) -> int:
    text = asked
    if asked in _DAYS:
        text = (datetime.fromtimestamp(now, ZoneInfo(timezone)).date() + timedelta(days=_DAYS[asked])).isoformat()
    try:
        zone = load_zone(timezone)
        if not _DAY.fullmatch(text):
            return min(parse_moment(text, zone, flag), LAST)
        return parse_moment(f"{text}T23:59:59" if ends_day else f"{text}T00:00", zone, flag)
    except TriggerError as error:
        raise UsageError(f"{flag} {text[:80]!r} names no moment", hint=hint) from error


def is_tick(trigger: Trigger, moment: int) -> bool:
    """Tell whether a trigger fires at that very second."""
    return trigger.next_tick(moment - 1) == moment


def nearest_ticks(trigger: Trigger, moment: int) -> tuple[int, ...]:
    """Return the tick before a moment and the one after it, as far as there are any."""
    around = (trigger.previous_tick(moment), trigger.next_tick(moment))
    return tuple(tick for tick in around if tick is not None)


def ticks_between(trigger: Trigger, first: int, last: int) -> list[int]:
    """Return the ticks from one second to another, both included, the oldest first."""
    return list(takewhile(lambda tick: tick <= last, trigger.ticks_after(first - 1)))
