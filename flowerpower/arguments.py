"""What callers of the Python API may pass: another kind of thing is named at once, before it fails somewhere deeper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

from flowerpower.errors import UsageError

_Kind = TypeVar("_Kind")
_LAST_YEAR = 9998  # after it no zone can tell the time any more
_END_OF_CLOCKS = int(datetime(_LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())


def text(given: object, what: str, hint: str = "") -> str:
    """Return a text; raise `UsageError` for anything else."""
    if not isinstance(given, str):
        raise UsageError(f"{what} is a text, and not of the type {_kind(given)}", hint=hint)
    return given


def texts(given: object, what: str) -> tuple[str, ...]:
    """Return several texts; raise `UsageError` for anything else, also for one text, which is many letters."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise UsageError(f"{what} is a list of texts, and not of the type {_kind(given)}", hint=f"pass [{given!r}]")
    return tuple(text(one, f"each of {what}") for one in given)


def whole(given: object, what: str, least: int | None = None) -> int:
    """Return a whole number, not below *least* if that is given; raise `UsageError` for anything else."""
    if not isinstance(given, int) or isinstance(given, bool):
        raise UsageError(f"{what} is a whole number, and not of the type {_kind(given)}", hint="for example 20")
    if least is not None and given < least:
        raise UsageError(f"{what} is at least {least}, not {given}")
    return given


def id_or_number(given: object, what: str) -> str:
    """Return the id or the number of something as a text; raise `UsageError` for anything else."""
    return str(whole(given, what)) if isinstance(given, int) else text(given, what, "pass an id, or a number")


def seconds(given: object, what: str) -> int:
    """Return epoch seconds; raise `UsageError` for anything else, also for what no clock can tell."""
    if not abs(found := whole(given, what)) < _END_OF_CLOCKS:
        raise UsageError(f"{what} is no moment that clocks can tell: {given}", hint="pass seconds, not milliseconds")
    return found


def of_kind(given: object, kind: type[_Kind], what: str, hint: str) -> _Kind:
    """Return an object of a class; raise `UsageError` for anything else."""
    if not isinstance(given, kind):
        raise UsageError(f"{what} is of the class {kind.__name__}, and not of the type {_kind(given)}", hint=hint)
    return given


def by_name(given: object, what: str) -> Mapping[str, Any]:
    """Return values by name; raise `UsageError` for what is no mapping, or has other keys than texts."""
    if not isinstance(given, Mapping):
        raise UsageError(
            f"{what} holds values by name, and is not of the type {_kind(given)}", hint='as {"largest": 3}'
        )
    for name in given:
        text(name, f"each name in {what}")
    return given


def moment(given: object, what: str, hint: str = "pass an aware datetime") -> int:
    """Return an aware datetime in epoch seconds; raise `UsageError` for anything else."""
    if not isinstance(given, datetime):
        raise UsageError(f"{what} is no moment: it is of the type {_kind(given)}", hint=hint)
    if given.tzinfo is None or given.utcoffset() is None:
        raise UsageError(f"{what} has no time zone", hint=hint)
    if given.year > _LAST_YEAR:
        raise UsageError(f"{what} is later than clocks can tell: {given.isoformat()}", hint=hint)
    return int(given.timestamp())


def refuse_pickle(what: str) -> NoReturn:
    """Raise `TypeError`, as Python does, in words that help: it would name a lock, or a function of ours."""
    raise TypeError(
        f"{what} has connections or secrets, which no pickle should: hand over the project's folder, and names or ids, "
        "and call FlowerPowerProject.load there"
    )


def _kind(given: object) -> str:
    return type(given).__name__
