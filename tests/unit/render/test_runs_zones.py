"""The list of runs where schedules of several zones stand in it."""

from __future__ import annotations

import pytest

from flowerpower.jobs.records import RunList, RunRecord
from flowerpower.render.records import runs_text

NOW = 1795454400  # Mon 23 Nov 2026 17:20 UTC, 18:20 in Berlin
BY_HAND = RunRecord("sales", NOW - 3600, NOW - 3600, "running", run=f"acme--prod--sales--{NOW - 3600}", at=NOW - 34)
BERLIN = RunRecord(
    "nightly",
    NOW - 1200,
    NOW - 1200,
    "succeeded",
    run=f"acme--prod--nightly--{NOW - 1200}",
    seconds=0.281,
    at=NOW - 1100,
    timezone="Europe/Berlin",
)
MISSED = RunRecord("nightly", NOW - 10200, NOW - 3000, "missed", 5, at=NOW - 3000, timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("width", "ticks"),
    [
        (120, ["Mon 23 Nov 16:20", "Mon 23 Nov 18:00 (17:00)", "Mon 23 Nov 15:30 (14:30) – Mon 23 Nov 17:30 (16:30)"]),
        (100, ["Mon 23 Nov 16:20", "Mon 23 Nov 17:00", "Mon 23 Nov 14:30 – Mon 23 Nov 16:30"]),
    ],
)
def test_ticks_of_several_zones_can_be_told_apart(width: int, ticks: list[str]) -> None:
    found = RunList("acme.prod", NOW, (BY_HAND, BERLIN, MISSED), more=False, active=1)

    heading, *rows = runs_text(found, width=width).splitlines()[2:6]

    at, end = heading.index("tick (UTC)"), heading.index("took")
    assert [row[at:end].strip() for row in rows] == ticks
