"""When something of another tool fires, in the words of a schedule.

RQ and rq-scheduler read cron in the local time of their host and say nothing of it in Redis. What they do say is when
the next fire is: a zone is taken only if that moment is a fire in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowerpower.adoption.found import Found
from flowerpower.planning.window import is_tick
from flowerpower.render.words import iso
from flowerpower.schedule.errors import TriggerError
from flowerpower.schedule.fields import MACROS
from flowerpower.schedule.trigger import Trigger, parse_trigger
from flowerpower.state.models import Json

_MOST_TIMES = 10_000
_ANY = ("*", "?")
_HOUR = 3600


class NoTimingError(Exception):
    """Something that no schedule can say; the message says what."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The fields of a schedule that say when, and what its author should know about them."""

    fields: dict[str, Json]
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()  # true of all of the kind, so not worth a line where many are listed


def timing_of(found: Found, now: int, zones: Sequence[str]) -> Timing:
    """Return when it fires; *zones* are those it may be in, the likeliest first. Raises `NoTimingError`."""
    if found.cron is not None:
        return _cron_timing(found, found.cron, now, zones)
    if found.every is not None and found.times != 1:
        return _interval_timing(found, found.every, now)
    if found.due is None:
        raise NoTimingError("it says no moment")
    if found.due <= now:
        raise NoTimingError(f"it was due at {iso(found.due)}: its own scheduler runs it, or does not run")
    return Timing({"at": iso(found.due)})


def _overdue_note(found: Found, now: int) -> tuple[str, ...]:
    if found.due is None or found.due > now:
        return ()
    return (f"it has been due since {iso(found.due)}: does its scheduler still run?",)


def _interval_timing(found: Found, every: int, now: int) -> Timing:
    fields: dict[str, Json] = {"every": every}
    if found.due is not None:
        fields["start"] = iso(found.due)
    notes = list(_overdue_note(found, now))
    if found.times is not None and found.due is not None:
        fields["end"] = iso(found.due + (found.times - 1) * every)
        notes.append(f"it fires {found.times} more times, up to end")
    remark = "every counts from start and never drifts; the old one counted from the last run"
    return Timing(fields, tuple(notes), (remark,))


def _cron_timing(found: Found, text: str, now: int, zones: Sequence[str]) -> Timing:
    cron = translated(found.tool, text)
    try:
        zone, notes = _zone(cron, found.due, zones)
        fields: dict[str, Json] = {"cron": cron, "timezone": zone}
        if found.times is not None and found.due is not None:
            end = _last(parse_trigger(cron=cron, timezone=zone), found.due, found.times)
            fields["end"] = iso(end)
            notes = (*notes, f"it fires {found.times} more times, up to end")
    except TriggerError as error:
        raise NoTimingError(f"cron {text!r}: {error.what}") from None
    return Timing(fields, (*notes, *_overdue_note(found, now)))


def translated(tool: str, text: str) -> str:
    """Return a cron expression of RQ or rq-scheduler as ours, or raise `NoTimingError` where ours means other days."""
    parts = text.split()
    if len(parts) == 1:
        return MACROS.get(text.strip().lower(), text)
    if tool == "rq-cron" and len(parts) == 6:  # croniter has seconds last
        parts = [parts[5], *parts[:5]]
    elif tool == "rq-cron" and len(parts) == 7:
        parts = [parts[5], *parts[:5], parts[6]]
    elif tool == "rq-scheduler" and len(parts) == 6:  # crontab has a year last, and seconds before it
        parts = ["0", *parts]
    if len(parts) == 7:
        if parts[6] != "*":
            raise NoTimingError(f"cron {text!r} names a year, which a schedule says with start and end")
        parts = parts[:6]
    _refuse_other_days(tool, text, *parts[-3::2])
    return " ".join(parts[1:] if len(parts) == 6 and parts[0] == "0" else parts)


def _refuse_other_days(tool: str, text: str, day: str, weekday: str) -> None:
    """Refuse two day fields that another tool combines in another way: ours asks for both where one begins with `*`."""
    if day in _ANY or weekday in _ANY:
        return
    ours_asks_for_both = day.startswith("*") or weekday.startswith("*")
    if ours_asks_for_both != (tool == "rq-scheduler"):
        theirs = "both of its day fields" if tool == "rq-scheduler" else "either of its day fields"
        raise NoTimingError(f"cron {text!r} fires on days that match {theirs}, which cron means otherwise here")


def _zone(cron: str, due: int | None, zones: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the zone of an expression whose next fire is known, and what to know about it."""
    trigger = parse_trigger(cron=cron, timezone=zones[0])
    if due is None:
        return zones[0], (f"the time zone is a guess: the old one counts in its host's local time, maybe {zones[0]}",)
    fitting = [zone for zone in zones if is_tick(parse_trigger(cron=cron, timezone=zone), due)]
    if fitting:
        others = ", ".join(fitting[1:])
        if not others or _is_the_same_everywhere(trigger):
            return fitting[0], ()
        return fitting[0], (f"the next fire fits {others} too: write the zone of the host that ran the old one",)
    for hours in range(-14, 13):
        zone = f"Etc/GMT{hours:+d}"  # its sign is that of POSIX: Etc/GMT-1 is an hour east
        if is_tick(parse_trigger(cron=cron, timezone=zone), due):
            return zone, (f"the next fire fits {zone}: write the zone of the host that ran the old one",)
    return zones[0], ("the next fire fits no zone: compare the next fires before you hand over",)


def _is_the_same_everywhere(trigger: Trigger) -> bool:
    """Tell whether an expression fires every hour of every day, so that whole hours of offset make no difference."""
    first = trigger.next_tick(0)
    return first is not None and trigger.count_ticks(first, first + 30 * 24 * _HOUR) >= 30 * 24


def _last(trigger: Trigger, due: int, times: int) -> int:
    if times > _MOST_TIMES:
        raise NoTimingError(f"it fires {times:,} more times, too many to work out when it ends")
    tick = due
    for _ in range(times - 1):
        tick = trigger.next_tick(tick) or tick
    return tick
