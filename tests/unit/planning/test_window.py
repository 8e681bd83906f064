"""Moments of the past and to come, as people name them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from flowerpower.errors import UsageError
from flowerpower.planning.window import coming_moment, past_moment

ZONE = "Europe/Berlin"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


NOW = at("2026-11-26T02:00")


@pytest.mark.parametrize(
    ("asked", "past", "coming"),
    [
        ("02:00", "2026-11-26T02:00", "2026-11-27T02:00"),
        ("01:59", "2026-11-26T01:59", "2026-11-27T01:59"),
        ("23:30", "2026-11-25T23:30", "2026-11-26T23:30"),
        ("yesterday", "2026-11-25T00:00", "2026-11-25T00:00"),
        ("today", "2026-11-26T00:00", "2026-11-26T00:00"),
        ("tomorrow", "2026-11-27T00:00", "2026-11-27T00:00"),
        ("2h", "2026-11-26T00:00", "2026-11-26T04:00"),
        ("2026-11-22", "2026-11-22T00:00", "2026-11-22T00:00"),
        ("2026-11-22T05:06", "2026-11-22T05:06", "2026-11-22T05:06"),
    ],
)
def test_a_moment_is_named_as_people_do(asked: str, past: str, coming: str) -> None:
    assert past_moment(asked, ZONE, NOW, "--from") == at(past)
    assert coming_moment(asked, ZONE, NOW, "--from") == at(coming)


def test_a_day_that_ends_something_counts_to_its_end() -> None:
    assert past_moment("yesterday", ZONE, NOW, "--to", ends_day=True) == at("2026-11-25T23:59:59")
    assert coming_moment("tomorrow", ZONE, NOW, "--to", ends_day=True) == at("2026-11-27T23:59:59")


@pytest.mark.parametrize("asked", ["soon", "25:00", "2:00", "2026-02-30", "", "2026", "60"])
def test_what_names_no_moment_is_refused_with_what_would(asked: str) -> None:
    with pytest.raises(UsageError, match=r"--from .* names no moment") as past:
        past_moment(asked, ZONE, NOW, "--from")
    with pytest.raises(UsageError, match=r"--from .* names no moment") as coming:
        coming_moment(asked, ZONE, NOW, "--from")

    assert "yesterday" in past.value.hint
    assert "tomorrow" in coming.value.hint
