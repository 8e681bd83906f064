"""What fires next, schedule by schedule, in the order of time. Times are epoch seconds, UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from flowerpower.planning.fires import clock_marks
from flowerpower.schedule.jitter import delay
from flowerpower.schedule.trigger import Trigger, TriggerError
from flowerpower.schedule.zones import LAST
from flowerpower.state.desired import trigger_of
from flowerpower.state.keys import tick_of
from flowerpower.state.models import Hold, Schedule

Why = Literal["held", "paused", "over", "unreadable"]


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One tick to come; `starts` is later where there is jitter. An overdue one should have been fired already."""

    schedule: str
    tick: int
    starts: int
    timezone: str
    mark: str = ""  # what the clocks do near it
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Silent:
    """A schedule that does not fire, and why; a held one with its hold."""

    schedule: str
    why: Why
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What fires after a moment, the soonest first, and who stays silent."""

    after: int
    fires: tuple[Upcoming, ...]
    silent: tuple[Silent, ...] = ()


def upcoming(
    schedules: Iterable[Schedule],
    holds: Mapping[str, Hold],
    after: int,
    number: int,
    *,
    live: bool = False,
    until: int = LAST,
) -> Outlook:
    """Return the next ticks of each schedule; with *live*, a pending one that is due already comes first.

    With *until* they are the ticks from *after* to that moment, both included.
    """
    begin = after if until == LAST else after - 1
    fires: list[Upcoming] = []
    silent: list[Silent] = []
    for schedule in schedules:
        found = _silence(schedule, holds)
        if found is None:
            ticks = list(_ticks_of(schedule, begin, number, live, until))
            fires += [fire for fire in ticks if fire.tick <= until]
            found = None if ticks else "over"
        if found:
            silent.append(Silent(schedule.name, found, holds.get(schedule.name)))
    fires.sort(key=lambda fire: (fire.starts, fire.schedule))
    return Outlook(after, tuple(fires), tuple(sorted(silent, key=lambda one: (one.why, one.schedule))))


def ticks_of_trigger(trigger: Trigger, after: int, number: int) -> Outlook:
    """Return the next ticks of a trigger that belongs to no schedule."""
    ticks = _next(trigger, after, number)
    marks = clock_marks(trigger.timezone, ticks)
    return Outlook(after, tuple(Upcoming("", tick, tick, trigger.timezone, marks.get(tick, "")) for tick in ticks))


def _silence(schedule: Schedule, holds: Mapping[str, Hold]) -> Why | None:
    if schedule.name in holds:
        return "held"
    if schedule.fields.get("paused"):
        return "paused"
    try:
        trigger_of(schedule.fields)
        int(str(schedule.fields.get("jitter", 0)))
    except (TriggerError, TypeError, ValueError):
        return "unreadable"
    return None


def _ticks_of(schedule: Schedule, after: int, number: int, live: bool, until: int) -> Iterator[Upcoming]:
    trigger, jitter = trigger_of(schedule.fields), int(str(schedule.fields.get("jitter", 0)))
    job = schedule.occurrence if live else None
    waiting = None if job is None or job.due > after else tick_of(job.id.rpartition("--")[2])
    ticks = _next(trigger, after, number, until)
    if waiting is not None:
        ticks = [waiting, *ticks][:number]
    marks = clock_marks(trigger.timezone, ticks)
    for tick in ticks:
        starts = tick + delay(schedule.name, tick, jitter)
        yield Upcoming(schedule.name, tick, starts, trigger.timezone, marks.get(tick, ""), tick == waiting)


def _next(trigger: Trigger, after: int, number: int, until: int = LAST) -> list[int]:
    """Return the ticks up to a moment, and the first one behind it: who has that is not over."""
    ticks: list[int] = []
    for tick in islice(trigger.ticks_after(after), number):
        ticks.append(tick)
        if tick > until:
            break
    return ticks
