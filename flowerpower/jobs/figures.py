"""Numbers and moments as they lie in Redis, where anybody may have written them: what is none counts as 0."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import Any

from flowerpower.state.keys import LAST_MOMENT

_MOST_DIGITS = 18  # that a count may have: Redis counts in 64 bits


def whole(value: Any) -> int:
    """Return a count, from text or JSON."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)  # a float would round it
    found = number(value)
    return int(found) if 0 <= found < 10**_MOST_DIGITS else 0


def number(value: Any) -> float:
    """Return a number, from text or JSON."""
    try:
        found = float(value or 0)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return found if isfinite(found) else 0.0


def moment(value: Any) -> int:
    """Return epoch seconds, from epoch seconds or, as RQ writes it, ISO 8601; UTC where it names no zone."""
    found = whole(value)
    if not found and isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)
            found = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            return 0
    return found if 0 <= found <= LAST_MOMENT else 0
