"""Cron expressions of every kind, in many zones, that all fire at one moment: the worst second of a scheduler."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

DUE = int(datetime(2026, 12, 7, tzinfo=UTC).timestamp())  # a Monday; no zone changes its clocks near it
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Tokyo", "Australia/Sydney", "America/Lima")


def due_trigger(number: int) -> list[str]:
    """Return the lines of a cron trigger that fires at `DUE`, and next a quarter of an hour to a year later."""
    return [f'cron: "{due_cron(number)}"', f"timezone: {_ZONES[number % len(_ZONES)]}"]


def due_cron(number: int) -> str:
    """Return the expression of a number, for the zone of that number."""
    random = Random(f"due {number}")
    local = datetime.fromtimestamp(DUE, ZoneInfo(_ZONES[number % len(_ZONES)]))
    minute, hour, day, weekday = local.minute, local.hour, local.day, local.isoweekday() % 7
    other_minute, other_hour = random.randrange(60), random.randrange(24)
    return random.choice(
        (
            f"{minute} {hour} * * *",
            "*/15 * * * *",
            f"{minute} * * * *",
            f"{minute},{other_minute} * * * *",
            f"{minute} {hour},{other_hour} * * *",
            f"{minute},{other_minute} {hour},{other_hour} * * *",
            f"{minute} {hour} * * {weekday}",
            f"{minute} {hour} {day},{random.randint(10, 28)} * *",
            f"{minute} {hour} {day} 12 *",
        )
    )
