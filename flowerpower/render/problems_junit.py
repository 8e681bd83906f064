"""Mistakes in specs as a JUnit report: a suite for each project, a case for each file, the good ones too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from flowerpower.errors import Problem
from flowerpower.render.problems import problems_text, sort_problems
from flowerpower.render.words import count, safe

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class Suite:
    """What was checked of one project."""

    name: str
    files: Sequence[str]
    problems: Sequence[Problem]


def problems_junit(suites: Iterable[Suite]) -> str:
    """Return the report. It is written in ASCII, so that it is right whatever a pipe makes of other letters."""
    root = Element("testsuites", name="flowerpower validate")
    for suite in suites:
        _add(root, suite)
    for total in ("tests", "failures", "errors"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in root)))
    indent(root)
    return _HEAD + tostring(root, encoding="unicode").encode("ascii", "xmlcharrefreplace").decode("ascii")


def _add(root: Element, suite: Suite) -> None:
    found: dict[str, list[Problem]] = {file: [] for file in suite.files}
    for problem in sort_problems(suite.problems):
        found.setdefault(problem.place.file, []).append(problem)
    failed = sum(any(problem.severity == "error" for problem in problems) for problems in found.values())
    counts = {"tests": str(len(found)), "failures": str(failed), "errors": "0", "skipped": "0"}
    element = SubElement(root, "testsuite", {"name": safe(suite.name), **counts})
    for file, problems in sorted(found.items()):
        case = SubElement(element, "testcase", classname=safe(suite.name), name=safe(file))
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            _fail(case, errors)
        if others := problems[len(errors) :]:
            SubElement(case, "system-out").text = f"\n{problems_text(others)}\n"


def _fail(case: Element, errors: Sequence[Problem]) -> None:
    first = errors[0]
    number = f"{count(len(errors), 'error')}, the first: " if len(errors) > 1 else ""
    failure = SubElement(case, "failure", type=first.code, message=safe(f"{number}{first.said}"))
    failure.text = f"\n{problems_text(errors)}\n"
