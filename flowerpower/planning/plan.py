"""A plan: the difference between two states and its meaning, frozen.

A plan is enough for apply, which reads nothing else of what people wrote. Times are epoch seconds, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from flowerpower.planning.dataflow import GraphChange
from flowerpower.planning.load import QueueLoad
from flowerpower.schedule.transitions import Touch
from flowerpower.state.models import Consumers, Head, Hold, Json, Pipeline, Rules, Schedule, Source, State

Action = Literal["create", "update", "delete"]
Reason = Literal["git", "code", "pipeline", "drift", "both"]
Timing = Literal["keep", "reset", "none"]
Verdict = Literal["pass", "warn", "refuse"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: what the last apply wrote, what this one will write, and what is really there."""

    name: str
    old: Json
    new: Json
    remote: Json
    reason: Reason


@dataclass(frozen=True, slots=True)
class Fires:
    """When a schedule fires, before and after: the next ticks, in epoch seconds, and what happens at the cut-over."""

    timezone: str
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    gained: tuple[int, ...] = ()
    verdict: str = "none"  # none, skipped, twice, moved
    moved_by: int = 0  # seconds later, or earlier below zero
    marks: Mapping[int, str] = field(default_factory=dict)  # tick -> what the clock does near it
    touches: tuple[Touch, ...] = ()  # changes of the clocks within 12 months that touch a fire

    @property
    def passed(self) -> int | None:
        """The tick that is one run with the skipped or doubled one, and lies behind: of the new trigger or the old."""
        if self.verdict == "skipped" and self.lost and self.moved_by:
            return self.lost[0] + self.moved_by
        return self.gained[0] - self.moved_by if self.verdict == "twice" and self.gained and self.moved_by else None


@dataclass(frozen=True, slots=True)
class InFlight:
    """Runs of a schedule that are queued (or wait for a retry) or running while it changes, and ticks behind them."""

    queued: int = 0
    running: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a plan. No `before` means create; no `after` means delete."""

    address: str  # schedule.nightly
    before: Schedule | Pipeline | None
    after: Schedule | Pipeline | None
    fields: tuple[FieldChange, ...] = ()
    timing: Timing = "keep"  # what becomes of the pending occurrence
    previous: str = ""  # the address it has had until now, when that is another
    adopts: bool = False  # it had been forgotten, and its spec takes it back
    place: str = ""
    seal: str = ""  # of the live record; empty when there is none
    revision: int = 0  # of the live record
    fires: Fires | None = None
    in_flight: InFlight = InFlight()
    protected: bool = False  # on the live object
    why: str = ""  # it is deleted, where the specs do not say so

    @property
    def action(self) -> Action:
        """Return what the pair means."""
        if self.before is None:
            return "create"
        return "update" if self.after is not None else "delete"

    @property
    def kind(self) -> str:
        """Return `schedule` or `pipeline`."""
        return self.address.partition(".")[0]

    @property
    def name(self) -> str:
        """Return the name without its kind."""
        return self.address.partition(".")[2]

    @property
    def drifted(self) -> bool:
        """Tell whether Redis was changed behind our back."""
        return any(change.reason in ("drift", "both") for change in self.fields)

    @property
    def cancels(self) -> bool:
        """Tell whether runs in flight are cancelled; otherwise they keep the spec they were made from.

        An update goes by the new `on_inflight`, a delete by the live one. What only repairs drift cancels nothing.
        """
        deciding = self.after or self.before
        if self.before is None or not isinstance(deciding, Schedule):
            return False
        repairs = self.after is not None and all(field.reason == "drift" for field in self.fields)
        return not repairs and deciding.fields.get("on_inflight") == "cancel"


@dataclass(frozen=True, slots=True)
class Check:
    """What a guard says of a plan."""

    name: str
    verdict: Verdict
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What apply will do, and everything it needs to do it."""

    project: str
    env: str
    source: Source
    head: Head  # the live head the plan was made for
    read_at: int  # Redis time, epoch seconds
    changes: tuple[Change, ...]
    after: State  # the whole namespace once applied
    run_specs: Mapping[str, str] = field(default_factory=dict, repr=False)
    checks: tuple[Check, ...] = ()
    held: Mapping[str, Hold] = field(default_factory=dict)
    returning_holds: Mapping[str, str] = field(default_factory=dict)  # schedule -> text, of a rollback
    forgotten: tuple[str, ...] = ()  # live schedules that git no longer manages, sorted
    firing: tuple[str, ...] = ()  # sorted
    unmanaged: Mapping[str, int] = field(default_factory=dict)
    consumers: Consumers = field(default_factory=Consumers)
    against: str = ""  # the git revision it was compared with instead of Redis; such a plan cannot be applied
    loads: tuple[QueueLoad, ...] = ()  # of the queues whose load changes; outside the hash
    graphs: Mapping[str, GraphChange] = field(default_factory=dict)  # by pipeline; outside hash and digests
    rules: Rules = field(default_factory=Rules)  # what the commit records for the next plan to compare with
    may_stop: bool = False  # whether running runs may be told to stop (--allow-cancel)
    left_out: int | None = None  # changes that a selection hides; None: this is the whole plan

    @property
    def namespace(self) -> str:
        """Return `<project>.<env>`."""
        return f"{self.project}.{self.env}"

    def count(self, action: Action) -> int:
        """Return how many changes have that action."""
        return sum(change.action == action for change in self.changes)

    @property
    def imported(self) -> int:
        """Return how many schedules that had been forgotten are managed again."""
        return sum(change.adopts for change in self.changes)

    @property
    def changed(self) -> int:
        """Return how many objects become another, those aside that are only managed again."""
        updates = (change for change in self.changes if change.action == "update")
        return sum(not change.adopts or bool(change.fields or change.previous) for change in updates)

    @property
    def refused(self) -> tuple[Check, ...]:
        """Return the guards that stand in the way."""
        return tuple(check for check in self.checks if check.verdict == "refuse")

    @property
    def applicable(self) -> bool:
        """Tell whether apply would do it."""
        return not self.refused and not self.against and not self.partial

    @property
    def partial(self) -> bool:
        """Tell whether these are selected changes: something to read, never to approve or to apply."""
        return self.left_out is not None
