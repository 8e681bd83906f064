"""What one trial is made of: a value that can be shrunk, kept in a file, and tried again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS = ("specs", "plans", "redis", "arguments")
LONGEST_SHOWN = 160


@dataclass(frozen=True)
class Damage:
    """One change of what lies in Redis: to the *number*th of the keys of a family, how, where, and with what."""

    family: str
    number: int
    how: str
    place: int = 0  # of the field, the item or the spot, counted round and round
    value: Any = None


@dataclass(frozen=True)
class Case:
    """Files laid over the project, changes of Redis, and the commands that are then run one after the other.

    Texts stand for bytes: what is no UTF-8 is there as Python's `surrogateescape` has it.
    """

    kind: str
    commands: tuple[tuple[str, ...], ...]
    files: Mapping[str, str] = field(default_factory=dict)
    damages: tuple[Damage, ...] = ()
    plan: tuple[tuple[int, str, Any], ...] | None = None  # changes of the saved plan, by place
    sealed: bool = False  # its digests are made to fit again

    def __repr__(self) -> str:
        """Return what is short enough for a terminal; the file has all of it."""
        text = dump(self)
        return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}… ({len(text)} letters)"


@dataclass(frozen=True)
class Finding:
    """Something that must not happen; what has the same signature is the same bug."""

    signature: str
    command: tuple[str, ...]
    told: str


def dump(case: Case) -> str:
    """Return a case as JSON."""
    return json.dumps({key: value for key, value in asdict(case).items() if value or key == "commands"})


def load(text: str) -> Case:
    """Return the case of a JSON text."""
    known = json.loads(text)
    known["commands"] = tuple(tuple(words) for words in known["commands"])
    known["damages"] = tuple(Damage(**damage) for damage in known.get("damages", ()))
    if known.get("plan") is not None:
        known["plan"] = tuple((number, how, value) for number, how, value in known["plan"])
    return Case(**known)
