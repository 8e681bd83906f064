"""What is in doubt of a spec whose text, or that of the defaults below it, is not sound; all else of it is checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from flowerpower.nearest import nearest
from flowerpower.specs.drafts import is_misspelt
from flowerpower.specs.placeholders import Path
from flowerpower.specs.project import BROKEN, PARTLY, entry, field_of, unsure
from flowerpower.specs.salvage import is_open
from flowerpower.specs.text.documents import Document, Guess, Parsed, lines_of_holes

_PARTS = ("modules", "outputs", "inputs", "config", "overrides", "load", "save", "pipeline")
_BY_NAME = frozenset(("inputs", "overrides", "load"))  # what decides is which names stand there
_BY_ENTRY = frozenset(("load", "save"))
_DEFAULTS = re.compile(rb"\s*[\"']?[dD]ef")
_WORD = re.compile(rb"[A-Za-z_]\w+")
_MOST_WORDS = 100  # that are looked at
_NOTHING = frozenset[str]()


def doubts_of(
    kind: str,
    document: Document,
    content: bytes,
    env: str,
    of_defaults: Mapping[str, Set[str]],
    defaults: Mapping[str, Mapping[str, Any]],
) -> frozenset[str]:
    """Return what of a spec in one environment is not known, as it stands among its unsound fields.

    The *defaults* below it have doubts of their own.
    """
    below = of_defaults.get(kind, _NOTHING)
    found = frozenset(_in_doubt(document.guesses, env)) | _hidden(kind, document, content)
    data = document.data if isinstance(document.data, dict) else {}
    left = frozenset(name for name in _PARTS if _is_left_to_defaults(name, data))
    inherited = {name for name in below if field_of(name) in left or name == PARTLY}
    if BROKEN in below:
        inherited |= {BROKEN, *map(unsure, left)}
    if BROKEN in found:
        inherited |= {unsure(name) for name in left & defaults[kind].keys()}
    return found | inherited


def _is_left_to_defaults(name: str, data: Mapping[str, Any]) -> bool:
    return isinstance(data[name], dict) if name in data else not is_misspelt(name, data)


def doubts_of_defaults(
    document: Document, content: bytes, env: str, defaults: Mapping[str, Any] | None
) -> dict[str, frozenset[str]]:
    """Return what is in doubt of the *defaults* that a project gives, by the kind of spec; all, if they are not known.

    So are those of a kind whose key is misspelt.
    """
    guesses = [guess for guess in document.guesses if guess.path or _may_hide_defaults(document, content)]
    found = {}
    for kind in ("pipeline", "schedule"):
        whole = ("defaults", kind)
        paths = [(_in_env(guess.path, env), guess.usable) for guess in guesses]
        inside = [(path[2:], usable) for path, usable in paths if path is not None and path[:2] == whole[: len(path)]]
        lost = {BROKEN} if defaults is None or is_misspelt(kind, defaults) else _NOTHING
        found[kind] = frozenset(_mark(path, usable) for path, usable in inside) | lost
    return found


def _may_hide_defaults(document: Document, content: bytes) -> bool:
    """Tell whether a line that cannot be read may be the one with which the defaults begin."""
    return not document.holes or any(_DEFAULTS.match(line) for line in _lines_of_holes(document, content))


def _hidden(kind: str, document: Document, content: bytes) -> frozenset[str]:
    """Return which fields of a spec that are not there may stand in lines that cannot be read, by their words."""
    if Guess((), usable=True) not in document.guesses or not isinstance(document.data, dict):
        return _NOTHING
    from flowerpower.specs.models import MODELS

    words = {word.lower().decode() for line in _lines_of_holes(document, content) for word in _WORD.findall(line)}
    data: Mapping[str, Any] = document.data
    fields = [name for name in MODELS[kind].model_fields if name not in data and not is_misspelt(name, data)]
    if len(words) > _MOST_WORDS:
        return frozenset(map(unsure, fields))
    return frozenset(unsure(name) for name in fields if any(word in name or nearest(word, [name]) for word in words))


def _lines_of_holes(document: Document, content: bytes) -> Iterator[bytes]:
    return lines_of_holes(Parsed((document,), ()), content)


def _in_doubt(guesses: Iterable[Guess], env: str) -> Iterator[str]:
    for guess in guesses:
        path = _in_env(guess.path, env)
        if path is None or guess == Guess((), usable=True):
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
