"""The examples in the documentation run, and hold, as they stand."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

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
