"""Laws of the decision at the tick, of counting and of the other two kinds of trigger."""

from __future__ import annotations

from datetime import UTC, datetime
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st

from flowerpower.schedule.catchup import Decision, decide
from flowerpower.schedule.jitter import delay
from flowerpower.schedule.trigger import Trigger, parse_trigger

CRONS = [
    "* * * * *",
    "*/7 * * * * *",
    "*/15 1-3 * * *",
    "30 2 * * *",
    "0,30 0-3 * * *",
    "15 2 * * 0",
    "*/20 1,2 * * SUN",
    "0 0 L * *",
    "30 1 * 3,10,11 *",
    "10,20 30,45 2 * * *",
    "0 0 29 2 *",
]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"]
CHANGES = [
    int(datetime.fromisoformat(moment + "+00:00").timestamp())
    for moment in (
        "2026-03-29T01:00",  # Berlin
        "2026-10-25T01:00",
        "2026-03-08T07:00",  # New York
        "2026-11-01T06:00",
        "2026-04-04T15:00",  # Lord Howe
        "2026-10-03T15:30",
        "2018-11-04T03:00",  # Sao Paulo
        "2018-02-18T02:00",
        "2011-12-30T10:00",  # Apia
        "2026-06-01T00:00",
    )
]

triggers = st.one_of(
    st.builds(
        lambda cron, zone: parse_trigger(cron=cron, timezone=zone), st.sampled_from(CRONS), st.sampled_from(ZONES)
    ),
    st.builds(lambda every: parse_trigger(every=every), st.integers(1, 200_000)),
    st.builds(lambda every: parse_trigger(every=every, start="2026-03-28T01:07"), st.integers(1, 100_000)),
    st.builds(lambda at: parse_trigger(at=at, timezone="Europe/Berlin"), st.sampled_from(["2026-03-29", "2026-10-25"])),
    st.builds(
        lambda cron: parse_trigger(
            cron=cron, timezone="Europe/Berlin", start="2026-03-28T12:00", end="2026-03-29T06:00"
        ),
        st.sampled_from(CRONS),
    ),
)
moments = st.builds(lambda change, shift: change + shift, st.sampled_from(CHANGES), st.integers(-100_000, 100_000))


def walk(trigger: Trigger, after: int, until: int) -> list[int]:
    ticks, tick = [], trigger.next_tick(after)
    while tick is not None and tick <= until and len(ticks) < 10**6:
        ticks.append(tick)
        tick = trigger.next_tick(tick)
    return ticks


@settings(max_examples=400, deadline=None)
@given(trigger=triggers, first=moments, length=st.integers(0, 8_000))
def test_counting_is_walking(trigger: Trigger, first: int, length: int) -> None:
    assert trigger.count_ticks(first, first + length) == len(walk(trigger, first - 1, first + length))


@settings(max_examples=30, deadline=None)
@given(cron=st.sampled_from(CRONS[2:]), zone=st.sampled_from(ZONES), first=moments, days=st.integers(1, 500))
def test_counting_is_walking_for_long_stretches(cron: str, zone: str, first: int, days: int) -> None:
    trigger = parse_trigger(cron=cron, timezone=zone)

    assert trigger.count_ticks(first, first + days * 86_400) == len(walk(trigger, first - 1, first + days * 86_400))


