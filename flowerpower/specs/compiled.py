"""The models, compiled: validators that make the same specs of the same values, and need no pydantic to be loaded.

Pydantic makes a schema for its core of each model, and the core checks values by it. To import pydantic and to make
these schemas takes longer than to check a small project, so they are kept, as JSON, for the very versions that made
them. With them the core alone makes stand-ins: plain objects with the attributes of a spec. What is wrong with a value
is for the models to tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic_core._pydantic_core import SchemaValidator, ValidationError  # the core alone, see settings

from flowerpower.specs.values import (
    Timed,
    check_moment,
    check_share,
    has_one_trigger,
    kind_of_cache,
    kind_of_redis,
    known_patches,
    read_duration,
    read_positive_duration,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{function.__name__: function for function in (check_moment, check_share, read_duration, read_positive_duration)},
    **{function.__name__: function for function in (has_one_trigger, kind_of_cache, kind_of_redis, dict)},
}
_METHODS: Mapping[str, Callable[..., Any]] = {
    "_patches_have_known_keys": known_patches
}  # of a class: they know its fields
_BASES: Mapping[str, type] = {"Timed": Timed}
_JSON = "pydantic.types.JsonValue:"  # how pydantic calls its schema of any JSON value
_UNNEEDED = frozenset({"metadata", "serialization"})  # for JSON Schemas and for writing
_TUPLE, _CLASS, _FUNCTION, _METHOD = "$tuple", "$class", "$function", "$method"


class NeedsModelsError(Exception):
    """A value is not as it should be; only the models can say what is wrong."""


class _UnknownError(Exception):
    """A schema holds something that cannot be kept."""


class StandIn:
    """Stands for an instance of a model: its values as attributes, and which of them were written."""

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")
    model_fields: ClassVar[Mapping[str, None]] = {}
    validator: ClassVar[SchemaValidator]
    if TYPE_CHECKING:
        __pydantic_fields_set__: set[str]

    @property
    def model_fields_set(self) -> set[str]:
        """The fields that were written."""
        return self.__pydantic_fields_set__

    @classmethod
    def model_validate(cls, data: Mapping[str, Any]) -> Self:
        """Return what stands for the spec of some values. Raises NeedsModelsError where the model would refuse."""
        try:
            made: Self = cls.validator.validate_python(data)
        except ValidationError:
            raise NeedsModelsError from None
        return made


def compile_models(models: Mapping[str, type[BaseModel]]) -> str | None:
    """Return some models as text for `compiled_models`; None if there is anything in them that cannot be kept."""
    try:
        found = {kind: (_class(model), _encoded(model.__pydantic_core_schema__)) for kind, model in models.items()}
        return json.dumps(found)
    except (_UnknownError, TypeError, ValueError):
        return None


def compiled_models(text: str | bytes) -> Mapping[str, type[StandIn]] | None:
    """Return by kind what makes stand-ins for specs; None for a text that this version cannot read."""
    try:
        found: Mapping[str, tuple[type[StandIn], Any]] = json.loads(text, object_hook=_Decoder().decode)
        for made, schema in found.values():
            made.validator = SchemaValidator(schema)
        return {kind: made for kind, (made, _) in found.items()}
    except Exception:  # noqa: BLE001  whatever is wrong with what was kept: the models are there
        return None


def _encoded(part: Any) -> Any:
    """Return a part of a schema as a JSON value."""
    if isinstance(part, dict):
        is_schema = isinstance(part.get("type"), str)  # else these are fields by name
        if part.get("post_init") or part.get("custom_init") is True:
            raise _UnknownError  # the model does more than its schema says
        if str(part.get("ref")).startswith(_JSON):
            return {"type": "any", "ref": part["ref"]}  # what is read of YAML is nothing else
        if is_schema and hasattr(part.get("default"), "model_fields_set"):
            part = _made_of_nothing(part)
        return {name: _encoded(inner) for name, inner in part.items() if not is_schema or name not in _UNNEEDED}
    if isinstance(part, list | tuple):
        found = [_encoded(inner) for inner in part]
        return found if isinstance(part, list) else {_TUPLE: found}
    if part is None or isinstance(part, str | int | float):
        return part
    return _class(part) if isinstance(part, type) and hasattr(part, "model_fields") else _function(part)


def _made_of_nothing(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a default that is a spec with nothing written in it: it is validated each time."""
    if part["default"].model_fields_set:
        raise _UnknownError
    return {**part, "default": {}, "validate_default": True}


def _class(model: type[BaseModel]) -> Any:
    bases = [base.__name__ for base in model.__mro__ if base.__name__ in _BASES]
    return {_CLASS: model.__name__, "bases": bases, "fields": list(model.model_fields)}


def _function(function: Any) -> Any:
    name = getattr(function, "__name__", "")
    fields = getattr(getattr(function, "__self__", None), "model_fields", None)
    if name in _METHODS and fields is not None:
        return {_METHOD: name, "fields": list(fields)}
    known = _FUNCTIONS.get(name)
    if known is function:
        return {_FUNCTION: name}
    raise _UnknownError


class _Decoder:
    """Makes a schema of its JSON value again, with stand-ins in the place of models."""

    def __init__(self) -> None:
        self._classes: dict[str, type[StandIn]] = {}

    def decode(self, value: dict[str, Any]) -> Any:
        """Return what an object of the JSON text stands for."""
        if _TUPLE in value:
            return tuple(value[_TUPLE])
        if _FUNCTION in value:
            return _FUNCTIONS[value[_FUNCTION]]
        if _METHOD in value:
            return partial(_METHODS[value[_METHOD]], fields=value["fields"])
        return self._class(value) if _CLASS in value else value

    def _class(self, value: Mapping[str, Any]) -> type[StandIn]:
        name = value[_CLASS]
        if name not in self._classes:
            bases = (StandIn, *(_BASES[base] for base in value["bases"]))
            self._classes[name] = type(name, bases, {"__slots__": (), "model_fields": dict.fromkeys(value["fields"])})
        return self._classes[name]
