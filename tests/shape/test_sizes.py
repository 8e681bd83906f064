"""Nothing grows beyond a screen: the sizes that no linter counts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

LONGEST_FUNCTION = 40
LONGEST_FILE = 400
FOLDERS = ("flowerpower", "project_template", "tests", "benchmarks", "demo")
VAGUE_NAMES = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}


def python_files(checkout: Path) -> Iterator[Path]:
    for folder in FOLDERS:  # what is broken on purpose stands in the cases
        files = (checkout / folder).rglob("*.py")
        yield from sorted(file for file in files if checkout / "tests" / "cases" not in file.parents)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_the_count_sees_a_function_that_is_too_long() -> None:
    source = "def long():\n" + "    pass\n" * LONGEST_FUNCTION

    assert [lines_of(function) for function in functions(ast.parse(source))] == [LONGEST_FUNCTION + 1]


def test_a_function_fits_on_a_screen(checkout: Path) -> None:
    too_long = [
        f"{path.relative_to(checkout)}:{function.lineno} {function.name} has {lines_of(function)} lines"
        for path in python_files(checkout)
        for function in functions(ast.parse(path.read_bytes()))
        if lines_of(function) > LONGEST_FUNCTION
    ]

    assert too_long == []


def test_a_file_stays_readable(checkout: Path) -> None:
    counted = {path: path.read_bytes().count(b"\n") for path in python_files(checkout)}

    assert [f"{path.relative_to(checkout)} has {n} lines" for path, n in counted.items() if n > LONGEST_FILE] == []


def test_a_file_is_named_for_what_it_does(checkout: Path) -> None:
    assert [path for path in python_files(checkout) if path.name in VAGUE_NAMES] == []
