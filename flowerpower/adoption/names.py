"""Names for what is adopted: close to what people called it, valid, and unlike any that is there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from flowerpower.specs.values import NAME_LENGTH

_ROOM = 8  # for the number behind a name that is taken


class Names:
    """Names that are taken, whatever their case (file systems may not tell it) and `_` or `-` (modules have no `-`)."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {_folded(name) for name in taken}
        self._next: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        """Return the name, with a number behind it if it is taken, and take it."""
        name, number = wanted, self._next.get(wanted, 2)
        while _folded(name) in self._taken:
            name, number = f"{wanted}-{number}", number + 1
        self._taken.add(_folded(name))
        self._next[wanted] = number
        return name


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def name_of(words: str) -> str:
    """Return a valid name as close to the words as possible: a title, or the last part of a function's name."""
    plain = re.sub(r"[^a-z0-9_]+", "_", words.lower()).strip("_") or "job"
    started = plain if plain[0].isalpha() else f"job_{plain}"
    return started[: NAME_LENGTH - 2 * _ROOM - 6].rstrip("_")


def function_name(function: str) -> str:
    """Return the name of a pipeline for a function: its own, with its class before it."""
    *_, owner, last = ["", *function.split(".")]
    return name_of(f"{owner}_{last}" if owner[:1].isupper() else last)


def moment_name(name: str, due: int) -> str:
    """Return the name of what runs once: when that is stands behind it, so that a folder is in order of time."""
    return f"{name}-{datetime.fromtimestamp(due, UTC):%Y%m%d-%H%M}"
