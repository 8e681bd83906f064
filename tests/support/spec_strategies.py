"""Specs as Hypothesis strategies, made from the models: good ones, layers of them, and ones with a mistake or two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, StringConstraints
from pydantic.fields import FieldInfo

from flowerpower.specs.schema.schema import KINDS
from flowerpower.specs.values import LONGEST_DURATION, NAME_LENGTH, NOT_PATCHED

Strategy = st.SearchStrategy[Any]

VARIABLES: Mapping[str, str] = {"WRONG": "~wrong~", "DURATION": "15m"}  # all others are not set
ENVIRONMENTS = ("default", "prod", "staging")

_NAMES = ("sales", "a", "a-b_c", "n" * NAME_LENGTH, "${var:X:-sales}", "x${var:X:-sales}")
_TEXTS = ("x", "0 2 * * *", "Ünï 数", "a\nb", "${var:X:-sales}", "$${x}", "y" * 300)
_DURATIONS = (1, 90, LONGEST_DURATION, "1s", "15m", "1d12h", "090", "3650d", "${var:X:-15m}")
_MOMENTS = ("2026-01-01", "2027-12-31T23:59", "2027-01-01 06:00:00.5", "2026-03-29T02:30:00+01:00", "2026-06-01T00:00Z")
_SHARES = (0, 5, 10**9, "0%", "007%", "100%")
_KNOWN: Mapping[str, tuple[str, ...]] = {
    "timezone": ("UTC", "Europe/Berlin", "${var:X:-Asia/Tokyo}"),
    "cron": ("0 2 * * *", "@daily", "0 30 4 1 * *", "0 ${var:X:-5} * * *"),
    "redis": ("embedded", "redis://r:6379/0", "unix:///r.sock", "${env:REDIS_URL:-embedded}", "${var:X:-rediss://r}"),
}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "$${x}", 1.5]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=4,
)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 5.0, 1.5, 101, 70_000, 10**10, [], {}, [None], {"x": 1}, [""], ["x"], [5]),
    *("", " ", "x", "X", "a--b", "a\n", "n" * (NAME_LENGTH + 1), "1y", "0", "0s", "0d0h", "4000d", "1h30", "९0s"),
    *("2026-02-30", "2026-1-1", "26-01-01", "2026-01-01T25:00", "101%", "1000%", "5 %", "skip", "paused", "yes"),
    *("${var:WRONG}", "${var:X}", "${var:DURATION}", "${tick}", "${tock}", "${secret:X}", "${env:X}", "${"),
    *("y" * 1_001, "z" * 10_001, {"max": 3}, {"format": "csv"}, {"type": "local"}, "2027-01-01T06:00:00"),
)


def every_key(kind: str) -> Iterator[dict[str, Any]]:
    """Yield parts of a spec that together hold every key at every depth; each holds one, and what it needs."""
    for name, field in KINDS[kind].model_fields.items():
        if name not in NOT_PATCHED:
            yield from ({name: value} for value in _with_each_key(field))


def _with_each_key(field: FieldInfo) -> Iterator[Any]:
    """Yield the example of a field, or values with one key each where it is a mapping of given keys."""
    example = field.examples[0] if field.examples else {}
    models = list(_models_in(field.annotation))
    if not models:
        yield example
    for model in models:
        needed = {name: _first(inner) for name, inner in model.model_fields.items() if inner.is_required()}
        for name, inner in model.model_fields.items():
            for value in _with_each_key(inner):
                entry = {**needed, name: value}
                yield [entry] if isinstance(example, list) else {"heavy": entry} if _is_by_name(field) else entry


def _first(field: FieldInfo) -> Any:
    return next(_with_each_key(field))


def _is_by_name(field: FieldInfo) -> bool:
    return "dict[" in str(field.annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def good(kind: str) -> Strategy:
    """Return specs that hold what their models ask for, each key with a value of its type."""
    return _spec(kind)


def broken(kind: str) -> Strategy:
    """Return specs with up to two random changes, which may make them wrong or leave them right."""
    return st.tuples(good(kind), st.lists(_CHANGES, max_size=2)).map(lambda pair: _changed(*pair))


def layer(kind: str) -> Strategy:
    """Return some keys of a spec, as a patch or as defaults have them, with a null here and there."""
    values = _fields(kind, in_layer=True)
    return _some({name: _nullable(value) for name, value in values.items() if name not in NOT_PATCHED}).filter(
        lambda value: _triggers(value) <= 1
    )


def _spec(kind: str) -> Strategy:
    values = _fields(kind)
    values["environments"] = st.dictionaries(st.sampled_from(ENVIRONMENTS), _patch(kind), max_size=2)
    if kind == "schedule":
        del values["every"], values["at"]
    required = {name for name, field in KINDS[kind].model_fields.items() if field.is_required()}
    return _some(values, required | ({"cron"} & values.keys()))


def _fields(kind: str, *, in_layer: bool = False) -> dict[str, Strategy]:
    fields = KINDS[kind].model_fields
    values = {name: _of(field.annotation, field.metadata, in_layer=in_layer) for name, field in fields.items()}
    known = {name: st.sampled_from(choices) for name, choices in _KNOWN.items() if name in fields}
    if kind == "project":
        layers = {each: st.deferred(lambda each=each: layer(each)) for each in ("pipeline", "schedule")}
        known["defaults"] = _some(layers)
    return {**values, **known}


def _patch(kind: str) -> Strategy:
    return st.deferred(lambda: layer(kind)) if kind == "project" else st.none() | st.deferred(lambda: layer(kind))


@st.composite
def _some(draw: st.DrawFn, values: Mapping[str, Strategy], required: set[str] = frozenset()) -> dict[str, Any]:
    """Draw a mapping with the keys it needs and a few of the others."""
    others = [name for name in values if name not in required]
    chosen = draw(st.lists(st.sampled_from(others), max_size=6, unique=True)) if others else []
    return {name: draw(values[name]) for name in [*sorted(required), *chosen]}


def _of(annotation: Any, metadata: Any = (), *, in_layer: bool = False) -> Strategy:
    """Return values that a field of a model accepts; in a layer no key of a mapping is needed and any may be null."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _of(arguments[0], (*metadata, *annotation.__metadata__), in_layer=in_layer)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _model(annotation, in_layer=in_layer)
    if any(isinstance(item, BeforeValidator) for item in metadata) or annotation in (str, int, bool):
        return _scalar(annotation, metadata)
    if arguments:
        return _of_many(origin, arguments, metadata, in_layer=in_layer)
    return _JSON


