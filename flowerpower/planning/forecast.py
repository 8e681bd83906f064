"""How many runs start on each queue, minute by minute, before and after a plan, and how long workers take for them.

Values in, values out: the run times that were measured arrive as an argument. Equal schedules are counted together,
and so is what both sides have in common; see `schedule/minutes.py` for how.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flowerpower.planning.load import Load, QueueLoad
from flowerpower.planning.plan import Change, Plan
from flowerpower.schedule.minutes import MINUTE, Stretch, least_gap, runs_per_tick, spread
from flowerpower.schedule.trigger import Trigger, TriggerError
from flowerpower.schedule.zones import load_zone
from flowerpower.state.desired import trigger_of
from flowerpower.state.glance import passing_fields
from flowerpower.state.keys import Keys
from flowerpower.state.models import Json, Reading, Schedule
from flowerpower.state.run_times import RunTimes

DAYS = 7
MOST_EFFORT = 5_000_000  # steps of counting for one forecast: about a second
_PER_MINUTE = 5  # steps that a minute with starts costs, once for each queue
_ROUNDING = 1e-6
_CROWD = 10_000  # runs that are not looked at one by one
_TIMING = ("cron", "every", "at", "start", "end", "timezone")


@dataclass(frozen=True, slots=True)
class Firing:
    """One schedule that fires, as far as its queue is concerned."""

    name: str
    queue: str
    jitter: int
    pipeline: str
    overlap: str
    trigger: Trigger


@dataclass(frozen=True)
class Frame:
    """What a forecast is made in: the minutes it covers, the project's time zone, what runs took."""

    stretch: Stretch
    timezone: str
    times: RunTimes
    left: list[int] = field(default_factory=lambda: [MOST_EFFORT])  # the effort that may still be spent

    @classmethod
    def after(cls, now: int, timezone: str, times: RunTimes, days: int = DAYS) -> Frame:
        """Return the frame of the whole minutes after a moment (epoch seconds)."""
        return cls(Stretch((now // MINUTE + 1) * MINUTE, days * 1440), timezone, times)

    @property
    def days(self) -> int:
        """Return how many days it covers."""
        return self.stretch.minutes // 1440


def affects_load(plan: Plan, read: Read) -> bool:
    """Tell whether a plan changes when any schedule fires, where, what it runs, or what its overlapping runs do."""
    return any(read(change.before) != read(change.after) for change in plan.changes)


def forecast_plan(plan: Plan, reading: Reading, read: Read, frame: Frame) -> tuple[QueueLoad, ...]:
    """Return the load of each queue that the plan changes."""
    sides = [(read(change.before), read(change.after)) for change in plan.changes]
    queues = {side.queue for pair in sides if pair[0] != pair[1] for side in pair if side}
    if not queues:
        return ()
    before, after = (
        _by_queue(map(read, schedules.values()), queues)
        for schedules in (reading.state.schedules, plan.after.schedules)
    )
    keys, found = Keys(plan.project, plan.env), []
    for queue in sorted(queues, key=lambda name: (len(after[name]) + len(before[name]), name)):
        workers = reading.consumers.workers.get(keys.queue(queue), 0)
        loads = _both(frame, before[queue], after[queue], workers)
        if _burden(loads[0]) != _burden(loads[1]):
            found.append(QueueLoad(queue, workers, frame.timezone, frame.days, *loads))
    return tuple(sorted(found, key=lambda load: load.queue))


def _burden(load: Load) -> Load:
    """Return a load without what says who brings it."""
    return replace(load, schedules=0, measured=0)


def forecast_live(reading: Reading, keys: Keys, frame: Frame, only: str | None = None) -> tuple[QueueLoad, ...]:
    """Return the load of each queue that live schedules use, or of one of them."""
    queues = {queue_of(schedule) for schedule in reading.state.schedules.values()}
    queues &= queues if only is None else {only}
    firing = _by_queue(map(reader(reading), reading.state.schedules.values()), queues)
    found = []
    for queue in sorted(queues, key=lambda name: (len(firing[name]), name)):
        workers = reading.consumers.workers.get(keys.queue(queue), 0)
        load = _load(frame, firing[queue], [_count(frame, firing[queue])], workers)
        found.append(QueueLoad(queue, workers, frame.timezone, frame.days, load, load))
    return tuple(sorted(found, key=lambda load: load.queue))


def queue_of(schedule: Schedule) -> str:
    """Return the name of a schedule's queue, as specs name it."""
    return str(passing_fields(schedule).get("queue", ""))


Read = Callable[[object], Firing | None]


def reader(reading: Reading, changes: Iterable[Change] = ()) -> Read:
    """Return a function from one side of a change to what fires: None if paused, held, altered beyond reading.

    A renamed schedule is known by the name it is live under. It remembers its answers, so use one for all of a plan.
    """
    live = {change.name: change.previous.partition(".")[2] for change in changes if change.previous}
    triggers: dict[tuple[Json, ...], Trigger] = {}
    answers: dict[int, tuple[Schedule, Firing | None]] = {}  # by id: each keeps its schedule alive

    def read(side: object) -> Firing | None:
        if not isinstance(side, Schedule):
            return None
        if id(side) not in answers:
            name = live.get(side.name, side.name)
            answers[id(side)] = (side, None if name in reading.holds else _firing(name, passing_fields(side), triggers))
        return answers[id(side)][1]

    return read


def _firing(name: str, fields: Mapping[str, Json], triggers: dict[tuple[Json, ...], Trigger]) -> Firing | None:
    """Return what fires of a schedule with these fields: nothing if it is paused, or altered beyond reading."""
    if fields.get("paused"):
        return None
    words = tuple(map(fields.get, _TIMING))
    try:
        if words not in triggers:
            triggers[words] = trigger_of(fields)
        return Firing(
            name=name,
            queue=str(fields.get("queue", "")),
            jitter=int(str(fields.get("jitter", 0))),
            pipeline=str(fields.get("pipeline", "")),
            overlap=str(fields.get("overlap", "")),
            trigger=triggers[words],
        )
    except (TriggerError, TypeError, ValueError):
        return None


def _by_queue(firing: Iterable[Firing | None], queues: set[str]) -> dict[str, list[Firing]]:
    found: dict[str, list[Firing]] = {queue: [] for queue in queues}
    for schedule in firing:
        if schedule and schedule.queue in found:
            found[schedule.queue].append(schedule)
    return found


def _both(frame: Frame, before: list[Firing], after: list[Firing], workers: int) -> tuple[Load, Load]:
    """Return the loads of both sides of one queue; what they share is counted once."""
    old, new = set(before), set(after)
    shared = _count(frame, [schedule for schedule in after if schedule in old])
    gone = _count(frame, [schedule for schedule in before if schedule not in new])
    come = _count(frame, [schedule for schedule in after if schedule not in old])
    return _load(frame, before, (shared, gone), workers), _load(frame, after, (shared, come), workers)


@dataclass(frozen=True, slots=True)
class _Counted:
    """What some schedules bring in each minute: starts, and as the imaginary part seconds of work; who was left out."""

    minutes: Mapping[int, complex]
    left_out: int


def _count(frame: Frame, schedules: Iterable[Firing]) -> _Counted:
    """Count schedules, those of one trigger and jitter together, as far as the effort that is left allows."""
    groups: dict[tuple[int, str], list[Firing]] = defaultdict(list)
    for schedule in schedules:
        groups[schedule.jitter, schedule.trigger.key].append(schedule)
    by_jitter: dict[int, list[tuple[Trigger, complex]]] = defaultdict(list)
    filled: dict[int, int] = defaultdict(int)
    left_out = 0
    for (jitter, _), group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        trigger = group[0].trigger
        minutes = min(_minutes_with_starts(frame, trigger, jitter), frame.stretch.minutes - filled[jitter])
        effort = frame.stretch.effort(trigger) + _PER_MINUTE * minutes
        if effort > frame.left[0]:
            left_out += len(group)
            continue
        frame.left[0] -= effort
        filled[jitter] += minutes
        seconds = sum(_work(frame, schedule) for schedule in group)
        by_jitter[jitter].append((trigger, complex(len(group), seconds)))
    stretch = frame.stretch
    parts = [spread(stretch.count(weighted), jitter, stretch.minutes) for jitter, weighted in by_jitter.items()]
    return _Counted(_sum(parts), left_out)


def _minutes_with_starts(frame: Frame, trigger: Trigger, jitter: int) -> int:
    """Return at most how many minutes hold starts of a trigger."""
    ticks = trigger.count_ticks(frame.stretch.first, frame.stretch.end - 1)
    return min(frame.stretch.minutes, ticks * (jitter // MINUTE + 1))


def _seconds(frame: Frame, schedule: Firing) -> float:
    time = frame.times.best(schedule.name, schedule.pipeline)
    return time.median if time else 0.0


def _work(frame: Frame, schedule: Firing) -> float:
    """Return the seconds of work that a tick brings; ticks that `overlap: skip` will skip bring none."""
    seconds = _seconds(frame, schedule)
    if schedule.overlap != "skip" or seconds <= least_gap(schedule.trigger):
        return seconds
    return seconds * runs_per_tick(schedule.trigger, frame.stretch.first - 1, math.ceil(seconds))


def _load(frame: Frame, schedules: Sequence[Firing], parts: Sequence[_Counted], workers: int) -> Load:
    counted = _sum([part.minutes for part in parts])
    starts = {minute: weight.real for minute, weight in counted.items()}
    work = {minute: weight.imag for minute, weight in counted.items()}
    highest = max(starts.values(), default=0.0) - _ROUNDING
    peak = min((minute for minute, number in starts.items() if number >= highest), default=None)
    known = frame.times.overall is not None
    total, drain = sum(work.values(), 0.0), None
    if peak is not None and known and total <= workers * frame.stretch.minutes * MINUTE:
        drain = max(_drained(work, peak, workers), _makespan(_runs_at(frame, schedules, peak), workers))
    return Load(
        schedules=len(schedules),
        starts=round(sum(starts.values())),
        peak=0 if peak is None else math.ceil(round(starts[peak], 6)),
        peak_at=None if peak is None else frame.stretch.first + peak * MINUTE,
        hours=_hours(frame, starts),
        work=round(total, 3) if known else None,
        drain=None if drain is None else round(drain, 3),
        measured=sum(frame.times.own(schedule.name, schedule.pipeline) is not None for schedule in schedules),
        uncounted=sum(part.left_out for part in parts),
    )


def _sum(parts: Sequence[Mapping[int, complex]]) -> Mapping[int, complex]:
    if len(parts) == 1:
        return parts[0]
    total: dict[int, complex] = defaultdict(complex)
    for part in parts:
        for minute, weight in part.items():
            total[minute] += weight
    return total


def _drained(work: Mapping[int, float], peak: int, workers: int) -> float:
    """Return the seconds from the peak until all work that came by then is done and none waits."""
    idle_from = 0.0
    for minute in sorted(work):
        start = minute * MINUTE
        if minute > peak and idle_from <= start:
            break
        idle_from = max(idle_from, start) + work[minute] / workers
    return idle_from - peak * MINUTE


def _runs_at(frame: Frame, schedules: Sequence[Firing], peak: int) -> list[float]:
    """Return the run times of those that start in the peak minute, but no crowd that flows as well as it is counted.

    Those that jitter spreads wide are left out: when exactly they start is not looked into.
    """
    start = frame.stretch.first + peak * MINUTE
    fires: dict[str, int] = {}
    found = []
    for schedule in schedules:
        if schedule.jitter <= MINUTE:
            key = schedule.trigger.key
            if key not in fires:
                fires[key] = schedule.trigger.count_ticks(start, start + MINUTE - 1)
            found += [_seconds(frame, schedule)] * fires[key]
    return found if len(found) <= _CROWD else []


def _makespan(runs: Sequence[float], workers: int) -> float:
    """Return when the last of some runs ends, each taken by the first worker that is free."""
    free = [0.0] * max(1, min(workers, len(runs)))
    for run in runs:
        heapq.heapreplace(free, free[0] + run)
    return max(free)


def _hours(frame: Frame, starts: Mapping[int, float]) -> tuple[tuple[int, float], ...]:
    """Return the starts in each hour of the clock in the project's zone."""
    zone, found = load_zone(frame.timezone), dict[int, float]()
    end = offset = 0
    for minute in sorted(starts):
        instant = frame.stretch.first + minute * MINUTE
        if instant >= end:
            span = zone.span_at(instant)
            end, offset = span.end, span.offset
        hour = instant - (instant + offset) % 3600
        found[hour] = found.get(hour, 0.0) + starts[minute]
    return tuple((hour, round(number, 3)) for hour, number in found.items())
