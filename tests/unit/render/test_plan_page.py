"""The page about plans shows what plans look like, and names the flags and outputs that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.case_plans import plan_of_case
from typer.main import get_command

from flowerpower.cli.commands import build
from flowerpower.render.plan_markdown import plan_markdown
from flowerpower.render.plan_text import plan_text

ROOT = Path(__file__).resolve().parents[3]
CASES = ROOT / "tests" / "cases" / "render"
PAGE = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_a_part_of_a_real_plan(example: str) -> None:
    plans = [plan_of_case(CASES / name) for name in ("night", "code_only", "twelve_new")]
    shown = [
        text
        for plan in plans
        for text in (plan_text(plan, width=100), plan_markdown(plan, plan_hash="sha256:0123456789"))
    ]

    assert [text for text in shown if example in f"{text}\n"]


def test_every_flag_on_the_page_is_one_of_a_command_that_it_tells_of() -> None:
    commands = get_command(build()).commands  # type: ignore[attr-defined]
    known = {
        flag
        for name in ("plan", "apply", "show", "drift", "schema")
        for parameter in commands[name].params
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }

    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) <= known


def test_every_file_that_the_page_links_to_is_there() -> None:
    assert [link for link in re.findall(r"\]\(([^)#]+)\)", PAGE) if not (ROOT / "docs" / link).exists()] == []
