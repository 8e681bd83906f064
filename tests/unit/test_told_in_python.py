"""What a caller of the Python API is told to do names calls and arguments, and no flag of the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowerpower.errors import FlowerPowerError
from flowerpower.told_in_python import called, in_python, speaking_as_command

# What only commands say; no call of the API leads there.
OF_COMMANDS = ("cli", "doctor", "hosting", "scaffold", "render", "adoption", "trust.py", "export.py", "adopt.py")
TYPED = re.compile(r"(?:flowerpower|git|redis-cli) [a-z]+( --?[a-z][\w-]*( \w\S*)?)+")


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ("run `flowerpower validate`", "call `project.validate()`"),
        ("plan again: `flowerpower plan --env prod`", "plan again: `project.plan()`"),
        ("flowerpower runs --env prod --job report--5", 'project.jobs.run("report--5")'),
        ("`flowerpower runs` shows them", "`project.jobs.runs()` shows them"),
        ("`flowerpower runs nightly` shows its runs", '`project.jobs.runs("nightly")` shows its runs'),
        ("`flowerpower trigger nightly` runs it now", '`project.jobs.enqueue("nightly")` runs it now'),
        ('`flowerpower pause a_b --reason "..."` stops it', '`project.jobs.pause("a_b", reason="...")` stops it'),
        ("did you mean --until 2d?", 'did you mean until="2d"?'),
        ("if it is meant: --allow-deletes 3", 'if it is meant: project.plan(Allowed(deletes="3"))'),
        ("set aside: --allow-check ACME12", 'set aside: project.plan(Allowed(checks=("ACME12",)))'),
        ("--again runs it once more", "again=True runs it once more"),
        ("flowerpower apply --ref ab12 --allow-older-commit", "flowerpower apply --ref ab12 --allow-older-commit"),
        ("git fetch --unshallow, or git remote add", "git fetch --unshallow, or git remote add"),
        ("did you mean 'report'?", "did you mean 'report'?"),
    ],
)
def test_a_hint_names_calls_and_arguments(hint: str, said: str) -> None:
    assert in_python(hint) == said


def hints(tree: ast.AST) -> Iterator[str]:
    """Yield each text that is given as a hint: by name, as the last part of a guard's verdict, or of a class."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="hint", value=value):
                yield from texts(value)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_hint(name):
                yield from texts(value)
            case ast.Call(func=ast.Name(id="Check"), args=[_, _, _, value]):
                yield from texts(value)


def is_hint(name: str) -> bool:
    return "hint" in name.lower() or name == "_FORM"


def texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        yield from (text for child in ast.iter_child_nodes(node) for text in texts(child))


def test_no_hint_tells_a_caller_of_python_of_a_flag(checkout: Path) -> None:
    package = checkout / "flowerpower"
    found = {
        f"{path.relative_to(package)}: {in_python(hint)}"
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] not in OF_COMMANDS
        for hint in hints(ast.parse(path.read_bytes()))
        if re.search(r"(?<![\w-])--[a-z]", TYPED.sub("", in_python(hint)))
    }

    assert found == set()


def test_a_command_names_flags_and_python_names_arguments() -> None:
    error = FlowerPowerError("no", hint="name it with --allow-function if it is meant")
    with speaking_as_command():
        assert called("--from", "start") == "--from"
        assert "hint: name it with --allow-function if it is meant" in error.__notes__

    assert called("--from", "start") == "`start`"
    assert "hint: name it with allowed=[...] if it is meant" in error.__notes__
