"""Cron against a brute force that shares nothing with it.

The oracle walks every minute (or second) of real time, looks at the clock of the zone, and applies the rule as it
is written down: a wildcard cron fires whenever the clock shows a match; a fixed one fires the first time it does, and
where a gap ends that swallowed a match. The fields are drawn together with what they mean, so nothing is parsed twice.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.clocks import backwards, forwards

from flowerpower.schedule.trigger import Trigger, TriggerError, parse_trigger
from flowerpower.schedule.zones import load_zone, zone_names

HOUR = 3600
DAY = 86_400
ZONES = sorted(zone_names())
HARD_ZONES = [
    "Australia/Lord_Howe",  # half an hour
    "America/New_York",
    "America/Sao_Paulo",  # at midnight
    "Africa/Casablanca",  # four times around Ramadan, and backwards in spring
    "Asia/Gaza",
    "Pacific/Apia",  # skipped a day
    "America/St_Johns",  # at one minute past midnight
    "Africa/Cairo",
    "Antarctica/Troll",  # two hours
    "Asia/Tehran",
    "Europe/Dublin",
    "UTC",
]


@dataclass(frozen=True)
class Drawn:
    """A cron expression and what it means."""

    text: str
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    runs_on: Callable[[date], bool]
    fixed: bool

    def matches(self, wall: datetime) -> bool:
        return (
            wall.second in self.seconds
            and wall.minute in self.minutes
            and wall.hour in self.hours
            and wall.month in self.months
            and self.runs_on(wall.date())
        )


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> tuple[str, frozenset[int]]:
    """A field of numbers and the numbers it stands for."""
    terms, meaning = [], set[int]()
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        step = draw(st.integers(1, high))
        text, numbers = draw(
            st.sampled_from(
                [
                    ("*", range(low, high + 1)),
                    (f"*/{step}", range(low, high + 1, step)),
                    (f"{first}", range(first, first + 1)),
                    (f"{first}-{last}", range(first, last + 1)),
                    (f"{first}-{last}/{step}", range(first, last + 1, step)),
                    (f"{first}/{step}", range(first, high + 1, step)),
                ]
            )
        )
        terms.append(text)
        meaning |= set(numbers)
    return ",".join(terms), frozenset(meaning)


def last_of_month(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def is_last_weekday(day: date) -> bool:
    later = (date(day.year, day.month, number) for number in range(day.day + 1, last_of_month(day) + 1))
    return day.weekday() < 5 and all(other.weekday() >= 5 for other in later)


@st.composite
def days_of_month(draw: st.DrawFn) -> tuple[str, Callable[[date], bool]]:
    text, numbers = draw(fields(1, 31))
    return draw(
        st.sampled_from(
            [
                ("*", lambda day: True),
                ("*", lambda day: True),
                ("?", lambda day: True),
                (text, lambda day: day.day in numbers),
                ("L", lambda day: day.day == last_of_month(day)),
                ("LW", is_last_weekday),
                (f"{text},L", lambda day: day.day in numbers or day.day == last_of_month(day)),
            ]
        )
    )


@st.composite
def days_of_week(draw: st.DrawFn) -> tuple[str, Callable[[date], bool]]:
    text, numbers = draw(fields(0, 7))
    day, nth = draw(st.integers(0, 7)), draw(st.integers(1, 5))
    word = ("SUN", "mon", "Tue", "WED", "thu", "FRI", "sat", "SUN")[day]
    return draw(
        st.sampled_from(
            [
                ("*", lambda when: True),
                ("*", lambda when: True),
                (text, lambda when: when.isoweekday() in numbers or when.isoweekday() % 7 in numbers),
                (word, lambda when: when.isoweekday() % 7 == day % 7),
                (f"{day}L", lambda when: when.isoweekday() % 7 == day % 7 and when.day + 7 > last_of_month(when)),
                (f"{word}#{nth}", lambda when: when.isoweekday() % 7 == day % 7 and (when.day - 1) // 7 + 1 == nth),
            ]
        )
    )


@st.composite
def crons(draw: st.DrawFn, *, with_seconds: bool = False) -> Drawn:
    second, seconds = draw(fields(0, 59)) if with_seconds else ("0", frozenset({0}))
    (minute, minutes), (hour, hours) = draw(fields(0, 59)), draw(fields(0, 23))
    month, months = draw(st.one_of(st.just(("*", frozenset(range(1, 13)))), fields(1, 12)))
    (day, on_day), (weekday, on_weekday) = draw(days_of_month()), draw(days_of_week())
    both = day.startswith(("*", "?")) or weekday.startswith("*")

    def runs_on(when: date) -> bool:
        return on_day(when) and on_weekday(when) if both else on_day(when) or on_weekday(when)

    text = " ".join(([second] if with_seconds else []) + [minute, hour, day, month, weekday])
    fixed = not minute.startswith("*") and not hour.startswith("*")
    return Drawn(text, seconds, minutes, hours, months, runs_on, fixed)


def at_time(text: str, minutes: set[int], hours: set[int], *, fixed: bool) -> Drawn:
    """An expression for every day."""
    months = frozenset(range(1, 13))
    return Drawn(text, frozenset({0}), frozenset(minutes), frozenset(hours), months, lambda day: True, fixed)


@lru_cache(maxsize=2000)
def changes(zone: str, year: int) -> tuple[int, ...]:
    """Roughly when the clocks of a zone are changed in that year: the end of the six hours that hold it."""
    info = ZoneInfo(zone)
    begin = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    moments = range(begin, begin + 366 * DAY, 6 * HOUR)
    offsets = [datetime.fromtimestamp(moment, info).utcoffset() for moment in moments]
    return tuple(moments[i] for i in range(1, len(offsets)) if offsets[i] != offsets[i - 1])


def walls(zone: str, begin: int, end: int, step: int) -> Iterator[tuple[int, datetime]]:
    info = ZoneInfo(zone)
    for instant in range(begin, end, step):
        yield instant, datetime.fromtimestamp(instant, info).replace(tzinfo=None)


def fires(cron: Drawn, zone: str, begin: int, end: int, *, step: int = 60, before: int = 27 * HOUR) -> list[int]:
    """Every fire from begin to before end, found by looking at the clock all the time; `before` warms up its memory."""
    seen: set[datetime] = set()
    found: list[int] = []
    tick, previous = timedelta(seconds=step), None
    for instant, wall in walls(zone, begin - before, end, step):
        gap = previous is not None and wall > previous + tick
        swallowed = False
        while cron.fixed and gap and previous + tick < wall:
            previous += tick
            swallowed = swallowed or cron.matches(previous)
        if swallowed or (cron.matches(wall) and not (cron.fixed and wall in seen)):
            found.append(instant)
        seen.add(wall)
        previous = wall
    return [instant for instant in found if instant >= begin]


def parsed(cron: str, zone: str) -> Trigger | TriggerError:
    try:
        return parse_trigger(cron=cron, timezone=zone)
    except TriggerError as refused:
        return refused


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, int]:
    """A zone and a minute, near a change of its clocks if that year has one."""
    zone = draw(st.one_of(st.sampled_from(HARD_ZONES), st.sampled_from(ZONES)))
    year = draw(st.one_of(st.integers(2018, 2032), st.integers(1973, 2060)))
    near = changes(zone, year)
    middle = draw(st.sampled_from(near)) if near else int(datetime(year, 6, 1, tzinfo=UTC).timestamp())
    return zone, middle - draw(st.integers(0, 48 * 60)) * 60


@settings(max_examples=250, deadline=None)
@given(cron=crons(), window=windows())
def test_a_cron_fires_exactly_when_the_clock_says_so(cron: Drawn, window: tuple[str, int]) -> None:
    zone, begin = window
    end = begin + 2 * DAY
    trigger = parsed(cron.text, zone)
    if isinstance(trigger, TriggerError):
        assert "never fires" in trigger.what
        assert not any(cron.runs_on(day) for day in days_of_28_years() if day.month in cron.months)
        return

    expected = fires(cron, zone, begin, end)

    assert forwards(trigger, begin, end) == expected
    assert backwards(trigger, begin, end) == expected


def days_of_28_years() -> Iterator[date]:
    """Every date of a whole cycle of weekdays and leap years."""
    return (date(2000, 1, 1) + timedelta(days=number) for number in range(28 * 1461 // 4 + 1))


@settings(max_examples=25, deadline=None)
@given(cron=crons(with_seconds=True), window=windows(), shift=st.integers(0, 59))
def test_a_cron_with_seconds_fires_exactly_when_the_clock_says_so(
    cron: Drawn, window: tuple[str, int], shift: int
) -> None:
    zone, begin = window
    near = changes(zone, datetime.fromtimestamp(begin, UTC).year)
    middle = min(near, key=lambda moment: abs(moment - begin)) if near else begin
    begin = middle - 4 * HOUR + shift
    trigger = parsed(cron.text, zone)
    if isinstance(trigger, TriggerError):
        return

    # A day that is skipped or shown twice is longer than this memory: those are walked by the minute above.
    expected = fires(cron, zone, begin, begin + 3 * HOUR, step=1, before=2 * HOUR + 60)

    if zone not in {"Pacific/Apia", "Pacific/Kwajalein", "Kwajalein", "Pacific/Kiritimati", "Pacific/Enderbury"}:
        assert forwards(trigger, begin, begin + 3 * HOUR) == expected
        assert backwards(trigger, begin, begin + 3 * HOUR) == expected


@settings(max_examples=200, deadline=None)
@given(zone=st.sampled_from(ZONES), instant=st.integers(-(10**10), 10**11))
def test_a_span_knows_the_offset_of_its_every_instant(zone: str, instant: int) -> None:
    known = load_zone(zone)
    span = known.span_at(instant)

    assert span.start <= instant < span.end
    assert {known.offset(moment) for moment in (span.start, instant, span.end - 1)} == {span.offset}
    assert known.offset(span.start - 1) == span.previous
    assert known.span_at(span.end).start <= span.end


@pytest.mark.parametrize("border", [1 << 25, 50 << 25, 53 << 25, 54 << 25])
def test_remembered_stretches_of_time_join_without_a_seam(border: int) -> None:
    """Offsets are remembered in stretches of 2**25 seconds; a fire on their border is neither lost nor doubled."""
    for zone in ("UTC", "Europe/Berlin", "Asia/Kathmandu"):
        trigger = parse_trigger(cron="* * * * * *", timezone=zone)
        assert forwards(trigger, border - 5, border + 5) == list(range(border - 5, border + 5))
        assert backwards(trigger, border - 5, border + 5) == list(range(border - 5, border + 5))


@settings(max_examples=150, deadline=None)
@given(one=crons(), other=crons(), zone=st.sampled_from(HARD_ZONES))
@example(
    one=at_time("*/15 * * * *", set(), set(), fixed=False),
    other=at_time("0,15,30,45 * * * *", set(), set(), fixed=False),
    zone="Europe/Dublin",
)
def test_equal_keys_mean_equal_fires(one: Drawn, other: Drawn, zone: str) -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    for text in (other.text, one.text.upper(), one.text.replace("?", "*"), one.text.replace("*", "*/1")):
        first, second = parsed(one.text, zone), parsed(text, zone)
        if isinstance(first, Trigger) and isinstance(second, Trigger) and first.key == second.key:
            assert first.next_ticks(begin, 50) == second.next_ticks(begin, 50)


@settings(max_examples=300, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=60), st.from_regex(r"([0-9*/,#LWH?@-]{1,8} ){4,6}[0-9*A-Za-z#]{1,4}", fullmatch=True)
    )
)
def test_any_text_is_a_trigger_or_a_trigger_error(text: str) -> None:
    trigger = parsed(text, "Europe/Berlin")

    if isinstance(trigger, TriggerError):
        assert trigger.what
        assert trigger.hint
    else:
        assert trigger.next_tick(1_767_225_600) is not None


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_a_zone_or_a_trigger_error(text: str) -> None:
    trigger = parsed("@daily", text)

    assert trigger.hint if isinstance(trigger, TriggerError) else text in ZONES
