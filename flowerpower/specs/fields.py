"""The small types that spec fields are made of: names, durations, moments, choices.

Each knows how to read what a person may write and how to describe itself to an editor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
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

from flowerpower import durations
from flowerpower.specs.codes import CODES

NAME_PATTERN = r"^[a-z][a-z0-9_]*(-[a-z0-9_]+)*$"
NAME_LENGTH = 63
LONGEST_DURATION = durations.LONGEST_DURATION
parse_duration = durations.parse_duration
NOT_PATCHED = frozenset({"name", "environments"})  # the same in every environment

_VARIABLE = r"\$\{var:"  # a schema sees the text before variables are filled in
_DURATION_PATTERN = r"(([0-9]{1,4}d)?([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?|[0-9]{1,9})$"
_MOMENT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([.][0-9]{1,6})?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
_MOMENT = re.compile(_MOMENT_PATTERN, re.ASCII)
_SHARE = re.compile(r"(\d{1,3})%", re.ASCII)


KEY_SCHEMA: Mapping[str, Any] = {
    "pattern": f"^(?=.{{1,{NAME_LENGTH}}}$){NAME_PATTERN.removeprefix('^')}",
    "errorMessage": CODES["FP105"].advice,
}
"""A name that is a key: variables are filled in values only."""


class Spec(BaseModel):
    """Base of every spec: frozen, strict about types, no unknown keys.

    An explicit null is refused: where `None` is the default it means "not written".
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, field_title_generator=lambda name, _info: name.replace("_", " ")
    )


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


def parse_moment(value: str) -> datetime:
    """Return the date or time that an ISO 8601 text names, naive when it has no offset; ValueError otherwise."""
    if not _MOMENT.match(value):
        raise ValueError(f"{value!r} is not an ISO 8601 date or time")
    return datetime.fromisoformat(value)


def looks_like_moment(text: str) -> bool:
    """Tell whether a text has the form of a date or time, which may still not exist."""
    return _MOMENT.match(text) is not None


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


def choices(meaning: Mapping[str, str]) -> WithJsonSchema:
    """Return the schema of a choice, with a text for each value that editors show."""
    told = list(meaning.values())
    known = {
        "type": "string",
        "enum": list(meaning),
        "enumDescriptions": [plain(text) for text in told],
        "markdownEnumDescriptions": told,
    }
    return WithJsonSchema({"type": "string", "oneOf": [known, {"type": "string", "pattern": _VARIABLE}]})


def _text(pattern: str, code: str) -> WithJsonSchema:
    advice = CODES[code].advice
    return WithJsonSchema({"type": "string", "pattern": f"{pattern}|{_VARIABLE}", "errorMessage": advice})


def _span(least: int) -> WithJsonSchema:
    start = "^(?=.*[1-9])" if least else "^(?=.)"
    pattern = f"{start}{_DURATION_PATTERN}|{_VARIABLE}"
    bounds = {"minimum": least, "maximum": LONGEST_DURATION}
    told = {"errorMessage": CODES["FP106"].advice}
    return WithJsonSchema({"type": ["string", "integer"], "pattern": pattern, **bounds, **told})


def plain(markdown: str) -> str:
    """Return a text without the marks of Markdown, for editors that show it as it is."""
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", markdown).replace("`", "")


Name = Annotated[
    str,
    StringConstraints(pattern=NAME_PATTERN, max_length=NAME_LENGTH),
    _text(KEY_SCHEMA["pattern"], "FP105"),
]
# How long a text may be is not in the schema: what is written in the place of a variable may be longer.
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=10_000), WithJsonSchema({"type": "string", "minLength": 1})
]
Duration = Annotated[int, BeforeValidator(_read_duration), _span(0)]
PositiveDuration = Annotated[int, BeforeValidator(_read_positive_duration), _span(1)]
Moment = Annotated[str, BeforeValidator(_check_moment), _text(_MOMENT_PATTERN, "FP107")]
Share = Annotated[
    int | str,
    BeforeValidator(_check_share),
    WithJsonSchema(
        {
            "type": ["string", "integer"],
            "pattern": rf"^(0?[0-9]{{1,2}}|100)%$|{_VARIABLE}",
            "minimum": 0,
            "maximum": 10**9,
            "errorMessage": "Write a whole number, or a share from 0% to 100%.",
        }
    ),
]
JsonObject = dict[str, JsonValue]

_Item = TypeVar("_Item")
# A YAML list becomes a tuple, so that a frozen spec has no list to change; its items stay strict.
Many = Annotated[tuple[_Item, ...], Strict(False)]
Environments = dict[Name, JsonObject | None]

Activity = Annotated[
    Literal["active", "paused"],
    choices(
        {
            "active": "Schedules fire. (The default.)",
            "paused": "Everything is applied and nothing fires; the plan still shows what would.",
        }
    ),
]
CodeSource = Annotated[
    Literal["local", "git"],
    choices(
        {
            "local": "Workers run the code of their own checkout or image. (The default.)",
            "git": "Workers fetch exactly the applied commit from git, and run that.",
        }
    ),
]
ExecutorType = Annotated[
    Literal["local", "threads", "processes", "dask", "ray"],
    choices(
        {
            "local": "One node after the other, in the run's own process. (The default.)",
            "threads": "Nodes that do not need each other run in threads, side by side: good for waiting.",
            "processes": "Parallel blocks (`Parallelizable`, `Collect`) run in processes: good for computing.",
            "dask": "On a Dask cluster: the one at `address`, or one on this machine for as long as the run takes.",
            "ray": "On a Ray cluster: the one at `address`, or one on this machine for as long as the run takes.",
        }
    ),
]
Overlap = Annotated[
    Literal["skip", "buffer_one", "buffer_all", "cancel_other", "allow"],
    choices(
        {
            "skip": "A tick that comes while a run is active does not run; it is recorded as skipped. (The default.)",
            "buffer_one": "The newest tick that came meanwhile waits and runs afterwards; the others are recorded.",
            "buffer_all": "All ticks that came meanwhile wait, and run in order.",
            "cancel_other": "The active run is stopped; once its end is recorded the new one starts.",
            "allow": "Runs are active side by side, as many as there are workers.",
        }
    ),
]
Catchup = Annotated[
    Literal["latest", "all", "none"],
    choices(
        {
            "latest": "After an outage the newest missed tick runs; the others are recorded as missed. (The default.)",
            "all": "After an outage every missed tick of the catch-up window runs, oldest first.",
            "none": "After an outage no missed tick runs; one that is at most a minute late still counts as on time.",
        }
    ),
]
OnInflight = Annotated[
    Literal["keep", "cancel"],
    choices(
        {
            "keep": "Runs already queued or running go on with the spec they were made from. (The default.)",
            "cancel": "Queued runs and waiting retries are removed, running ones are told to stop; for those `apply` "
            "wants `--allow-cancel`.",
        }
    ),
]
