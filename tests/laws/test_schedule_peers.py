"""Cron beside its peers: equal where the dialects agree, and each difference named and explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from croniter import croniter
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flowerpower.schedule.trigger import TriggerError, parse_trigger

starts = st.datetimes(datetime(1999, 1, 1), datetime(2060, 1, 1)).map(lambda moment: moment.replace(microsecond=0))


@st.composite
def field(draw: st.DrawFn, low: int, high: int, *, steps: bool = True) -> str:
    """A field on which all three dialects agree: no range of one number, no step beyond its range."""
    terms = []
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        first = draw(st.integers(low, high - 1))
        last = draw(st.integers(first + 1, high))
        step = draw(st.integers(1, max(1, (last - first) // 2)))
        forms = ["*", f"{first}", f"{first}-{last}"] + ([f"*/{step}", f"{first}-{last}/{step}"] if steps else [])
        terms.append(draw(st.sampled_from(forms)))
    return "*" if "*" in terms else ",".join(terms)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    weekday = draw(st.one_of(st.just("*"), field(0, 6), st.sampled_from(["MON-FRI", "SUN", "2#2", "5#5", "sat"])))
    day = draw(st.one_of(st.just("*"), field(1, 31), st.just("L")))
    return f"{draw(field(0, 59))} {draw(field(0, 23))} {day} {draw(field(1, 12))} {weekday}"


def ours(cron: str, start: datetime, count: int) -> list[datetime]:
    try:
        trigger = parse_trigger(cron=cron)
    except TriggerError:
        assume(condition=False)
    return [tick.replace(tzinfo=None) for tick in trigger.next_ticks(start.replace(tzinfo=UTC), count)]


@settings(max_examples=200, deadline=None)
@given(cron=expressions(), start=starts)
def test_in_utc_we_walk_as_cronsim_walks(cron: str, start: datetime) -> None:
    mine = ours(cron, start, 5)
    forwards = list(islice(CronSim(cron, start), 5))
    backwards = list(islice(CronSim(cron, mine[-1], reverse=True), 4))

    assert mine == forwards
    assert mine[-2::-1] == backwards


@settings(max_examples=200, deadline=None)
@given(cron=expressions(), start=starts)
def test_in_utc_we_agree_with_croniter(cron: str, start: datetime) -> None:
    assume("#" not in cron or cron.split()[2] == "*")  # explained below
    mine = ours(cron, start, 4)
    peer = croniter(cron, start, implement_cron_bug=True, max_years_between_matches=50)

    assert mine == [peer.get_next(datetime) for _ in range(4)]


@pytest.mark.parametrize(
    ("cron", "start", "mine", "theirs", "why"),
    [
        ("0 12-12 * * *", "2026-01-01T00:00", "2026-01-01T12:00", "2026-01-01T01:00", "12-12 is 12, not every hour"),
        (
            "0 0 */10 * MON",
            "2026-01-01T00:00",
            "2026-05-11T00:00",
            "2026-01-05T00:00",
            "a star in a day field: both match",
        ),
        (
            "0 0 13 * 2#2",
            "2026-02-11T00:00",
            "2026-02-13T00:00",
            "2026-03-10T00:00",
            "2#2 is a day like any: either matches",
        ),
    ],
)
def test_where_we_differ_from_croniter_in_utc(cron: str, start: str, mine: str, theirs: str, why: str) -> None:
    begin = datetime.fromisoformat(start)

    assert ours(cron, begin, 1) == [datetime.fromisoformat(mine)], why
    assert croniter(cron, begin).get_next(datetime) == datetime.fromisoformat(theirs), why


def test_seconds_come_first_here_and_last_in_croniter() -> None:
    start = datetime(2026, 1, 1)

    assert ours("30 15 6 * * *", start, 1) == [datetime(2026, 1, 1, 6, 15, 30)]
    assert croniter("15 6 * * * 30", start).get_next(datetime) == datetime(2026, 1, 1, 6, 15, 30)


def test_a_fixed_time_that_comes_twice_fires_once_here_and_twice_in_croniter() -> None:
    trigger = parse_trigger(cron="30 1 * * *", timezone="America/New_York")
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)

    assert trigger.next_ticks(first, 1) == [datetime(2026, 11, 2, 6, 30, tzinfo=UTC)]
    assert (
        croniter("30 1 * * *", trigger.next_ticks(first - timedelta(hours=1), 1)[0]).get_next(float)
        == (first + timedelta(hours=1)).timestamp()
    )


@pytest.mark.parametrize(
    ("cron", "zone", "after", "tick", "why"),
    [
        (
            "30 1 * * *",
            "America/New_York",
            "2025-11-02T01:15-05:00",
            "2025-11-03T01:30-05:00",
            "it answers with the past",
        ),
        ("8 */2 * * *", "America/St_Johns", "2010-11-06T23:07-02:30", "2010-11-07T00:08-03:30", "it never answers"),
        (
            "* 12-14 * * *",
            "Australia/Lord_Howe",
            "2026-10-04T01:45+10:30",
            "2026-10-04T12:00+11:00",
            "it drifts by 30 min",
        ),
        (
            "* */2 * * *",
            "America/Sao_Paulo",
            "2018-11-03T23:30-03:00",
            "2018-11-04T02:00-02:00",
            "hours that do not match",
        ),
    ],
)
def test_where_cronsim_with_zones_goes_wrong_we_do_not(cron: str, zone: str, after: str, tick: str, why: str) -> None:
    trigger = parse_trigger(cron=cron, timezone=zone)

    assert trigger.next_ticks(datetime.fromisoformat(after), 1) == [datetime.fromisoformat(tick)], why
