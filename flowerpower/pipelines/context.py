"""What a run knows about itself, and the secrets it may ask for."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, quote_plus

_MASK = "***"
_SHORTEST_TO_FIND = 4  # a shorter secret inside a longer text cannot be told from chance
_SHORTEST_LINE = 8  # of a secret of many lines, as a key has them


class Secrets:
    """Looks up secrets by name and remembers what it handed out, so that texts can be masked."""

    def __init__(self, lookup: Callable[[str], str]) -> None:
        self._lookup = lookup
        self._handed_out: set[str] = set()
        self._forms: list[str] = []  # of all of them, the longest first

    def __call__(self, name: str) -> str:
        """Return the value of the secret *name*; raises what the provider raises."""
        value = self._lookup(name)
        if value and value not in self._handed_out:
            self._handed_out.add(value)
            self._forms = sorted({*self._forms, *_forms(value)}, key=len, reverse=True)
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
        if text in self._handed_out:
            return _MASK
        for form in self._forms:
            text = text.replace(form, _MASK)
        return text


def _forms(value: str) -> frozenset[str]:
    """Return how a secret may look in a text: as it is, as libraries escape it, and line by line if it has several."""
    if len(value) < _SHORTEST_TO_FIND:
        return frozenset()
    raw = value.encode(errors="surrogatepass")
    forms = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    forms |= {quote(raw, safe=safe) for safe in ("", "/", " +")} | {quote_plus(raw)}  # the last but one: SQLAlchemy
    forms |= {repr(raw)[2:-1], base64.b64encode(raw).decode()}
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        forms |= {line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----")}
    return frozenset(forms)


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
