"""On a narrow terminal nothing is broken within a word, and nothing is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.case_plans import CASES, bold, plan_of_case

from flowerpower.render.narrow import folded
from flowerpower.render.plan_text import plan_text

WORDS = st.lists(st.text("abcé世…(){}", min_size=1, max_size=18), min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("      fires   Mon 30 Nov 06:00  UTC", ["      fires   Mon 30 Nov 06:00  UTC"]),
        (
            "      fires   Mon 30 Nov 06:00 (05:00 UTC)  Europe/Berlin  unchanged",
            ["      fires   Mon 30 Nov 06:00", "          (05:00 UTC)  Europe/Berlin", "          unchanged"],
        ),
        (
            "  + schedule.heartbeat    every 5s                  Mon 23 Nov 18:20:05",
            ["  + schedule.heartbeat   every 5s", "      Mon 23 Nov 18:20:05"],
        ),
        (
            '                          "0 2 * * *"               Tue 24 Nov 02:00',
            ['          "0 2 * * *"   Tue 24 Nov 02:00'],
        ),
        (
            "  + schedule.tokyo_close_of_the_afternoon_session  at noon",
            ["  + schedule.tokyo_close_of_the_afternoon_session", "      at noon"],
        ),
        ("  ~ 40 schedules  run the changed pipeline a_b", ["  ~ 40 schedules", "      run the changed pipeline a_b"]),
    ],
)
def test_a_line_is_folded_between_its_columns_first(line: str, expected: list[str]) -> None:
    assert list(folded([line], 40)) == expected


def test_colours_take_no_room() -> None:
    line = "  \x1b[32m+\x1b[0m \x1b[1mschedule.nightly\x1b[0m  \x1b[2mschedules/night.yaml\x1b[0m"

    assert list(folded([line], 42)) == [line]


@given(words=WORDS, gaps=st.lists(st.integers(1, 5), min_size=9, max_size=9), indent=st.integers(0, 30))
def test_every_word_is_there_in_its_order(words: list[str], gaps: list[int], indent: int) -> None:
    line = " " * indent + "".join(f"{word}{' ' * gap}" for word, gap in zip(words, gaps, strict=False)).rstrip()

    assert " ".join(folded([line], 40)).split() == line.split()


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_plan_fits_a_narrow_terminal_unless_a_word_does_not(case: str) -> None:
    plan = plan_of_case(CASES / case)
    lines = plan_text(plan, width=40).splitlines()

    too_wide = [line for line in lines[:-1] if len(line) > 40 and len(line.split()) > 2]
    assert too_wide == []
    coloured = plan_text(plan, width=40, style=bold)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines() == lines
    assert lines[-1] == plan_text(plan, width=100).splitlines()[-1]
