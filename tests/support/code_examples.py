"""The examples of codes in tests/cases/codes: what a code means, a project that has the problem, and the same mended.

Each file is Markdown: first what the code means; then the bad files, each as a fenced block that names its language
and its path; then `Mended:` and the good files. They are laid over a small valid project. A block of `sh` without a
path is a command that is run in the project, for what no text can show.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowerpower.errors import Problem
from flowerpower.project import FlowerPowerProject

CASES = Path(__file__).resolve().parents[1] / "cases" / "codes"
_BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<path>\S+))?\n(?P<text>.*?\n)```$", re.DOTALL | re.MULTILINE)
_MENDED = "\nMended:\n"
PROJECT = {
    "flowerpower.yaml": "name: acme\n",
    "pipelines/sales.yaml": "modules: [sales]\noutputs: [report]\n",
    "schedules/nightly.yaml": 'pipeline: sales\ncron: "0 2 * * *"\n',
    "flows/sales.py": 'def report(orders: int = 3, day: str = "", region: str = "EU") -> int:\n    return orders\n',
}
"""The valid project that every example is laid over."""


@dataclass(frozen=True)
class Block:
    """A file with its text, or a command without a path."""

    language: str
    path: str | None
    text: str


@dataclass(frozen=True)
class Example:
    """What a code means, and how a project has it and gets rid of it."""

    code: str
    meaning: str
    bad: tuple[Block, ...]
    mended: tuple[Block, ...]


@dataclass(frozen=True)
class Outcome:
    """The problems of the example before and after it is mended."""

    before: tuple[Problem, ...]
    after: tuple[Problem, ...]


def examples() -> Iterator[Example]:
    """Yield every example, sorted by code."""
    for file in sorted(CASES.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        bad, mended, good = text.partition(_MENDED)
        assert mended, f"{file.name} has no line `Mended:`"
        meaning = bad[: bad.index("```")].strip()
        yield Example(file.stem, meaning, tuple(_blocks(bad)), tuple(_blocks(good)))


def _blocks(text: str) -> Iterator[Block]:
    for found in _BLOCK.finditer(text):
        yield Block(found["language"], found["path"], found["text"])


def run_example(example: Example, folder: Path) -> Outcome:
    """Lay the bad files over the small project, look, and do the same with the mended ones."""
    for path, text in PROJECT.items():
        _write(folder / path, text)
    imports = "`--import`" in example.meaning.partition(".")[0]
    before = _problems(example.bad, folder, imports=imports)
    return Outcome(before, _problems(example.mended, folder, imports=imports))


def _problems(blocks: tuple[Block, ...], folder: Path, *, imports: bool) -> tuple[Problem, ...]:
    for block in blocks:
        if block.path is None:
            subprocess.run(["sh", "-euc", block.text], cwd=folder, check=True)
        else:
            _write(folder / block.path, block.text)
    with FlowerPowerProject.load(folder, variables={}) as project:
        return tuple(project.validate(imports=imports))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
