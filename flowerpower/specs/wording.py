"""Values and types as messages about specs write them, and words that several of those have."""

from __future__ import annotations

import re
from typing import Any

SHOWN = 60
REMOVE_QUOTES = "remove the quotes"
NO_RETRIES = "For no retries write `retry: {max: 0}`."


def flow(value: object) -> str:
    """Return a value in one line of YAML."""
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if re.fullmatch(r"[\w./+-][\w./%@+ ,-]*|\w+:[\w./@+-]+", text) else f'"{text}"'


def type_name(kind: Any) -> str:
    """Return a type as its author would write it."""
    if isinstance(kind, type) and not getattr(kind, "__args__", None):
        return kind.__name__
    return str(kind).replace("typing.", "")
