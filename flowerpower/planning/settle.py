"""Which tick each wanted schedule waits for next, given what the live one has decided already.

An unchanged trigger keeps its pending tick; a new, changed or resumed one starts from now: never a surprise run,
never a tick twice.
"""

from __future__ import annotations

from collections.abc import Set

from flowerpower.planning.plan import Timing
from flowerpower.state.desired import trigger_of, with_occurrence
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.models import Reading, Schedule, State


def settle(keys: Keys, wanted: State, reading: Reading, same: Set[str] = frozenset()) -> State:
    """Return the wanted state with every schedule's pending occurrence filled in; the *same* ones are the live ones."""

    def settled(name: str) -> Schedule:
        if name in same:
            return reading.state.schedules[name]
        schedule = wanted.schedules[name]
        return with_occurrence(keys, schedule, next_tick(keys, schedule, reading))

    return State({name: settled(name) for name in wanted.schedules}, wanted.pipelines)


def next_tick(keys: Keys, schedule: Schedule, reading: Reading) -> int | None:
    """Return the tick (epoch seconds) that a wanted schedule waits for, None when paused, held or exhausted."""
    if schedule.fields.get("paused") or schedule.name in reading.holds:
        return None
    if kept(keys, schedule, reading):
        return pending_tick(keys, schedule.name, reading)
    cursor = reading.cursors.get(schedule.name)
    decided = cursor.tick if cursor else reading.now  # later than now where the clock has stepped back
    return trigger_of(schedule.fields).next_tick(max(reading.now, decided))


def pending_tick(keys: Keys, name: str, reading: Reading) -> int | None:
    """Return the tick of a live schedule's pending occurrence, as its cursor names it.

    None where that names what is no occurrence of this schedule: another hand has written it.
    """
    cursor, live = reading.cursors.get(name), reading.state.schedules.get(name)
    run_id = keys.parse_run_id(cursor.pending) if cursor and cursor.pending else None
    tick = tick_of(run_id[1]) if run_id else None
    is_own = run_id == (live.name if live else name, str(tick))  # of a renamed schedule it has the former name
    return tick if is_own else None


def kept(keys: Keys, schedule: Schedule, reading: Reading) -> bool:
    """Tell whether the live pending tick stays: same fire times, same jitter, and a cursor that names one."""
    live = reading.state.schedules.get(schedule.name)
    if live is None or pending_tick(keys, schedule.name, reading) is None:
        return False
    if live.digest == schedule.digest:
        return True
    return live.timing == schedule.timing and live.fields.get("jitter") == schedule.fields.get("jitter")


def timing_of(keys: Keys, schedule: Schedule, reading: Reading) -> Timing:
    """Return what the commit does with the pending occurrence of a settled schedule."""
    if schedule.occurrence is None:
        return "none"
    return "keep" if kept(keys, schedule, reading) else "reset"
