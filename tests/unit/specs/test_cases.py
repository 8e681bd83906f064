"""Every folder in tests/cases/specs is a project; what is wrong with it is compared whole with its expected.txt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.odd_files import build_case

from flowerpower.specs.checks import check_sources
from flowerpower.specs.codes import CODES
from flowerpower.specs.files.sources import read

CASES = Path(__file__).parents[2] / "cases" / "specs"
NOW = 1_800_000_000  # 2027-01-15


def problems_of(case: Path, folder: Path) -> str:
    options: dict[str, Any] = {"env": "default", "variables": {}}
    if (case / "options.json").exists():
        options |= json.loads((case / "options.json").read_text())
    problems = check_sources(read(build_case(case, folder)), **options, now=NOW).problems
    lines = [f"{problem.severity} {problem}" for problem in problems]
    return "".join(f"{line}\n" for line in lines) or "no problems\n"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_the_problems_of_a_case_are_exactly_the_expected_ones(case: str, tmp_path: Path) -> None:
    expected = (CASES / case / "expected.txt").read_text(encoding="utf-8")

    assert problems_of(CASES / case, tmp_path) == expected


def test_every_code_of_validate_is_in_a_case() -> None:
    seen = " ".join((path / "expected.txt").read_text(encoding="utf-8") for path in CASES.iterdir())

    assert {code for code in CODES if code not in seen} == {
        "FP030",  # which only `fmt` has
        "FP332",  # which needs the code to run
        "FP353",  # which looks at what is installed, when the code is run
    }
