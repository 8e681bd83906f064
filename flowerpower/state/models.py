"""What is, or should be, in Redis: one frozen type for both sides of the diff.

A wanted `Schedule` is built from specs (`state/desired.py`), a live one is read from Redis (`state/store.py`);
comparing them is comparing values. Times are epoch seconds, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """The pending run of a schedule: a plain RQ job that waits in RQ's ScheduledJobRegistry."""

    id: str
    queue: str  # RQ's name of the queue
    due: int  # the tick plus its jitter
    function: str
    args: tuple[str, ...]
    timeout: int
    result_ttl: int
    failure_ttl: int
    retries: int = 0
    retry_intervals: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule of a namespace, as resolved, with its pending occurrence."""

    name: str
    fields: Mapping[str, Json]
    timing: str  # the trigger's key: equal timing means equal fire times
    basis: str  # digest of the pipeline it runs: that one's spec and code
    run: str  # digest of the run spec: what a worker will execute
    digest: str  # identity: the fields, the timing (not its wording) and the basis
    occurrence: Occurrence | None = None  # None: paused, held, or no tick left


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline of a namespace, as resolved; `code` is the digest of its modules and what they import."""

    name: str
    fields: Mapping[str, Json]
    code: str
    digest: str


@dataclass(frozen=True, slots=True)
class State:
    """Everything a namespace manages."""

    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    pipelines: Mapping[str, Pipeline] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a wanted state comes from; outside state, diff and hash."""

    commit: str = ""
    repository: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a project asks apply to be careful about, as JSON texts; empty: an apply that did not record them."""

    guards: str = ""
    policies: str = ""  # the house rules under `enforce`


@dataclass(frozen=True, slots=True)
class Desired:
    """The wanted state, what workers need to run it, and where it was written."""

    state: State
    run_specs: Mapping[str, str]  # digest -> canonical JSON
    places: Mapping[str, str]  # address -> file:line:column
    protected: frozenset[str] = frozenset()
    rules: Rules = Rules()


@dataclass(frozen=True, slots=True)
class Head:
    """The apply that is in force; `generation` counts the applies that changed something."""

    generation: int = 0
    apply_id: str = ""
    commit: str = ""
    repository: str = ""
    who: str = ""
    when: int = 0
    flowerpower: str = ""
    tzdata: str = ""
    rules: Rules = Rules()


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a schedule has been decided: the last tick, the record's revision, the pending job id."""

    tick: int
    revision: int
    pending: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """A human's pause of one schedule."""

    who: str
    why: str
    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run between its push and its final outcome, waiting retries included."""

    id: str
    name: str  # schedule, or pipeline for a manual run of one
    tick: int
    attempt: int
    since: int
    execution: str = ""  # RQ's execution id while a worker runs it
    alone: bool = False  # a pipeline's run by hand: it is no schedule's, also where the two share a name


@dataclass(frozen=True, slots=True)
class Record:
    """What surrounds a live object in its record: outside the diff, needed to commit."""

    revision: int
    seal: str  # SHA-1 of the raw record, compared again inside the commit script
    protected: bool = False
    intact: bool = True  # False: the record was altered behind our back
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Consumers:
    """Who would run it: live workers by queue (RQ's name), and whether a scheduler holds the lease."""

    workers: Mapping[str, int] = field(default_factory=dict)
    scheduler: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a namespace in Redis, consistent as far as `firing` says."""

    now: int
    head: Head
    state: State
    records: Mapping[str, Record]  # by address, as `schedule.nightly`
    cursors: Mapping[str, Cursor]
    holds: Mapping[str, Hold] = field(default_factory=dict)
    active: Mapping[str, Run] = field(default_factory=dict)
    firing: frozenset[str] = frozenset()  # schedules that moved while we read, or whose job is queued right now
    unmanaged: Mapping[str, int] = field(default_factory=dict)  # RQ queue -> scheduled jobs that are not ours
    consumers: Consumers = field(default_factory=Consumers)
