"""What was found of other tools, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from flowerpower.state.models import Json

Tool: TypeAlias = Literal["rq", "rq-cron", "rq-scheduler"]
TOOLS: tuple[Tool, ...] = ("rq-cron", "rq-scheduler", "rq")


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; a value that cannot be read safely is a text that begins with `FILL IN`."""

    function: str
    args: tuple[Json, ...] = ()
    kwargs: Mapping[str, Json] = field(default_factory=dict)
    to_fill_in: tuple[str, ...] = ()  # which arguments these are, and what they were


@dataclass(frozen=True, slots=True)
class Limits:
    """The seconds and numbers that RQ keeps with a job; None where it says nothing."""

    timeout: int | None = None
    result_ttl: int | None = None
    failure_ttl: int | None = None
    ttl: int | None = None
    retries: int = 0
    retry_intervals: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that another tool will run; `due` is when, in epoch seconds."""

    tool: Tool
    id: str  # of the job; of a cron job, which has none, the digest of what it says
    call: Call
    queue: str
    due: int | None
    cron: str | None = None
    every: int | None = None
    times: int | None = None  # how often it still fires; None: for ever
    title: str = ""  # the name that its author gave it
    limits: Limits = Limits()
    left_out: tuple[str, ...] = ()  # what a spec cannot say
    config_file: str = ""  # of RQ's cron
    runners: tuple[str, ...] = ()  # the processes of RQ's cron that run it

    @property
    def mark(self) -> str:
        """The label that says in a spec what it was adopted from."""
        return mark_of(self.tool, self.id)


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that was found and is left alone, and why."""

    tool: Tool
    id: str
    why: str


def mark_of(tool: Tool, identity: str) -> str:
    """Return the label of something adopted; identities are texts without blanks and quotes, see `identity_of`."""
    return f"{tool}:{identity}"
