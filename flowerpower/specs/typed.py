"""Turns what a spec says into what a node wants, or refuses it, before anything runs.

Hamilton itself is too strict here (a whole number is no `float`) and too lax (`None` is anything, `True` is an `int`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar, get_origin

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_LAZY = (Iterable, Iterator, Generator)  # pydantic would hand on an iterator that can be read only once
_WRITTEN = (str, int, float, bool, list, tuple, dict, datetime, date, type(None))


def is_written(value: object) -> bool:
    """Return whether *value* is of a kind that a spec can hold, not an object made by a program."""
    return isinstance(value, _WRITTEN)


def coerce(value: Any, kind: Any, is_a: Callable[[Any, Any], bool]) -> Any:
    """Return *value* as *kind*: ISO texts become dates, texts paths, whole numbers floats, mappings models.

    *is_a* tells of a kind that pydantic does not know whether a value is one. Raises ValueError, with a sentence for
    the user, when that would be a guess.
    """
    if kind is Any or isinstance(kind, TypeVar) or get_origin(kind) in _LAZY:
        return value
    if why := _is_a_guess(value, kind):
        raise _refused(value, kind, why)
    value = _from_moment(value, kind)
    validate = _validator(kind)
    if validate is None:
        if not is_a(value, kind):
            raise _refused(value, kind)
        return value
    from pydantic import ValidationError

    try:
        return validate(value)
    except ValidationError as error:
        from flowerpower.specs.refusals import why_refused  # only a mistake needs it

        raise _refused(value, kind, why_refused(value, kind, error)) from None
    except Exception as error:  # a validator of the user, which may raise anything
        raise ValueError(f"{_refused(value, kind)}: {type(error).__name__}: {error}") from error


def expect(kind: Any) -> None:
    """Make ready what `coerce` needs for a kind, so that it is there for the runs that are forked later."""
    _validator(kind)


def _refused(value: Any, kind: Any, why: str = "") -> ValueError:
    from flowerpower.specs.refusals import refusal  # only a mistake needs it

    return ValueError(refusal(value, kind, why))


def _is_a_guess(value: Any, kind: Any) -> str:
    """Return why a reading that pydantic would allow is none that a person would mean."""
    if isinstance(value, bool) and kind in (int, float):
        return "true and false are no numbers"
    if kind in (date, datetime):
        if isinstance(value, (int, float)):
            return "write it as an ISO 8601 text"
        if isinstance(value, str) and not _ISO.match(value):
            return "write it as ISO 8601, as in 2026-11-22"
    return ""


def _from_moment(value: Any, kind: Any) -> Any:
    """A tick is given as a datetime; let it fit nodes that want its date, its text or a pandas Timestamp."""
    if not isinstance(value, datetime):
        return value
    if kind is date:
        return value.date()
    if kind is str:
        return value.isoformat()
    if getattr(kind, "__module__", "").startswith("pandas") and getattr(kind, "__name__", "") == "Timestamp":
        return kind(value)
    return value


def _validator(kind: Any) -> Callable[[Any], Any] | None:
    try:
        return _cached_validator(kind)
    except TypeError:  # an annotation that cannot be hashed
        return None


@lru_cache(maxsize=512)
def _cached_validator(kind: Any) -> Callable[[Any], Any] | None:
    """Return pydantic's reading of *kind*, or None for a type that it does not know."""
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

    try:
        return TypeAdapter(kind, config=ConfigDict(arbitrary_types_allowed=True)).validate_python
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            return None
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, TypeError, AttributeError):
        return None
    try:
        return TypeAdapter(kind).validate_python  # a model brings its own configuration
    except (PydanticUserError, PydanticSchemaGenerationError, PydanticUndefinedAnnotation):
        return None
