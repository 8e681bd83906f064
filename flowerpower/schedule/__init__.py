"""WHEN: triggers and the ticks they make, told in `docs/triggers.md`."""

from flowerpower.schedule.trigger import Trigger, TriggerError, parse_trigger
from flowerpower.schedule.zones import use_packaged_zones

__all__ = ["Trigger", "TriggerError", "parse_trigger", "use_packaged_zones"]
