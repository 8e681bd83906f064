"""What single values of specs may be: what the models are made of, and what rules and messages share with them.

Nothing here loads pydantic, which takes longer than to check a small project; see `compiled`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

from flowerpower import durations
from flowerpower.moments import read_moment

TRIGGERS = ("cron", "every", "at")
NAME_PATTERN = r"^[a-z][a-z0-9_]*(-[a-z0-9_]+)*$"
NAME_LENGTH = 63
LONGEST_DURATION = durations.LONGEST_DURATION
parse_duration = durations.parse_duration
NOT_PATCHED = frozenset({"name", "environments"})  # the same in every environment
FORMATS = ("csv", "json", "ndjson", "parquet", "feather", "excel", "text", "yaml", "pickle", "sql", "duckdb")
"""The formats that `load:` and `save:` know without plug-ins."""
FORMAT_OF_ENDING: Mapping[str, str] = {
    **{ending: ending for ending in ("csv", "json", "ndjson", "parquet", "feather", "yaml", "duckdb")},
    **{"jsonl": "ndjson", "pq": "parquet", "arrow": "feather", "txt": "text", "yml": "yaml"},
    **dict.fromkeys(("xls", "xlsx"), "excel"),
    **dict.fromkeys(("pkl", "pickle"), "pickle"),
}
"""What is in a file, by its ending."""
MOMENT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([.][0-9]{1,6})?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)

_MOMENT = re.compile(MOMENT_PATTERN, re.ASCII)
_NAME = re.compile(NAME_PATTERN)
_SHARE = re.compile(r"(\d{1,3})%", re.ASCII)


class Timed:
    """What follows from the times of a schedule."""

    __slots__ = ()
    if TYPE_CHECKING:
        cron: str | None
        every: int | None
        at: str | None
        timezone: str
        start: str | None
        end: str | None
        overlap: Any
        catchup: Any

    @property
    def effective_overlap(self) -> str:
        """What a tick does while a run is active, the default worked out."""
        return self.overlap or ("buffer_all" if self.catchup == "all" else "skip")

    @property
    def trigger(self) -> dict[str, Any]:
        """The arguments `parse_trigger` takes for this schedule."""
        return {
            "cron": self.cron,
            "every": self.every,
            "at": self.at,
            "timezone": self.timezone,
            "start": self.start,
            "end": self.end,
        }


_Timed = TypeVar("_Timed", bound=Timed)


def is_name(text: str) -> bool:
    """Tell whether a text may be the name of a spec or of a queue."""
    return len(text) <= NAME_LENGTH and _NAME.fullmatch(text) is not None


def has_one_trigger(schedule: _Timed) -> _Timed:
    """Return a schedule; refuse one that does not have exactly one trigger."""
    written = [name for name in TRIGGERS if getattr(schedule, name) is not None]
    if len(written) != 1:
        raise _refusal("trigger", "{written}", written=" and ".join(written))
    return schedule


def known_patches(patches: dict[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """Return the patches for environments of a spec with these fields; refuse a key that it does not have."""
    known = set(fields) - NOT_PATCHED
    for name, patch in patches.items():
        if unknown := sorted((patch or {}).keys() - known):
            raise _refusal("patch", "{why}", why=f"the patch for '{name}' has an unknown key '{unknown[0]}'")
    return patches


def parse_moment(value: str) -> datetime:
    """Return the date or time that an ISO 8601 text names, naive when it has no offset; ValueError otherwise."""
    if not _MOMENT.match(value):
        raise ValueError(f"{value!r} is not an ISO 8601 date or time")
    return read_moment(value)


def looks_like_moment(text: str) -> bool:
    """Tell whether a text has the form of a date or time, which may still not exist."""
    return _MOMENT.match(text) is not None


def read_duration(value: object) -> object:
    """Return the seconds of a duration, or refuse the value."""
    try:
        return parse_duration(value)
    except ValueError as error:
        raise _refusal("duration", "{why}", why=str(error)) from None


def read_positive_duration(value: object) -> object:
    """Return the seconds of a duration that is not nothing, or refuse the value."""
    seconds = read_duration(value)
    if seconds == 0:
        raise _refusal("duration", "{why}", why="it must be at least 1 second")
    return seconds


def check_moment(value: object) -> object:
    """Return a date or time as it is, or refuse the value."""
    try:
        if isinstance(value, str):
            parse_moment(value)
        elif isinstance(value, int):
            raise ValueError(f"{value!r} is not an ISO 8601 date or time")
    except ValueError as error:
        raise _refusal("moment", "{why}", why=str(error)) from None
    return value


def check_share(value: object) -> object:
    """Return a whole number or a percentage as it is, or refuse the value."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**9:
        return value
    if isinstance(value, str) and (match := _SHARE.fullmatch(value)) and int(match[1]) <= 100:
        return value
    raise _refusal("share", "{why}", why=f"{value!r} is neither a whole number nor a percentage")


def kind_of_redis(value: object) -> str:
    """Return which form of `redis:` a value has."""
    return "<mapping>" if _is_mapping(value) else "<text>"


def kind_of_cache(value: object) -> str:
    """Return which form of `cache:` a value has."""
    return "<mapping>" if _is_mapping(value) else "<switch>"


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict) or hasattr(value, "model_fields_set")


def _refusal(kind: LiteralString, message: LiteralString, **context: str) -> Exception:
    from pydantic_core import PydanticCustomError

    why: Mapping[str, Any] = context
    return PydanticCustomError(kind, message, dict(why))
