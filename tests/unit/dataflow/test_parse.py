"""A module as a value: complete, small, and never an exception."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from flowerpower.dataflow.modules import Import, Module, Names, SyntaxMistake
from flowerpower.dataflow.parse import read_module

EXAMPLES = sorted((Path(__file__).parents[2] / "cases" / "dataflow").glob("*.py"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_a_module_can_be_stored_and_read_back(file: Path) -> None:
    module = read_module(file.read_bytes())

    assert pickle.loads(pickle.dumps(module)) == module
    assert b"_ast" not in pickle.dumps(module)


@pytest.mark.parametrize(
    ("source", "message", "line", "column"),
    [
        (b"def f(:\n    pass\n", "invalid syntax", 1, 7),
        (b"x = 1\n  y = 2\n", "unexpected indent", 2, 2),
        (b"x = 1\nreturn x\n", "'return' outside function", 2, 1),
        (b"def f():\n    nonlocal x\n", "no binding for nonlocal 'x' found", 2, 5),
        (b"x = 'a\n", "unterminated string literal (detected at line 1)", 1, 5),
        (b"x = 1\nfrom __future__ import annotations\n", None, 2, 1),
        (b"# coding: no-such-coding\n", "unknown encoding: no-such-coding", 1, 1),
        (b"x = '\xff'\n", None, 1, None),
        (b"x = 1\0\n", None, 1, None),
        (b"(" * 5000, None, 1, None),
        (b"x = " + b"-" * 20_000 + b"1\n", None, 1, None),
    ],
)
def test_what_python_cannot_read_is_a_mistake_in_its_words(
    source: bytes, message: str | None, line: int, column: int | None
) -> None:
    mistake = read_module(source).mistake

    assert isinstance(mistake, SyntaxMistake)
    assert message in (None, mistake.message)
    assert (mistake.spot.line, column or mistake.spot.column) == (line, mistake.spot.column)


@pytest.mark.parametrize("source", [b"", b"\xef\xbb\xbfx = 1\n", "# coding: latin-1\nx = 'é'\n".encode("latin-1")])
def test_files_without_functions_are_modules_too(source: bytes) -> None:
    assert read_module(source)._replace(names=Names()) == Module()


def test_imports_count_where_the_compiler_finds_a_mistake() -> None:
    module = read_module(b"import helper\nreturn helper\n")

    assert module.imports.found == (Import(0, "helper"),)


def test_a_chain_too_deep_to_follow_is_a_doubt_or_a_mistake_and_no_exception() -> None:
    module = read_module(b"x = " + b" + ".join([b"1"] * 3000) + b"\ndef f() -> int: return 1\n")

    assert module.mistake or module.doubts or [function.name for function in module.functions] == ["f"]


@pytest.mark.parametrize("step", ["X{0} + X{0}", "(X{0}, X{0})", "[*X{0}, *X{0}]", "[X{0} for i in range(1000)]"])
def test_constants_that_grow_and_grow_are_given_up(step: str) -> None:
    lines = ["X0 = [1]", *(f"X{number + 1} = {step.format(number)}" for number in range(200)), "def f() -> int: ..."]

    module = read_module("\n".join(lines).encode())

    assert [function.name for function in module.functions] == ["f"]


@pytest.mark.parametrize(
    "expression", ["A + A" + " + A" * 100, f"[{'*A, ' * 500}]", f"dict(a=1, b={'(' * 60}A{')' * 60})"]
)
def test_one_expression_that_grows_is_given_up(expression: str) -> None:
    source = f"A = [0 for _ in range(9000)]\nB = {expression}\n@undefined(*A, *A, *A)\ndef f() -> int: ...\n"

    assert [function.name for function in read_module(source.encode()).functions] == ["f"]
