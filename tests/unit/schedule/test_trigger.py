"""What a trigger answers, in the cases a person would ask about."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flowerpower.schedule.trigger import TriggerError, parse_trigger


def ticks(after: str, count: int = 1, **words: object) -> list[str]:
    trigger = parse_trigger(**words)  # type: ignore[arg-type]
    return [str(tick) for tick in trigger.next_ticks(datetime.fromisoformat(after), count)]


def test_a_cron_is_read_in_its_zone() -> None:
    assert ticks("2026-01-01T00:00+00:00", cron="0 6 * * *", timezone="Europe/Berlin") == ["2026-01-01 06:00:00+01:00"]


def test_the_next_tick_is_strictly_after() -> None:
    assert ticks("2026-01-01T06:00+00:00", cron="0 6 * * *") == ["2026-01-02 06:00:00+00:00"]
    assert ticks("2026-01-01T05:59:59.999999+00:00", cron="0 6 * * *") == ["2026-01-01 06:00:00+00:00"]


@pytest.mark.parametrize(
    ("cron", "first"),
    [
        ("30 10 0 1 * *", "2026-02-01 00:10:30"),
        ("@hourly", "2026-01-15 01:00:00"),
        ("@daily", "2026-01-16 00:00:00"),
        ("@Midnight", "2026-01-16 00:00:00"),
        ("@weekly", "2026-01-18 00:00:00"),
        ("@monthly", "2026-02-01 00:00:00"),
        ("@yearly", "2027-01-01 00:00:00"),
        ("@annually", "2027-01-01 00:00:00"),
        ("0 0 ? * sun", "2026-01-18 00:00:00"),
        ("0 0 * * 7", "2026-01-18 00:00:00"),
        ("0 0 * * 0", "2026-01-18 00:00:00"),
        ("0 0 * * FRI-7", "2026-01-16 00:00:00"),
        ("0 0 1 jun-AUG/2 *", "2026-06-01 00:00:00"),
        ("0 0 L * *", "2026-01-31 00:00:00"),
        ("0 0 LW * *", "2026-01-30 00:00:00"),
        ("0 0 * * 1#3", "2026-01-19 00:00:00"),
        ("0 0 * * mon#5", "2026-03-30 00:00:00"),
        ("0 0 * * 5L", "2026-01-30 00:00:00"),
        ("0 0 * * friL", "2026-01-30 00:00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00:00"),
        ("0 0 13 * FRI", "2026-01-16 00:00:00"),
        ("0 0 */13 * FRI", "2026-02-27 00:00:00"),
        ("0 0 13 * */5", "2026-02-13 00:00:00"),
        ("5/20 3 * * *", "2026-01-15 03:05:00"),
    ],
)
def test_every_form_of_the_dialect_fires_where_it_says(cron: str, first: str) -> None:
    assert ticks("2026-01-15T00:00:00+00:00", cron=cron) == [first + "+00:00"]


def test_a_rare_date_is_found_across_a_century_without_a_leap_year() -> None:
    # A 29 February on a Sunday: 2088, and because 2100 is no leap year not before 2128.
    assert ticks("2088-03-01T00:00+00:00", cron="0 0 29 2 */7") == ["2128-02-29 00:00:00+00:00"]


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("61 * * * *", ("minute field `61`", "0-59")),
        ("* 24 * * *", ("hour field `24`", "0-23")),
        ("60 * * * * *", ("second field `60`",)),
        ("0 0 0 * *", ("day-of-month field `0`", "1-31")),
        ("0 0 * 13 *", ("month field `13`",)),
        ("0 0 * * 8", ("day-of-week field `8`",)),
        ("* * * *", ("4 fields",)),
        ("", ("no field",)),
        ("0 0 0 * * * 2026", ("year", "`end:`")),
        ("0 0 * * * 2026", ("day-of-week field `2026`", "year")),
        ("H 3 * * *", ("minute field", "`H`", "jitter")),
        ("H/15 3 * * *", ("minute field", "`H`")),
        ("H(0-30) 3 * * *", ("minute field", "`H`")),
        ("0 0 15W * *", ("day-of-month field `15W`", "nearest weekday", "LW")),
        ("0 0 L-3 * *", ("day-of-month field `L-3`",)),
        ("0 22-2 * * *", ("hour field `22-2`", "backwards", "22-23,0-2")),
        ("0 0 * * FRI-SUN", ("day-of-week field `FRI-SUN`", "5-7")),
        ("0 0 * NOV-FEB *", ("month field `NOV-FEB`", "11-12,1-2")),
        ("@reboot", ("@reboot", "no machine")),
        ("@every 5m", ("@every", "every: 5m")),
        ("@noon", ("@noon", "@daily")),
        ("*/0 * * * *", ("minute field `*/0`", "step of 0")),
        ("*/90 * * * *", ("minute field `*/90`", "every:")),
        ("1,,2 * * * *", ("minute field `1,,2`", "comma")),
        ("0 0 * * MON#6", ("day-of-week field `MON#6`", "#1 to #5")),
        ("0 0 * * MONDAY", ("day-of-week field `MONDAY`", "did you mean MON?")),
        ("0 0 * * MITTWOCH", ("day-of-week field `MITTWOCH`", "SUN to SAT")),
        ("0 9 - 17 * * *", ("has a space inside a field", "9-17")),
        ("60 24 * * *", ("minute field `60`", "hour field `24`")),
        ("0 0 * * L", ("day-of-week field `L`", "5L")),
        ("0 0 30 2 *", ("never fires",)),
        ("0 0 31 4,6,9,11 *", ("never fires",)),
        ("0 0 */30 2 1#5", ("never fires",)),
        ("0 0 * * ５", ("character",)),
        ("0 " * 600, ("characters long",)),
        ("9" * 900 + " * * * *", ("minute field",)),
    ],
)
def test_a_wrong_cron_is_refused_with_its_field_and_a_way_out(cron: str, words: tuple[str, ...]) -> None:
    with pytest.raises(TriggerError) as caught:
        parse_trigger(cron=cron)

    said = f"{caught.value.what} | {caught.value.hint}"
    assert caught.value.hint
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("zone", "nearest"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("America", "America/"),
        ("", "Europe/Berlin or UTC"),
        ("../../etc/passwd", "IANA"),
        ("right/Europe/Berlin", "Europe/Berlin"),
        ("localtime", "workers on other machines"),
        ("GMT+2", "Etc/GMT-2, which is 2 hours ahead of UTC"),
        ("utc-05:00", "Etc/GMT+5, which is 5 hours behind UTC"),
        ("+1", "Etc/GMT-1, which is 1 hour ahead of UTC"),
        ("+05:30", "Asia/Kolkata"),
        ("PST", "America/Los_Angeles"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("x\0y", "IANA"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_names(zone: str, nearest: str) -> None:
    with pytest.raises(TriggerError, match="there is no time zone") as caught:
        parse_trigger(cron="@daily", timezone=zone)

    assert nearest in caught.value.hint


def test_exactly_one_kind_of_trigger_is_wanted() -> None:
    for words in ({}, {"cron": "@daily", "every": 60}, {"every": 60, "at": "2026-01-01"}):
        with pytest.raises(TriggerError, match="exactly one"):
            parse_trigger(**words)  # type: ignore[arg-type]


def test_every_counts_from_the_epoch_or_from_its_start() -> None:
    assert ticks("2026-01-01T00:01+00:00", every=900) == ["2026-01-01 00:15:00+00:00"]
    assert ticks("2026-01-01T00:01+00:00", every=900, start="2026-01-01T00:07") == ["2026-01-01 00:07:00+00:00"]


def test_every_is_elapsed_time_and_no_clock_change_moves_it() -> None:
    found = ticks("2026-10-24T22:00+00:00", 3, every=7200, timezone="Europe/Berlin")

    assert found == ["2026-10-25 02:00:00+02:00", "2026-10-25 03:00:00+01:00", "2026-10-25 05:00:00+01:00"]


def test_at_is_one_moment_and_then_nothing() -> None:
    assert ticks("2026-01-01T00:00+00:00", 3, at="2026-05-01T06:00", timezone="Asia/Tokyo") == [
        "2026-05-01 06:00:00+09:00"
    ]
    assert ticks("2026-05-01T06:00+00:00", at="2026-05-01T06:00") == []


def test_an_at_with_an_offset_is_that_instant_in_any_zone() -> None:
    assert ticks("2026-01-01T00:00+00:00", at="2026-05-01T06:00:00Z", timezone="Asia/Tokyo") == [
        "2026-05-01 15:00:00+09:00"
    ]


@pytest.mark.parametrize(
    ("at", "zone", "instant"),
    [
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T03:00:00-04:00"),
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T01:30:00-04:00"),
        ("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-04T02:30:00+11:00"),
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-31T00:00:00+14:00"),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T01:00:00-02:00"),
        ("2026-06-01", "UTC", "2026-06-01T00:00:00+00:00"),
        ("2026-06-01 07:30:15", "UTC", "2026-06-01T07:30:15+00:00"),
    ],
)
def test_a_moment_in_a_gap_or_an_overlap_is_the_first_real_one(at: str, zone: str, instant: str) -> None:
    trigger = parse_trigger(at=at, timezone=zone)

    assert trigger.next_tick(0) == datetime.fromisoformat(instant).timestamp()


@pytest.mark.parametrize(
    "at", ["tomorrow", "2026-02-30", "2026-01-01T25:00", "2026-01-01T06:00:00.5", "20260101", "2026-W01-1", ""]
)
def test_a_moment_that_is_none_is_refused(at: str) -> None:
    with pytest.raises(TriggerError, match="at: ") as caught:
        parse_trigger(at=at)

    assert "2026-03-01T06:30" in caught.value.hint


def test_start_and_end_are_both_inside() -> None:
    found = ticks("2020-01-01T00:00+00:00", 9, cron="0 6 * * *", start="2026-01-01T06:00", end="2026-01-02T06:00")

    assert found == ["2026-01-01 06:00:00+00:00", "2026-01-02 06:00:00+00:00"]


def test_a_date_bound_is_the_start_of_that_day_in_the_zone() -> None:
    found = ticks(
        "2020-01-01T00:00+00:00", 9, cron="0 */12 * * *", timezone="Asia/Tokyo", start="2026-01-01", end="2026-01-02"
    )

    assert found == ["2026-01-01 00:00:00+09:00", "2026-01-01 12:00:00+09:00", "2026-01-02 00:00:00+09:00"]


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(TriggerError, match="lies before"):
        parse_trigger(every=60, start="2026-01-02", end="2026-01-01")


def test_an_end_in_the_year_9999_means_for_ever() -> None:
    assert ticks("2026-01-01T00:00+00:00", every=60, end="9999-12-31T23:59:59") == ["2026-01-01 00:01:00+00:00"]


def test_the_search_ends_with_the_calendar() -> None:
    assert ticks("9999-12-31T23:59:59+00:00", cron="* * * * *", timezone="Europe/Berlin") == []
    assert parse_trigger(cron="0 0 29 2 *").next_tick(10**30) is None
    assert parse_trigger(cron="* * * * *").previous_tick(-(10**30)) is None


def test_the_tick_before_is_what_a_run_starts_from() -> None:
    trigger = parse_trigger(cron="0 6 * * MON-FRI", timezone="Europe/Berlin", start="2026-01-05")
    monday = int(datetime(2026, 1, 12, 5, tzinfo=UTC).timestamp())
    first = int(datetime(2026, 1, 5, 5, tzinfo=UTC).timestamp())

    assert trigger.previous_tick(monday) == monday - 3 * 86400
    assert trigger.previous_tick(first) is None
    assert parse_trigger(at="2026-01-01").previous_tick(1767225600) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"cron": "@daily"}, {"cron": "0 0 * * *"}),
        ({"cron": "@weekly"}, {"cron": "0 0 * * sun"}),
        ({"cron": "0 0 * * 7"}, {"cron": "0 0 ? * 0"}),
        ({"cron": "0 0 * jan *"}, {"cron": "0  0 * 1 *"}),
        ({"cron": "0 */15 * * * *"}, {"cron": "0,15,30,45 * * * *"}),
        ({"cron": "0 0-23 * * *"}, {"cron": "0 * * * *"}),
        ({"cron": "5-5/10 * * * *"}, {"cron": "5 * * * *"}),
        ({"cron": "0 0 1-31 * MON"}, {"cron": "0 0 * * *"}),
        ({"cron": "0 0 * * *", "timezone": "Etc/UTC"}, {"cron": "0 0 * * *"}),
        (
            {"cron": "*/15 * * * *", "timezone": "Europe/Paris"},
            {"cron": "0,15,30,45 * * * *", "timezone": "Europe/Paris"},
        ),
        ({"every": 3600, "timezone": "Asia/Tokyo"}, {"every": 3600}),
        ({"at": "2026-01-01T01:00+01:00"}, {"at": "2026-01-01"}),
    ],
)
def test_two_ways_of_writing_one_trigger_share_a_key(one: dict[str, object], other: dict[str, object]) -> None:
    assert parse_trigger(**one).key == parse_trigger(**other).key  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"cron": "0 0 * * *"}, {"cron": "0 1 * * *"}),
        ({"cron": "0 0 * * *", "timezone": "Europe/Paris"}, {"cron": "0 0 * * *"}),
        # Where clocks change, `*/30` fires in both passes and `0,30` in the first only.
        ({"cron": "*/30 2 * * *", "timezone": "Europe/Paris"}, {"cron": "0,30 2 * * *", "timezone": "Europe/Paris"}),
        ({"cron": "0 0 * * MON"}, {"cron": "0 0 1-31 * MON"}),
        ({"every": 3600}, {"every": 3600, "start": "2026-01-01T00:30"}),
        ({"cron": "@daily"}, {"cron": "@daily", "end": "2026-01-01"}),
    ],
)
def test_triggers_with_other_ticks_have_other_keys(one: dict[str, object], other: dict[str, object]) -> None:
    assert parse_trigger(**one).key != parse_trigger(**other).key  # type: ignore[arg-type]
