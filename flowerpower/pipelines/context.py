"""What a run knows about itself, and the secrets it may ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

_MASK = "***"
_SHORTEST_TO_FIND = 4  # a shorter secret inside a longer text cannot be told from chance


class Secrets:
    """Looks up secrets by name and remembers what it handed out, so that texts can be masked."""

    def __init__(self, lookup: Callable[[str], str]) -> None:
        self._lookup = lookup
        self._handed_out: set[str] = set()

    def __call__(self, name: str) -> str:
        """Return the value of the secret *name*; raises what the provider raises."""
        value = self._lookup(name)
        if value:
            self._handed_out.add(value)
        return value

    def setting(self, name: str) -> str:
        """Return a value that lies where the secrets lie and is none, so that nothing is masked because of it."""
        return self._lookup(name)

    def __repr__(self) -> str:
        return "Secrets(...)"

    @property
    def used(self) -> bool:
        """Whether any secret was handed out."""
        return bool(self._handed_out)

    def mask(self, text: str) -> str:
        """Return *text* with every secret handed out so far replaced, also where it is escaped."""
        for value in sorted(self._handed_out, key=len, reverse=True):
            if text == value:
                return _MASK
            if len(value) >= _SHORTEST_TO_FIND:
                for form in {value, quote(value, safe=""), json.dumps(value)[1:-1], repr(value)[1:-1]}:
                    text = text.replace(form, _MASK)
        return text


def no_secrets(name: str) -> str:
    """Refuse every secret: the provider of a run that was given none."""
    raise LookupError(name)


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run: its tick (aware, in the schedule's zone), the tick before it, who asked for it, and its secrets.

    `schedule` is empty for a run that no schedule started; `attempt` counts from 1. `code` is the folder that its
    module folders are in, where it is another than that of the files it reads and writes.
    """

    tick: datetime
    tick_start: datetime
    run_id: str
    schedule: str
    pipeline: str
    commit: str = ""
    attempt: int = 1
    secrets: Callable[[str], str] = field(default=no_secrets, repr=False)
    code: Path | None = None
