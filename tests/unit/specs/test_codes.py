"""Every code has an example that has it, and the page that explains them all is up to date."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.code_examples import Example, examples, run_example
from support.codes_page import PAGE, codes_page

from flowerpower.project import FlowerPowerProject
from flowerpower.specs.codes import CODES

# FP030 tells of a bug in `fmt`: an example of it would be mended at once.
EXAMPLES = {example.code: example for example in examples()}


def test_every_code_is_explained_by_an_example() -> None:
    assert CODES.keys() - {"FP030"} == EXAMPLES.keys(), "tests/cases/codes has a file for each code of specs/codes.py"


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_has_its_code_until_it_is_mended(example: Example, tmp_path: Path) -> None:
    outcome = run_example(example, tmp_path)

    assert example.code in [problem.code for problem in outcome.before]
    assert [problem for problem in outcome.after if problem.severity != "note"] == []


@pytest.mark.parametrize("code", [code for code in CODES if CODES[code].can_be_silenced])
def test_a_comment_above_the_place_silences_a_code_that_can_be(code: str, tmp_path: Path) -> None:
    outcome = run_example(replace(EXAMPLES[code], mended=()), tmp_path)

    for place in sorted({problem.place for problem in outcome.before}, reverse=True):
        lines = (tmp_path / place.file).read_text().splitlines(keepends=True)
        lines.insert(place.line - 1, f"# flowerpower: ignore {code} meant so\n")
        (tmp_path / place.file).write_text("".join(lines))
    with FlowerPowerProject.load(tmp_path) as project:
        assert project.problems == ()


def test_the_page_of_codes_is_the_one_of_the_code(tmp_path: Path) -> None:
    assert PAGE.read_text(encoding="utf-8") == codes_page(tmp_path), "run `make docs`"
