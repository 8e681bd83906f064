"""What somebody may have meant by a duration, a date or a cron expression that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

from flowerpower.durations import duration_text
from flowerpower.moments import read_moment
from flowerpower.specs.values import LONGEST_DURATION, looks_like_moment

_UNITS: Mapping[str, int] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days", "daily"), 86400),
    **dict.fromkeys(("w", "wk", "week", "weeks", "weekly"), 7 * 86400),
    "hourly": 3600,
}
_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]+)", re.ASCII)
_BARE = re.compile(r"\d{1,9}", re.ASCII)
_BELOW: Mapping[int, int] = {86400: 3600, 3600: 60, 60: 1}  # the size of the unit that may follow without being named
_AROUND = re.compile(r"every\s+(.+)|rate\((.+)\)")
_NEVER = frozenset(("none", "no", "off", "never", "null", "false", "disabled"))
_FOR_EVER = frozenset(("forever", "for ever", "infinite", "infinity", "inf", "unlimited", "always"))
_CRON = re.compile(r"(?:[\d*?,/LW#-]+|[A-Za-z,-]*(?:MON|TUE|WED|THU|FRI|SAT|SUN)[A-Za-z,-]*)", re.IGNORECASE)
WORDS = frozenset(("hourly", "daily", "midnight", "weekly", "monthly", "yearly", "annually"))
_ALONE = frozenset(("second", "minute", "hour", "day", "week", "hourly", "daily", "weekly"))
_DAYS: Mapping[str, str] = {
    **{day: day[:3].upper() for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")},
    **{day.lower(): day for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")},
    **dict.fromkeys(("weekday", "workday", "working day", "business day"), "MON-FRI"),
    "weekend": "SAT,SUN",
    **dict.fromkeys(("day", "daily"), "*"),
}
_CALENDAR: Mapping[str, str] = {
    **dict.fromkeys(("month", "1 month", "monthly"), "@monthly"),
    **dict.fromkeys(("year", "1 year", "yearly", "annually"), "@yearly"),
}
_DAY_AND_TIME = re.compile(r"(?:on )?([a-z ]+?)s?(?: at (\d{1,2})(?::(\d{2}))? ?(am|pm)?)?", re.ASCII)
_ZONED = re.compile(r"((?:\S+ +){4}\S+) +(UTC|[A-Z][A-Za-z_]+/[A-Za-z_/-]+)")
_MAY_BE_NONE = frozenset(("jitter", "result_ttl", "failure_ttl", "catchup_window"))
_ISO_DURATION = re.compile(r"p(?:\d+w)?(?:\d+d)?(?:t(?:\d+h)?(?:\d+m)?(?:\d+s)?)?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_MONTHS = (
    *(("January", 31), ("February", 28), ("March", 31), ("April", 30), ("May", 31), ("June", 30)),
    *(("July", 31), ("August", 31), ("September", 30), ("October", 31), ("November", 30), ("December", 31)),
)

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_TIME = re.compile(r"[T ](\d{2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_NEARLY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[tT ](\d{1,2})(?::(\d{2}(?::\d{2})?))?([zZ]?)", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|(\d{2})(\d{2}))", re.ASCII)
_TIMED = re.compile(r"([\d./-]+),?[ T]+(\d{1,2}):(\d\d(?::\d\d)?)")
_DIGITS = r"(\d{4})(?P<dash>-?)(\d{2})(?P=dash)(\d{2})[T ](\d{2})(?P<colon>:?)(\d{2})(?:(?P=colon)(\d{2})(?:\.\d+)?)?"
_WITH_OFFSET = re.compile(_DIGITS + r" ?(?P<hours>[zZ]|[+-]\d{2})?:?(?P<minutes>\d{2})?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_ZONE_BEHIND = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?\s*([A-Za-z]\w*(?:/[\w/+-]+)?)", re.ASCII)


def meant_duration(value: object) -> str:
    """Return the duration that a text such as `5 minutes` or `PT1H` stands for, as a spec writes it, or nothing."""
    if isinstance(value, float) and value.is_integer():
        value = f"{int(value)}s"
    if not isinstance(value, str):
        return ""
    text = value.strip().lower()
    if around := _AROUND.fullmatch(text):
        text = around[1] or around[2]
    if re.fullmatch(r"\d+(?:_\d+)+", text, re.ASCII):
        text = f"{text.replace('_', '')}s"
    seconds = _clock(text) or _amounts(text)
    return duration_text(seconds) if 0 < seconds <= LONGEST_DURATION else ""


def duration_hint(key: object, value: object, least: str) -> str:
    """Return what to write for a value that is no duration; *least* is what is said where there has to be some time."""
    word = str(value).strip().lower()
    if key == "every" and (cron := meant_cron(value) or calendar_cron(word)):
        return f"write `{cron}` in its place"
    if str(key).endswith("_ttl") and (word in _FOR_EVER or word == "-1"):
        return "write 3650d: nothing is kept for longer"
    if word in _NEVER and key in _MAY_BE_NONE:
        return "write 0s"
    if word in _NEVER or word in _FOR_EVER or word.startswith("-"):
        return least or "write 0s or more, at most 3650d"
    meant = _of_collection(value) or meant_duration(value)
    return f"did you mean '{meant}'?" if meant else ""


def _of_collection(value: object) -> str:
    """Return the duration that a list of one, or a mapping by units, stands for, or nothing."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return meant_duration(value[0])
    if not isinstance(value, dict) or not value.keys() <= _UNITS.keys():
        return ""
    return meant_duration(" ".join(f"{amount}{unit}" for unit, amount in value.items()))


