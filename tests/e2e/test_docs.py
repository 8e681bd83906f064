"""The examples in the documentation run, and hold, as they stand."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from yaml import safe_load

from flowerpower.errors import Place, Problem, Severity
from flowerpower.plugins import GROUPS
from flowerpower.scaffold import init

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [(DOCS / name).read_text(encoding="utf-8") for name in ("python.md", "runs.md")]
BLOCKS = [block for page in PAGES for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_an_example_runs_in_a_new_project(block: str, tmp_path: Path) -> None:
    init(tmp_path / "acme")

    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path / "acme", capture_output=True, text=True, timeout=110, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert not re.search(r"\b[A-Z]\w+\(\w+=", done.stdout), "it prints words, not what objects are made of"


def test_the_page_of_the_python_api_names_what_a_problem_has() -> None:
    told = PAGES[0].split("`flowerpower.Problem`s")[1].split("What a guard")[0]
    named = set(re.findall(r"`(\w+)`", told))

    assert named == {*Problem._fields, *Place._fields, *get_args(Severity)}


def test_the_settings_for_editors_are_those_of_a_new_project(tmp_path: Path) -> None:
    init(tmp_path)
    [shown] = re.findall(r"```json\n(.*?)```", (DOCS / "editors.md").read_text(encoding="utf-8"), re.DOTALL)

    settings = json.loads((tmp_path / ".vscode" / "settings.json").read_text(encoding="utf-8"))

    assert json.loads(shown).items() <= settings.items()


def test_specs_can_be_checked_without_flowerpower(tmp_path: Path) -> None:
    init(tmp_path)
    [line] = re.findall(r"^\$ (check-jsonschema .*)", (DOCS / "editors.md").read_text(encoding="utf-8"), re.MULTILINE)
    command = [sys.executable, "-m", "check_jsonschema", *shlex.split(line)[1:-1], "schedules/licences_hourly.yaml"]

    good = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    (tmp_path / "schedules/licences_hourly.yaml").write_text("pipeline: licences\novrlap: skip\n")
    bad = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (good.returncode, good.stdout) == (0, "ok -- validation done\n")
    assert bad.returncode == 1
    assert "'ovrlap' was unexpected" in bad.stdout


def test_the_flags_of_a_worker_in_the_documentation_are_there() -> None:
    pages = ["workers.md", "security.md"]
    texts = "".join((DOCS / page).read_text(encoding="utf-8") for page in pages)
    named = {
        flag for line in re.findall(r"^\$ flowerpower worker(.*?)(?:#|$)", texts, re.MULTILINE) for flag in line.split()
    }
    named |= set(re.findall(r"`(--[a-z-]+)", texts)) - {"--resign"}  # which is a flag of apply

    help_text = subprocess.run(
        [sys.executable, "-m", "flowerpower", "worker", "--help"], capture_output=True, text=True, check=True
    ).stdout

    flags = {flag for flag in named if flag.startswith("--")}
    assert {"--warm", "--require-commit", "--branch", "--processes"} <= flags
    assert {flag for flag in flags if flag not in help_text} == set()


def test_the_code_on_the_page_of_plugins_is_that_of_the_example() -> None:
    page = (DOCS / "plugins.md").read_text(encoding="utf-8")
    example = DOCS.parent / "examples/flowerpower-example"
    code = "".join(file.read_text(encoding="utf-8") for file in sorted(example.rglob("*.py")))
    points = tomllib.loads((example / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)

    assert len(blocks) == 8
    assert [block for block in blocks if block not in code] == []
    assert set(re.findall(r"^## `(flowerpower\.\w+)`", page, re.MULTILINE)) == set(points) == set(GROUPS)
    shown = re.findall(r"^  \w+ +(\w+) +flowerpower-example", page, re.MULTILINE)
    assert shown == [name for group in GROUPS for name in points[group]]


def test_what_the_page_of_monitoring_shows_is_there() -> None:
    page = (DOCS / "monitoring.md").read_text(encoding="utf-8")
    flags = set(re.findall(r"(?<=\s)--[a-z-]+", " ".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))))
    commands = ("status", "worker", "scheduler")
    helps = "".join(
        subprocess.run(
            [sys.executable, "-m", "flowerpower", name, "--help"], capture_output=True, text=True, check=True
        ).stdout
        for name in commands
    )

    assert {"--watch", "--interval", "--format", "--out", "--metrics"} <= flags
    assert {flag for flag in flags if flag not in helps} == set()
    for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        assert safe_load(block)
