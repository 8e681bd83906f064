"""Every folder in tests/cases/specs is a project; what is wrong with it is compared whole with its expected.txt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowerpower.specs.code_rules import check_code
from flowerpower.specs.codes import CODES
from flowerpower.specs.loader import load
from flowerpower.specs.sources import read

CASES = Path(__file__).parents[2] / "cases" / "specs"
NOW = 1_800_000_000  # 2027-01-15


def problems_of(case: Path) -> str:
    options: dict[str, Any] = {"env": "default", "variables": {}}
    if (case / "options.json").exists():
        options |= json.loads((case / "options.json").read_text())
    sources = read(case / "input")
    loaded = load(sources.texts, **options)
    problems = [*sources.problems, *loaded.problems]
    problems += check_code(loaded, sources.texts, sources.modules, NOW)
    lines = [f"{problem.severity} {problem}" for problem in problems]
    return "".join(f"{line}\n" for line in lines) or "no problems\n"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_the_problems_of_a_case_are_exactly_the_expected_ones(case: str) -> None:
    expected = (CASES / case / "expected.txt").read_text()

    assert problems_of(CASES / case) == expected


def test_every_code_is_in_a_case_or_needs_a_file_that_is_odd_or_large() -> None:
    seen = " ".join((path / "expected.txt").read_text() for path in CASES.iterdir())

    missing = {code for code in CODES if code not in seen}

    odd = {"FP001", "FP002", "FP003", "FP004", "FP005", "FP007", "FP008", "FP020"}
    assert missing == odd | {"FP332"}  # the last needs the code to run
