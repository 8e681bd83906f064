"""What the page of limits says of `validate` is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.command_line import CommandLine

PAGE = (Path(__file__).resolve().parents[2] / "docs/limits.md").read_text(encoding="utf-8")
OF_VALIDATE = next(item for item in PAGE.split("\n- ") if item.startswith("`validate` reads modules"))
DECORATORS = re.findall(r"`(\w+)`", OF_VALIDATE.split("cannot tell")[1].split("says so")[0])


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path)
    line.write("flowerpower.yaml", "name: acme\n")
    line.write("pipelines/p.yaml", "modules: [flow]\noutputs: [made]\n")
    return line


def test_types_that_do_not_fit_are_found_as_far_as_the_page_says(line: CommandLine) -> None:
    line.write("flows/flow.py", "def raw() -> str:\n    return ''\n\n\ndef made(raw: int) -> int:\n    return raw\n")
    [code] = re.findall(r"\[(FP\d+)\]", OF_VALIDATE.split("cannot tell")[0])
    assert f"error {code}" in line("validate").out

    own = "class Own:\n    pass\n\n\nclass Other:\n    pass\n\n\n"
    nodes = "def raw() -> Own:\n    return Own()\n\n\ndef made(raw: Other) -> int:\n    return 1\n"
    line.write("flows/flow.py", own + nodes)
    assert line("validate").code == 0
    assert line("validate", "--import").code == 1


@pytest.mark.parametrize("decorator", DECORATORS)
def test_what_a_decorator_makes_is_only_told_by_running_it(line: CommandLine, decorator: str) -> None:
    imported = f"from hamilton.function_modifiers import {decorator}\n\n\n"
    line.write("flows/flow.py", f"{imported}@{decorator}(str)\ndef made() -> int:\n    return 1\n")

    answer = line("validate")

    assert (answer.code, "note FP328" in answer.out) == (0, True)


def test_the_page_names_decorators() -> None:
    assert {"pipe_input", "mutate", "subdag"} <= set(DECORATORS)
