"""The canonical layout, shown by cases; the laws are in tests/laws/test_specs_layout.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowerpower.specs.layout.format import Formatted, format_spec

CASES = Path(__file__).parents[2] / "cases" / "layout"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_case_looks_as_expected_and_stays_so(case: str) -> None:
    expected = (CASES / case / "expected.yaml").read_bytes()

    assert format_spec("x.yaml", (CASES / case / "input.yaml").read_bytes()) == Formatted(expected)
    assert format_spec("x.yaml", expected) == Formatted(expected)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_the_line_ends_are_those_of_the_first_line(ending: str) -> None:
    text = f"a:  |{ending}   x\r\n   y\n# end"

    assert format_spec("x.yaml", text.encode()).content.decode() == "a: |\n  x\n  y\n# end\n".replace("\n", ending)


def test_a_byte_order_mark_goes() -> None:
    assert format_spec("x.yaml", "\ufeffa: 1\n".encode()) == Formatted(b"a: 1\n")


@pytest.mark.parametrize("text", ["a: |\n  no line end", "a: >+\n  no line end", "a: |\n  x\n   "])
def test_a_scalar_that_the_end_of_the_file_cuts_off_keeps_its_value(text: str) -> None:
    assert format_spec("x.yaml", text.encode()) == Formatted(text.encode())


def test_a_long_line_is_not_broken() -> None:
    text = f"a: {'word ' * 200}word\nb: [{'1, ' * 200}1]\n"

    assert format_spec("x.yaml", text.encode()) == Formatted(text.encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 日本  # wide\nb: 1     # narrow\n", "a: 日本 # wide\nb: 1    # narrow\n"),
        ("a: e\u0301e\u0301  # marks\nb: 1   # plain\n", "a: e\u0301e\u0301 # marks\nb: 1  # plain\n"),
    ],
)
def test_comments_are_in_one_column_on_the_screen(text: str, expected: str) -> None:
    assert format_spec("x.yaml", text.encode()).content.decode() == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [1\nb:  2\n", "FP010"),
        ("a:  1\na:  2\n", "FP011"),
        ("a:  !secret x\n", "FP012"),
        ("a:  1\n\tb: 2\n", "FP010"),
        ("# nothing\n", "FP018"),
        ("<<<<<<< ours\na:  1\n", "FP007"),
    ],
)
def test_a_file_with_a_mistake_is_left_as_it_is(text: str, code: str) -> None:
    formatted = format_spec("x.yaml", text.encode())

    assert formatted.content == text.encode()
    assert code in [problem.code for problem in formatted.problems]


def test_what_would_mean_something_else_is_left_as_it_is() -> None:
    # At the left the three dots would end the document: only a text that is no spec can be written so.
    formatted = format_spec("x.yaml", b" ...\n   plain text\n")

    assert formatted.content == b" ...\n   plain text\n"
    assert [problem.code for problem in formatted.problems] == ["FP030"]


def test_the_documentation_shows_what_it_does() -> None:
    text = (CASES.parents[2] / "docs" / "fmt.md").read_text(encoding="utf-8")
    before, after = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)

    assert format_spec("x.yaml", before.encode()) == Formatted(after.encode())
