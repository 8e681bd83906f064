"""Lengths of time as people write them: `90s`, `15m`, `1d12h`, or a number of seconds."""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_DURATION = 3650 * 86400
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s)?", re.ASCII)


def duration_text(seconds: int) -> str:
    """Return whole seconds as a spec writes them, `1d12h`; none or fewer as `0s`, `-5s`."""
    parts, left = [], seconds
    for unit, size in _UNITS if seconds > 0 else ():
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or f"{seconds}s"


def parse_duration(value: object) -> int:
    """Return the whole seconds of `90s`, `15m`, `2h`, `1d12h` or a number of seconds; ValueError otherwise."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _within_bounds(value)
    if isinstance(value, str):
        return _parse_duration_text(value)
    raise ValueError(f"{value!r} is not a duration")


@lru_cache(maxsize=1024)
def _parse_duration_text(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return _within_bounds(int(text))
    match = _DURATION.fullmatch(text)
    if not match or not text:
        raise ValueError(f"{text!r} is not a duration")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return _within_bounds(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _within_bounds(seconds: int) -> int:
    if not 0 <= seconds <= LONGEST_DURATION:
        raise ValueError(f"{seconds} seconds is not between 0 and 3650 days")
    return seconds
