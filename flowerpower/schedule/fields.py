"""The text of a cron expression, checked field by field.

CronSim decides what a field means. This module only decides what is let through to it, so that a mistake
is answered with the name of the field and with what to write instead.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from flowerpower.schedule.errors import TriggerError

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
EXAMPLE = "write minute, hour, day of month, month, day of week, for instance `0 6 * * MON-FRI`"
LONGEST = 1000


class Field(NamedTuple):
    """One of the six places of a cron expression: its name, its numbers and the words that stand for numbers."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LONG_NAMES = {
    name[:3].upper(): name.upper()
    for name in (
        *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
        *("November", "December", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    )
}
SECOND = Field("second", 0, 59)
MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day-of-month", 1, 31)
MONTH = Field("month", 1, 12, MONTHS)
WEEKDAY = Field("day-of-week", 0, 7, WEEKDAYS)
FIELDS = (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY)

_ZONE = re.compile(r"(?:CRON_)?TZ=(\S+)", re.IGNORECASE)
_TERM = re.compile(r"(\*|[0-9]+(?:-[0-9]+)?)(?:/([0-9]+))?")
_LAST_OR_NTH_WEEKDAY = re.compile(r"([0-9]+)(?:L|#([0-9]+))")
_NEAREST_WEEKDAY = re.compile(r"[0-9]+W|W[0-9]*")
_RANGE_OF_ONE = re.compile(r"^0*([0-9]+)-0*\1/.*$")
_HASHED = re.compile(r"H(\(.*\))?(/.*)?")


def split_cron(text: str) -> tuple[str, ...]:
    """Return six checked fields, seconds first, with words as numbers; raise TriggerError if one is wrong."""
    if len(text) > LONGEST:
        raise TriggerError(f"the cron expression is {len(text)} characters long", hint=f"at most {LONGEST} are read")
    text = " ".join(text.split())
    if not text.isascii() or not text.isprintable():
        raise TriggerError(f"the cron expression {text!a} holds a character that no cron knows", hint=EXAMPLE)
    _refuse_more_than_fields(text)
    parts = _expand(text).split()
    if len(parts) == 5:
        parts.insert(0, "0")
    if len(parts) > 6 and {"-", ",", "/"} & set(parts):
        raise TriggerError(f"the cron expression `{text}` has a space inside a field", hint="write 9-17, not 9 - 17")
    if len(parts) == 7:
        raise TriggerError(
            f"the cron expression `{text}` has seven fields: a year field is not supported",
            hint="leave the year out and bound the schedule with `start:` and `end:`",
        )
    if len(parts) != 6:
        raise TriggerError(f"the cron expression `{text}` has {_count(len(parts))}, not five or six", hint=EXAMPLE)
    return _check_all(parts)


def _refuse_more_than_fields(text: str) -> None:
    if zone := _ZONE.match(text):
        raise TriggerError(
            f"the cron expression `{text}` names a time zone", hint=f"write `timezone: {zone[1]}` beside `cron`"
        )
    if " #" in text:
        raise TriggerError(f"the cron expression `{text}` holds a comment", hint="write the comment behind the quote")


def _check_all(parts: list[str]) -> tuple[str, ...]:
    """Return the checked fields, or raise one error that names every wrong one."""
    checked, wrong = [], []
    for field, part in zip(FIELDS, parts, strict=True):
        try:
            checked.append(_check(field, part))
        except TriggerError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise TriggerError("; ".join(error.what for error in wrong), hint=EXAMPLE)
    return tuple(checked)


def _count(number: int) -> str:
    return {0: "no field", 1: "one field"}.get(number, f"{number} fields")


def _expand(text: str) -> str:
    """Return the fields that an @word stands for, or the text itself."""
    word = text.lower()
    if not word.startswith("@"):
        return text
    if word in MACROS:
        return MACROS[word]
    if word == "@reboot":
        raise TriggerError(
            "`@reboot` is not supported: a schedule has no machine that could start",
            hint="use `flowerpower run` or `flowerpower trigger` where the machine starts",
        )
    if word.startswith("@every"):
        raise TriggerError(
            "`@every` is not supported in `cron`", hint=f"use `every: {word[6:].strip() or '15m'}` in place of `cron`"
        )
    raise TriggerError(f"`{text}` is not a known word", hint=f"the words are {', '.join(MACROS)}")


