"""Values of other tools as values that a spec may hold; what it may not is replaced by a text to fill in."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from flowerpower.adoption.found import Call
from flowerpower.adoption.pickles import Unreadable
from flowerpower.state.models import Json

FILL_IN = "FILL IN"
"""What a text begins with that stands for an argument which somebody has to write."""

_DEEPEST = 30
_MOST_VALUES = 10_000
_LONGEST_TEXT = 100_000
_LARGEST = 10**300


class NotPlainError(Exception):
    """A value that a spec cannot hold; the message says what it is."""


def call_of(function: str, args: Any, kwargs: Any) -> Call:
    """Return the call with plain arguments, and what is to be filled in where they are not plain."""
    missing: list[str] = []

    def plain(value: Any, where: str) -> Json:
        try:
            return plain_value(value)
        except NotPlainError as error:
            missing.append(f"{where}: it was {error}")
            return f"{FILL_IN}: {error}"

    if not isinstance(args, list | tuple):
        args = [Unreadable("not readable") if not isinstance(args, Unreadable) else args]
    if not isinstance(kwargs, Mapping) or not all(isinstance(name, str) for name in kwargs):
        missing.append("the arguments by name: they could not be read")
        kwargs = {}
    positions = tuple(plain(value, f"argument {number}") for number, value in enumerate(args, start=1))
    names = {name: plain(value, f"argument {json.dumps(name)[1:-1][:60]}") for name, value in kwargs.items()}
    return Call(function, positions, names, tuple(missing))


def without_arguments(call: Call) -> Call:
    """Return the call with every value of its arguments left out, to be filled in."""
    args: tuple[Json, ...] = tuple(FILL_IN for _ in call.args)
    kwargs: dict[str, Json] = dict.fromkeys(call.kwargs, FILL_IN)
    left = (*(f"argument {number}" for number in range(1, len(args) + 1)), *(f"argument {name}" for name in kwargs))
    return Call(call.function, args, kwargs, tuple(f"{where}: it was left out" for where in left))


def plain_value(value: Any) -> Json:
    """Return a value as JSON has it, tuples as lists; raise `NotPlainError` if it is or holds anything else."""
    return _Copying().of(value, 0)


class _Copying:
    """One copy, with an end: a few bytes of a pickle can stand for a value without one."""

    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def of(self, value: Any, depth: int) -> Json:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise NotPlainError("a very large value")
        if isinstance(value, list | tuple):
            return [self.of(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return dict(self._pairs(value, depth))
        return _leaf(value)

    def _pairs(self, value: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, Json]]:
        for key, item in value.items():
            if not isinstance(key, str):
                raise NotPlainError("a dict whose keys are not texts")
            yield str(_leaf(key)), self.of(item, depth + 1)


def _leaf(value: Any) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < _LARGEST:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT and _is_whole(value):
        return value
    raise NotPlainError(value.what if isinstance(value, Unreadable) else _described(value))


def _is_whole(text: str) -> bool:
    """Tell whether a text has no half of a letter, which no file can hold."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _described(value: Any) -> str:
    kinds = {bytes: "bytes", str: "a text that no file can hold", int: "a very large number", float: "not a number"}
    return kinds.get(type(value), "not plain")
