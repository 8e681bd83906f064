"""The trigger of a schedule in the terms of another tool, as `trigger: {type: cron, hour: 2}`: what to write for it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from flowerpower.specs.suggestions import WORDS, cron_hint, meant_cron, meant_duration
from flowerpower.specs.synonyms import snake
from flowerpower.specs.values import TRIGGERS, looks_like_moment
from flowerpower.specs.wording import flow

_ROUND = frozenset(("trigger", "triggers", "schedule", "schedules", "schedule_interval", "timetable", "on_calendar"))
_CRONS = frozenset(("crontab", "cron_expression", "cron_schedule", "cron_string", "rrule"))
_INTERVALS = frozenset(("interval", "rate", "period", "frequency", "freq", "repeat", "repeat_every", "run_every"))
_UNITS = frozenset(("seconds", "minutes", "hours", "days", "weeks"))
_FIELDS: Mapping[str, str] = {
    **{name: name for name in ("minute", "hour", "day", "month")},
    **dict.fromkeys(("day_of_month",), "day"),
    **dict.fromkeys(("month_of_year",), "month"),
    **dict.fromkeys(("day_of_week", "weekday"), "day_of_week"),
}
_KINDS = frozenset(("type", "kind"))
_NAMES_OF_KINDS = frozenset(("cron", "crontab", "interval", "date"))
_ALL = frozenset({*_ROUND, *_CRONS, *_INTERVALS, *_UNITS, *_FIELDS, *_KINDS})
_TIMEDELTA = re.compile(r"(?:datetime\.)?timedelta\((\w+)=(\d+)\)")
_FIELD = re.compile(r"(?:\*|\d{1,2})(?:[/,-]\d{1,2})*|[A-Za-z]{3}(?:[,-][A-Za-z]{3})*")
_DEEPEST = 4
_ANY = 'write `cron: "0 5 * * *"`, `every: 1h` or `at: 2027-01-31T06:00:00` in its place'


class Meant(NamedTuple):
    """The key that a trigger is written under, those that are a part of it, and what to do."""

    key: str = ""
    others: frozenset[str] = frozenset()
    hint: str = ""


def meant_trigger(data: Mapping[str, Any], unknown: Collection[str]) -> Meant:
    """Return the trigger that the *unknown* keys of a schedule are; an empty one if they are none, or it has one."""
    if not data.keys().isdisjoint(TRIGGERS):
        return Meant()
    parts = {key: value for key, value in data.items() if key in unknown and _may_be_a_part(snake(key), value)}
    if not parts:
        return Meant()
    key = next(iter(parts))
    line = _line_of_parts({snake(key): value for key, value in parts.items()})
    if not line and (len(parts) > 1 or snake(key) not in ("trigger", "triggers", "rrule", *_KINDS)):
        return Meant()
    return Meant(key, frozenset(parts) - {key}, f"write `{line}`{_zone(parts)} in its place" if line else _ANY)


def _zone(parts: Mapping[str, Any]) -> str:
    zones = (value["timezone"] for value in parts.values() if isinstance(value, dict) and "timezone" in value)
    return next((f" and `timezone: {zone}`" for zone in zones if isinstance(zone, str)), "")


def meant_schedule(data: Mapping[str, Any], unknown: Collection[str]) -> Meant:
    """Return the schedule that the *unknown* keys of a pipeline are, which has a file of its own; or an empty one."""
    parts = {
        key: value for key, value in data.items() if key in unknown and snake(key) in {*_ROUND, *_CRONS, *TRIGGERS}
    }
    if not parts:
        return Meant()
    line = _own_line(parts) or _line_of_parts({snake(key): value for key, value in parts.items()})
    what = f"`pipeline: {data.get('name', 'NAME')}` and `{line}`" if line else f"`pipeline: {data.get('name', 'NAME')}`"
    return Meant(next(iter(parts)), frozenset(list(parts)[1:]), f"write a file below `schedules/`, with {what}")


def _own_line(parts: Mapping[str, Any]) -> str:
    """Return the trigger that stands in some values as a schedule has it, if there is one only."""
    lines = {f"{name}: {flow(value)}" for name, value in _triggers_in(parts)}
    return lines.pop() if len(lines) == 1 else ""


def _triggers_in(value: Any) -> Iterator[tuple[str, str | int]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in TRIGGERS and isinstance(inner, (str, int)):
                yield key, inner
            else:
                yield from _triggers_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _triggers_in(inner)


def cron_of_fields(fields: Mapping[str, Any]) -> str:
    """Return the cron expression of fields with names, as of APScheduler or Celery; or nothing."""
    names = {_FIELDS[snake(key)]: str(value) for key, value in fields.items() if snake(key) in _FIELDS}
    others = [key for key in fields if snake(key) not in {*_FIELDS, *_KINDS, "second", "timezone", "trigger"}]
    if not names or others or not all(_FIELD.fullmatch(value) for value in names.values()):
        return ""
    if names.get("day_of_week", "").replace(",", "").replace("-", "").isdigit():
        return ""  # the week of some tools begins on another day
    minute = names.get("minute", "0")
    hour = names.get("hour", "*" if names.keys() == {"minute"} else "0")
    rest = (names.get(name, "*").upper() for name in ("day", "month", "day_of_week"))
    return meant_cron(" ".join((minute, hour, *rest)))


def _may_be_a_part(word: str, value: Any) -> bool:
    if word in _KINDS:
        return str(value) in _NAMES_OF_KINDS
    return word in _ALL and not _holds_trigger(value)


def _holds_trigger(value: Any) -> bool:
    """Tell whether a trigger stands in a value as a schedule has it, which is then told as one level too deep."""
    return next(_triggers_in(value), None) is not None


def _line_of_parts(parts: Mapping[str, Any]) -> str:
    if cron := cron_of_fields(parts):
        return cron
    units = {key: value for key, value in parts.items() if key in _UNITS}
    return _every(units) or next((line for key, value in parts.items() if (line := _line_of(key, value))), "")


def _line_of(key: str, value: Any, depth: int = 0) -> str:
    """Return the line of a schedule that a value stands for, under the key of another tool; or nothing."""
    if isinstance(value, str):
        return _line_of_text(value.strip())
    if isinstance(value, int) and not isinstance(value, bool):
        return _every({"seconds": value}) if key in _INTERVALS else ""
    if isinstance(value, list) and len(value) == 1:
        return _line_of(key, value[0], depth + 1)
    if not isinstance(value, dict) or depth > _DEEPEST:
        return ""
    inner = {snake(name): one for name, one in value.items()}
    whole = _every({name: one for name, one in inner.items() if name in _UNITS}) or cron_of_fields(inner)
    return whole or next((line for name, one in inner.items() if (line := _line_of(name, one, depth + 1))), "")


def _line_of_text(text: str) -> str:
    if text.lower().removeprefix("@") in WORDS:
        return f'cron: "@{text.lower().removeprefix("@")}"'
    if cron := meant_cron(text):
        return "" if text[0] == "@" else cron
    if delta := _TIMEDELTA.fullmatch(text):
        return _every({delta[1]: int(delta[2])})
    if duration := meant_duration(text):
        return f"every: {duration}"
    if looks_like_moment(text):
        return f"at: {text}"
    quoted = re.fullmatch(r"write `([^`]*)`", cron_hint(text))
    return quoted[1] if quoted else ""


def _every(units: Mapping[str, Any]) -> str:
    if not units or not all(type(value) is int for value in units.values()):
        return ""
    duration = meant_duration(" ".join(f"{value}{unit}" for unit, value in units.items()))
    return f"every: {flow(duration)}" if duration else ""