def meant_cron(value: object) -> str:
    """Return how to write a value that is a cron expression, as fields or as a word; or nothing."""
    text = str(value).strip()
    fields = text.split()
    if re.fullmatch("@[a-z]+", text) or (len(fields) in (5, 6) and all(_CRON.fullmatch(field) for field in fields)):
        return f'cron: "{text}"'
    return ""


def calendar_cron(text: str) -> str:
    """Return how to write days in words, as `monday at 5:30` or `month`, which no duration is; or nothing."""
    words = text.lower().removeprefix("every ")
    if words in _CALENDAR:
        return f'cron: "{_CALENDAR[words]}"'
    found = _DAY_AND_TIME.fullmatch(words)
    days = _DAYS.get(found[1]) if found else None
    if found is None or days is None or (days == "*" and found[2] is None):
        return ""
    hour, minute = int(found[2] or 0), int(found[3] or 0)
    if found[4]:
        hour = hour % 12 + 12 * (found[4] == "pm") if 1 <= hour <= 12 else 24
    return f'cron: "{minute} {hour} * * {days}"' if hour < 24 and minute < 60 else ""


def cron_hint(text: str) -> str:
    """Return what to write for a text that is no cron expression, and rather something else; or nothing."""
    if duration := _AMOUNT.match(text.lower().removeprefix("every ")) and meant_duration(text):
        return f"write `every: {duration}` in place of `cron`"
    if looks_like_moment(text) and not why_no_moment(text):
        return f"write `at: {text}` in place of `cron`"
    fields = text.split()
    command, times = " ".join(fields[5:]), " ".join(fields[:5])
    if command[:1] != "#" and re.search(r"[a-z]{2}|/\w", command) and (cron := meant_cron(times)):
        return f"write `{cron}`: what runs is the pipeline, not a command"
    if (zoned := _ZONED.fullmatch(text)) and meant_cron(zoned[1]):
        return f'write `cron: "{zoned[1]}"`, and `timezone: {zoned[2]}` beside it'
    several = re.split(r"[,;]\s+", text)
    if len(several) > 1 and all(map(meant_cron, several)):
        return "write a schedule for each: one has one cron expression"
    cron = _cron_of_others(text)
    return f"write `{cron}`" if cron else ""


def _cron_of_others(text: str) -> str:
    """Return how to write a time of day, a word without its `@`, or what AWS puts in brackets, with a year."""
    if clock := _CLOCK.fullmatch(text):
        return f'cron: "{int(clock[2])} {int(clock[1])} * * *"'
    if days := calendar_cron(text):
        return days
    of_aws = re.fullmatch(r"cron\((.+) \*\)", text)
    return meant_cron(of_aws[1] if of_aws else f"@{text.lower()}" if text.lower() in WORDS else "")


