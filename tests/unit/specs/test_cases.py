"""Every folder in tests/cases/specs is a project; what is wrong with it is compared whole with its expected.txt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowerpower.specs.checks import check_sources
from flowerpower.specs.sources import read

CASES = Path(__file__).parents[2] / "cases" / "specs"
NOW = 1_800_000_000  # 2027-01-15


def problems_of(case: Path) -> str:
    options: dict[str, Any] = {"env": "default", "variables": {}}
    if (case / "options.json").exists():
        options |= json.loads((case / "options.json").read_text())
    problems = check_sources(read(case / "input"), **options, now=NOW).problems
    lines = [f"{problem.severity} {problem}" for problem in problems]
    return "".join(f"{line}\n" for line in lines) or "no problems\n"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_the_problems_of_a_case_are_exactly_the_expected_ones(case: str) -> None:
    expected = (CASES / case / "expected.txt").read_text()

    assert problems_of(CASES / case) == expected
