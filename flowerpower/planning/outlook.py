"""What a plan brings in the days after it: the load of queues, and schedules that fire before their last run ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from flowerpower.durations import duration_text
from flowerpower.planning.forecast import Firing, Frame, Read, affects_load, forecast_plan, reader
from flowerpower.planning.plan import Change, Check, Plan
from flowerpower.schedule.minutes import least_gap
from flowerpower.schedule.trigger import Trigger
from flowerpower.state.models import Reading
from flowerpower.state.run_times import RunTimes

SHOWN = 5
_LOOK_AHEAD = 200  # ticks, to find the shortest gap between two
_FATES = {
    "skip": "the ticks that come meanwhile are skipped (overlap: skip)",
    "allow": "several runs of it will be active at once (overlap: allow)",
    "buffer_one": "of the ticks that come meanwhile one waits (overlap: buffer_one)",
    "buffer_all": "the ticks that come meanwhile pile up (overlap: buffer_all)",
    "cancel_other": "each run is stopped by the next tick (overlap: cancel_other)",
}


def with_forecast(plan: Plan, reading: Reading, read_times: Callable[[], RunTimes], timezone: str) -> Plan:
    """Return the plan with what it changes about load; without such a change nothing is read or worked out."""
    read = reader(reading, plan.changes)
    if not affects_load(plan, read):
        return plan
    times = read_times()
    loads = forecast_plan(plan, reading, read, Frame.after(reading.now, timezone, times))
    return replace(plan, loads=loads, checks=(*plan.checks, *check_overlaps(plan, read, times)))


def check_overlaps(plan: Plan, read: Read, times: RunTimes) -> tuple[Check, ...]:
    """Return a warning for each new or changed schedule whose runs take longer than the gap to its next tick."""
    found = list(_overlaps(plan, read, times))
    if len(found) > SHOWN:
        rest = f"{len(found) - SHOWN:,} more changed schedules fire again before their last run has ended"
        return (*found[:SHOWN], Check("overlap", "warn", rest, _HINT))
    return tuple(found)


_HINT = "fire less often, or make the runs shorter"


def _overlaps(plan: Plan, read: Read, times: RunTimes) -> Iterator[Check]:
    gaps: dict[str, int | None] = {}
    for change in plan.changes:
        firing = read(change.after)
        if firing is None or firing == read(change.before):
            continue
        own = times.own(firing.name, firing.pipeline)
        time = own or times.pipelines.get(firing.pipeline)
        if time is None or time.p95 <= least_gap(firing.trigger):
            continue
        key = firing.trigger.key
        if key not in gaps:
            gaps[key] = shortest_gap(firing.trigger, plan.read_at)
        gap = gaps[key]
        if gap is not None and time.p95 > gap:
            yield Check("overlap", "warn", _words(change, firing, gap, time.p95, bool(own)), _HINT)


def _words(change: Change, firing: Firing, gap: int, seconds: float, own: bool) -> str:
    runs = "its runs take" if own else f"runs of pipeline {firing.pipeline} take"
    fate = _FATES.get(firing.overlap, f"overlap: {firing.overlap}")
    return (
        f"{change.address} fires again after {duration_text(gap)}, but {runs} up to "
        f"{duration_text(round(seconds))} (95 of 100): {fate}"
    )


def shortest_gap(trigger: Trigger, after: int) -> int | None:
    """Return the seconds between the two ticks that are closest among the next 200, None if there is no second one."""
    shortest: int | None = None
    previous = trigger.next_tick(after)
    for _ in range(_LOOK_AHEAD):
        tick = None if previous is None else trigger.next_tick(previous)
        if tick is None or previous is None:
            break
        shortest = tick - previous if shortest is None else min(shortest, tick - previous)
        previous = tick
    return shortest
