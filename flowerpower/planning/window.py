"""A window of the past as people name it, and the ticks in it."""

from __future__ import annotations

import re

from flowerpower.errors import UsageError
from flowerpower.schedule.trigger import Trigger, TriggerError
from flowerpower.schedule.zones import LAST, load_zone, parse_moment
from flowerpower.specs.values import parse_duration

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SECONDS = re.compile(r"\d{9,11}", re.ASCII)
_HINT = "write a day such as 2026-11-22, a moment such as 2026-11-22T02:00, or how long ago, such as 2d"


def past_moment(asked: str, timezone: str, now: int, flag: str, *, ends_day: bool = False) -> int:
    """Return the moment (epoch seconds) that a flag names: a day, a moment, `now`, epoch seconds, or `2d` ago.

    Without an offset it is one on the clocks of the zone. A day is its first second, its last one with *ends_day*.
    Raises `UsageError` for any other text.
    """
    text = asked.strip()
    if text == "now":
        return now
    if _SECONDS.fullmatch(text):
        return int(text)
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        zone = load_zone(timezone)
        if not _DAY.fullmatch(text):
            return min(parse_moment(text, zone, flag), LAST)
        return parse_moment(f"{text}T23:59:59" if ends_day else f"{text}T00:00", zone, flag)
    except TriggerError as error:
        raise UsageError(f"{flag} {text[:80]!r} names no moment: {error}", hint=_HINT) from error


def is_tick(trigger: Trigger, moment: int) -> bool:
    """Tell whether a trigger fires at that very second."""
    return trigger.next_tick(moment - 1) == moment


def nearest_ticks(trigger: Trigger, moment: int) -> tuple[int, ...]:
    """Return the tick before a moment and the one after it, as far as there are any."""
    around = (trigger.previous_tick(moment), trigger.next_tick(moment))
    return tuple(tick for tick in around if tick is not None)


def ticks_between(trigger: Trigger, first: int, last: int) -> list[int]:
    """Return the ticks from one second to another, both included, the oldest first."""
    found, tick = list[int](), trigger.next_tick(first - 1)
    while tick is not None and tick <= last:
        found.append(tick)
        tick = trigger.next_tick(tick)
    return found
