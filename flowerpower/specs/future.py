"""Why a schedule has no tick any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowerpower.schedule.trigger import Trigger
from flowerpower.schedule.zones import load_zone

if TYPE_CHECKING:
    from flowerpower.specs.models import ScheduleSpec


def why_over(schedule: ScheduleSpec, trigger: Trigger, now: int) -> str:
    """Return why a schedule whose trigger has no tick after *now* (epoch seconds) never fires again."""
    last = trigger.previous_tick(now + 1)
    if last is not None:
        moment = load_zone(schedule.timezone).local(last)
        return f"the schedule never fires again: its last tick was {moment:%Y-%m-%d %H:%M} in {schedule.timezone}"
    return "the schedule never fires: no tick lies within its `start` and `end`"