@lru_cache(maxsize=4096)
def _check(field: Field, written: str) -> str:
    """Return the field in the form CronSim reads, or raise TriggerError naming the field and the mistake."""
    part = written.upper()
    part = "*" + part[1:] if part.split("/")[0] == "?" else part
    terms = [_numbers(field, term) for term in part.split(",")]
    for term in terms:
        _check_term(field, term, written)
    # CronSim reads 5-5/10 as 5/10, which goes on to the end of the field; cron reads a range of one number.
    return ",".join(_RANGE_OF_ONE.sub(r"\1", term) for term in terms)


def _numbers(field: Field, term: str) -> str:
    """Return the term with month and weekday words replaced by their numbers."""
    if not field.words:
        return term
    first = 1 if field is MONTH else 0
    found = re.fullmatch(r"([A-Z]{3}|[0-9]+)(?:-([A-Z]{3}|[0-9]+))?(L|#.*|/.*)?", term)
    if found is None:
        return term
    ends = [str(field.words.index(end) + first) if end in field.words else end for end in found.group(1, 2) if end]
    return "-".join(ends) + (found.group(3) or "")


def _check_term(field: Field, term: str, written: str) -> None:
    if field is DAY and term in {"L", "LW"}:
        return
    found = _LAST_OR_NTH_WEEKDAY.fullmatch(term) if field is WEEKDAY else None
    if found is not None:
        _check_range(field, found.group(1), written)
        if found.group(2) is not None and not 1 <= int(found.group(2)) <= 5:
            raise _wrong(
                field, written, f"a month has no weekday number {found.group(2)}", "use #1 to #5, or L for the last"
            )
        return
    plain = _TERM.fullmatch(term)
    if plain is None:
        raise _unsupported(field, term, written)
    if plain.group(1) != "*":
        _check_range(field, plain.group(1), written)
    if plain.group(2) is not None:
        _check_step(field, int(plain.group(2)), written)


def _check_range(field: Field, text: str, written: str) -> None:
    numbers = [int(number) for number in text.split("-")]
    for number in numbers:
        if not field.low <= number <= field.high:
            year = field is WEEKDAY and number > 1900
            hint = "a year field is not supported; use `start:` and `end:`" if year else ""
            raise _wrong(field, written, f"{number} is outside {field.low}-{field.high}", hint)
    if numbers[0] > numbers[-1]:
        first, last = numbers
        raise _wrong(field, written, f"the range {first}-{last} runs backwards", _forwards(field, first, last))


def _forwards(field: Field, first: int, last: int) -> str:
    """Return the same reversed range in two terms, or in one that ends on Sunday as 7."""
    if field is WEEKDAY and last == 0:
        return f"write `{first}-7`: 7 is Sunday too"
    top = 6 if field is WEEKDAY else field.high
    return f"write `{_span(first, top)},{_span(field.low, last)}`"


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _check_step(field: Field, step: int, written: str) -> None:
    if step == 0:
        raise _wrong(field, written, "a step of 0 goes nowhere", "leave the step out, or use 1 or more")
    if step > field.high:
        hint = "a step starts anew in each round of its field; use `every:` for a longer, even distance"
        raise _wrong(field, written, f"a step of {step} is larger than the field ({field.low}-{field.high})", hint)


def _unsupported(field: Field, term: str, written: str) -> TriggerError:
    """Return the best explanation for a term that is not in the dialect."""
    if _NEAREST_WEEKDAY.fullmatch(term):
        hint = "`LW` is the last weekday of the month; for others name the days"
        return _wrong(field, written, f"the nearest weekday (`{term}`) is not supported", hint)
    if _HASHED.fullmatch(term):
        return _wrong(field, written, "`H` is not supported", "name the value, and use `jitter:` to spread schedules")
    if term.startswith("L"):
        return _wrong(
            field, written, f"`{term}` is not supported", "L and LW stand alone in day-of-month; 5L is the last Friday"
        )
    if not term:
        return _wrong(field, written, "there is an empty place between commas", "remove a comma")
    words = f", or {field.words[0]} to {field.words[-1]}" if field.words else ""
    short = [word for word in field.words if len(term) > 3 and _LONG_NAMES.get(word, "").startswith(term)]
    if short:
        return _wrong(field, written, f"`{term.lower()}` is not a value", f"did you mean {short[0]}?")
    return _wrong(field, written, f"`{term.lower()}` is not a value", f"use numbers {field.low}-{field.high}{words}")


def _wrong(field: Field, written: str, why: str, hint: str) -> TriggerError:
    return TriggerError(f"the {field.name} field `{written}` is wrong: {why}", hint=hint or EXAMPLE)
