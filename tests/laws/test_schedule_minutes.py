"""Many triggers counted at once, against one tick after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerpower.schedule.minutes import Stretch, least_gap, runs_per_tick, spread
from flowerpower.schedule.trigger import Trigger, TriggerError, parse_trigger

DAY = 86_400
# Changes of the clocks: forward and back, at midnight, by half an hour, and one before offsets were whole minutes.
CHANGES = [
    ("Europe/Berlin", 1_806_195_600),
    ("Europe/Berlin", 1_824_944_400),
    ("America/Sao_Paulo", 1_541_300_400),
    ("Australia/Lord_Howe", 1_554_562_800),
    ("Africa/Casablanca", 1_715_479_200),
    ("Asia/Gaza", 1_711_749_600),
    ("Africa/Monrovia", 63_593_070),
    ("UTC", 1_795_500_000),
]
_field = st.sampled_from(["*", "*/7", "0", "30", "0-10", "5,59", "*/15"])
_hour = st.sampled_from(["*", "*/2", "0", "1", "2", "3", "0-3", "23", "2,3"])
_weekday = st.sampled_from(["*", "*", "mon-fri", "sun", "0#1", "1L"])
_day = st.sampled_from(["*", "*", "*", "1-15", "L", "28-31"])


@st.composite
def cron(draw: st.DrawFn) -> str:
    words = [draw(_field), draw(_hour), draw(_day), "*", draw(_weekday)]
    return " ".join([draw(st.sampled_from(["0", "59", "*/20", "30,31"])), *words] if draw(st.booleans()) else words)


@st.composite
def triggers(draw: st.DrawFn, zone: str, first: int) -> Trigger:
    bound = st.one_of(st.none(), st.none(), st.integers(first - 90, first + 2 * DAY).map(_text))
    start, end = draw(bound), draw(bound)
    rule = draw(
        st.one_of(
            cron().map(lambda text: {"cron": text}),
            st.integers(1, 200).map(lambda step: {"every": step}),
            st.sampled_from([3600, 3601, 90_000]).map(lambda step: {"every": step}),
            st.integers(first - 60, first + DAY).map(lambda moment: {"at": _text(moment)}),
        )
    )
    try:
        return parse_trigger(**rule, timezone=zone, start=start, end=end)  # type: ignore[arg-type]
    except TriggerError:
        return parse_trigger(every=3600, timezone=zone)


def _text(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Stretch, list[tuple[Trigger, int]]]:
    zone, change = draw(st.sampled_from(CHANGES))
    first = (change - draw(st.sampled_from([0, 60, 1800, 3600, 7200, 40_000, DAY, -1800, -3540])) + 59) // 60 * 60
    pairs = st.tuples(triggers(zone, first), st.integers(1, 5))
    return Stretch(first, draw(st.sampled_from([60, 1440, 2000]))), draw(st.lists(pairs, min_size=1, max_size=4))


def one_by_one(stretch: Stretch, weighted: Iterable[tuple[Trigger, int]]) -> dict[int, float]:
    found: Counter[int] = Counter()
    for trigger, weight in weighted:
        tick = trigger.next_tick(stretch.first - 1)
        while tick is not None and tick < stretch.end:
            found[(tick - stretch.first) // 60] += weight
            tick = trigger.next_tick(tick)
    return dict(found)


@settings(max_examples=200, deadline=None)
@given(world=worlds())
def test_starts_counted_at_once_are_those_counted_one_by_one(
    world: tuple[Stretch, list[tuple[Trigger, int]]],
) -> None:
    stretch, weighted = world

    assert stretch.count(weighted) == one_by_one(stretch, weighted)


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_where_clocks_are_changed_every_kind_of_cron_is_counted_right(zone: str, change: int) -> None:
    fields = product(("0", "59"), ("0", "30", "*/20"), ("0", "1", "2", "3", "0-3", "*"))
    crons = [parse_trigger(cron=f"{' '.join(field)} * * *", timezone=zone) for field in fields]

    for first in (change - 3600, change, change + 1800):
        stretch = Stretch((first + 59) // 60 * 60, 300)
        for trigger in crons:
            assert stretch.count([(trigger, 1)]) == one_by_one(stretch, [(trigger, 1)]), (trigger, first)
        assert stretch.count([(trigger, 2) for trigger in crons]) == one_by_one(stretch, [(t, 2) for t in crons])


@pytest.mark.parametrize("bound", [0, 1, 29, 59, 60, 61, 3599, 7200])
def test_a_start_or_end_within_a_minute_is_kept_to_the_second(bound: int) -> None:
    stretch = Stretch(1_795_500_000, 120)
    moment = _text(stretch.first + bound)
    for bounds in ({"start": moment}, {"end": moment}, {"start": moment, "end": moment}):
        for cron in ("*/20 * * * * *", "30 0 * * * *"):
            trigger = parse_trigger(cron=cron, **bounds)  # type: ignore[arg-type]
            assert stretch.count([(trigger, 1)]) == one_by_one(stretch, [(trigger, 1)])


@settings(max_examples=100, deadline=None)
@given(text=cron(), seconds=st.integers(1, 5000))
def test_of_ticks_that_skip_while_a_run_lasts_as_many_run_as_one_by_one(text: str, seconds: int) -> None:
    try:
        trigger = parse_trigger(cron=text)
    except TriggerError:
        return
    tick, free, ran, ticks, gap = trigger.next_tick(1_795_500_000), 0, 0, 0, 1 << 40
    while tick is not None and ran <= 50:
        if tick >= free:
            free, ran = tick + seconds, ran + 1
        ticks += ran <= 50
        following = trigger.next_tick(tick)
        gap, tick = min(gap, (following or 1 << 60) - tick), following

    assert least_gap(trigger) <= gap
    assert runs_per_tick(trigger, 1_795_500_000, seconds) == pytest.approx(50 / ticks)


@given(
    starts=st.dictionaries(st.integers(0, 50), st.integers(1, 9), max_size=6),
    jitter=st.integers(0, 4000),
)
def test_jitter_moves_starts_later_and_loses_none(starts: dict[int, float], jitter: int) -> None:
    after = spread(starts, jitter, minutes=200)

    assert sum(after.values()) == pytest.approx(sum(starts.values()))
    assert after == pytest.approx(dict(spread(starts, jitter, minutes=100_000)))
    for minute in range(200):
        assert _until(after, minute) <= _until(starts, minute) + 1e-6, "nothing starts before its tick"
        assert _until(after, minute + jitter // 60 + 1) >= _until(starts, minute) - 1e-6, "nor later than the jitter"


def _until(starts: dict[int, float], minute: int) -> float:
    return sum(weight for at, weight in starts.items() if at <= minute)
