"""WHEN: triggers and the ticks they make."""

from flowerpower.schedule.trigger import Trigger, TriggerError, parse_trigger

__all__ = ["Trigger", "TriggerError", "parse_trigger"]
