"""Durations and moments in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.durations import duration_text
from flowerpower.planning.plan import Fires
from flowerpower.render.fires import move_words
from flowerpower.render.words import (
    code_span,
    cut,
    free_text,
    moment_with_utc,
    moments_in_row,
    safe,
    short,
    spoken,
    stopwatch,
    wrap,
)
from flowerpower.specs.text.width import columns
from flowerpower.specs.values import LONGEST_DURATION, parse_duration

NOW = int(datetime(2026, 11, 23, 17, 20, tzinfo=UTC).timestamp())
HOUR = 3600


@given(st.integers(0, LONGEST_DURATION))
def test_a_duration_reads_back_as_itself(seconds: int) -> None:
    assert parse_duration(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "width"),
    [("sales", 5), ("größe", 5), ("gro\u0308ße", 5), ("毎日", 4), ("ﾏｲﾆﾁ", 4), ("🌸", 2), ("☀\ufe0f", 1)],
)
def test_a_text_takes_the_columns_that_a_terminal_gives_it(text: str, width: int) -> None:
    assert columns(text) == width


@given(st.text(), st.integers(1, 30))
def test_what_is_cut_takes_no_more_than_its_columns(text: str, width: int) -> None:
    assert columns(cut(text, width)) <= width


@given(st.text())
def test_a_safe_text_is_printable(text: str) -> None:
    assert safe(text).isprintable()


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (-3, "today's 15:20"),
        (0.5, "tonight's 18:50"),
        (2, "tonight's 20:20"),
        (8, "tonight's 02:20"),
        (14, "tomorrow's 08:20"),
        (26, "tomorrow's 20:20"),
        (38, "Wed 25 Nov 08:20"),
        (24 * 40, "Sat  2 Jan 2027 18:20"),
    ],
)
def test_a_moment_is_said_as_people_would(hours: float, said: str) -> None:
    assert spoken(NOW + round(hours * HOUR), "Europe/Berlin", NOW) == said


def test_a_moment_in_its_zone_has_utc_beside_it() -> None:
    assert moment_with_utc(NOW, "Europe/Berlin", NOW) == "Mon 23 Nov 18:20 (17:20 UTC)"


def test_utc_on_another_day_says_which() -> None:
    assert moment_with_utc(NOW - 18 * HOUR, "Europe/Berlin", NOW) == "Mon 23 Nov 00:20 (Sun 23:20 UTC)"


def test_utc_alone_is_not_said_twice() -> None:
    assert moment_with_utc(NOW + 7, "UTC", NOW) == "Mon 23 Nov 17:20:07"


@pytest.mark.parametrize(
    ("digest", "shown"),
    [
        ("1a2b3c4d5e6f", "1a2b3c4"),
        ("1a2b3c4d5e6f+dirty", "1a2b3c4+dirty"),
        ("tree:1a2b3c4d5e6f", "tree:1a2b3c4"),
        ("\x1b[1m\n:a", r"\x1b[1m\n:a"),
    ],
)
def test_a_commit_is_short_and_keeps_its_marks(digest: str, shown: str) -> None:
    assert short(digest) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0004, "0.4 ms"), (0.123, "123 ms"), (12.34, "12.3 s"), (200, "3m20s")]
)
def test_a_stopwatch_shows_about_three_digits(seconds: float, shown: str) -> None:
    assert stopwatch(seconds) == shown


def test_moments_in_a_row_say_only_what_differs() -> None:
    hourly = moments_in_row([NOW, NOW + HOUR, NOW + 24 * HOUR], "Europe/Berlin", NOW)

    assert hourly == ("Mon 23 Nov 18:20 (17:20 UTC)", "19:20", "Tue 24 Nov 18:20")


def test_moments_in_a_row_say_utc_again_where_the_clocks_change() -> None:
    autumn = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp())

    assert moments_in_row([autumn, autumn + HOUR], "Europe/Berlin", NOW) == (
        "Sun 25 Oct 02:30 (00:30 UTC)",
        "02:30 (01:30 UTC)",
    )
    assert moments_in_row([autumn], "UTC", NOW) == ("Sun 25 Oct 00:30",)


def test_a_name_as_code_stays_within_its_span_and_its_cell() -> None:
    assert code_span("a`b|c\x1b") == "`a'b/c\\x1b`"


def test_an_address_in_free_text_becomes_no_link() -> None:
    assert free_text("see http://x.example or www.y.example") == "see http:&#47;&#47;x.example or www&#46;y.example"


def test_a_number_in_free_text_refers_to_no_request() -> None:
    assert free_text("wow! !12 acme/x!3 #4") == "wow! \\!12 acme/x\\!3 \\#4"


@pytest.mark.parametrize(
    ("before", "after", "moved_by", "said"),
    [
        ((0, 86_400), (5_400, 91_800), 5_400, "1h30m later"),
        ((5_400, 91_800), (0, 86_400), -5_400, "1h30m earlier"),
        ((0, 3_600), (1_800, 88_200), 1_800, ""),
        ((0,), (1_800, 88_200), 1_800, ""),
    ],
)
def test_runs_move_by_a_duration_only_where_all_of_them_do(
    before: tuple[int, ...], after: tuple[int, ...], moved_by: int, said: str
) -> None:
    assert move_words(Fires("UTC", before, after, verdict="moved", moved_by=moved_by)) == said
    assert move_words(Fires("UTC", before, after, verdict="none", moved_by=moved_by)) == ""


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("start one: flowerpower worker --env prod", ["start one:", "  flowerpower worker --env prod"]),
        ("look, `flowerpower plan --env prod` shows", ["look,", "  `flowerpower plan --env prod`", "  shows"]),
        ("flowerpower worker --env prod", ["flowerpower worker --env prod"]),
        ("so then: redis-cli -n 1 GET a; wait", ["so then:", "  redis-cli -n 1 GET a; wait"]),
        ("the command flowerpower is here", ["the command flowerpower is", "  here"]),
    ],
)
def test_a_command_that_is_there_to_be_copied_stays_on_a_line(text: str, lines: list[str]) -> None:
    assert wrap(text, 28, "  ") == lines


@given(st.lists(st.sampled_from(["::error::gone", "##[group]x", "why", "a-long-word-here"])), st.integers(4, 40))
def test_no_wrapped_line_begins_with_a_command_of_a_job(words: list[str], width: int) -> None:
    text = " ".join(["  ‖", *words])

    lines = wrap(text, width, "    ")

    assert not [line for line in lines if line.lstrip().startswith(("::", "##["))]
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
