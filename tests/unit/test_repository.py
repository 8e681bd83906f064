"""Finding every project of a repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import CommandLine

from flowerpower.repository import projects_below

FILES = (
    "flowerpower.yaml",
    "services/sales/flowerpower.yaml",
    "services/é ü/flowerpower.yml",
    "node_modules/package/flowerpower.yaml",
    ".hidden/flowerpower.yaml",
    "template/flowerpower.yaml.jinja",
    "ignored/flowerpower.yaml",
)


@pytest.fixture
def tree(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path)
    for name in FILES:
        line.write(name, "name: acme\n")
    return line


def found(folder: Path) -> list[str]:
    return [project.relative_to(folder).as_posix() for project in projects_below(folder)]


def test_outside_git_all_that_are_on_disk_are_found(tree: CommandLine) -> None:
    assert found(tree.folder) == [".", "ignored", "services/sales", "services/é ü"]


def test_in_git_those_that_it_ignores_are_left_out(tree: CommandLine) -> None:
    tree.write(".gitignore", "ignored/\n")
    tree.git("init", "--quiet")
    tree.git("add", "services")

    assert found(tree.folder) == [".", "services/sales", "services/é ü"]


def test_a_project_whose_file_is_deleted_is_none(tree: CommandLine) -> None:
    tree.git("init", "--quiet")
    tree.commit()
    (tree.folder / "services/sales/flowerpower.yaml").unlink()

    assert "services/sales" not in found(tree.folder)


def test_only_those_below_the_folder_are_found(tree: CommandLine) -> None:
    tree.git("init", "--quiet")

    assert found(tree.folder / "services") == ["sales", "é ü"]
