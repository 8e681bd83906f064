"""The pages of commands and variables are those of the commands as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.commands_page import PAGE, VARIABLES, commands, commands_page, variables_page

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
