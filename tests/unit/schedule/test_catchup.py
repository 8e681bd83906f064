"""The decision at the tick, in the cases a person would ask about."""

from __future__ import annotations

import pytest

from flowerpower.schedule.catchup import LATE, NEWER, OUTSIDE, Decision, Range, decide
from flowerpower.schedule.jitter import delay
from flowerpower.schedule.trigger import parse_trigger

HOURLY = parse_trigger(every=3600)
NOON = 1_767_268_800  # 2026-01-01T12:00Z
HOUR = 3600
DAY = 86_400


def test_nothing_is_due_before_the_next_tick() -> None:
    decision = decide(HOURLY, cursor=NOON, now=NOON + 100, catchup="latest", window=DAY)

    assert decision == Decision((), (), NOON, NOON + HOUR)


def test_a_tick_on_time_runs() -> None:
    for catchup in ("latest", "all", "none"):
        decision = decide(HOURLY, cursor=NOON, now=NOON + HOUR, catchup=catchup, window=DAY)

        assert decision == Decision((NOON + HOUR,), (), NOON + HOUR, NOON + 2 * HOUR)


def test_latest_runs_the_newest_and_misses_the_others_in_one_record() -> None:
    decision = decide(HOURLY, cursor=NOON, now=NOON + 5 * HOUR + 9, catchup="latest", window=DAY)

    assert decision.run == (NOON + 5 * HOUR,)
    assert decision.missed == (Range(NOON + HOUR, NOON + 4 * HOUR, 4, NEWER),)
    assert (decision.cursor, decision.next_tick) == (NOON + 5 * HOUR, NOON + 6 * HOUR)


def test_what_is_older_than_the_window_never_runs() -> None:
    decision = decide(HOURLY, cursor=NOON, now=NOON + 5 * HOUR, catchup="all", window=2 * HOUR)

    assert decision.run == (NOON + 3 * HOUR, NOON + 4 * HOUR, NOON + 5 * HOUR)
    assert decision.missed == (Range(NOON + HOUR, NOON + 2 * HOUR, 2, OUTSIDE),)


def test_a_newest_tick_outside_the_window_is_missed_too() -> None:
    decision = decide(HOURLY, cursor=NOON, now=NOON + HOUR + 30, catchup="latest", window=20)

    assert decision == Decision((), (Range(NOON + HOUR, NOON + HOUR, 1, OUTSIDE),), NOON + HOUR, NOON + 2 * HOUR)


def test_all_leaves_what_is_over_the_limit_for_the_next_pass() -> None:
    decision = decide(HOURLY, cursor=NOON, now=NOON + 5 * HOUR, catchup="all", window=DAY, limit=2)

    assert decision == Decision((NOON + HOUR, NOON + 2 * HOUR), (), NOON + 2 * HOUR, NOON + 3 * HOUR)


def test_none_runs_a_tick_that_is_at_most_a_minute_late() -> None:
    on_time = decide(HOURLY, cursor=NOON, now=NOON + HOUR + 60, catchup="none", window=DAY)
    late = decide(HOURLY, cursor=NOON, now=NOON + HOUR + 61, catchup="none", window=DAY)

    assert on_time.run == (NOON + HOUR,)
    assert late == Decision((), (Range(NOON + HOUR, NOON + HOUR, 1, LATE),), NOON + HOUR, NOON + 2 * HOUR)


def test_a_clock_that_steps_back_repeats_nothing() -> None:
    decision = decide(HOURLY, cursor=NOON, now=NOON - 5 * HOUR, catchup="all", window=DAY)

    assert decision == Decision((), (), NOON, NOON + HOUR)


def test_after_the_last_tick_there_is_nothing_to_wait_for() -> None:
    once = parse_trigger(at="2026-01-01T12:00")

    assert decide(once, cursor=0, now=NOON, catchup="latest", window=DAY) == Decision((NOON,), (), NOON, None)
    assert decide(once, cursor=NOON, now=NOON + DAY, catchup="latest", window=DAY) == Decision((), (), NOON, None)


def test_an_unknown_catchup_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="latest, all or none"):
        decide(HOURLY, cursor=NOON, now=NOON + HOUR, catchup="some", window=DAY)


def test_jitter_spreads_schedules_and_never_changes_its_mind() -> None:
    assert [delay("nightly", NOON, 600), delay("nightly", NOON + DAY, 600), delay("hourly", NOON, 600)] == PINNED
    assert len({delay(f"schedule-{number}", NOON, 600) for number in range(1000)}) > 400
    assert delay("nightly", NOON, 0) == 0


# These are stored in Redis scores by other processes: a release that computes others moves runs.
PINNED = [585, 292, 32]
