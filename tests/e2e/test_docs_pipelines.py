"""The projects on the pages about pipelines and data are valid, and run as shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.command_line import CommandLine

from flowerpower import FlowerPowerProject

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ["pipelines", "io"]


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def project(folder: Path, text: str) -> CommandLine:
    line = CommandLine(folder)
    line.write("flowerpower.yaml", "name: acme\n")
    copied = re.findall(r"```(?:yaml|python)\n(# (\S+)\n.*?)```", text, re.DOTALL)
    named = re.findall(r"^`(\S+)`:\n\n```csv\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    for path, content in [*((path, content) for content, path in copied), *named]:
        line.write(path, content)  # as somebody copies it who presses the button of the block
    return line


@pytest.mark.parametrize("name", PAGES)
def test_a_documented_project_is_valid_and_answers_as_shown(name: str, tmp_path: Path) -> None:
    line = project(tmp_path, page(name))

    with FlowerPowerProject.load(tmp_path) as loaded:
        assert loaded.validate() == []
    for command, shown in re.findall(r"```console\n\$ flowerpower (.*?)\n(.*?)```", page(name), re.DOTALL):
        answer = line(*command.split())
        for wanted in shown.splitlines():
            assert wanted in answer.out + answer.err


def test_pipelines_on_the_page_that_show_no_command_run_too(tmp_path: Path) -> None:
    project(tmp_path, page("pipelines"))

    with FlowerPowerProject.load(tmp_path) as loaded:
        for name, total in (("sales_parallel", 2.7), ("sales_cached", 12.75), ("sales_cached", 12.75)):
            assert loaded.pipelines.run(name).values["report"]["total"] == total
