"""When something of another tool fires is said in our words, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from croniter import croniter
from hypothesis import assume, given
from hypothesis import strategies as st

from flowerpower.adoption.found import Call, Found
from flowerpower.adoption.timing import NoTimingError, timing_of, translated
from flowerpower.schedule.errors import TriggerError
from flowerpower.schedule.trigger import parse_trigger

NOW = int(datetime(2026, 11, 25, 22, tzinfo=UTC).timestamp())
ZONES = ("UTC", "Europe/Berlin")


def found(tool: Any = "rq-cron", due: str | None = None, **more: Any) -> Found:
    moment = None if due is None else int(datetime.fromisoformat(due).timestamp())
    return Found(tool, "x", Call("acme.tasks.f"), "default", moment, **more)


def test_a_zone_is_taken_because_the_next_fire_is_one_in_it() -> None:
    utc = timing_of(found(cron="0 2 * * *", due="2026-11-26T02:00:00Z"), NOW, ZONES)
    berlin = timing_of(found(cron="0 2 * * *", due="2026-11-26T01:00:00Z"), NOW, ZONES)

    assert (utc.fields, utc.notes) == ({"cron": "0 2 * * *", "timezone": "UTC"}, ())
    assert (berlin.fields, berlin.notes) == ({"cron": "0 2 * * *", "timezone": "Europe/Berlin"}, ())


def test_a_zone_that_nobody_named_is_told_by_its_offset() -> None:
    timing = timing_of(found(cron="0 2 * * *", due="2026-11-25T23:00:00Z"), NOW, ZONES)

    assert timing.fields["timezone"] == "Etc/GMT-3"
    assert "fits Etc/GMT-3" in timing.notes[0]


def test_two_zones_that_fit_are_both_named() -> None:
    timing = timing_of(found(cron="0 2 * * *", due="2026-11-26T02:00:00Z"), NOW, ("UTC", "Europe/London"))

    assert timing.fields["timezone"] == "UTC"
    assert "fits Europe/London too" in timing.notes[0]


def test_what_fires_every_hour_needs_no_word_about_its_zone() -> None:
    assert timing_of(found(cron="*/5 * * * *", due="2026-11-25T22:05:00Z"), NOW, ZONES).notes == ()


def test_a_fire_that_fits_no_zone_and_one_that_is_not_known_are_told() -> None:
    assert "fits no zone" in timing_of(found(cron="0 2 * * *", due="2026-11-26T02:07:00Z"), NOW, ZONES).notes[0]
    assert "guess" in timing_of(found(cron="0 2 * * *"), NOW, ZONES).notes[0]


def test_an_interval_goes_on_from_its_next_fire() -> None:
    timing = timing_of(found("rq-scheduler", "2026-11-25T22:07:13Z", every=900), NOW, ZONES)

    assert timing.fields == {"every": 900, "start": "2026-11-25T22:07:13Z"}
    trigger = parse_trigger(every=900, start="2026-11-25T22:07:13Z")
    assert trigger.next_tick(NOW) == NOW + 433


@pytest.mark.parametrize("times", [2, 10])
@pytest.mark.parametrize("rule", [{"every": 900}, {"cron": "*/15 * * * *"}])
def test_what_repeats_so_many_times_ends_with_the_last_of_them(rule: dict[str, Any], times: int) -> None:
    fields: dict[str, Any] = timing_of(
        found("rq-scheduler", "2026-11-25T22:15:00Z", times=times, **rule), NOW, ZONES
    ).fields

    assert parse_trigger(**fields).count_ticks(NOW + 1, NOW + 10**6) == times


def test_a_moment_is_that_moment_and_a_past_one_is_left_to_its_scheduler() -> None:
    assert timing_of(found("rq", "2026-11-26T02:00:00Z"), NOW, ZONES).fields == {"at": "2026-11-26T02:00:00Z"}
    with pytest.raises(NoTimingError, match="was due at 2026-11-25T21:00:00Z"):
        timing_of(found("rq", "2026-11-25T21:00:00Z"), NOW, ZONES)


def test_what_should_have_fired_is_told() -> None:
    for rule in ({"every": 900}, {"cron": "0 * * * *"}):
        timing = timing_of(found("rq-scheduler", "2026-11-25T21:00:00Z", **rule), NOW, ZONES)

        assert any("has been due since" in note for note in timing.notes)


@pytest.mark.parametrize(
    ("tool", "text", "ours"),
    [
        ("rq-cron", "0 2 * * * 30", "30 0 2 * * *"),
        ("rq-cron", "0 2 * * * 0", "0 2 * * *"),
        ("rq-cron", "0 2 * * * 0 *", "0 2 * * *"),
        ("rq-cron", "0 0 13 * 5", "0 0 13 * 5"),
        ("rq-cron", "@Daily", "0 0 * * *"),
        ("rq-scheduler", "0 2 * * * *", "0 2 * * *"),
        ("rq-scheduler", "30 0 2 * * * *", "30 0 2 * * *"),
        ("rq-scheduler", "0 0 */10 * 5", "0 0 */10 * 5"),
        ("rq-scheduler", "0 0 ? * 5", "0 0 ? * 5"),
    ],
)
def test_seconds_and_years_stand_elsewhere(tool: str, text: str, ours: str) -> None:
    assert translated(tool, text) == ours


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("rq-scheduler", "0 0 13 * 5"),
        ("rq-cron", "0 0 */10 * 5"),
        ("rq-scheduler", "0 0 1 1 * 2030"),
        ("rq-cron", "H * * * *"),
    ],
)
def test_what_cron_cannot_say_here_is_refused_with_its_words(tool: str, text: str) -> None:
    with pytest.raises(NoTimingError, match="cron '"):
        timing_of(found(tool, "2026-11-26T02:00:00Z", cron=text), NOW, ZONES)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        number.map(str),
        st.integers(2, 7).map(lambda step: f"*/{step}"),
        st.tuples(number, number).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.lists(number, min_size=2, max_size=3).map(lambda items: ",".join(map(str, items))),
    )


CRONS = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)).map(list)


@given(parts=CRONS, second=st.none() | st.integers(0, 59))
def test_a_cron_of_rq_fires_here_when_it_fires_there(parts: list[str], second: int | None) -> None:
    text = " ".join([*parts, *([] if second is None else [str(second)])])
    try:
        trigger = parse_trigger(cron=translated("rq-cron", text))
    except (NoTimingError, TriggerError):
        assume(False)
    theirs = croniter(text, datetime.fromtimestamp(NOW, UTC))

    tick = NOW
    for _ in range(5):
        tick = trigger.next_tick(tick) or 0
        assert tick == int(theirs.get_next(float))