def _of_many(origin: Any, arguments: tuple[Any, ...], metadata: Any, *, in_layer: bool) -> Strategy:
    if origin is Literal:
        return st.sampled_from([*arguments, *(f"${{var:X:-{value}}}" for value in arguments)])
    if origin is tuple:
        return st.lists(_of(arguments[0]), min_size=1, max_size=2)
    if origin is dict:
        values = _of(arguments[1], in_layer=in_layer)
        keys = st.sampled_from(["a", "heavy", "x-y"])
        return st.dictionaries(keys, _nullable(values) if in_layer else values, max_size=2)
    kept = [part for part in arguments if part is not NoneType]
    return st.one_of([_of(part, metadata if len(kept) == 1 else (), in_layer=in_layer) for part in kept])


def _scalar(annotation: Any, metadata: Any) -> Strategy:
    for item in metadata:
        if isinstance(item, BeforeValidator):
            known = {"read_duration": _DURATIONS, "read_positive_duration": _DURATIONS}
            known |= {"check_moment": _MOMENTS, "check_share": _SHARES}
            return st.sampled_from(known[item.func.__name__])
        if isinstance(item, StringConstraints):
            return st.sampled_from(_NAMES if item.pattern else _TEXTS)
    if annotation is int:
        bounds = [item for info in metadata for item in (info.metadata if isinstance(info, FieldInfo) else [info])]
        least = next(item.ge for item in bounds if hasattr(item, "ge"))
        most = next(item.le for item in bounds if hasattr(item, "le"))
        return st.sampled_from([least, most])
    return st.booleans() if annotation is bool else st.sampled_from(("", *_TEXTS))


def _model(model: type[BaseModel], *, in_layer: bool) -> Strategy:
    values = {
        name: _of(field.annotation, field.metadata, in_layer=in_layer) for name, field in model.model_fields.items()
    }
    if in_layer:
        return _some({name: _nullable(value) for name, value in values.items()})
    return _some(values, {name for name, field in model.model_fields.items() if field.is_required()})


def _nullable(strategy: Strategy) -> Strategy:
    return st.one_of(strategy, strategy, strategy, st.none())


def _triggers(value: Mapping[str, Any]) -> int:
    return sum(value.get(name) is not None for name in ("cron", "every", "at"))


_CHANGES = st.tuples(
    st.integers(0, 200), st.sampled_from(["replace", "replace", "replace", "remove", "add"]), st.sampled_from(ODD)
)


def _changed(spec: Any, changes: list[tuple[int, str, Any]]) -> Any:
    for number, how, value in changes:
        places = [place for place in places_in(spec, ()) if place]
        spec = changed_at(spec, places[number % len(places)], how, value) if places else spec
    return spec


def places_in(value: Any, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places_in(item, (*path, key)))]


def changed_at(value: Any, path: tuple[Any, ...], how: str, new: Any) -> Any:
    """Return a copy with one place replaced, removed, or given an unknown neighbour."""
    key, rest = path[0], path[1:]
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[key] = changed_at(copy[key], rest, how, new)
    elif how == "remove":
        del copy[key]
    elif how == "add" and isinstance(copy, dict):
        copy["unknown"] = new
    elif how == "rename" and isinstance(copy, dict):
        copy["Big Name"] = copy.pop(key)
    else:
        copy[key] = new
    return copy
