"""The small types that spec fields are made of: names, durations, moments, choices.

Each knows how to read what a person may write and how to describe itself to an editor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    Strict,
    StringConstraints,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

NAME_PATTERN = r"^[a-z][a-z0-9_]*(-[a-z0-9_]+)*$"
NAME_LENGTH = 63
LONGEST_DURATION = 3650 * 86400
NOT_PATCHED = frozenset({"name", "environments"})  # the same in every environment

_VARIABLE = r"\$\{var:"  # a schema sees the text before variables are filled in
_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s)?", re.ASCII)
_DURATION_PATTERN = r"^(?=.)(\d{1,4}d)?(\d{1,6}h)?(\d{1,7}m)?(\d{1,9}s)?$|^\d{1,9}$"
_MOMENT_PATTERN = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?([.]\d{1,6})?(Z|[+-]\d{2}:?\d{2})?)?$"
_MOMENT = re.compile(_MOMENT_PATTERN, re.ASCII)
_SHARE = re.compile(r"(\d{1,3})%", re.ASCII)


class Spec(BaseModel):
    """Base of every spec: frozen, strict about types, no unknown keys.

    An explicit null is refused: where `None` is the default it means "not written".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SpecWithEnvironments(Spec):
    """A spec of a file of its own; it says under `environments` what differs where."""

    @field_validator("environments", check_fields=False)
    @classmethod
    def _patches_have_known_keys(cls, patches: dict[str, Any]) -> dict[str, Any]:
        known = cls.model_fields.keys() - NOT_PATCHED
        for name, patch in patches.items():
            if unknown := sorted((patch or {}).keys() - known):
                why = f"the patch for '{name}' has an unknown key '{unknown[0]}'"
                raise PydanticCustomError("patch", "{why}", {"why": why})
        return patches


class _Written:
    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Return the schema of the field without its null branch."""
        schema = handler(source)
        return schema["schema"] if schema["type"] == "nullable" else schema


Written = _Written()
"""Marks an optional field that may be left out but not be null."""


def parse_duration(value: object) -> int:
    """Return the whole seconds of `90s`, `15m`, `2h`, `1d12h` or a number of seconds; ValueError otherwise."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _within_bounds(value)
    if isinstance(value, str):
        return _parse_duration_text(value)
    raise ValueError(f"{value!r} is not a duration")


