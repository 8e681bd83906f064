"""The dataflow in a plan as a user sees it, in a real repository with a real Redis."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.command_line import FILES, CommandLine, command_line

FLOW = """\
from common import clean


def text(number: int) -> str:
    return clean(str(number))


def doubled(text: str) -> int:
    return int(text) * 2


def extra(text: str) -> str:
    return text
"""
PROJECT = {**FILES, "flows/flow.py": FLOW, "flows/common.py": "def clean(text):\n    return text\n"}


@pytest.fixture
def applied(tmp_path: Path, redis_url: str) -> CommandLine:
    """The command line in an applied project of two modules."""
    (tmp_path / "acme").mkdir()
    line = command_line(tmp_path / "acme", redis_url, PROJECT)
    assert line("apply", "--auto-approve").code == 0
    return line


def edit(line: CommandLine, path: str, old: str, new: str) -> None:
    assert old in PROJECT[path]
    line.write(path, PROJECT[path].replace(old, new))


def dataflow(line: CommandLine, *arguments: str) -> Mapping[str, Any]:
    [found] = line("plan", "--json", *arguments).document["dataflow"]
    return found  # type: ignore[no-any-return]


def test_an_edit_is_shown_with_all_that_it_reaches(applied: CommandLine) -> None:
    edit(applied, "flows/flow.py", "clean(str(number))", "clean(f'{number:d}')")
    applied.commit()

    answer = applied("plan")

    assert answer.last == "Plan: 0 to add, 3 to change, 0 to destroy."
    shown = "dataflow  ~ 1 node: text\n        downstream: doubled, extra; outputs: doubled\n"
    assert f"      {shown}        runs it: hourly, nightly\n" in answer.out
    assert re.search(r"~ pipeline\.report +code: \w+ -> \w+ +dataflow ~1\n", applied("plan", "--concise").out)


def test_nodes_that_come_and_go_are_shown_and_drawn(applied: CommandLine) -> None:
    edit(applied, "flows/flow.py", "def extra(", "def class_(")
    applied.commit()

    found = dataflow(applied)
    comment = applied("plan", "--format", "markdown").out

    assert found["nodes"] == {"added": ["class_"], "changed": [], "removed": ["extra"]}
    assert (found["downstream"], found["outputs"]) == ([], [])
    assert "`+` 1 node: class\\_, `-` 1 node: extra  \noutputs: none is reached  \n" in comment
    assert '```mermaid\nflowchart LR\n    n0["#43; class#95;"]:::added\n    n1["#45; extra"]:::removed\n' in comment


def test_a_helper_of_another_module_is_named_with_the_nodes_that_use_it(applied: CommandLine) -> None:
    edit(applied, "flows/common.py", "return text", "return text.strip()")

    answer = applied("plan")

    assert "dataflow  no node changed; other code did: flows/common.py\n        nodes that use it: text\n" in answer.out


def test_a_revision_is_compared_as_the_folder_is(applied: CommandLine) -> None:
    applied.git("switch", "--quiet", "--create", "next")
    edit(applied, "flows/flow.py", "* 2", "* 3")
    applied.commit()
    applied.git("switch", "--quiet", "main")

    assert dataflow(applied, "--ref", "next")["nodes"]["changed"] == ["doubled"]


def test_a_record_older_than_the_last_apply_is_found(applied: CommandLine) -> None:
    applied.write("schedules/weekly.yaml", 'pipeline: report\ncron: "0 2 * * 0"\n')
    applied.commit()
    assert applied("apply", "--auto-approve").code == 0
    applied.git("checkout", "--quiet", "--orphan", "squashed")
    edit(applied, "flows/flow.py", "* 2", "* 3")
    applied.commit()

    assert dataflow(applied)["nodes"]["changed"] == ["doubled"]


def test_what_was_applied_with_uncommitted_changes_is_not_known(applied: CommandLine) -> None:
    edit(applied, "flows/flow.py", "* 2", "* 3")
    assert applied("apply", "--auto-approve").code == 0
    edit(applied, "flows/flow.py", "* 2", "* 4")
    applied.commit()

    parent = applied.git("rev-parse", "HEAD^")
    assert dataflow(applied)["unknown"] == f"it was applied with uncommitted changes, on top of {parent[:7]}"


def test_uncommitted_changes_elsewhere_do_no_harm(applied: CommandLine) -> None:
    applied.write("schedules/nightly.yaml", 'pipeline: report\ncron: "0 3 * * *"\n')
    edit(applied, "flows/flow.py", "* 2", "* 3")
    applied.git("add", "flows")
    applied.git("commit", "--quiet", "--message=three")
    assert applied("apply", "--auto-approve").code == 0
    edit(applied, "flows/flow.py", "* 2", "* 4")

    assert dataflow(applied)["nodes"]["changed"] == ["doubled"]


def test_a_shallow_clone_says_what_to_do(applied: CommandLine, tmp_path: Path) -> None:
    first = applied.git("rev-parse", "HEAD")
    edit(applied, "flows/flow.py", "* 2", "* 3")
    applied.commit()
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", applied.folder.as_uri(), str(clone)], check=True)

    answer = replace(applied, folder=clone)("plan")

    assert f"dataflow  not known: commit {first[:7]} is not in this clone" in answer.out
    assert answer.last == "Plan: 0 to add, 3 to change, 0 to destroy."


def test_a_folder_outside_git_says_so(applied: CommandLine) -> None:
    edit(applied, "flows/flow.py", "* 2", "* 3")
    (applied.folder / ".git").rename(applied.folder.parent / "elsewhere")

    assert dataflow(applied)["unknown"] == "this folder is not in git"


def test_only_what_matters_to_a_graph_is_told(applied: CommandLine) -> None:
    applied.write("pipelines/report.yaml", f"{PROJECT['pipelines/report.yaml']}timeout: 5m\n")
    assert applied("plan", "--json").document["dataflow"] == []
    assert "dataflow" not in applied("plan").out