@settings(max_examples=400, deadline=None)
@given(
    trigger=triggers,
    cursor=moments,
    length=st.integers(-100, 20_000),
    catchup=st.sampled_from(["latest", "all", "none"]),
    window=st.integers(0, 20_000),
    limit=st.integers(1, 40),
)
def test_every_due_tick_has_exactly_one_fate(
    trigger: Trigger, cursor: int, length: int, catchup: str, window: int, limit: int
) -> None:
    now = cursor + length
    due = walk(trigger, cursor, now)

    decision = decide(trigger, cursor=cursor, now=now, catchup=catchup, window=window, limit=limit)

    in_ranges = [tick for part in decision.missed for tick in due if part.first <= tick <= part.last]
    later = [tick for tick in due if tick > decision.cursor]
    ran = list(decision.run)
    assert sorted([*ran, *in_ranges, *later]) == due
    assert sum(part.count for part in decision.missed) + len(ran) + len(later) == len(due)
    assert all(tick >= now - window for tick in ran)
    assert all(part.first in due and part.last in due for part in decision.missed)
    assert decision.cursor == (
        max([*ran, *(part.last for part in decision.missed)]) if ran or decision.missed else cursor
    )
    assert decision.next_tick == trigger.next_tick(decision.cursor if later else max(now, cursor))
    check_the_word(catchup, decision, due, now, window, limit)


def check_the_word(catchup: str, decision: Decision, due: list[int], now: int, window: int, limit: int) -> None:
    inside = [tick for tick in due if tick >= now - window]
    wanted = {
        "latest": inside[-1:],
        "none": [tick for tick in inside[-1:] if now - tick <= 60],
        "all": inside[:limit],
    }
    assert list(decision.run) == wanted[catchup]


@settings(max_examples=60, deadline=None)
@given(trigger=triggers, cursor=moments, length=st.integers(0, 5_000), limit=st.integers(1, 50))
def test_catching_up_in_passes_runs_each_tick_once_and_ends(
    trigger: Trigger, cursor: int, length: int, limit: int
) -> None:
    now, ran, at = cursor + length, list[int](), cursor
    for _ in range(length + 2):
        decision = decide(trigger, cursor=at, now=now, catchup="all", window=10**6, limit=limit)
        ran += decision.run
        at = decision.cursor
        if decision.next_tick is None or decision.next_tick > now:
            break

    assert ran == walk(trigger, cursor, now)


@settings(max_examples=200, deadline=None)
@given(every=st.integers(1, 10**7), after=st.integers(0, 4 * 10**9), zone=st.sampled_from(ZONES))
def test_every_stays_on_its_anchor_wherever_it_is_asked(every: int, after: int, zone: str) -> None:
    trigger = parse_trigger(every=every, timezone=zone)
    tick = trigger.next_tick(after)

    assert tick is not None
    assert tick % every == 0
    assert after < tick <= after + every
    assert trigger.previous_tick(tick) == tick - every


@given(every=st.integers(1, 10**6), steps=st.integers(0, 10**4))
def test_every_with_a_start_counts_from_it(every: int, steps: int) -> None:
    trigger = parse_trigger(every=every, start="2026-01-01T00:00:07Z")
    anchor = int(datetime(2026, 1, 1, 0, 0, 7, tzinfo=UTC).timestamp())

    assert trigger.next_tick(0) == anchor
    assert trigger.previous_tick(anchor) is None
    assert trigger.next_tick(anchor + steps * every) == anchor + (steps + 1) * every


@given(schedule=st.text(max_size=20), tick=st.integers(0, 4 * 10**9), jitter=st.integers(0, 10**6))
def test_a_delay_is_below_its_jitter_and_always_the_same(schedule: str, tick: int, jitter: int) -> None:
    held = delay(schedule, tick, jitter)

    assert 0 <= held < max(jitter, 1)
    assert held == delay(schedule, tick, jitter)


def test_deciding_on_ten_years_of_seconds_takes_no_time() -> None:
    now = 1_790_000_000
    for trigger in (
        parse_trigger(every=1),
        parse_trigger(cron="* * * * * *", timezone="Europe/Berlin"),
        parse_trigger(cron="0-58 * * * * MON-FRI", timezone="America/New_York"),
    ):
        began = process_time()
        decision = decide(trigger, cursor=now - 10 * 365 * 86_400, now=now, catchup="latest", window=86_400)

        assert process_time() - began < 0.5
        assert len(decision.run) == 1
        assert sum(part.count for part in decision.missed) > 10**6
