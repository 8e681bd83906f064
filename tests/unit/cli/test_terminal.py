"""Which streams get colours, and how wide they are."""

from __future__ import annotations

import pytest

from flowerpower.cli.terminal import Color, color_asked, wants_color

XTERM = {"TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("color", "environment", "is_terminal", "wanted"),
    [
        # a terminal, and what is none
        ("auto", XTERM, True, True),
        ("auto", XTERM, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {}, True, False),
        ("auto", {**XTERM, "CI": "true"}, False, False),
        ("auto", {**XTERM, "CI": "true"}, True, True),
        # NO_COLOR, which says nothing when it is empty
        ("auto", {**XTERM, "NO_COLOR": "1"}, True, False),
        ("auto", {**XTERM, "NO_COLOR": "0"}, True, False),
        ("auto", {**XTERM, "NO_COLOR": ""}, True, True),
        # FORCE_COLOR, likewise; 0 and false are what other tools take for a no
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "3", "TERM": "dumb"}, False, True),
        ("auto", {"FORCE_COLOR": ""}, False, False),
        ("auto", {**XTERM, "FORCE_COLOR": "0"}, True, False),
        ("auto", {**XTERM, "FORCE_COLOR": "false"}, True, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        # the flag
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        ("never", {**XTERM, "FORCE_COLOR": "1"}, True, False),
    ],
)
def test_the_flag_comes_before_the_variables_and_those_before_the_terminal(
    color: Color, environment: dict[str, str], is_terminal: bool, wanted: bool
) -> None:
    assert wants_color(color, environment, is_terminal=is_terminal) is wanted


@pytest.mark.parametrize(
    ("line", "environment", "color"),
    [
        ("plan", {}, "auto"),
        ("plan --color never", {}, "never"),
        ("plan --color=always", {}, "always"),
        ("plan --color always --color never", {}, "never"),
        ("plan --no-color", {}, "never"),
        ("plan --no-color --color always", {}, "always"),
        ("plan --color blue", {}, "auto"),
        ("plan --color", {}, "auto"),
        ("plan", {"FLOWERPOWER_COLOR": "always"}, "always"),
        ("plan", {"FLOWERPOWER_NO_COLOR": "1"}, "never"),
        ("plan", {"FLOWERPOWER_NO_COLOR": "0"}, "auto"),
        ("plan --color=always", {"FLOWERPOWER_NO_COLOR": "1"}, "always"),
    ],
)
def test_a_call_that_is_not_understood_still_says_which_colours_it_wants(
    line: str, environment: dict[str, str], color: Color
) -> None:
    assert color_asked(line.split(), environment) == color
