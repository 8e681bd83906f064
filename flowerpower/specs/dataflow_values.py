"""Values that specs give, against the types that nodes want of them: what a run would refuse when it starts.

Values with a placeholder are left to the run, and so are types that are not Python's own, unless Hamilton has built the
graph. Most values fit plainly, and are looked at without pydantic: to load it takes longer than a small project takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from flowerpower.dataflow.check import Finding, Wanted
from flowerpower.dataflow.graph import Graph, Value
from flowerpower.dataflow.walk import walk
from flowerpower.specs.text.scalars import read_scalar
from flowerpower.specs.typed import coerce

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_EXACT = 2**53
_SINGULAR = {"inputs": "input", "config": "config", "overrides": "override"}


Given = Mapping[str, Mapping[str, Any]]
"""What a run gives to nodes: `inputs`, `config` and `overrides`, each by name."""


def are_plainly_right(graph: Graph, inputs: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Tell whether all that a run gives is of the very types that are wanted, as in nearly all runs."""
    if graph.refused:
        return False
    kinds = graph.kinds
    for values in (inputs, config) if kinds else ():
        for name in values:
            if name in kinds and type(values[name]) is not kinds[name]:
                return False
    return True


def wrong_values(graph: Graph, wanted: Wanted, given: Given) -> Iterator[Finding]:
    """Yield what a run would refuse of the values that it is given, in its own words; only what is certain."""
    if not graph.decided:
        return
    for value in _questionable(graph, given):
        why = _refusal_of(graph, value)
        if why and (value.section != "config" or value.name in _way(graph, wanted)):
            what = f"{_SINGULAR[value.section]} {value.name!r}: {why}"
            yield Finding("wrong type", (value.section, value.name), what, _hint(graph, value))


def values_of(given: Given) -> Iterator[Value]:
    """Yield everything that is given; what `inputs` and `config` both give is wrong for another reason."""
    for section, values in given.items():
        for name, value in values.items():
            if section != "inputs" or name not in given["config"]:
                yield Value(section, name, value)


def _questionable(graph: Graph, given: Given) -> Iterator[Value]:
    """Yield the values that are not plainly of the type that is wanted."""
    if graph.refused:
        yield from values_of(given)
        return
    kinds, config = graph.kinds, given["config"]
    for section in ("inputs", "config") if kinds else ():
        for name, value in given[section].items():
            if name in kinds and type(value) is not kinds[name] and (section == "config" or name not in config):
                yield Value(section, name, value)


def can_be_told(value: Value) -> bool:
    """Tell whether a value is known before a run, and a process can tell another of it as it is."""
    try:
        return not _is_open(value.value) and json.loads(json.dumps(value.value)) == value.value
    except (TypeError, ValueError):
        return False


def _way(graph: Graph, wanted: Wanted) -> Collection[str]:
    cut = {*wanted.overrides, *(name for name in wanted.loads if name not in wanted.inputs)}
    return walk(graph.nodes, [name for name in wanted.outputs.values() if graph.knows(name)], cut).order


def _refusal_of(graph: Graph, value: Value) -> str:
    if graph.refused and (why := graph.refused.get(value.key)):
        return why
    kind = graph.kinds.get(value.name)
    if kind is None or value.section == "overrides":
        return ""
    if value.section == "config":
        if _may_be_a(value.value, kind):
            return ""
        from flowerpower.specs.refusals import refusal  # only a mistake needs it

        return refusal(value.value, kind)
    if value.value is None and value.name not in graph.required:
        return ""  # what has a default of None may be None, in the Pythons that take that for a type
    return _why_not(value.value, kind)


def _hint(graph: Graph, value: Value) -> str:
    user = graph.nodes[graph.inputs[value.name][0] if value.name in graph.inputs else value.name]
    where = f"`{user.function}` in {user.place.file}:{user.place.line}"
    if value.section == "overrides":
        return f"{where} gives another one"
    if value.value is None:
        return f"it is empty, {where} wants a value"
    from flowerpower.specs.refusals import in_words  # only a mistake needs it

    wanted = in_words(graph.kinds.get(value.name)) or "it so"
    if wanted in ("a text", "a text or null") and isinstance(value.value, int | float):
        return f"put it into quotes, {where} wants {wanted}"
    if value.section == "config" and isinstance(value.value, str) and type(read_scalar(value.value)) is not str:
        return f"remove the quotes, {where} wants {wanted}"
    return f"{where} wants {wanted}"


def _why_not(value: Any, kind: Any) -> str:
    """Return why a run would refuse a value for a type; nothing if it would not, or nobody can tell."""
    if fits_plainly(value, kind) or _is_open(value):
        return ""
    try:
        coerce(value, kind, lambda value, kind: True)
    except ValueError as error:
        return str(error)
    return ""


def _may_be_a(value: Any, kind: Any) -> bool:
    """Tell whether a run may take a config value for a type; it is not converted, as it has shaped the graph."""
    return value is None or _is_open(value) or _is_a(value, kind)


def _is_open(value: Any) -> bool:
    return "${" in str(value)


def fits_plainly(value: Any, kind: Any) -> bool:
    """Tell whether a value is of a type as it is written, or as good as; False says nothing."""
    if type(value) is kind:
        return True
    origin, inner = get_origin(kind), get_args(kind)
    if origin is not None:
        look = _INSIDE.get(origin)
        return look is not None and look(value, inner)
    look_at = _AS_GOOD.get(kind)
    return look_at is not None and look_at(value)


def _is_list_of(value: Any, inner: Collection[Any]) -> bool:
    if type(value) is not list or len(inner) != 1:
        return False
    (kind,) = inner
    return all(kind is Any or fits_plainly(part, kind) for part in value)


def _is_mapping_of(value: Any, inner: Collection[Any]) -> bool:
    if type(value) is not dict or len(inner) != 2:
        return False
    key, kind = inner
    return all(fits_plainly(name, key) and (kind is Any or fits_plainly(part, kind)) for name, part in value.items())


def _is_one_of(value: Any, inner: Collection[Any]) -> bool:
    return any(fits_plainly(value, kind) for kind in inner)


def _is_literal(value: Any, inner: Collection[Any]) -> bool:
    return any(type(one) is type(value) and one == value for one in inner)


def _is_iso(value: Any, form: re.Pattern[str], read: Callable[[str], object]) -> bool:
    if type(value) is not str or not form.fullmatch(value):
        return False
    try:
        read(value)
    except ValueError:
        return False
    return True


_INSIDE: Mapping[Any, Callable[[Any, Collection[Any]], bool]] = {
    list: _is_list_of,
    dict: _is_mapping_of,
    Literal: _is_literal,
    Union: _is_one_of,
    UnionType: _is_one_of,
}
_AS_GOOD: Mapping[Any, Callable[[Any], bool]] = {
    float: lambda value: type(value) is int and abs(value) < _EXACT,
    date: lambda value: _is_iso(value, _DATE, date.fromisoformat),
    datetime: lambda value: _is_iso(value, _MOMENT, datetime.fromisoformat),
}


def _is_a(value: Any, kind: Any) -> bool:
    """Tell whether Hamilton takes a value for a type as it is: of a collection it looks at the first part."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_is_a(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if origin is None:
        return kind is Any or isinstance(value, kind)
    if type(value) is origin:
        return True
    form = _TAKEN_AS.get(origin)
    return form is not None and isinstance(value, form) and all(_is_a(part, inner[0]) for part in islice(value, 1))


_TAKEN_AS: Mapping[Any, Any] = {list: Sequence, set: Iterable}
