"""What is, or should be, in Redis: one frozen type for both sides of the diff.

A wanted `Schedule` is built from specs (`state/desired.py`), a live one is read from Redis (`state/store.py`);
comparing them is comparing values. Times are epoch seconds, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from typing_extensions import TypeAliasType

from flowerpower.errors import HistoryError

Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")


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
    rolled_back: tuple[str, ...] = ()  # commits that stay refused once this is applied, newest first
    undoes: tuple[str, ...] = ()  # ids of the applies that a rollback undoes, newest first

    @property
    def rollback_of(self) -> str:
        """Return the id of the apply that a rollback goes back before, empty for any other plan."""
        return self.undoes[-1] if self.undoes else ""


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
    previous_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of schedules that had others
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
    first_apply: str = ""  # id of the apply that began this namespace in this Redis
    rolled_back: tuple[str, ...] = ()  # commits that a rollback undid, newest first
    rules: Rules = Rules()


class Neighbour(NamedTuple):
    """Another namespace of the same Redis: where its last apply came from, its live schedules, and who fires them."""

    project: str
    env: str
    commit: str
    repository: str
    schedules: frozenset[str]
    scheduler: str = ""  # that is alive


class Cursor(NamedTuple):
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
    began: int = 0  # when it was first held, if another hold was replaced by this one


@dataclass(frozen=True, slots=True)
class Run:
    """A run between its push and its final outcome, waiting retries included."""

    id: str
    name: str  # schedule, or pipeline for a manual run of one
    tick: int
    attempt: int
    since: int
    execution: str = ""  # RQ's execution id while a worker runs it
    gone: bool = False  # that worker is: the run waits for its next attempt
    alone: bool = False  # a pipeline's run by hand: it is no schedule's, also where the two share a name
    waits: str = ""  # for which other schedule it does, in words
    tried: bool = False  # a worker has begun it; not so of one that is run again and has attempts of before

    @property
    def is_with_worker(self) -> bool:
        """Whether a worker has begun its newest attempt, and is not known to be gone."""
        return bool(self.execution) and not self.gone


@dataclass(frozen=True, slots=True)
class Record:
    """What surrounds a live object in its record: outside the diff, needed to commit."""

    revision: int
    seal: str  # SHA-1 of the raw record, compared again inside the commit script
    protected: bool = False
    intact: bool = True  # False: the record was altered behind our back
    commit: str = ""
    damaged: bool = False  # it cannot be read at all: nothing of it is known
    digest: str = ""  # the identity that the record claims, which an altered one need not have
    applied: Mapping[str, Json] | None = None  # of an altered one: what was applied, where git still knows it
    place: str = ""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in Redis that cannot be read: what, where (as `redis-cli` takes it), and what to do."""

    message: str
    where: str
    hint: str

    @property
    def told(self) -> str:
        """Return what, and where, in one sentence."""
        return f"{self.message} ({self.where})" if self.where else self.message


UNTIL_APPLY = "nothing fires until the next apply"  # how the alarm of a reset Redis ends
FULL, NO_DISK = "Redis is full", "Redis cannot write to its disk"
REPLICA, NO_REPLICAS = "Redis is a replica", "Redis is without replicas"
REFUSALS = (FULL, NO_DISK, REPLICA, NO_REPLICAS)
"""How troubles begin that let Redis refuse every write, also that a scheduler is alive."""


STOCK_SCHEDULER = "RQ's own"
"""What stands for a scheduler where one of RQ's moves what is due and none of ours is alive."""


def refusal(troubles: Sequence[str]) -> str:
    """Return why Redis refuses every write, as a trouble begins that says so; nothing where none does."""
    return next((why for why in REFUSALS for text in troubles if text.startswith(why)), "")


@dataclass(frozen=True, slots=True)
class Consumers:
    """Who would run it: live workers by queue (RQ's name), the scheduler that is alive, and what it finds wrong."""

    workers: Mapping[str, int] = field(default_factory=dict)
    scheduler: str = ""
    troubles: tuple[str, ...] = ()  # why Redis refuses writes (`REFUSALS`) comes first, then the alarm


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a namespace in Redis, consistent as far as `firing` says."""

    now: int
    head: Head
    state: State
    records: Mapping[str, Record]  # by address, as `schedule.nightly`
    cursors: Mapping[str, Cursor]
    holds: Mapping[str, Hold] = field(default_factory=dict)
    forgotten: frozenset[str] = frozenset()  # schedules that git no longer manages
    without_run_spec: frozenset[str] = frozenset()  # schedules whose runs would find nothing to run
    active: Mapping[str, Run] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)  # schedule -> ticks that wait for its active run
    firing: frozenset[str] = frozenset()  # schedules that moved while we read, or whose job is queued right now
    unmanaged: Mapping[str, int] = field(default_factory=dict)  # RQ queue -> scheduled jobs that are not ours
    consumers: Consumers = field(default_factory=Consumers)
    damaged: Mapping[str, Damage] = field(default_factory=dict)  # `head`, and by address; `cursor.nightly` is one too
    unread: Sequence[str] = ()  # those of them that are whole keys, and without which nothing can be compared


@dataclass(frozen=True, slots=True)
class PastApply:
    """One entry of the history: an apply that changed something, and what was in force before it."""

    entry: str  # id in the stream
    apply_id: str = ""
    generation: int = 0
    when: int = 0
    commit: str = ""
    repository: str = ""
    who: str = ""
    added: int = 0
    changed: int = 0
    destroyed: int = 0
    rollback_of: str = ""  # the apply that this one undid, and every later one
    before: Source = Source()
    holds: Mapping[str, str] = field(default_factory=dict)  # deleted with their schedules: schedule -> text of the hold
    taken_back: tuple[str, ...] = ()  # schedules that had been forgotten until then
    given_up: tuple[str, ...] = ()  # those that the applies which a rollback undid had taken back
    damaged: bool = False
    old_format: bool = False  # written by a flowerpower that kept too little to undo it


@dataclass(frozen=True, slots=True)
class Inverse:
    """What undoes one apply: every changed object as it was."""

    objects: Mapping[str, bytes | None]  # address -> raw record; None: it was not there
    run_specs: Mapping[str, str]  # digest -> canonical JSON, for the schedules among them
    renamed: Mapping[str, str] = field(default_factory=dict)  # the schedule's name after the apply -> before it


Step: TypeAlias = tuple[PastApply, Inverse | HistoryError]  # an apply, and what undoes it or why nothing does


@dataclass(frozen=True, slots=True)
class History:
    """The applies of a namespace that changed something, newest first, as far as they are kept."""

    now: int
    head: Head
    applies: tuple[PastApply, ...]
    damage: Damage | None = None  # of the head: what is in force is not known
