"""Why a value of a spec does not fit the type that a node wants, in the terms of YAML in which it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Union, get_args, get_origin

from flowerpower.specs.suggestions import why_no_moment
from flowerpower.specs.wording import type_name

if TYPE_CHECKING:
    from pydantic import ValidationError

_LONGEST_SHOWN = 80


class _Words(NamedTuple):
    one: str
    many: str


_WORDS: Mapping[Any, _Words] = {
    str: _Words("a text", "texts"),
    int: _Words("a whole number", "whole numbers"),
    float: _Words("a number", "numbers"),
    bool: _Words("true or false", "true or false"),
    list: _Words("a list", "lists"),
    tuple: _Words("a list", "lists"),
    set: _Words("a list", "lists"),
    dict: _Words("a mapping", "mappings"),
    date: _Words("a date", "dates"),
    datetime: _Words("a date and time", "dates and times"),
    type(None): _Words("null", "null"),
}
_KINDS: Mapping[str, Any] = {  # what the names of pydantic's errors begin with
    "string": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozen_set": set,
    "dict": dict,
    "model": dict,
    "dataclass": dict,
    "date": date,
    "datetime": datetime,
    "none": type(None),
}
_OF_TYPE = ("_type", "_parsing", "_from_float", "_required", "_from_datetime_inexact", "_from_datetime_parsing")


def refusal(value: Any, kind: Any, why: str = "") -> str:
    """Return `'x' is not an int`, with why in brackets."""
    name = type_name(kind)
    article = "an" if name[:1] in "aeiouAEIOU" else "a"
    return f"{_shown(value)} is not {article} {name}" + (f" ({why[:1].lower()}{why[1:]})" if why else "")


def why_refused(value: Any, kind: Any, error: ValidationError) -> str:
    """Return what pydantic says of a value beyond that it is of another type, with the place inside it; or nothing."""
    found = error.errors(include_url=False, include_context=False)
    if get_origin(kind) in (Union, UnionType) and len(found) > 1:
        return ""  # each part of it has its own reason
    first, path = found[0], found[0]["loc"]
    if not path and kind in (date, datetime) and (why := why_no_moment(str(value))):
        return why
    if first["type"] == "missing":
        return f"the key {_place(path)} is missing"
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"nothing is called {_place(path)}"
    wanted = _wanted(first["type"])
    inside = _shown(first["input"]) if _leads_somewhere(value, path) else ""
    if path and inside and wanted:
        return f"{_place(path)} is {inside}, not {wanted}"
    said = "" if not path and (wanted or first["type"] == "literal_error") else _said(first)
    return f"{_place(path)}: {said}" if path and inside else said


def in_words(kind: Any) -> str:
    """Return what a type is called by whoever writes YAML; nothing for one that has no such name."""
    if found := _WORDS.get(kind):
        return found.one
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(map(written, inner))
    if origin in (Union, UnionType):
        words = [*map(in_words, inner)]
        return " or ".join(words) if all(words) else ""
    if origin not in _WORDS:
        return ""
    parts = {_of(part) for part in inner[origin is dict :] if part is not ...}
    of = parts.pop() if len(parts) == 1 else None
    return f"{_WORDS[origin].one} of {of.many}" if of else _WORDS[origin].one


def _of(kind: Any) -> _Words | None:
    return _WORDS.get(kind) or _WORDS.get(get_origin(kind))


def written(value: Any) -> str:
    """Return a value in one line as YAML has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if type(value) is list:
        return f"[{', '.join(map(written, value))}]"
    if type(value) is dict:
        return f"{{{', '.join(f'{_key(key)}: {written(inner)}' for key, inner in value.items())}}}"
    return repr(value)


def _key(key: Any) -> str:
    return key if isinstance(key, str) and key.isprintable() else repr(key)


def _shown(value: Any) -> str:
    try:
        shown = written(value)
    except RecursionError:  # a program gave a list that holds itself
        shown = repr(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def _wanted(error: str) -> str:
    """Return what should stand there, if an error of pydantic says nothing else."""
    name = next((error.removesuffix(end) for end in _OF_TYPE if error.endswith(end)), "")
    return _WORDS[_KINDS[name]].one if name in _KINDS else ""


def _leads_somewhere(value: Any, path: Sequence[str | int]) -> bool:
    """Tell whether a path is one in a value; those of pydantic hold names of types, too."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _place(path: Sequence[str | int]) -> str:
    """Return a path as code has it: `rates.USD[0]`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return f"`{''.join(steps).removeprefix('.')}`"


def _said(error: Any) -> str:
    """Return the words of pydantic, or of a validator, without what they begin with."""
    words = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return f"it should be {words.removeprefix('Input should be ')}" if words.startswith("Input should be ") else words
