"""The cases in tests/cases/problems: problems and the files they are in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerpower.errors import Place, Problem
from flowerpower.render.problems import problems_text
from flowerpower.render.problems_github import problems_github, problems_summary
from flowerpower.render.problems_gitlab import problems_gitlab
from flowerpower.render.problems_json import problems_dict
from flowerpower.render.problems_junit import Suite, problems_junit
from flowerpower.render.problems_sarif import problems_sarif

CASES = Path(__file__).resolve().parents[1] / "cases" / "problems"
NAMES = sorted(path.name for path in CASES.iterdir())


@dataclass(frozen=True)
class Case:
    """Problems, and the contents of the files by path."""

    problems: list[Problem]
    texts: Mapping[str, bytes]


def case_of(name: str) -> Case:
    """Read a case."""
    case = json.loads((CASES / name / "case.json").read_text(encoding="utf-8"))
    problems = [_problem(**entry) for entry in case["problems"]]
    return Case(problems, {file: text.encode() for file, text in case["files"].items()})


def _problem(file: str, line: int, column: int, environments: Iterable[str] = (), **more: Any) -> Problem:
    return Problem(place=Place(file, line, column), environments=tuple(environments), **more)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=not _is_writable(value)) + "\n"


def _is_writable(value: Any) -> bool:
    return json.dumps(value, ensure_ascii=False).isprintable()


RENDERED: Mapping[str, Callable[[Case], str]] = {
    "piped.txt": lambda case: problems_text(case.problems) + "\n",
    "terminal-80.txt": lambda case: problems_text(case.problems, case.texts, width=80) + "\n",
    "terminal-40.txt": lambda case: problems_text(case.problems, case.texts, width=40) + "\n",
    "problems.json": lambda case: _json(problems_dict(case.problems, case.texts)),
    "github.txt": lambda case: problems_github(case.problems, case.texts, all_in="the summary of this job") + "\n",
    "github-summary.md": lambda case: problems_summary(case.problems),
    "gitlab.json": lambda case: _json(problems_gitlab(case.problems)),
    "problems.sarif": lambda case: _json(problems_sarif(case.problems, case.texts, version="1.2.3")),
    "junit.xml": lambda case: problems_junit([Suite("acme", list(case.texts), case.problems)]) + "\n",
}
"""What a file beside `case.json` holds."""
