"""Changes of the clocks, and what they do to a schedule."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flowerpower.schedule.transitions import ClockChange, clock_changes, marks, touches
from flowerpower.schedule.trigger import parse_trigger

JANUARY = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
HOUR = 3600


def second(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())


SPRING = ClockChange(second("2026-03-29T01:00+00:00"), HOUR, 2 * HOUR)
AUTUMN = ClockChange(second("2026-10-25T01:00+00:00"), 2 * HOUR, HOUR)


def test_a_year_in_berlin_has_two_changes() -> None:
    assert clock_changes("Europe/Berlin", after=JANUARY) == (SPRING, AUTUMN)
    assert SPRING.is_gap
    assert not AUTUMN.is_gap


def test_a_change_is_after_the_moment_asked_for_and_up_to_its_end() -> None:
    assert clock_changes("Europe/Berlin", after=SPRING.at, until=AUTUMN.at) == (AUTUMN,)
    assert clock_changes("Europe/Berlin", after=SPRING.at - 1, until=AUTUMN.at - 1) == (SPRING,)


def test_utc_never_changes_its_clocks() -> None:
    assert clock_changes("UTC", after=0, until=4 * 10**9) == ()


def test_lord_howe_changes_by_half_an_hour() -> None:
    assert {change.after - change.before for change in clock_changes("Australia/Lord_Howe", after=JANUARY)} == {
        1800,
        -1800,
    }


def test_a_fire_on_the_local_day_of_a_change_is_marked() -> None:
    fires = [
        second(moment)
        for moment in (
            "2026-03-28T20:00+01:00",
            "2026-03-28T23:30+01:00",
            "2026-03-29T23:59+02:00",
            "2026-03-30T00:00+02:00",
        )
    ]

    assert [mark.tick for mark in marks("Europe/Berlin", fires)] == fires[1:3]


@pytest.mark.parametrize(
    ("cron", "zone", "effects"),
    [
        ("30 2 * * *", "Europe/Berlin", ["delayed", "once"]),
        ("*/30 2 * * *", "Europe/Berlin", ["left out", "twice"]),
        ("0 12 * * *", "Europe/Berlin", ["near", "near"]),
        ("0 12 * * MON", "Europe/Berlin", []),
        ("30 2 * * *", "Asia/Tokyo", []),
        ("15 0 * * *", "Africa/Cairo", ["delayed", "near"]),
        ("45 1 * * *", "Australia/Lord_Howe", ["once", "near"]),
    ],
)
def test_a_plan_can_say_what_a_change_does(cron: str, zone: str, effects: list[str]) -> None:
    trigger = parse_trigger(cron=cron, timezone=zone)

    assert [touch.effect for touch in touches(trigger, after=JANUARY)] == effects


def test_the_fires_shown_lie_around_the_change() -> None:
    spring, autumn = touches(parse_trigger(cron="30 2 * * *", timezone="Europe/Berlin"), after=JANUARY)

    assert (spring.change, spring.fires, spring.count) == (SPRING, (SPRING.at,), 1)
    assert (autumn.change, autumn.fires, autumn.count) == (AUTUMN, (AUTUMN.at - 1800,), 1)


def test_a_tick_per_second_is_counted_and_not_listed() -> None:
    spring, _ = touches(parse_trigger(cron="* * * * * *", timezone="Europe/Berlin"), after=JANUARY)

    assert (spring.effect, spring.count) == ("left out", 24 * HOUR)
    assert spring.fires == tuple(range(SPRING.at - 2, SPRING.at + 3))


def test_elapsed_time_is_only_ever_near_a_change() -> None:
    found = touches(parse_trigger(every=1800, timezone="Europe/Berlin"), after=JANUARY)

    assert [touch.effect for touch in found] == ["near", "near"]


def test_a_schedule_that_has_ended_is_not_touched() -> None:
    assert touches(parse_trigger(cron="30 2 * * *", timezone="Europe/Berlin", end="2026-02-01"), after=JANUARY) == ()
