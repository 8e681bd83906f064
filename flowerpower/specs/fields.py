"""The small types that spec fields are made of: names, durations, moments, choices.

Each knows how to read what a person may write and how to describe itself to an editor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

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

from flowerpower.specs.codes import CODES
from flowerpower.specs.values import (
    LONGEST_DURATION,
    MOMENT_PATTERN,
    NAME_LENGTH,
    NAME_PATTERN,
    check_moment,
    check_share,
    known_patches,
    read_duration,
    read_positive_duration,
)

_VARIABLE = r"\$\{var:"  # a schema sees the text before variables are filled in
_DURATION_PATTERN = r"(([0-9]{1,4}d)?([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?|[0-9]{1,9})$"


KEY_SCHEMA: Mapping[str, Any] = {
    "pattern": f"^(?=.{{1,{NAME_LENGTH}}}$){NAME_PATTERN.removeprefix('^')}",
    "errorMessage": CODES["FP105"].advice,
}
"""A name that is a key: variables are filled in values only."""


class Spec(BaseModel):
    """Base of every spec: frozen, strict about types, no unknown keys.

    An explicit null is refused: where `None` is the default it means "not written".
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", strict=True, field_title_generator=lambda name, _info: name.replace("_", " ")
    )


class SpecWithEnvironments(Spec):
    """A spec of a file of its own; it says under `environments` what differs where."""

    @field_validator("environments", check_fields=False)
    @classmethod
    def _patches_have_known_keys(cls, patches: dict[str, Any]) -> dict[str, Any]:
        return known_patches(patches, cls.model_fields)


class _Written:
    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Return the schema of the field without its null branch."""
        schema = handler(source)
        return schema["schema"] if schema["type"] == "nullable" else schema


Written = _Written()
"""Marks an optional field that may be left out but not be null."""


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
Duration = Annotated[int, BeforeValidator(read_duration), _span(0)]
PositiveDuration = Annotated[int, BeforeValidator(read_positive_duration), _span(1)]
Moment = Annotated[str, BeforeValidator(check_moment), _text(MOMENT_PATTERN, "FP107")]
Share = Annotated[
    int | str,
    BeforeValidator(check_share),
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
    Literal["active", "paused", "deleted"],
    choices(
        {
            "active": "Schedules fire. (The default.)",
            "paused": "Everything is applied and nothing fires; the plan still shows what would.",
            "deleted": "The next apply deletes all that is live, pipelines too: the way to end an environment before "
            "its name is taken out of this file.",
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
