"""What is in doubt of a spec whose text, or that of the defaults below it, is not sound; all else of it is checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set

from flowerpower.specs.placeholders import Path
from flowerpower.specs.project import BROKEN, PARTLY, entry, field_of, unsure
from flowerpower.specs.salvage import is_open
from flowerpower.specs.text.documents import Document, Guess, Parsed, lines_of_holes

_PARTS = ("modules", "outputs", "inputs", "config", "overrides", "load", "save", "pipeline")
_BY_NAME = frozenset(("inputs", "overrides", "load"))  # what decides is which names stand there
_BY_ENTRY = frozenset(("load", "save"))
_DEFAULTS = re.compile(rb"\s*[\"']?[dD]ef")
_NOTHING = frozenset[str]()


def doubts_of(document: Document, env: str, below: Set[str] | None, given: Set[str]) -> frozenset[str]:
    """Return what of a spec in one environment is not known, as it stands among its unsound fields.

    *below* are the doubts of its defaults, and *given* the fields that these have.
    """
    found, below = frozenset(_in_doubt(document.guesses, env)), below or _NOTHING
    data = document.data if isinstance(document.data, dict) else {}
    left = frozenset(name for name in _PARTS if name not in data or isinstance(data[name], dict))  # to defaults
    inherited = {name for name in below if field_of(name) in left or name == PARTLY}
    if BROKEN in below:
        inherited |= {unsure(name) for name in left}
    if BROKEN in found:
        inherited |= {unsure(name) for name in left & given}
    return found | inherited


def doubts_of_defaults(document: Document, content: bytes, env: str) -> dict[str, frozenset[str]]:
    """Return what is in doubt of the defaults that a project gives, by the kind of spec."""
    guesses = [guess for guess in document.guesses if guess.path or _may_hide_defaults(document, content)]
    found = {}
    for kind in ("pipeline", "schedule"):
        whole = ("defaults", kind)
        paths = [(_in_env(guess.path, env), guess.usable) for guess in guesses]
        inside = [(path[2:], usable) for path, usable in paths if path is not None and path[:2] == whole[: len(path)]]
        found[kind] = frozenset(_mark(path, usable) for path, usable in inside)
    return found


def _may_hide_defaults(document: Document, content: bytes) -> bool:
    """Tell whether a line that cannot be read may be the one with which the defaults begin."""
    lines = lines_of_holes(Parsed((document,), ()), content)
    return not document.holes or any(_DEFAULTS.match(line) for line in lines)


def _in_doubt(guesses: Iterable[Guess], env: str) -> Iterator[str]:
    for guess in guesses:
        path = _in_env(guess.path, env)
        if path is None:
            continue
        if not path and guess.path:  # a patch may change any field
            yield from map(unsure, _PARTS)
        yield _mark(path, guess.usable)


def _mark(path: Path, usable: bool) -> str:
    if not path:
        return BROKEN
    name = str(path[0])
    if is_open(path) or (usable and len(path) > 1 and name in _BY_NAME):
        return PARTLY
    if name in _BY_ENTRY and len(path) > 1 and not usable:
        return entry(name, path[1])
    return unsure(name) if usable else name


def _in_env(path: Path, env: str) -> Path | None:
    """Return the path of a spec in an environment that a path in its document stands for; None for another one."""
    if path[:1] != ("environments",):
        return path
    return path[2:] if path[1:2] in ((), (env,)) else None
