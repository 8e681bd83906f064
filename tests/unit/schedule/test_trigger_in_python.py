"""What the words of a trigger may be in Python, and what it answers in datetimes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from flowerpower.schedule import TriggerError, parse_trigger

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("every", [900, "15m", "900", timedelta(minutes=15)])
def test_a_duration_is_a_text_a_number_of_seconds_or_a_timedelta(every: int | str | timedelta) -> None:
    assert parse_trigger(every=every).key == "every 900 phase 0"
    assert parse_trigger(every="1h", jitter=every).jitter == 900


@pytest.mark.parametrize(
    "every",
    [
        *(0, -60, True, 1.5, "", "0s", "soon", "1.5h", "PT15M", "3651d", 10**30),
        *(
            timedelta(0),
            timedelta(seconds=-1),
            timedelta(milliseconds=500),
            timedelta(1, microseconds=1),
            timedelta.max,
        ),
    ],
)
def test_every_is_whole_seconds_and_at_least_one(every: object) -> None:
    with pytest.raises(TriggerError, match=r"`every: .*whole seconds, at least one") as caught:
        parse_trigger(every=every)  # type: ignore[arg-type]

    assert "every: 15m" in caught.value.hint


@pytest.mark.parametrize(
    ("at", "instant"),
    [
        (date(2026, 5, 1), "2026-04-30T22:00+00:00"),
        (datetime(2026, 5, 1, 6, 30), "2026-05-01T04:30+00:00"),
        (datetime(2026, 5, 1, 6, 30, tzinfo=UTC), "2026-05-01T06:30+00:00"),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), "2026-10-25T01:30+00:00"),
        (datetime(1890, 1, 1, tzinfo=BERLIN), "1889-12-31T23:06:32+00:00"),  # no whole minutes from UTC
        (datetime(2026, 5, 1, tzinfo=timezone(timedelta(seconds=17))), "2026-04-30T23:59:43+00:00"),
    ],
)
def test_a_moment_may_be_a_date_or_a_datetime(at: date, instant: str) -> None:
    expected = datetime.fromisoformat(instant)

    assert parse_trigger(at=at, timezone="Europe/Berlin").next_tick(-(10**11)) == expected.timestamp()
    assert parse_trigger(every=1, start=at, timezone="Europe/Berlin").start == expected.timestamp()


def test_a_moment_with_a_fraction_of_a_second_is_refused() -> None:
    with pytest.raises(TriggerError, match=r"start: .*is not a date or a time") as caught:
        parse_trigger(every=60, start=datetime(2026, 1, 1, microsecond=1))

    assert "whole seconds" in caught.value.hint


def test_an_at_that_is_past_has_no_next_tick_and_was_the_last() -> None:
    trigger = parse_trigger(at="2020-01-01T06:00")
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert trigger.next_ticks(now, 5) == []
    assert trigger.previous_ticks(now, 5) == [datetime(2020, 1, 1, 6, tzinfo=UTC)]


def test_an_at_outside_of_its_bounds_never_fires() -> None:
    trigger = parse_trigger(at="2026-01-01", start="2026-01-02")

    assert trigger.next_tick(0) is None
    assert trigger.previous_tick(10**10) is None


def test_the_last_ticks_come_newest_first_and_strictly_before() -> None:
    trigger = parse_trigger(cron="0 6 * * MON-FRI", timezone="Europe/Berlin")
    monday = datetime(2026, 1, 12, 6, tzinfo=BERLIN)

    friday, thursday = trigger.previous_ticks(monday, 2)

    assert (friday, thursday) == (datetime(2026, 1, 9, 6, tzinfo=BERLIN), datetime(2026, 1, 8, 6, tzinfo=BERLIN))
    assert trigger.previous_ticks(monday + timedelta(microseconds=1), 1) == [monday]
    assert str(friday) == "2026-01-09 06:00:00+01:00"


def test_a_count_has_bounds_that_the_error_names() -> None:
    trigger = parse_trigger(every=1)
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert trigger.next_ticks(now, 0) == trigger.previous_ticks(now, 0) == []
    assert trigger.next_ticks(now, 100_000)[-1] == now + timedelta(seconds=100_000)
    for count in (-1, 100_001, 10**12):
        with pytest.raises(ValueError, match=r"`count` is .*not between 0 and 100000: ask again"):
            trigger.next_ticks(now, count)


@pytest.mark.parametrize("name", ["next_ticks", "previous_ticks"])
def test_a_naive_moment_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"`(after|before)` needs a time zone"):
        getattr(parse_trigger(cron="@daily"), name)(datetime(2026, 1, 1), 1)


def test_the_ends_of_the_calendar_are_answered_too() -> None:
    trigger = parse_trigger(cron="0 0 29 2 *", timezone="Pacific/Kiritimati")
    last, first = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=timezone(timedelta(hours=23)))

    assert trigger.next_ticks(last, 1) == []
    assert trigger.previous_ticks(first, 1) == []
    assert trigger.previous_ticks(last, 1)[0].year == 9988
    assert trigger.next_ticks(first, 1)[0].year == 4


def test_a_start_is_held_back_by_the_same_time_for_a_tick_and_another_for_each_schedule() -> None:
    trigger = parse_trigger(cron="0 1 * * *", timezone="Europe/Berlin", jitter="1h")
    ticks = trigger.next_ticks(datetime(2026, 10, 20, tzinfo=UTC), 20)

    starts = [trigger.starts(tick, "nightly") for tick in ticks]

    assert starts == [trigger.starts(tick.astimezone(UTC), "nightly") for tick in ticks]
    assert all(tick <= start < tick + timedelta(hours=1) for tick, start in zip(ticks, starts, strict=True))
    assert len({start.astimezone(UTC).time() for start in starts}) > 10
    assert starts != [trigger.starts(tick, "hourly") for tick in ticks]
    assert parse_trigger(cron="0 1 * * *").starts(ticks[0], "nightly") == ticks[0]


def test_a_delay_never_changes_between_releases() -> None:
    trigger = parse_trigger(cron="@daily", jitter="30m")
    [tick] = trigger.next_ticks(datetime(2026, 12, 31, tzinfo=UTC), 1)

    assert trigger.starts(tick, "nightly") == datetime(2027, 1, 1, 0, 27, 3, tzinfo=UTC)


def test_a_delay_is_elapsed_time_where_the_clocks_change() -> None:
    trigger = parse_trigger(cron="59 1 * * *", timezone="Europe/Berlin", jitter="2h")
    [tick] = trigger.next_ticks(datetime(2026, 3, 28, 12, tzinfo=UTC), 1)

    held = trigger.starts(tick, "nightly").astimezone(UTC) - tick.astimezone(UTC)

    assert timedelta(0) <= held < timedelta(hours=2)
    assert trigger.starts(tick, "nightly").utcoffset() == timedelta(hours=2 if held >= timedelta(minutes=1) else 1)


@pytest.mark.parametrize(
    ("words", "distance"),
    [
        ({"every": "5m"}, "5m"),
        ({"cron": "*/10 * * * *"}, "10m"),
        ({"cron": "*/25 * * * *"}, "10m"),  # 50 past, then on the hour
        ({"cron": "0 6,18 * * MON"}, "12h"),
        ({"cron": "0 0 1 * *"}, "28d"),
        ({"cron": "0 0 29 2 *"}, "1461d"),
        ({"cron": "0 23,0 L,1 * *"}, "1h"),
        ({"cron": "* * * * * *"}, "1s"),
    ],
)
def test_a_jitter_reaches_from_one_tick_to_the_next_at_most(words: dict[str, str], distance: str) -> None:
    longest = parse_trigger(**words, jitter=distance)  # type: ignore[arg-type]

    with pytest.raises(TriggerError, match=f"there are ticks only {distance} apart") as caught:
        parse_trigger(**words, jitter=longest.jitter + 1)  # type: ignore[arg-type]

    assert f"at most `jitter: {distance}`" in caught.value.hint


@pytest.mark.parametrize("jitter", [-1, 0.5, "soon", timedelta(milliseconds=1), True])
def test_a_jitter_that_is_no_duration_is_refused(jitter: object) -> None:
    with pytest.raises(TriggerError, match="`jitter: ") as caught:
        parse_trigger(cron="@daily", jitter=jitter)  # type: ignore[arg-type]

    assert "jitter: 30s" in caught.value.hint


def test_triggers_with_the_same_ticks_and_jitter_are_equal() -> None:
    assert parse_trigger(cron="@daily") == parse_trigger(cron="0 0 * * *", timezone="Etc/UTC")
    assert parse_trigger(every="1h", timezone="Asia/Tokyo") == parse_trigger(every=3600)
    assert parse_trigger(cron="@daily") != parse_trigger(cron="@daily", jitter=60)
    assert len({parse_trigger(cron="@daily"), parse_trigger(cron="0 0 * * *")}) == 1


@pytest.mark.parametrize("cron", [5, 1.5, ["0", "6"], True, b"@daily", BERLIN])
def test_a_cron_or_a_zone_that_is_no_text_is_refused(cron: object) -> None:
    with pytest.raises(TriggerError, match=r"`cron` is .*, not a text") as caught:
        parse_trigger(cron=cron)  # type: ignore[arg-type]
    assert "cron: 0 6" in caught.value.hint

    with pytest.raises(TriggerError, match=r"`timezone` is .*, not a text"):
        parse_trigger(cron="@daily", timezone=cron)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["at", "start", "end"])
def test_a_moment_of_another_kind_is_refused(word: str) -> None:
    for moment in (5, 1.5, ["2026-01-01"], b"2026-01-01"):
        words = {"every": 60, word: moment} if word != "at" else {"at": moment}
        with pytest.raises(TriggerError, match=f"`{word}: .*is not a date or a time"):
            parse_trigger(**words)  # type: ignore[arg-type]
