"""The project in the documentation of specs is good, and renders as shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.command_line import CommandLine

from flowerpower.specs.loader import load

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "layers.md").read_text(encoding="utf-8")
FILES = re.findall(r"```yaml\n(# (\S+)\n.*?)```", PAGE, re.DOTALL)
CONNECTIONS = re.findall(r"```yaml\n(redis:.*?)```", (DOCS / "redis.md").read_text(encoding="utf-8"), re.DOTALL)
CONSOLE_BLOCK = r"```console\n\$ flowerpower (.*?)\n(.*?)```"
RENDERED = re.findall(r"```console\n\$ flowerpower (render .*?)\n```\n\n```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def documented(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path)
    for text, path in FILES:
        line.write(path, text)
    line.write("flows/sales.py", "def report(region: str, day: str, token: str) -> str:\n    return region\n")
    return line


@pytest.mark.parametrize("env", ["default", "staging", "prod"])
def test_the_documented_project_is_valid(documented: CommandLine, env: str) -> None:
    answer = documented("validate", "--env", env)

    assert (answer.code, answer.err) == (0, ""), answer.out


def test_a_mistake_in_a_patch_is_told_as_documented(documented: CommandLine) -> None:
    [(command, shown)] = re.findall(CONSOLE_BLOCK, (DOCS / "validate.md").read_text(encoding="utf-8"), re.DOTALL)
    sales = "modules: [sales]\noutputs: [report]\ninputs: {region: EU, day: '1', token: x}\n"
    documented.write("pipelines/sales.yaml", f"{sales}environments: {{prod: {{retry: {{max: 3, intervls: [10s]}}}}}}\n")

    answer = documented(*command.split())

    assert answer.out + answer.err == shown


def test_render_answers_as_documented(documented: CommandLine) -> None:
    [(command, shown)] = RENDERED

    answer = documented(*command.split())

    before, after = shown.split("...\n")
    assert answer.out.startswith(before)
    assert after in answer.out


@pytest.mark.parametrize("text", CONNECTIONS, ids=range(len(CONNECTIONS)))
def test_a_documented_connection_is_valid(text: str) -> None:
    loaded = load({"flowerpower.yaml": f"name: acme\n{text}".encode()}, env="default", variables={})

    assert loaded.problems == ()
