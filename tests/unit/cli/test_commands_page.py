"""The pages of commands and variables are those of the commands as they are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest
from support.commands_page import PAGE, VARIABLES, commands, commands_page, variables_page
from support.walk import ENDLESS

from flowerpower.cli.drift import DRIFTED
from flowerpower.cli.process import INTERRUPTED, PENDING, PIPE_CLOSED
from flowerpower.errors import FlowerPowerError

NAMES = [name for name, _ in commands()]


def test_the_page_of_commands_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == commands_page(), "run `make docs`"


def test_the_table_of_variables_is_up_to_date() -> None:
    text = VARIABLES.read_text(encoding="utf-8")

    assert text == variables_page(text), "run `make docs`"


@pytest.mark.parametrize("name", NAMES)
def test_a_command_has_a_section_with_an_example(name: str) -> None:
    [section] = re.findall(rf"\n## `{name}`\n(.*?)(?=\n## |\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL)

    assert f"flowerpower {name}" in section
    assert re.search(r"```console\n\$ ", section)
    assert "Exit codes: **0** done" in section


def test_every_variable_that_the_code_names_is_on_the_page(checkout: Path) -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in (checkout / "flowerpower").rglob("*.py"))
    named = set(re.findall(r"\bFLOWERPOWER_[A-Z_]*[A-Z]\b", sources)) | {"RQ_KEY_PREFIX", "NO_COLOR", "FORCE_COLOR"}
    page = VARIABLES.read_text(encoding="utf-8")

    assert {name for name in named if f"`{name}`" not in page} == set()


def test_a_variable_has_one_meaning() -> None:
    by_hand, _, of_flags = VARIABLES.read_text(encoding="utf-8").partition("## The variables of flags")
    rows = re.compile(r"^\| (`.*?) \|", re.MULTILINE)

    with_a_flag, without = (set(re.findall(r"`(\w+)`", " ".join(rows.findall(text)))) for text in (of_flags, by_hand))

    assert "FLOWERPOWER_APPROVED_COMMIT" in with_a_flag
    assert "FLOWERPOWER_COMMIT" in without
    assert with_a_flag & without == set()


def kinds_of(error: type[FlowerPowerError]) -> Iterator[type[FlowerPowerError]]:
    yield error
    for kind in error.__subclasses__():
        yield from kinds_of(kind)


def literal_codes(source: str) -> set[int]:
    """Return the numbers that stand in a `return` or are given to `Exit`."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Return | ast.Call)]
    values = [node.value for node in nodes if isinstance(node, ast.Return) and node.value]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    values += [argument for node in calls if ast.unparse(node.func).endswith("Exit") for argument in node.args]
    branches = [each for value in values for each in ([value.body, value.orelse] if is_choice(value) else [value])]
    return {each.value for each in branches if isinstance(each, ast.Constant) and type(each.value) is int}


def is_choice(value: ast.expr) -> TypeGuard[ast.IfExp]:
    return isinstance(value, ast.IfExp)


def test_only_the_exit_codes_of_the_page_are_returned(checkout: Path) -> None:
    page = (PAGE.parent / "exit-codes.md").read_text(encoding="utf-8")
    explained = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    of_errors = {kind.exit_code for kind in kinds_of(FlowerPowerError)}
    lines = re.findall(r"^Exit codes: (.*)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    of_commands = {int(code) for line in lines for code in re.findall(r"\*\*(\d+)\*\*", line)}

    [interrupted] = re.findall(r"^\| 130 \|.*", page, re.MULTILINE)
    assert [name for name in (*ENDLESS, "worker", "status --watch") if f"`{name}`" not in interrupted] == [], (
        "Ctrl-C is how these end"
    )
    assert explained == {0, 1, PENDING, DRIFTED, INTERRUPTED, PIPE_CLOSED} | of_errors
    assert of_commands == explained - {PIPE_CLOSED}
    for file in (checkout / "flowerpower" / "cli").rglob("*.py"):
        assert literal_codes(file.read_text(encoding="utf-8")) <= {0, 1}, file


@pytest.mark.parametrize("code", [2, 3, 4, 6])
def test_both_pages_name_the_same_commands_for_an_exit_code(code: int) -> None:
    [row] = re.findall(rf"^\| {code} \|.*", (PAGE.parent / "exit-codes.md").read_text(encoding="utf-8"), re.MULTILINE)
    section = re.compile(r"^## `(.*?)`\n.*?^Exit codes: ([^\n]*)", re.MULTILINE | re.DOTALL)
    codes = dict(section.findall(PAGE.read_text(encoding="utf-8")))

    named = set(re.findall(r"`(\w+)", row.rpartition(" | ")[2]))
    assert {name for name, told in codes.items() if f"**{code}**" in told} == named
