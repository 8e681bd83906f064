"""Every zone of the tz database that ever changed its clocks, around its changes, against a look at the clock.

`FLOWERPOWER_TEST_ALL_CHANGES=1` takes every change of every zone with every expression (some minutes); without it every
zone is there with a few changes, and each kind of change with each expression.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import cycle, islice, pairwise

import pytest
from support.clocks import (
    DAY,
    EXPRESSIONS,
    HOUR,
    Change,
    Daily,
    backwards,
    daily,
    distinct_zones,
    fires,
    forwards,
    packaged_zones,
    seen_changes,
    tell,
    walls,
    written_changes,
)

from flowerpower.schedule.transitions import clock_changes
from flowerpower.schedule.trigger import parse_trigger
from flowerpower.schedule.zones import zone_names

ALL = bool(os.environ.get("FLOWERPOWER_TEST_ALL_CHANGES"))
ZONES = list(distinct_zones(zone_names()))
YEARS = [*range(1996, 2051), 2099, 2100] if ALL else [2026, 2100]
# Each is the only one of its kind, or was a trap for somebody.
ODD = {
    "Africa/Casablanca": 2026,  # back for Ramadan, then forward: winter time in the middle of summer
    "Africa/El_Aaiun": 2026,
    "Africa/Cairo": 2026,  # the gap begins at midnight
    "America/Asuncion": 2024,  # and here
    "America/Havana": 2026,  # and here; its second pass ends at one
    "America/Santiago": 2026,  # at midnight, and the second pass is yesterday's
    "America/Sao_Paulo": 2018,
    "America/St_Johns": 2010,  # at one past midnight
    "Antarctica/Troll": 2026,  # two hours
    "Asia/Beirut": 2026,
    "Asia/Gaza": 2026,
    "Asia/Kathmandu": 1986,  # a quarter of an hour
    "Asia/Pyongyang": 2018,  # half an hour, once, just before midnight
    "Asia/Tehran": 2022,
    "Australia/Lord_Howe": 2026,  # half an hour
    "Europe/Dublin": 2026,  # its winter time is the daylight saving, of minus one hour
    "Africa/Monrovia": 1972,  # by 44 minutes and 30 seconds
    "Europe/Amsterdam": 1937,  # from an offset with seconds
    "Europe/London": 1941,  # two hours, then back by one
    "Kwajalein": 1993,  # skipped a day
    "Pacific/Apia": 2011,  # skipped a day
    "Pacific/Enderbury": 1994,
    "Asia/Manila": 1844,  # skipped a day, to an offset with seconds
    "America/Juneau": 1867,  # had a day twice
    "America/Nome": 1867,
}


@pytest.fixture(autouse=True, scope="module")
def same_zones_for_all() -> Iterator[None]:
    yield from packaged_zones()


def later_changes(zone: str) -> Iterator[Change]:
    """Yield changes by the rule at the end of a file, those that do not stand in it."""
    last = max((change.at for change in written_changes(zone)), default=0)
    for year in YEARS:
        yield from (change for change in seen_changes(zone, year) if change.at > last)


def sample() -> Iterator[tuple[Change, list[Daily]]]:
    """Yield some changes of every zone, with expressions in turn so that each meets each kind of change."""
    turns: dict[tuple[int, int], Iterator[Daily]] = {}
    for zone in ZONES:
        written = written_changes(zone)
        for change in [*written[:: max(1, len(written) // 3)], *written[-1:], *later_changes(zone)]:
            kind = change.shift if change.step == 60 else 0, (change.at + change.before) % DAY // HOUR
            yield change, list(islice(turns.setdefault(kind, cycle(EXPRESSIONS)), 3 if change.step == 60 else 1))


def everything() -> Iterator[tuple[Change, list[Daily]]]:
    for zone in ZONES:
        for change in [*written_changes(zone), *later_changes(zone)]:
            yield change, list(EXPRESSIONS)


def odd_changes(zone: str) -> list[Change]:
    """Return the changes of its odd year, with half a winter either side."""
    middle = (ODD[zone] - 1969.5) * 365.25 * DAY
    return [c for c in written_changes(zone) if abs(c.at - middle) < 200 * DAY] or seen_changes(zone, ODD[zone])


def differences(change: Change, crons: list[Daily]) -> Iterator[str]:
    """Yield where our ticks are not those of somebody who looks at the clock, in either direction and counted."""
    shown = walls(change)
    begin, end = shown[0][0], shown[-1][0] + change.step
    for cron in crons:
        expected = fires(cron, shown)
        trigger = parse_trigger(cron=cron.text, timezone=change.zone)
        if forwards(trigger, begin, end) != expected:
            yield f"{change}, {cron.text}: {forwards(trigger, begin, end)}, not {expected}"
        if backwards(trigger, begin, end) != expected:
            yield f"{change}, {cron.text} backwards: {backwards(trigger, begin, end)}, not {expected}"
        if trigger.count_ticks(begin, end - 1) != len(expected):
            yield f"{change}, {cron.text} counted: {trigger.count_ticks(begin, end - 1)}, not {len(expected)}"


@pytest.mark.timeout(3600 if ALL else 120)
def test_around_the_changes_of_every_zone_crons_fire_as_the_clock_says() -> None:
    cases = list(everything() if ALL else sample())

    wrong = [difference for change, crons in cases for difference in differences(change, crons)]

    assert wrong == []
    assert {change.zone for change, _ in cases} == set(ZONES)
    tell(f"{len(cases)} changes, {sum(len(crons) for _, crons in cases)} comparisons")


@pytest.mark.parametrize("zone", ODD)
def test_around_odd_changes_every_expression_fires_as_the_clock_says(zone: str) -> None:
    changes = odd_changes(zone)

    assert changes
    for change in changes:
        assert list(differences(change, list(EXPRESSIONS if change.step == 60 or ALL else EXPRESSIONS[:3]))) == []


def test_every_kind_of_change_is_among_the_odd_ones() -> None:
    changes = [change for zone in ODD for change in odd_changes(zone)]

    assert {abs(change.shift) for change in changes} >= {900, 1800, HOUR, 2 * HOUR, DAY}
    assert {change.step for change in changes} == {1, 60}


def test_we_know_every_change_of_every_zone() -> None:
    zones = ZONES if ALL else [*ODD, *ZONES[::12]]
    for zone in zones:
        written = written_changes(zone)
        begin, end = (written[0].at - DAY, written[-1].at) if written else (0, 0)

        known = clock_changes(zone, after=begin, until=end)

        assert [(c.at, c.before, c.after) for c in known] == [(c.at, c.before, c.after) for c in written], zone


def test_no_two_changes_of_a_zone_are_so_close_that_reading_in_steps_misses_one() -> None:
    """Zones are read in steps of two days: two changes within one step could hide each other."""
    for zone in ZONES:
        changes = [*written_changes(zone), *(later_changes(zone) if ALL else ())]
        assert all(later - earlier > 3 * DAY for earlier, later in pairwise(sorted({c.at for c in changes}))), zone


def test_the_oracle_tells_the_rule() -> None:
    """Europe/Berlin, by hand: 02:00 to 03:00 is missing on 2026-03-29 and comes twice on 2026-10-25."""
    spring, autumn = seen_changes("Europe/Berlin", 2026)
    found = {
        (cron.text.split(" *")[0], change.shift): [(at - change.at) // 60 for at in fires(cron, walls(change))]
        for change in (spring, autumn)
        for cron in (daily("30", "2"), daily("0,30", "2"), daily("*/30", "2"), daily("0", "2,3"))
    }

    assert found == {
        ("30 2", HOUR): [0],
        ("0,30 2", HOUR): [0],  # one instant, one tick
        ("*/30 2", HOUR): [],
        ("0 2,3", HOUR): [0],
        ("30 2", -HOUR): [-30],
        ("0,30 2", -HOUR): [-60, -30],
        ("*/30 2", -HOUR): [-60, -30, 0, 30],
        ("0 2,3", -HOUR): [-60, 60],
    }
