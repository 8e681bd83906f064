"""Laws of every trigger, whatever its kind: its ticks are one ascending list, however one asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from support.clocks import forwards, packaged_zones

from flowerpower.schedule import Trigger, TriggerError, parse_trigger
from flowerpower.schedule.zones import zone_names

CRONS = (
    *("* * * * *", "30 2 * * *", "0,30 0-3 * * *", "*/15 1-3 * * *", "*/20 1,2 * * SUN", "0 0 L * *", "0 0 29 2 *"),
    *("*/7 * * * * *", "10,20 30,45 2 * * *", "0 0 13 * FRI", "15 23 LW * *", "45 0 * * MON#2", "59 23 31 12 *"),
)
HARD = ("Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "America/Santiago", "Antarctica/Troll", "Asia/Gaza")


@pytest.fixture(autouse=True, scope="module")
def same_zones_everywhere() -> Iterator[None]:
    yield from packaged_zones()


zones = st.one_of(st.sampled_from(HARD), st.sampled_from(sorted(zone_names())))
instants = st.one_of(st.integers(-2 * 10**9, 5 * 10**9), st.integers(1_293_840_000, 1_356_998_400))
bounds = st.one_of(st.none(), st.none(), instants.map(lambda instant: datetime.fromtimestamp(instant, UTC)))


@st.composite
def triggers(draw: st.DrawFn) -> Trigger:
    """Any trigger with anything around it."""
    rule = draw(
        st.one_of(
            st.sampled_from(CRONS).map(lambda cron: {"cron": cron}),
            st.sampled_from(CRONS).map(lambda cron: {"cron": cron}),
            st.integers(1, 10**7).map(lambda every: {"every": every}),
            instants.map(lambda at: {"at": datetime.fromtimestamp(at, UTC)}),
        )
    )
    start, end = draw(bounds), draw(bounds)
    if start and end and end < start:
        start, end = end, start
    return parse_trigger(**rule, timezone=draw(zones), start=start, end=end)  # type: ignore[arg-type]


def moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)


def seconds(ticks: list[datetime]) -> list[int]:
    return [int(tick.timestamp()) for tick in ticks]


@settings(max_examples=150, deadline=None)
@given(trigger=triggers(), after=instants, count=st.integers(0, 30))
def test_ticks_ascend_strictly_and_many_at_once_are_those_one_by_one(trigger: Trigger, after: int, count: int) -> None:
    ticks = seconds(trigger.next_ticks(moment(after), count))

    assert len(ticks) <= count
    assert all(earlier < later for earlier, later in zip([after, *ticks], ticks, strict=False))
    at = after
    for tick in ticks:
        assert seconds(trigger.next_ticks(moment(at), 1)) == [tick]
        at = tick
    if len(ticks) < count:
        assert trigger.next_ticks(moment(at), 1) == []


@settings(max_examples=150, deadline=None)
@given(trigger=triggers(), after=instants, count=st.integers(1, 30), shift=st.integers(0, 10**6))
def test_backwards_are_the_same_ticks(trigger: Trigger, after: int, count: int, shift: int) -> None:
    ticks = seconds(trigger.next_ticks(moment(after), count))
    assume(ticks)

    # From just behind the last of them, or from anywhere before the one that follows it.
    following = trigger.next_tick(ticks[-1])
    behind = ticks[-1] + 1 + (shift if following is None else shift % (following - ticks[-1]))

    assert seconds(trigger.previous_ticks(moment(behind), len(ticks)))[::-1] == ticks
    assert trigger.previous_tick(ticks[0]) is None or trigger.previous_tick(ticks[0]) <= after  # type: ignore[operator]


@settings(max_examples=150, deadline=None)
@given(trigger=triggers(), begin=instants, first=st.integers(0, 2 * 10**5), second=st.integers(0, 2 * 10**5))
def test_the_ticks_of_two_stretches_are_those_of_both_together(
    trigger: Trigger, begin: int, first: int, second: int
) -> None:
    assume(not trigger.key.startswith("every") or trigger.rule.step > 100)  # type: ignore[attr-defined]
    middle, end = begin + first, begin + first + second

    whole = forwards(trigger, begin, end)

    assert whole == forwards(trigger, begin, middle) + forwards(trigger, middle, end)
    assert trigger.count_ticks(begin, middle - 1) + trigger.count_ticks(middle, end - 1) == len(whole)


@settings(max_examples=150, deadline=None)
@given(
    cron=st.sampled_from(CRONS),
    zone=zones,
    name=st.text(max_size=30),
    after=st.integers(10**9, 2 * 10**9),
    share=st.integers(1, 100),
)
@example(cron="0 2,3 * * *", zone="Europe/Berlin", name="n", after=1_774_656_000, share=100)
def test_jitter_keeps_each_start_before_the_next_tick_and_moves_no_tick(
    cron: str, zone: str, name: str, after: int, share: int
) -> None:
    plain = parse_trigger(cron=cron, timezone=zone)
    try:
        trigger = parse_trigger(cron=cron, timezone=zone, jitter=share * 36)
    except TriggerError:
        return  # longer than from one tick to the next

    ticks = trigger.next_ticks(moment(after), 6)
    starts = [trigger.starts(tick, name) for tick in ticks]

    assert ticks == plain.next_ticks(moment(after), 6)
    assert trigger.key == plain.key
    for tick, start in zip(seconds(ticks), seconds(starts), strict=True):
        assert tick <= start < tick + trigger.jitter
        assert start == int(trigger.starts(moment(tick), name).timestamp()), "the same in whatever zone one asks"


@settings(max_examples=100, deadline=None)
@given(cron=st.sampled_from(CRONS), jitter=st.integers(1, 10**5), name=st.text(max_size=10), after=instants)
def test_where_no_clock_is_changed_starts_come_in_the_order_of_their_ticks(
    cron: str, jitter: int, name: str, after: int
) -> None:
    try:
        trigger = parse_trigger(cron=cron, jitter=jitter)
    except TriggerError:
        return

    starts = [trigger.starts(tick, name) for tick in trigger.next_ticks(moment(after), 20)]

    assert starts == sorted(starts)
    assert len(set(starts)) == len(starts)


@settings(max_examples=100, deadline=None)
@given(one=triggers(), other=triggers(), after=instants)
def test_equal_triggers_fire_equally(one: Trigger, other: Trigger, after: int) -> None:
    """Mostly of one trigger written twice, since two drawn ones are seldom equal."""
    again = parse_trigger(every=one.rule.step, start=moment(one.rule.anchor)) if one.kind == "every" else one  # type: ignore[attr-defined]
    for two in (other, again):
        if one == two:
            assert hash(one) == hash(two)
            assert seconds(one.next_ticks(moment(after), 20)) == seconds(two.next_ticks(moment(after), 20))
        elif one.next_ticks(moment(after), 20) != two.next_ticks(moment(after), 20):
            assert one.key != two.key


@pytest.mark.parametrize(
    "words",
    [
        {"cron": "0 0 29 2 SUN#5"},  # 28 to 40 years apart
        {"cron": "0 0 29 2 */7", "timezone": "Australia/Lord_Howe"},
        {"cron": "0 0 */31 2 MON#5"},
        {"cron": "59 59 23 31 12 *"},
        {"cron": "0 0 31 1,3 *", "start": "9985-01-01"},
        {"cron": "0 0 1 1 *", "end": "1000-01-01"},
        {"at": "0001-01-01"},
        {"at": "9999-12-31T23:59:59"},
        {"every": 3650 * 86_400},
        {"every": 1, "start": "9989-12-31"},
    ],
)
def test_the_search_for_what_fires_seldom_or_never_ends(words: dict[str, str]) -> None:
    try:
        trigger = parse_trigger(**words)  # type: ignore[arg-type]
    except TriggerError:
        return
    for instant in range(-62_000_000_000, 253_000_000_000, 3_000_000_000):
        later, earlier = trigger.next_tick(instant), trigger.previous_tick(instant)
        assert later is None or later > instant
        assert earlier is None or earlier < instant


def test_leap_years_of_four_centuries_are_those_of_the_calendar() -> None:
    trigger = parse_trigger(cron="0 0 29 2 *")

    years = [tick.year for tick in trigger.next_ticks(datetime(1999, 1, 1, tzinfo=UTC), 97)]

    assert years == [year for year in range(2000, 2400) if year % 4 == 0 and year not in (2100, 2200, 2300)]


@pytest.mark.parametrize(
    ("cron", "zone", "after", "tick"),
    [
        ("0 12 * * *", "Europe/Berlin", "1890-01-01T00:00+00:00", "1890-01-01T11:06:32+00:00"),  # 53 min 28 s ahead
        ("0 12 * * *", "Africa/Monrovia", "1960-01-01T00:00+00:00", "1960-01-01T12:44:30+00:00"),
        ("0 12 * * *", "Europe/Berlin", "1969-12-31T12:00+00:00", "1970-01-01T11:00+00:00"),
        ("0 12 * * *", "America/New_York", "2099-07-01T00:00+00:00", "2099-07-01T16:00+00:00"),
        ("0 12 * * *", "Asia/Kolkata", "5000-01-01T00:00+00:00", "5000-01-01T06:30+00:00"),
        ("30 2 * * *", "Europe/Berlin", "2100-03-27T12:00+00:00", "2100-03-28T01:00+00:00"),  # the rule goes on
        ("0 0 29 2 *", "Europe/Berlin", "2096-03-01T00:00+00:00", "2104-02-28T23:00+00:00"),
        ("0 12 * * *", "Pacific/Apia", "2011-12-30T00:00+00:00", "2011-12-30T10:00+00:00"),  # the day that was not
        ("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00+00:00", "2011-12-30T10:00+00:00"),
        ("0 12 21 8 *", "Kwajalein", "1993-08-01T00:00+00:00", "1993-08-21T12:00+00:00"),
        ("0 12 18 10 *", "America/Juneau", "1867-10-01T00:00+00:00", "1867-10-17T20:57:41+00:00"),  # a day twice
        ("0 0 * * *", "Asia/Beirut", "2027-03-27T12:00+00:00", "2027-03-27T22:00+00:00"),
        ("0 0 * * *", "America/Havana", "2026-03-07T12:00+00:00", "2026-03-08T05:00+00:00"),
        ("30 0 * * *", "Africa/Cairo", "2026-04-23T12:00+00:00", "2026-04-23T22:00+00:00"),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00+00:00", "2026-10-03T15:30+00:00"),
    ],
)
def test_far_and_odd_days_are_answered_by_hand_counted_ticks(cron: str, zone: str, after: str, tick: str) -> None:
    trigger = parse_trigger(cron=cron, timezone=zone)
    expected = int(datetime.fromisoformat(tick).timestamp())

    assert trigger.next_tick(int(datetime.fromisoformat(after).timestamp())) == expected
    assert trigger.previous_tick(expected + 1) == expected


def test_a_day_that_came_twice_fires_fixed_times_once_and_stars_twice() -> None:
    begin, days = datetime(1867, 10, 17, tzinfo=UTC), timedelta(days=3)
    counted = {
        cron: parse_trigger(cron=cron, timezone="America/Juneau").count_ticks(
            int(begin.timestamp()), int((begin + days).timestamp()) - 1
        )
        for cron in ("0 12 * * *", "0 */12 * * *")
    }

    assert counted == {"0 12 * * *": 2, "0 */12 * * *": 6}
