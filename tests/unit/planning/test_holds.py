"""When a hold ends, and what becomes of the ticks since the cursor."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flowerpower.errors import UsageError
from flowerpower.planning.holds import UNFIRED, UNLIFTED, end_of_hold, lift
from flowerpower.schedule.catchup import Range
from flowerpower.schedule.trigger import parse_trigger
from flowerpower.state.models import Hold

BERLIN = "Europe/Berlin"
HOURLY = parse_trigger(every=3600)
HELD = "held by ana: x"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("asked", "timezone", "end"),
    [
        ("2d", BERLIN, "2026-03-29T23:30"),
        (" 1h30m ", BERLIN, "2026-03-28T01:00"),
        ("90", BERLIN, "2026-03-27T23:31:30"),  # seconds, as in a spec
        ("2026-12-01T09:00", BERLIN, "2026-12-01T08:00"),
        ("2026-12-01 09:00", "America/New_York", "2026-12-01T14:00"),
        ("2026-12-01T09:00Z", BERLIN, "2026-12-01T09:00"),
        ("2026-12-01T09:00-03:00", BERLIN, "2026-12-01T12:00"),
        ("2026-12-01", BERLIN, "2026-11-30T23:00"),
        ("09:00", BERLIN, "2026-03-28T08:00"),
        ("00:30", BERLIN, "2026-03-28T23:30"),  # it is 00:30 there: the next one is tomorrow
        ("2026-03-29T02:30", BERLIN, "2026-03-29T01:00"),  # in the gap: the first instant after it
    ],
)
def test_the_end_of_a_hold_is_read_on_the_clocks_of_the_schedules_zone(asked: str, timezone: str, end: str) -> None:
    assert end_of_hold(asked, timezone, at("2026-03-27T23:30")) == at(end)


def test_a_time_that_the_clocks_leave_out_is_the_moment_they_are_changed() -> None:
    assert end_of_hold("02:30", BERLIN, at("2026-03-28T12:00")) == at("2026-03-29T01:00")


@pytest.mark.parametrize("asked", ["", "soon", "-1h", "25:00", "2026-13-01", "2 days", "9999999d", "２d", "\x00"])
def test_any_other_text_is_refused_with_a_hint(asked: str) -> None:
    with pytest.raises(UsageError, match="names no moment") as caught:
        end_of_hold(asked, BERLIN, at("2026-03-27T23:30"))

    assert caught.value.hint


@pytest.mark.parametrize(
    ("hold", "skipped", "missed", "cursor"),
    [
        (Hold("ana", "x", since=1000), [Range(3600, 36000, 10, HELD)], [], 36500),
        (Hold("ana", "x", since=9000), [Range(10800, 36000, 8, HELD)], [Range(3600, 7200, 2, UNFIRED)], 36500),
        (Hold("ana", "x", since=7250), [Range(7200, 36000, 9, HELD)], [Range(3600, 3600, 1, UNFIRED)], 36500),
        (Hold("ana", "x", 30000, None, began=1000), [Range(3600, 36000, 10, HELD)], [], 36500),
        (Hold("ana", "x", 1000, until=50000), [Range(3600, 36000, 10, HELD)], [], 36500),
        (Hold("ana", "x", 1000, until=36450), [Range(3600, 36000, 10, HELD)], [], 36449),
        (Hold("ana", "x", 1000, until=7200), [Range(3600, 3600, 1, HELD)], [Range(7200, 36000, 9, UNLIFTED)], 36500),
        (Hold("ana", "x", since=99999), [], [Range(3600, 36000, 10, UNFIRED)], 36500),
    ],
)
def test_each_tick_since_the_cursor_is_laid_on_what_swallowed_it(
    hold: Hold, skipped: list[Range], missed: list[Range], cursor: int
) -> None:
    lifting = lift(HOURLY, hold, cursor=500, now=36500)

    assert (list(lifting.skipped), list(lifting.missed), lifting.cursor) == (skipped, missed, cursor)


def test_a_tick_that_jitter_held_back_when_the_hold_came_is_the_holds() -> None:
    lifting = lift(HOURLY, Hold("ana", "x", since=3900), cursor=0, now=4000, jitter=600)

    assert lifting.skipped == (Range(3600, 3600, 1, HELD),)


def test_a_clock_that_stepped_back_moves_no_cursor_back() -> None:
    assert lift(HOURLY, Hold("ana", "x", since=9000), cursor=9100, now=8000).cursor == 9100