def _clock(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    return sum(int(part or 0) * size for part, size in zip(found.groups(), (3600, 60, 1), strict=True)) if found else 0


def _amounts(text: str) -> int:
    if _ISO_DURATION.fullmatch(text):
        text = text.replace("p", "").replace("t", "")
    if text in _ALONE:
        text = f"1{text}"
    total, rest, unit = 0.0, text, 0
    while found := _AMOUNT.match(rest):
        if found[2] not in _UNITS:
            return 0
        unit = _UNITS[found[2]]
        total += float(found[1]) * unit
        rest = rest[found.end() :].lstrip(", ").removeprefix("and ").lstrip()
    if unit in _BELOW and _BARE.fullmatch(rest):
        total, rest = total + int(rest) * _BELOW[unit], ""
    return int(total) if not rest and total.is_integer() else 0


def why_no_moment(value: str) -> str:
    """Return why a text in the form of a date or time names none: "February 2026 has 28 days"; or nothing."""
    found = _DATE.match(value)
    if found is None:
        return ""
    year, month, day = (int(part) for part in found.groups())
    if not 1 <= month <= 12:
        return f"there is no month {month}"
    if year == 0:
        return "there is no year 0"
    name, days = _MONTHS[month - 1]
    days += month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= days:
        return f"{name} {year} has {days} days" if day else "there is no day 0"
    time = _TIME.match(value, found.end())
    return _why_no_time(*(int(part or 0) for part in time.groups())) if time else ""


def _why_no_time(hour: int, minute: int, second: int) -> str:
    if hour > 23:
        return f"there is no hour {hour}" if hour > 24 else "midnight is 00:00 of the next day"
    if minute > 59:
        return f"there is no minute {minute}"
    return f"there is no second {second}" if second > 59 else ""


def meant_moment(value: object) -> str:
    """Return a hint for a text or number that is no ISO 8601 date or time, or nothing."""
    if isinstance(value, int) and not isinstance(value, bool) and (epoch := _meant_epoch(value)):
        return epoch
    text = str(value).strip()
    if nearly := _NEARLY.fullmatch(text):
        year, month, day, hour, rest, mark = nearly.groups("")
        meant = f"{year}-{month:0>2}-{day:0>2}T{hour:0>2}:{rest or '00'}{mark.upper()}"
        return f"did you mean '{meant}'?" if looks_like_moment(meant) and not why_no_moment(meant) else ""
    if meant := _with_colons(text):
        return f"did you mean '{meant}'?"
    if zone := _ZONE_BEHIND.fullmatch(text):
        return f"write the zone as `timezone: {zone[1]}`"
    if clock := _CLOCK.fullmatch(text):
        return f'a time needs a date; for every day write `cron: "{int(clock[2])} {int(clock[1])} * * *"`'
    meant = _meant_date(text)
    return f"did you mean '{meant}'?" if meant else ""


def _with_colons(text: str) -> str:
    """Return a moment of ISO 8601 that has no colons, or parts of a second, as a spec writes it; or nothing."""
    found = _WITH_OFFSET.fullmatch(text)
    if found is None:
        return ""
    year, _, month, day, hour, _, minute, second, hours, minutes = found.groups()
    offset = f"{hours}:{minutes or '00'}" if hours and hours not in "zZ" else (hours or "").upper()
    meant = f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}{offset}"
    try:
        read_moment(meant)
    except ValueError:
        return ""
    return meant


def _meant_epoch(value: int) -> str:
    if not 10**9 <= value < 10**10:
        return ""
    return f"did you mean '{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}'?"


def _meant_date(text: str) -> str:
    if timed := _TIMED.fullmatch(text):
        day, hour, rest = _meant_date(timed[1]) or timed[1], timed[2], timed[3]
        meant = f"{day}T{hour:0>2}:{rest}"
        return meant if looks_like_moment(meant) and not why_no_moment(meant) else ""
    if found := _YEAR_FIRST.fullmatch(text):
        return _real_date(*(int(part) for part in found.groups() if part))
    if found := _DAY_FIRST.fullmatch(text):
        return _real_date(int(found[3]), int(found[2]), int(found[1]))
    if found := _SLASHES.fullmatch(text):
        one, two, year = (int(part) for part in found.groups())
        if one > 12 or two > 12:  # else nobody can tell the day from the month
            return _real_date(year, min(one, two), max(one, two))
    return ""


def _real_date(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""
