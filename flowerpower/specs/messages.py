"""What pydantic found, in the words and codes of flowerpower."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Union, get_args, get_origin

from flowerpower.nearest import ALIKE, nearest
from flowerpower.specs.codes import CODES
from flowerpower.specs.placeholders import Path
from flowerpower.specs.values import NAME_LENGTH
from flowerpower.specs.wording import NO_RETRIES, SHOWN, flow

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo

_EXPECTED: Mapping[str, str] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "tuple_type": "a list",
}
_KEY = re.compile(r"[\w-]+")  # else a space may be missing after a colon
_NEARLY_THE_SAME = 0.85
_AND_BRACKET = re.compile(r"(\w+) *[\[{] *\w")
_FILE = re.compile(r"(?:[\w.-]*/)*([\w-]+)(?:\.(?:ya?ml|py))?")


class Finding(NamedTuple):
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
    from flowerpower.specs.synonyms import belongs_elsewhere, synonym, without_kin  # only a mistake needs them

    names = list(known)
    if word := without_its_colon(key, names):
        hint = f"write `{word}: {key.removeprefix(word).strip()}: ...`"
        return Finding("FP101", path, f"the colon is missing after `{word}`", hint, at_key=True)
    other = belongs_elsewhere(key) if len(path) == 1 else ""
    holder, dot, inside = key.partition(".")
    if dot and holder in names:
        return Finding(
            "FP101", path, f"unknown key '{key[:SHOWN]}'", f"'{inside}' belongs under `{holder}:`", at_key=True
        )
    hint = synonym(key, names) or without_kin(key, names) or did_you_mean(key, names, _NEARLY_THE_SAME)
    hint = hint or other or did_you_mean(key, names)
    if key.startswith(("x-", ".")):
        hint = "a spec has no keys for anchors: put `&name` before the value where it is used first"
    hint = hint or CODES["FP101"].advice
    return Finding("FP101", path, f"unknown key '{key[:SHOWN]}'", hint, at_key=True)


def without_its_colon(key: str, known: Iterable[str]) -> str:
    """Return which known key one begins with that goes on with a bracket, as `config {engine`; or nothing."""
    found = _AND_BRACKET.match(key)
    return found[1] if found and found[1] in known else ""


def there_are(names: Iterable[str]) -> str:
    """Return which names there are, in words."""
    known = tuple(names)
    return f"there is only {known[0]}" if len(known) == 1 else f"there are {', '.join(known) or 'none'}"


def did_you_mean(word: str, known: Iterable[str], cutoff: float = ALIKE) -> str:
    """Return "did you mean 'x'?" for the known word nearest to *word*, or nothing."""
    close = nearest(word.lower(), known, cutoff=cutoff)
    return f"did you mean '{close}'?" if close else ""


def begins_alike(word: str, known: Iterable[str]) -> str:
    """Return the known word that begins another, or the other way round, as `prod` and `production`; or nothing."""
    pairs = ((one, sorted((one, word.lower()), key=len)) for one in known)
    return next((one for one, (short, long) in pairs if len(short) > 2 and long.startswith(short)), "")


def describe(value: object) -> str:
    """Return a short phrase for a value as its author wrote it."""
    if value is None:
        return "no value"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {str(value)[:SHOWN]}"
    if isinstance(value, str):
        return f"the text {_quote(value)}"
    return "a list" if isinstance(value, (list, tuple)) else "a mapping"


def _quote(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def _finding(model: type[BaseModel], details: Any) -> Finding:
    kind, at_key = details["type"], False
    path: Path = tuple(step for step in details["loc"] if not _is_tag(step))
    if path and path[-1] == "[key]":
        path, at_key = path[:-1], True
    if kind == "trigger" and (written := details["ctx"]["written"]):
        path, at_key = (*path, written.rpartition(" ")[2]), True
    value = None if path and path[0] == "redis" else details.get("input")
    unknown = kind == "extra_forbidden" and _KEY.fullmatch(str(path[-1]))
    if details.get("input") is None and kind != "missing" and not unknown:
        more = f" {NO_RETRIES}" if path and path[-1] == "retry" else ""
        if path[:1] == ("queues",) and len(path) == 2:
            more = f" For a queue write `{path[1]}: {{}}`."
        what = f"{_named(path)} has no value" if path else "no value"
        return Finding("FP112", path, what, f"{CODES['FP112'].advice}{more}")
    if kind == "extra_forbidden":
        return unknown_key(str(path[-1]), fields_at(model, path[:-1]), path)
    if kind in _EXPECTED:
        what, hint = _wrong_type(model, path, details)
        return Finding("FP103", path, what, hint, at_key=at_key)
    if kind == "missing":
        return Finding("FP102", path, f"the key '{path[-1]}' is missing", _example(model, path), at_key=at_key)
    code, what, hint = _SPECIFIC.get(kind, _other)(details, path, value)
    return Finding(code, path, what, hint or CODES[code].advice, at_key=at_key)


def _is_tag(step: str | int) -> bool:
    return isinstance(step, str) and step.startswith("<") and step.endswith(">")


def _wrong_type(model: type[BaseModel], path: Path, details: Any) -> tuple[str, str]:
    """Return what is wrong with a value of another type, and how to write it."""
    from flowerpower.specs.shapes import shape_hint

    kind, value, secret = details["type"], details["input"], path[:1] == ("redis",)
    found = "something else" if secret else describe(value)
    item = [name for inside in ((*path, 0), (*path, "")) for name in fields_at(model, inside)]
    shown = not secret or kind in ("bool_type", "int_type") or isinstance(value, (int, float))
    hint = shape_hint(kind, path, value, item) if shown else CODES["FP103"].advice
    return f"expected {_EXPECTED[kind]}, found {found}", hint


def _example(model: type[BaseModel], path: Path) -> str:
    """Return how a missing key may look."""
    field = field_at(model, path)
    if field is None or not field.examples:
        return CODES["FP102"].advice
    return f"add it, for example `{path[-1]}: {flow(field.examples[0])}`"


def _choice(details: Any, _path: Path, value: object) -> tuple[str, str, str]:
    from flowerpower.specs.synonyms import value_synonym

    choices = re.findall(r"'([^']*)'", details["ctx"]["expected"])
    known = ", ".join(choices)
    words = str(value).lower() if isinstance(value, bool) else str(value)
    hint = value_synonym(words, choices) or did_you_mean(words, choices) or f"use one of {known}"
    return "FP104", f"{describe(value)} is not one of {known}", hint


def _pattern(_details: Any, _path: Path, value: object) -> tuple[str, str, str]:
    suggestion = _as_name(str(value))
    hint = f"did you mean '{suggestion}'? " if suggestion else ""
    return "FP105", f"{_quote(str(value))} is not a valid name", f"{hint}{CODES['FP105'].advice}"


def _as_name(text: str) -> str:
    if of_file := _FILE.fullmatch(text):
        text = of_file[1]
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    words = re.sub(r"[^a-z0-9_-]+", "_", plain)
    return re.sub(r"-{2,}", "-", words).strip("-_")[:NAME_LENGTH] if words[:1].isalpha() else ""


def _too_long(details: Any, path: Path, value: object) -> tuple[str, str, str]:
    limit = details["ctx"]["max_length"]
    if limit == NAME_LENGTH:
        return "FP105", f"the name {_quote(str(value))} is longer than {limit} characters", ""
    return "FP108", f"'{path[-1]}' is longer than {limit:,} characters", f"write at most {limit:,} characters"


def _too_short(_details: Any, path: Path, _value: object) -> tuple[str, str, str]:
    hint = "name at least one" if path in (("modules",), ("outputs",)) else CODES["FP112"].advice
    return "FP108", f"{_named(path)} is empty", hint


def _named(path: Path) -> str:
    """Return a value by its key: an item by that of its list."""
    names = [step for step in path if isinstance(step, str)]
    return f"an item of '{names[-1]}'" if isinstance(path[-1], int) else f"'{names[-1]}'"


def _own(code: str, hint: str = "") -> Callable[[Any, Path, object], tuple[str, str, str]]:
    def read(details: Any, path: Path, _value: object) -> tuple[str, str, str]:
        why = str(details["ctx"]["why"])
        return code, why if len(why) < 200 else f"'{path[-1]}' is not readable", hint

    return read


def _duration(details: Any, path: Path, value: object) -> tuple[str, str, str]:
    from flowerpower.specs.suggestions import duration_hint

    why, key = str(details["ctx"]["why"]), path[-1] if path else ""
    least = _NO_TIME.get(key, "")
    if "is not a duration" in why:
        return "FP106", f"{describe(value)} is not a duration", duration_hint(key, value, least)
    if "not between" in why:
        hint = duration_hint(key, value, least) if str(value).startswith("-") else "write at most 3650d"
        return "FP106", f"{describe(value)} is not between 0 and 3650 days", hint
    return "FP106", why, least


def _moment(_details: Any, _path: Path, value: object) -> tuple[str, str, str]:
    from flowerpower.specs.suggestions import meant_moment, why_no_moment

    why = why_no_moment(value) if isinstance(value, str) else ""
    said = f"{_quote(value) if isinstance(value, str) else describe(value)} is not "
    return "FP107", f"{said}a date: {why}" if why else f"{said}an ISO 8601 date or time", meant_moment(value)


def _bound(details: Any, path: Path, _value: object) -> tuple[str, str, str]:
    context = details["ctx"]
    if "le" in context:
        limit = context["le"]
        return "FP108", f"'{path[-1]}' must be at most {limit:,}", f"write {limit} or less"
    advice = _TOO_SMALL.get(path[-1], "write {limit} or more").format(limit=context["ge"])
    return "FP108", f"'{path[-1]}' must be at least {context['ge']:,}", advice


_TOO_SMALL: Mapping[str | int, str] = {
    "max": "write {limit} for no retries",
    "max_workers": "write {limit} or more; leave it out for as many as suit the machine",
    "buffer_limit": "write {limit} or more; with `overlap: skip` no tick waits",
    "workers": "write {limit} or more; leave it out if you do not know",
}
_NO_TIME: Mapping[str | int, str] = {
    "every": "write 1s or more",
    "timeout": "write how long a run may take, at most 3650d: each run has an end",
    "max_timeout": "write 1s or more; leave it out for no rule",
    "min_interval": "write 1s or more; leave it out for no rule",
    "remind": "write 1s or more; leave it out for no reminders",
    "start_deadline": "write 1s or more; leave it out, and a run may start however late",
}


def _trigger(details: Any, _path: Path, _value: object) -> tuple[str, str, str]:
    written = details["ctx"]["written"]
    return "FP109", f"it has {written}" if written else "it has neither cron nor every nor at", ""


def _other(details: Any, _path: Path, _value: object) -> tuple[str, str, str]:
    return "FP103", str(details["msg"])[:200], ""


def _share(details: Any, path: Path, value: object) -> tuple[str, str, str]:
    code, why, hint = _own("FP103", "write a number such as 5, or a share from 0% to 100%")(details, path, value)
    if isinstance(value, str) and (share := re.fullmatch(r"(\d{1,2}|100)(?:\.0*)? *(?:%|percent)", value)):
        hint = f"write {share[1]}%"
    if isinstance(value, float) and 0 < value < 1 and round(value, 2) == value:
        hint = f"write {round(100 * value)}%"
    return code, why, hint


_SPECIFIC: Mapping[str, Callable[[Any, Path, object], tuple[str, str, str]]] = {
    "literal_error": _choice,
    "string_pattern_mismatch": _pattern,
    "string_too_long": _too_long,
    "string_too_short": _too_short,
    "too_short": _too_short,
    "duration": _duration,
    "moment": _moment,
    "share": _share,
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
    return tuple(_fields_of(_unwrap(annotation)))


def field_at(model: type[BaseModel], path: Path) -> FieldInfo | None:
    """Return the field at *path* of a spec; None where the author of the spec chooses the keys."""
    annotation: Any = model
    for step in path[:-1]:
        annotation = _inside(annotation, step)
    return _fields_of(_unwrap(annotation)).get(str(path[-1]))


def may_hold(model: type[BaseModel], path: Path) -> bool:
    """Tell whether what stands at *path* of a spec may be a mapping or a list."""
    annotation: Any = model
    for step in path:
        annotation = _inside(annotation, step)
    kind = _unwrap(annotation)
    return bool((get_args(kind) and get_origin(kind) is not Literal) or _fields_of(kind))


def _inside(annotation: Any, step: str | int) -> Any:
    kind = _unwrap(annotation)
    if fields := _fields_of(kind):
        field = fields.get(str(step))
        return field.annotation if field else None
    arguments = get_args(kind)
    return (arguments[0] if isinstance(step, int) else arguments[-1]) if arguments else None


def _fields_of(kind: Any) -> Mapping[str, FieldInfo]:
    """Return the fields of a model, nothing for anything else."""
    return getattr(kind, "model_fields", {}) if isinstance(kind, type) else {}


def _unwrap(annotation: Any) -> Any:
    """Return the part of an annotation that may hold something: without Annotated, Optional and plain alternatives."""
    if hasattr(annotation, "__metadata__"):
        return _unwrap(annotation.__origin__)
    if get_origin(annotation) in _UNIONS:
        inner = [_unwrap(part) for part in get_args(annotation)]
        holders = [part for part in inner if get_args(part) or _fields_of(part)]
        return holders[0] if holders else None
    return annotation


_UNIONS = (Union, type(int | str))
