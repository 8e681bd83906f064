"""What is live and how it went: schedules with their next tick and last outcomes, queues, workers, scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowerpower.jobs.records import RunRecord
from flowerpower.planning.sync import Sync, Wanted
from flowerpower.state.models import Damage, Head, Hold

HEALS_OF = 86_400  # seconds that a heal is shown


@dataclass(frozen=True, slots=True)
class Heal:
    """Something that was lost or in the way, and that the scheduler mended; times are epoch seconds."""

    event: str  # healed, redelivered, removed, closed, lost
    at: int
    schedule: str = ""
    tick: int | None = None
    run: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """One live schedule; `next_tick` is epoch seconds, None when paused, held or exhausted."""

    name: str
    pipeline: str
    queue: str
    timezone: str
    trigger: str
    paused: bool
    hold: Hold | None
    next_tick: int | None
    late: int  # seconds since the next tick was due, 0 when it is not
    active: int
    last: RunRecord | None
    commit: str
    queued: int = 0  # of the active runs, those that are with no worker
    retrying: int = 0  # of those, the ones that wait for their next attempt
    active_since: int = 0  # epoch seconds of the oldest active run, 0 without one
    stuck_in: str = ""  # the queue that one of them is in and nobody listens on
    waits: str = ""  # for which other schedule one of the queued runs does, in words
    waiting: int = 0  # ticks that wait for the active run
    owner: str = ""
    revision: int = 0  # how often its record was written
    place: str = ""  # file:line:column of its spec
    sync: Sync = "unknown"  # what is live, beside what the specs ask for
    damaged: bool = False  # its record or its cursor cannot be read
    drifted: bool = False  # its record or its waiting job was altered behind our back
    recent: tuple[RunRecord, ...] = ()  # the last outcomes, newest first, `last` among them
    succeeded_at: int | None = None  # when it last succeeded, as far as is kept
    skipped: int = 0  # ticks that were skipped after the newest one that was not, ended or not
    before_skipped: RunRecord | None = None  # how that one ended, where `last` was skipped

    @property
    def ended(self) -> RunRecord | None:
        """How its newest tick ended that says how it fares, so was not skipped; None where none is known."""
        return self.before_skipped if self.last is not None and self.last.says_nothing else self.last


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker that lives; times are epoch seconds, 0 where unknown."""

    name: str
    state: str  # RQ's word: idle, busy, started, suspended
    queues: tuple[str, ...]  # as the specs name them
    host: str = ""
    pid: int = 0
    started: int = 0
    heartbeat: int = 0
    run: str = ""  # id of the run that it is at
    succeeded: int = 0  # jobs since it started
    failed: int = 0
    seconds: float = 0.0  # that it has worked
    rq: str = ""  # version


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue: how many workers listen, and how many of RQ's jobs there are by status."""

    name: str
    rq_name: str
    workers: int
    jobs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """What came of all runs of a namespace since counting began; `took` has how many ended below each bound."""

    ends: Mapping[str, int] = field(default_factory=dict)  # by status
    took: Mapping[float, int] = field(default_factory=dict)  # seconds -> runs that took no longer; not cumulative
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Status:
    """One look at a namespace."""

    namespace: str
    now: int
    head: Head
    schedules: tuple[ScheduleStatus, ...]
    workers: Mapping[str, int] = field(default_factory=dict)
    scheduler: str = ""
    pipelines: int = 0
    unmanaged: int = 0
    troubles: tuple[str, ...] = ()  # what the scheduler finds wrong, the alarm first
    damaged: Mapping[str, Damage] = field(default_factory=dict)  # by address: what in Redis cannot be read
    readable: bool = True  # not so where a whole key is damaged that all schedules share: they may be others
    heals: tuple[Heal, ...] = ()  # of the last day, newest first
    wanted: Wanted = field(default_factory=Wanted)  # what the specs ask for, as far as somebody looked
    missing: tuple[str, ...] = ()  # schedules of the specs that are not live
    lease_seconds: float | None = None  # until the scheduler's lease ends, unless it renews it
    listening: tuple[WorkerStatus, ...] = ()
    queues: tuple[QueueStatus, ...] = ()
    totals: Totals = Totals()
