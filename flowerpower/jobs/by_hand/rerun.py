"""Run one past tick again, under its own id: the attempts go on being counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from flowerpower.errors import FlowerPowerError, RefusedError, UsageError
from flowerpower.jobs.by_hand.applied import Applied, read_applied
from flowerpower.jobs.by_hand.naming import names_since
from flowerpower.jobs.by_hand.past import HandOut, PastTick, hand_out, look_at, order_of
from flowerpower.jobs.by_hand.ranges import Ranges
from flowerpower.jobs.details import find_outcome
from flowerpower.jobs.ledger import RunRef, run_ref
from flowerpower.jobs.records import active_run
from flowerpower.planning.window import is_tick, nearest_ticks, past_moment
from flowerpower.state.keys import tick_of
from flowerpower.state.store import Store
from flowerpower.told_in_python import called

_REFUSALS = {
    "running": ("is running", "`flowerpower runs --job {run}` shows where it is"),
    "queued": ("is queued already", "`flowerpower runs --job {run}` shows where it is"),
    "retrying": ("waits for its next attempt already", "`flowerpower cancel {run}` first, if it shall not wait"),
    "scheduled": ("waits for its time already", ""),
    "waiting": ("waits for another run of its schedule", ""),
    "undecided": ("has not fired yet", "`flowerpower trigger {name}` runs the schedule now"),
}


def rerun_tick(store: Store, name: str, tick: str | int, how: HandOut) -> tuple[str, PastTick]:
    """Push the run of a tick anew, as the schedule is applied now; return its id and how the tick stood before.

    Raises `UsageError` for a moment that is no tick or has not come, and for one that is active, `RefusedError` for one
    that has succeeded, unless `again`.
    """
    applied, now = read_applied(store, name), store.time()
    moment = tick if isinstance(tick, int) else past_moment(tick, applied.timezone, now, called("--tick", "tick"))
    (before,) = look_at(store, applied, [moment])
    run_id = store.keys.run_id(name, moment)
    _refuse(store, applied, before, now, again=how.again)
    words = hand_out(store, applied, order_of(store, applied, how), [moment], how.sign)
    if not words:
        raise FlowerPowerError(f"an apply changed {name} just now", hint="look at it, then try again")
    if words != ["pushed"]:
        _refuse(store, applied, PastTick(moment, {"active": "queued"}.get(words[0], words[0])), now, again=how.again)
        raise FlowerPowerError(f"the tick was not run again: {words[0]}")
    return run_id, before


def rerun_of(store: Store, text: str) -> tuple[str, int] | None:
    """Return the name that its schedule has now, and the tick, of a run id, None for what is none.

    Raises `UsageError` for a run by hand.
    """
    run = run_ref(store, store.keys.full_run_id(text), 0)
    if run is None:
        return None
    names, tick = names_since(store, [run.name])[run.name], tick_of(run.run)
    if tick is None:
        raise UsageError(f"{text} was started by hand and has no tick", hint=f"flowerpower trigger {names[0]}")
    active = active_run(store, run.id)
    known = (name for name in names if _has_ended(store, replace(run, name=name)))
    return active.name if active else next(known, names[0]), tick


def _has_ended(store: Store, run: RunRef) -> bool:
    """Tell whether an outcome of the tick is known, under the run's id or the one that its schedule's name gives it."""
    anew = store.keys.run_id(run.name, run.run)
    return any(find_outcome(store, replace(run, id=run_id)) for run_id in (run.id, anew))


def _refuse(store: Store, applied: Applied, tick: PastTick, now: int, *, again: bool) -> None:
    name = applied.schedule.name
    run = store.keys.short_run_id(store.keys.run_id(name, tick.tick))
    if tick.tick > now:
        raise UsageError(f"{_words(applied, tick.tick)} is still to come", hint=f"flowerpower trigger {name}")
    if tick.status in _REFUSALS:
        what, hint = _REFUSALS[tick.status]
        raise UsageError(f"{run} {what}", hint=hint.format(run=run, name=name))
    if tick.status == "succeeded" and not again:
        raise RefusedError(f"{run} has succeeded", hint="--again runs it once more, and replaces its outcome")
    is_known = tick.record is not None and tick.record.first == tick.record.last  # under an earlier trigger perhaps
    was_one = tick.record is not None and Ranges(store, applied).has(tick.tick, tick.record)
    if not (is_known or is_tick(applied.trigger, tick.tick) or was_one):
        near = " and ".join(_words(applied, moment) for moment in nearest_ticks(applied.trigger, tick.tick))
        raise UsageError(
            f"{name} has no tick at {_words(applied, tick.tick)}", hint=f"those around it: {near}" if near else None
        )


def _words(applied: Applied, moment: int) -> str:
    return datetime.fromtimestamp(moment, ZoneInfo(applied.timezone)).isoformat()
