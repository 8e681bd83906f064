"""What a change of a schedule means in time: the next fires before and after, and what happens at the cut-over."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from flowerpower.planning.plan import Fires
from flowerpower.schedule.cutover import cut_over
from flowerpower.schedule.transitions import Touch, marks, touches
from flowerpower.schedule.trigger import CronInZone, Trigger, TriggerError
from flowerpower.state.desired import trigger_of
from flowerpower.state.models import Reading, Schedule

SHOWN = 5


def fire_change(before: Schedule | None, after: Schedule | None, reading: Reading) -> Fires:
    """Return the next fires of both sides after the moment the live state was read."""
    old, new = _active_trigger(before, reading), _active_trigger(after, reading)
    shown = after or before
    timezone = str(shown.fields.get("timezone", "UTC")) if shown else "UTC"
    fires_before, fires_after = _next(old, reading.now), _next(new, reading.now)
    unchanged = before is not None and after is not None and before.timing == after.timing
    effect = None if unchanged and old and new else cut_over(old, new, at=reading.now)
    return Fires(
        timezone=timezone,
        before=fires_before,
        after=fires_after,
        lost=effect.lost if effect and before and after else (),
        gained=effect.gained if effect and before and after else (),
        verdict=effect.verdict if effect and before and after else "none",
        moved_by=effect.moved_by if effect and before and after else 0,
        marks=clock_marks(timezone, {*fires_before, *fires_after}),
        touches=touches_of(new, reading.now),
    )


def touches_of(trigger: Trigger | None, now: int) -> tuple[Touch, ...]:
    """Return the changes of the clocks in the next 12 months that move, drop or double a fire.

    What fires in every hour by the rule of elapsed time goes on as anybody expects, and is left out.
    """
    rule = trigger.rule if trigger else None
    if trigger is None or not isinstance(rule, CronInZone) or (rule.cron.every_hour and not rule.cron.fixed):
        return ()
    return tuple(touch for touch in touches(trigger, after=now) if touch.effect != "near")


def _active_trigger(schedule: Schedule | None, reading: Reading) -> Trigger | None:
    """Return the trigger of a schedule that fires: not one that is absent, paused, held or altered beyond reading."""
    if schedule is None or schedule.fields.get("paused") or schedule.name in reading.holds:
        return None
    try:
        return trigger_of(schedule.fields)
    except (TriggerError, TypeError, ValueError):
        return None


def _next(trigger: Trigger | None, after: int) -> tuple[int, ...]:
    return tuple(islice(trigger.ticks_after(after), SHOWN)) if trigger else ()


def clock_marks(timezone: str, ticks: Iterable[int]) -> dict[int, str]:
    """Say of each tick that lies near a change of the clocks which way they go."""
    try:
        found = marks(timezone, sorted(ticks))
    except TriggerError:  # a zone that this machine does not know, in a record altered behind our back
        return {}
    return {mark.tick: "clocks go forward" if mark.change.is_gap else "clocks go back" for mark in found}
