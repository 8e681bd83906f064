"""Whole plans, compared with files: what a reviewer sees in a terminal, in a pull request, in a program."""

from __future__ import annotations

import json
import re

import pytest
from support.case_plans import CASES, RENDERED, bold, plan_of_case

from flowerpower.render.plan_markdown import plan_markdown
from flowerpower.render.plan_text import plan_text


@pytest.mark.parametrize("name", RENDERED)
@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_plan_looks_as_in_its_file(case: str, name: str) -> None:
    rendered = RENDERED[name](plan_of_case(CASES / case))

    expected = CASES / case / name
    assert not expected.exists() or rendered == expected.read_text(encoding="utf-8")
    assert expected.exists() or name != "expected.txt"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_the_last_line_is_the_one_that_tools_look_for(case: str) -> None:
    last = plan_text(plan_of_case(CASES / case)).splitlines()[-1]

    assert re.match(r"(Plan: \d+ to add, \d+ to change, \d+ to destroy\.|No changes\.)", last)


def test_a_style_only_adds_to_the_text() -> None:
    plan = plan_of_case(CASES / "everything")

    styled = plan_text(plan, width=70, style=bold)

    assert re.sub(r"\x1b\[[01]m", "", styled) == plan_text(plan, width=70)


@pytest.mark.parametrize("limit", [65_536, 3_000, 1_500])
def test_a_comment_keeps_the_limit_and_says_when_it_was_cut(limit: int) -> None:
    plan = plan_of_case(CASES / "everything")

    comment = plan_markdown(plan, limit=limit)

    assert len(comment) <= limit
    header = json.loads(comment.splitlines()[0].removeprefix("<!-- flowerpower ").removesuffix(" -->"))
    assert header["truncated"] is ("<details" not in comment)


def test_nothing_hostile_reaches_a_terminal_or_breaks_out_of_the_comment() -> None:
    plan = plan_of_case(CASES / "hostile")

    text, comment = plan_text(plan), plan_markdown(plan)

    assert all(
        line.isprintable() for line in [*text.splitlines(), *comment.replace("\N{NO-BREAK SPACE}", "").splitlines()]
    )
    assert "````diff" in comment, "the fence is longer than any run of backticks inside"
    assert "<img" not in comment
