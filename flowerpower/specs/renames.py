"""Checks of `previous_names`: a name can have been that of one schedule only, and of none that is still there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from flowerpower.specs.placeholders import Path

if TYPE_CHECKING:
    from flowerpower.specs.models import ScheduleSpec


def check_renames(schedules: Mapping[str, ScheduleSpec]) -> Iterator[tuple[str, Path, str, str]]:
    """Yield the schedule, the path in it, what is wrong, and what to do."""
    claimed: dict[str, str] = {}
    for name, schedule in schedules.items():
        for position, previous in enumerate(schedule.previous_names):
            path = ("previous_names", position)
            if previous == name:
                yield name, path, f"'{previous}' is the name the schedule has now", "remove it"
            elif previous in schedules:
                hint = "remove it, or rename the other schedule: one of them keeps its history"
                yield name, path, f"'{previous}' is the name of another schedule", hint
            elif claimed.get(previous) == name:
                yield name, path, f"'{previous}' is there twice", "keep one of the two"
            elif previous in claimed:
                what = f"'{previous}' is a previous name of the schedule '{claimed[previous]}' too"
                yield name, path, what, "keep it at the one that goes on with its history"
            else:
                claimed[previous] = name
