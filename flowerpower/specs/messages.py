"""What pydantic found, in the words and codes of flowerpower."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from flowerpower.specs.codes import CODES
from flowerpower.specs.fields import NAME_LENGTH
from flowerpower.specs.placeholders import Path

_EXPECTED: Mapping[str, str] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "tuple_type": "a list",
}
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake in one spec, by its path in the data; `at_key` points at the key instead of the value."""

    code: str
    path: Path
    what: str
    hint: str
    at_key: bool = False


def findings(model: type[BaseModel], error: ValidationError) -> Iterator[Finding]:
    """Yield what pydantic found as findings."""
    for details in error.errors(include_url=False):
        if details["type"] != "too_short" or not details["input"]:  # a list of wrong items counts as empty
            yield _finding(model, details)


def unknown_key(key: str, known: Iterable[str], path: Path) -> Finding:
    """Return the finding for a key nobody knows, with the known one it resembles."""
    hint = did_you_mean(key, known) or CODES["FP101"].advice
    return Finding("FP101", path, f"unknown key '{key[:_SHOWN]}'", hint, at_key=True)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean 'x'?" for the known word nearest to *word*, or nothing."""
    close = get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else ""


def describe(value: object) -> str:
    """Return a short phrase for a value as its author wrote it."""
    if value is None:
        return "no value"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {str(value)[:_SHOWN]}"
    if isinstance(value, str):
        return f"the text {_quote(value)}"
    return "a list" if isinstance(value, (list, tuple)) else "a mapping"


def _quote(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _finding(model: type[BaseModel], details: Any) -> Finding:
    kind, at_key = details["type"], False
    path: Path = tuple(step for step in details["loc"] if not _is_tag(step))
    if path and path[-1] == "[key]":
        path, at_key = path[:-1], True
    value = None if path and path[0] == "redis" else details.get("input")
    if details.get("input") is None and kind != "missing":
        return Finding("FP112", path, f"'{path[-1]}' has no value" if path else "no value", CODES["FP112"].advice)
    if kind == "extra_forbidden":
        return unknown_key(str(path[-1]), fields_at(model, path[:-1]), path)
    if kind in _EXPECTED:
        return Finding("FP103", path, *_wrong_type(kind, details["input"], secret=value is None), at_key=at_key)
    code, what, hint = _SPECIFIC.get(kind, _other)(details, path, value)
    return Finding(code, path, what, hint or CODES[code].advice, at_key=at_key)


def _is_tag(step: str | int) -> bool:
    return isinstance(step, str) and step.startswith("<") and step.endswith(">")


def _wrong_type(kind: str, value: object, *, secret: bool) -> tuple[str, str]:
    expected = _EXPECTED[kind]
    found = "something else" if secret else describe(value)
    hint = CODES["FP103"].advice
    if kind == "string_type" and isinstance(value, (int, float)):
        hint = "put the value in quotes"
    elif kind == "bool_type" and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
        hint = f"in YAML 1.2 `{value}` is a text; write {'true' if value.lower() in ('yes', 'on') else 'false'}"
    elif kind == "tuple_type" and isinstance(value, str) and not secret:
        hint = f"write [{value[:_SHOWN]}]"
    return f"expected {expected}, found {found}", hint


def _missing(_details: Any, path: Path, _value: object) -> tuple[str, str, str]:
    return "FP102", f"the key '{path[-1]}' is missing", ""


def _choice(details: Any, _path: Path, value: object) -> tuple[str, str, str]:
    choices = re.findall(r"'([^']*)'", details["ctx"]["expected"])
    known = ", ".join(choices)
    hint = did_you_mean(str(value), choices) or f"use one of {known}"
    return "FP104", f"{describe(value)} is not one of {known}", hint


def _pattern(_details: Any, _path: Path, value: object) -> tuple[str, str, str]:
    suggestion = _as_name(str(value))
    hint = f"did you mean '{suggestion}'? " if suggestion else ""
    return "FP105", f"{_quote(str(value))} is not a valid name", f"{hint}{CODES['FP105'].advice}"


def _as_name(text: str) -> str:
    words = re.sub(r"[^a-z0-9_-]+", "_", text.lower())
    return re.sub(r"-{2,}", "-", words).strip("-_")[:NAME_LENGTH] if words[:1].isalpha() else ""


def _too_long(details: Any, path: Path, value: object) -> tuple[str, str, str]:
    limit = details["ctx"]["max_length"]
    if limit == NAME_LENGTH:
        return "FP105", f"the name {_quote(str(value))} is longer than {limit} characters", ""
    return "FP108", f"'{path[-1]}' is longer than {limit:,} characters", ""


def _too_short(_details: Any, path: Path, _value: object) -> tuple[str, str, str]:
    names = [step for step in path if isinstance(step, str)]
    item = "an item of " if isinstance(path[-1], int) else ""
    return "FP108", f"{item}'{names[-1]}' is empty", CODES["FP112"].advice


def _own(code: str) -> Callable[[Any, Path, object], tuple[str, str, str]]:
    def read(details: Any, path: Path, _value: object) -> tuple[str, str, str]:
        why = str(details["ctx"]["why"])
        return code, why if len(why) < 200 else f"'{path[-1]}' is not readable", ""

    return read


def _bound(details: Any, path: Path, _value: object) -> tuple[str, str, str]:
    context = details["ctx"]
    word, limit = ("at least", context["ge"]) if "ge" in context else ("at most", context["le"])
    return "FP108", f"'{path[-1]}' must be {word} {limit:,}", ""


def _trigger(details: Any, _path: Path, _value: object) -> tuple[str, str, str]:
    written = details["ctx"]["written"]
    return "FP109", f"it has {written}" if written else "it has neither cron nor every nor at", ""


def _other(details: Any, _path: Path, _value: object) -> tuple[str, str, str]:
    return "FP103", str(details["msg"])[:200], ""


_SPECIFIC: Mapping[str, Callable[[Any, Path, object], tuple[str, str, str]]] = {
    "missing": _missing,
    "literal_error": _choice,
    "string_pattern_mismatch": _pattern,
    "string_too_long": _too_long,
    "string_too_short": _too_short,
    "too_short": _too_short,
    "duration": _own("FP106"),
    "moment": _own("FP107"),
    "share": _own("FP103"),
    "patch": _own("FP101"),
    "greater_than_equal": _bound,
    "less_than_equal": _bound,
    "trigger": _trigger,
}


def fields_at(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """Return the names a mapping at *path* of a spec may have as keys, none if any will do."""
    annotation: Any = model
    for step in path:
        annotation = _inside(annotation, step)
    found = _unwrap(annotation)
    return tuple(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else ()


def _inside(annotation: Any, step: str | int) -> Any:
    kind = _unwrap(annotation)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(step))
        return field.annotation if field else None
    arguments = get_args(kind)
    return (arguments[0] if isinstance(step, int) else arguments[-1]) if arguments else None


def _unwrap(annotation: Any) -> Any:
    """Return the part of an annotation that may hold something: without Annotated, Optional and plain alternatives."""
    if hasattr(annotation, "__metadata__"):
        return _unwrap(annotation.__origin__)
    if get_origin(annotation) in _UNIONS:
        inner = [_unwrap(part) for part in get_args(annotation)]
        holders = [part for part in inner if get_args(part) or (isinstance(part, type) and issubclass(part, BaseModel))]
        return holders[0] if holders else None
    return annotation


_UNIONS = (Union, type(int | str))
