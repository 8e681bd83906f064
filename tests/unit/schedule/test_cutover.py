"""What a reviewer is told about a change of timing."""

from __future__ import annotations

from datetime import datetime

import pytest

from flowerpower.schedule.cutover import CutOver, cut_over
from flowerpower.schedule.trigger import Trigger, parse_trigger

NOON = "2026-06-10T12:00+00:00"  # a Wednesday
HOUR = 3600
DAY = 86_400


def second(moment: str) -> int:
    return int(datetime.fromisoformat(moment if "+" in moment else moment + "+00:00").timestamp())


def cron(text: str, zone: str = "UTC") -> Trigger:
    return parse_trigger(cron=text, timezone=zone)


def change(before: Trigger | None, after: Trigger | None, at: str = NOON) -> CutOver:
    return cut_over(before, after, at=second(at))


def test_a_later_hour_moves_the_run() -> None:
    found = change(cron("0 2 * * *"), cron("30 3 * * *"))

    assert found == CutOver((), (), "moved", 90 * 60)


def test_an_earlier_hour_that_has_passed_skips_tonight() -> None:
    found = change(cron("0 2 * * *"), cron("0 1 * * *"), "2026-06-10T01:30")

    assert found == CutOver((second("2026-06-10T02:00"),), (), "skipped", -HOUR)


def test_a_later_hour_after_tonights_run_runs_twice() -> None:
    found = change(cron("0 2 * * *"), cron("0 3 * * *"), "2026-06-10T02:30")

    assert found == CutOver((), (second("2026-06-10T03:00"),), "twice", HOUR)


def test_a_tick_at_the_moment_of_the_change_belongs_to_the_old_trigger() -> None:
    assert change(cron("0 2 * * *"), cron("0 3 * * *"), "2026-06-10T02:00").verdict == "twice"
    assert change(cron("0 2 * * *"), cron("0 3 * * *"), "2026-06-10T01:59:59").verdict == "moved"


def test_twelve_hours_are_twelve_hours_later() -> None:
    assert change(cron("0 2 * * *"), cron("0 14 * * *"), "2026-06-10T01:00") == CutOver((), (), "moved", 12 * HOUR)
    assert change(cron("0 2 * * *"), cron("0 14 * * *"), "2026-06-10T03:00").verdict == "twice"


def test_another_zone_moves_the_run() -> None:
    found = change(cron("0 2 * * *"), cron("0 2 * * *", "America/New_York"), "2026-06-10T01:00")

    assert found == CutOver((), (), "moved", 4 * HOUR)


def test_a_rarer_rhythm_loses_fires_and_skips_none() -> None:
    found = change(cron("0 * * * *"), cron("0 6 * * *"))

    assert (found.verdict, found.gained, found.moved_by) == ("none", (), 0)
    assert found.lost == tuple(second(NOON) + number * HOUR for number in range(1, 6))


def test_a_rarer_rhythm_that_begins_after_a_fire_of_the_old_one_names_that() -> None:
    found = change(cron("0 * * * *"), cron("30 6 * * *"), "2026-06-10T06:12")

    assert (found.verdict, found.gained[0]) == ("twice", second("2026-06-10T06:30"))
    assert found.gained[0] - found.moved_by == second("2026-06-10T06:00")


def test_a_denser_rhythm_gains_fires_and_doubles_none() -> None:
    found = change(cron("0 6 * * *"), cron("0 * * * *"))

    assert (found.verdict, found.lost, len(found.gained)) == ("none", (), 5)


def test_a_weekly_run_that_comes_daily_on_a_new_hour_is_moved_and_gains() -> None:
    found = change(cron("0 2 * * THU"), cron("0 3 * * *"))

    assert (found.verdict, found.moved_by, found.lost) == ("moved", HOUR, ())
    assert second("2026-06-12T03:00") in found.gained


def test_another_way_of_writing_the_same_changes_nothing() -> None:
    assert change(cron("@daily"), cron("0 0 * * *")) == CutOver((), (), "none")


def test_the_same_fires_in_another_zone_change_nothing() -> None:
    assert change(cron("0 2 * * *", "Africa/Abidjan"), cron("0 2 * * *")) == CutOver((), (), "none")


def test_a_new_schedule_gains_and_a_deleted_one_loses() -> None:
    daily = cron("0 2 * * *")
    fires = tuple(second("2026-06-11T02:00") + number * DAY for number in range(5))

    assert change(None, daily) == CutOver((), fires, "none")
    assert change(daily, None) == CutOver(fires, (), "none")
    assert change(None, None) == CutOver((), (), "none")


def test_an_end_loses_what_comes_after_it() -> None:
    ended = parse_trigger(cron="0 2 * * *", end="2026-06-12")

    found = change(cron("0 2 * * *"), ended)

    assert (found.verdict, found.lost[0]) == ("none", second("2026-06-12T02:00"))


def test_only_the_next_two_weeks_are_looked_at() -> None:
    assert change(cron("0 0 1 1 *"), None) == CutOver((), (), "none")


@pytest.mark.parametrize("old", range(0, 24, 3))
@pytest.mark.parametrize("new", range(0, 24, 2))
def test_for_a_daily_run_every_hour_of_merging_is_judged_by_counting_runs(old: int, new: int) -> None:
    """Each day's run moves by the shorter way round; it happens 0, 1 or 2 times, depending on the merge."""
    shift = (new - old + 11) % 24 - 11  # in (-12, 12]
    for hour in range(24):
        at = second(f"2026-06-10T{hour:02}:30")
        runs = []
        for day in range(-2, 3):
            was = second("2026-06-10T00:00") + day * DAY + old * HOUR
            runs.append((was <= at) + (was + shift * HOUR > at))
        wanted = "skipped" if 0 in runs else "twice" if 2 in runs else "moved" if shift else "none"

        found = cut_over(cron(f"0 {old} * * *"), cron(f"0 {new} * * *"), at=at)

        assert (found.verdict, found.moved_by) == (wanted, shift * HOUR)
        assert (len(found.lost), len(found.gained)) == (runs.count(0), runs.count(2))
