"""The whole is in tests/cases/specs/yaml-that-means-something-else."""

from __future__ import annotations

import pytest

from flowerpower.errors import Place, Problem
from flowerpower.specs.written import with_fitting_hints


@pytest.mark.parametrize(
    ("code", "what", "written"),
    [
        ("FP103", "expected a mapping, found the text 'https://x'", "https://x"),
        ("FP103", "expected a list, found the text '-1 -2'", "-1 -2"),
        ("FP103", "expected a list, found the text 'a'", "a"),
        ("FP112", "'owner' has no value", "# nobody"),
        ("FP010", "the quote ' is not closed", "\u201cx\u201d"),
        ("FP105", "'Sales' is not a valid name", "Sales # is one"),
    ],
)
def test_a_hint_stays_where_nothing_tells_a_better_one(code: str, what: str, written: str) -> None:
    problem = Problem(code, Place("a.yaml", 1, 4), what, "the hint")

    assert [*with_fitting_hints([problem], {"a.yaml": f"a: {written}\n".encode()})] == [problem]


def test_a_place_behind_the_end_of_its_file_is_no_trouble() -> None:
    problem = Problem("FP103", Place("a.yaml", 9, 9), "expected a list, found the text 'x'", "the hint")

    assert [*with_fitting_hints([problem], {"a.yaml": b"\xff"})] == [problem]
    assert [*with_fitting_hints([problem], {})] == [problem]