@lru_cache(maxsize=1024)
def _parse_duration_text(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return _within_bounds(int(text))
    match = _DURATION.fullmatch(text)
    if not match or not text:
        raise ValueError(f"{text!r} is not a duration")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return _within_bounds(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _within_bounds(seconds: int) -> int:
    if not 0 <= seconds <= LONGEST_DURATION:
        raise ValueError(f"{seconds} seconds is not between 0 and 3650 days")
    return seconds


def written_duration(seconds: int) -> str:
    """Return a duration as a spec writes it: `1d12h`."""
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def parse_moment(value: str) -> datetime:
    """Return the date or time that an ISO 8601 text names, naive when it has no offset; ValueError otherwise."""
    if not _MOMENT.match(value):
        raise ValueError(f"{value!r} is not an ISO 8601 date or time")
    return datetime.fromisoformat(value)


def _read_duration(value: object) -> object:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise PydanticCustomError("duration", "{why}", {"why": str(error)}) from None


def _read_positive_duration(value: object) -> object:
    seconds = _read_duration(value)
    if seconds == 0:
        raise PydanticCustomError("duration", "{why}", {"why": "it must be at least 1 second"})
    return seconds


def _check_moment(value: object) -> object:
    try:
        if isinstance(value, str):
            parse_moment(value)
        elif isinstance(value, int):
            raise ValueError(f"{value!r} is not an ISO 8601 date or time")
    except ValueError as error:
        raise PydanticCustomError("moment", "{why}", {"why": str(error)}) from None
    return value


def _check_share(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**9:
        return value
    if isinstance(value, str) and (match := _SHARE.fullmatch(value)) and int(match[1]) <= 100:
        return value
    raise PydanticCustomError("share", "{why}", {"why": f"{value!r} is neither a whole number nor a percentage"})


def _choices(meaning: Mapping[str, str]) -> WithJsonSchema:
    values: list[dict[str, Any]] = [{"const": value, "description": text} for value, text in meaning.items()]
    return WithJsonSchema({"oneOf": [*values, {"type": "string", "pattern": f"^{_VARIABLE}"}]})


def _text(pattern: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"{pattern}|{_VARIABLE}", **more})


def _span(least: int) -> WithJsonSchema:
    bounds = {"minimum": least, "maximum": LONGEST_DURATION}
    return WithJsonSchema({"type": ["string", "integer"], "pattern": f"{_DURATION_PATTERN}|{_VARIABLE}", **bounds})


Name = Annotated[
    str,
    StringConstraints(pattern=NAME_PATTERN, max_length=NAME_LENGTH),
    _text(NAME_PATTERN),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
Duration = Annotated[int, BeforeValidator(_read_duration), _span(0)]
PositiveDuration = Annotated[int, BeforeValidator(_read_positive_duration), _span(1)]
Moment = Annotated[str, BeforeValidator(_check_moment), _text(_MOMENT_PATTERN)]
Share = Annotated[
    int | str,
    BeforeValidator(_check_share),
    WithJsonSchema(
        {"type": ["string", "integer"], "pattern": rf"^\d{{1,3}}%$|{_VARIABLE}", "minimum": 0, "maximum": 10**9}
    ),
]
JsonObject = dict[str, JsonValue]

_Item = TypeVar("_Item")
# A YAML list becomes a tuple, so that a frozen spec has no list to change; its items stay strict.
Many = Annotated[tuple[_Item, ...], Strict(False)]
Environments = dict[Name, JsonObject | None]

Activity = Annotated[
    Literal["active", "paused"],
    _choices(
        {
            "active": "Schedules fire.",
            "paused": "Everything is deployed and nothing fires.",
        }
    ),
]
CodeSource = Annotated[
    Literal["local", "git"],
    _choices(
        {
            "local": "Workers run the code of their own checkout or image.",
            "git": "Workers fetch exactly the applied commit. (Not supported yet.)",
        }
    ),
]
ExecutorType = Annotated[
    Literal["local", "threads", "processes", "dask", "ray"],
    _choices(
        {
            "local": "One node after the other, in the run's own process.",
            "threads": "Nodes side by side in threads.",
            "processes": "Nodes side by side in processes.",
            "dask": "On a Dask cluster. (Not supported yet.)",
            "ray": "On a Ray cluster. (Not supported yet.)",
        }
    ),
]
Overlap = Annotated[
    Literal["skip", "buffer_one", "buffer_all", "cancel_other", "allow"],
    _choices(
        {
            "skip": "A tick that comes while a run is active is recorded as skipped.",
            "buffer_one": "The newest such tick waits and runs afterwards. (Not supported yet.)",
            "buffer_all": "All such ticks wait and run in order. (Not supported yet.)",
            "cancel_other": "The active run is stopped, then the new one starts. (Not supported yet.)",
            "allow": "Runs may be active side by side.",
        }
    ),
]
Catchup = Annotated[
    Literal["latest", "all", "none"],
    _choices(
        {
            "latest": "After an outage only the newest missed tick runs.",
            "all": "After an outage every missed tick runs, oldest first.",
            "none": "After an outage no missed tick runs.",
        }
    ),
]
OnInflight = Annotated[
    Literal["keep", "cancel"],
    _choices(
        {
            "keep": "Runs already queued go on with the spec they were made from.",
            "cancel": "Runs already queued are removed, running ones are told to stop. (Not supported yet.)",
        }
    ),
]
