"""The core is pure, the environment has one reader, and only the command line prints."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PURE = ("specs/", "dataflow/", "schedule/", "state/", "planning/", "render/", "adoption/", "doctor/")
EDGES = {
    *(
        f"specs/files/{name}.py"
        for name in ("sources", "folder", "walk", "cache", "kept", "byte_code", "forked", "objects", "earlier")
    ),
    *(f"state/{name}.py" for name in ("store", "connection", "deadline", "tls", "scripts")),
    *(f"doctor/{name}.py" for name in ("server", "live", "machine", "examine")),
}
OUTSIDE = {"os", "time", "pathlib", "random", "secrets", "socket", "subprocess", "tempfile", "shutil", "glob", "io"}
CLOCKS = {"now", "utcnow", "today"}


def modules(checkout: Path) -> Iterator[tuple[str, ast.Module]]:
    package = checkout / "flowerpower"
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).as_posix(), ast.parse(path.read_bytes())


def pure_modules(checkout: Path) -> Iterator[tuple[str, ast.Module]]:
    for name, tree in modules(checkout):
        if name.startswith(PURE) and name not in EDGES:
            yield name, tree


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def called(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node.lineno, node.func.id if isinstance(node.func, ast.Name) else node.func.attr


def environment_reads(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}:
            yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (node.lineno for alias in node.names if alias.name in {"environ", "environb", "getenv"})


@pytest.mark.parametrize("source", ["import os.path", "from os import getcwd", "def f():\n    import os"])
def test_the_search_sees_an_import_in_any_form(source: str) -> None:
    assert [name for _, name in imported(ast.parse(source))] == ["os"]


def test_pure_modules_reach_for_nothing_outside(checkout: Path) -> None:
    found = [
        f"{module}:{line} imports {name}"
        for module, tree in pure_modules(checkout)
        for line, name in imported(tree)
        if name in OUTSIDE
    ]

    assert found == []


def test_pure_modules_ask_no_clock_and_open_no_file(checkout: Path) -> None:
    found = [
        f"{module}:{line} calls {name}()"
        for module, tree in pure_modules(checkout)
        for line, name in called(tree)
        if name in CLOCKS | {"open"}
    ]

    assert found == []


def test_only_the_settings_read_the_environment(checkout: Path) -> None:
    found = [f"{module}:{line}" for module, tree in modules(checkout) for line in environment_reads(tree)]

    assert [place for place in found if not place.startswith("settings.py:")] == []
    assert found, "the search finds nothing any more"


def test_only_the_command_line_prints(checkout: Path) -> None:
    found = [f"{module}:{line}" for module, tree in modules(checkout) for line, name in called(tree) if name == "print"]

    assert [place for place in found if not place.startswith("cli/")] == []
