"""Mistakes in specs as text, as JSON and as GitHub annotations; errors come first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flowerpower.errors import Problem
from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.words import count, safe

FORMAT_VERSION = "1.0"
_RANK = {"error": 0, "warning": 1, "note": 2}
_EMPHASIS: dict[str, Emphasis] = {"error": "error", "warning": "warning", "note": "faint"}
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
_ANNOTATIONS = 10  # GitHub shows no more of one type
_FRAME = 2  # lines of context above the place


def sort_problems(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems by severity, then by place."""
    return sorted(problems, key=lambda problem: (_RANK[problem.severity], problem.place, problem.code, problem.what))


def problems_text(
    problems: Sequence[Problem], texts: Mapping[str, bytes] | None = None, *, style: Style = plain
) -> str:
    """Return the problems for people, one paragraph each; with *texts* (file -> bytes) each with its lines."""
    frames = texts or {}
    found = ["\n".join(_problem_lines(problem, frames, style)) for problem in sort_problems(problems)]
    return ("\n\n" if frames else "\n").join(found)


def problem_counts(problems: Sequence[Problem]) -> str:
    """Return `2 errors, 1 warning in 2 files`."""
    kinds = [sum(problem.severity == kind for problem in problems) for kind in _RANK]
    said = [count(number, kind) for number, kind in zip(kinds, _RANK, strict=True) if number]
    files = len({problem.place.file for problem in problems})
    return f"{', '.join(said)} in {count(files, 'file')}"


def _problem_lines(problem: Problem, texts: Mapping[str, bytes], style: Style) -> Iterator[str]:
    place = style(safe(str(problem.place)), "strong")
    severity = style(problem.severity, _EMPHASIS[problem.severity])
    yield f"{place}: {severity} {problem.code}: {safe(problem.what)}"
    yield from _frame(problem, texts.get(problem.place.file), style)
    if problem.hint:
        yield f"  {style('hint:', 'faint')} {safe(problem.hint)}"


def _frame(problem: Problem, text: bytes | None, style: Style) -> Iterator[str]:
    """Return the lines around the place with a mark under the column; nothing for a file that has no such line."""
    lines = (text or b"").decode(errors="replace").split("\n")
    line = problem.place.line
    if text is None or line > len(lines):
        return
    first = max(1, line - _FRAME)
    gutter = len(str(line))
    for number in range(first, line + 1):
        shown = safe(lines[number - 1].rstrip("\r").replace("\t", " "))[:160]
        yield f"  {style(f'{number:{gutter}} |', 'faint')} {shown}".rstrip()
    yield f"  {style(' ' * gutter + ' |', 'faint')} {' ' * (problem.place.column - 1)}{style('^', 'error')}"


def problems_dict(problems: Sequence[Problem], texts: Mapping[str, bytes] | None = None) -> dict[str, Any]:
    """Return the problems as a JSON document in the shape of `terraform validate -json`."""
    ordered = sort_problems(problems)
    errors = sum(problem.severity == "error" for problem in ordered)
    return {
        "format_version": FORMAT_VERSION,
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": sum(problem.severity == "warning" for problem in ordered),
        "diagnostics": [_diagnostic(problem, (texts or {}).get(problem.place.file)) for problem in ordered],
    }


def _diagnostic(problem: Problem, text: bytes | None) -> dict[str, Any]:
    place = {"line": problem.place.line, "column": problem.place.column}
    lines = (text or b"").decode(errors="replace").split("\n")
    inside = text is not None and place["line"] <= len(lines)
    snippet = {"code": lines[place["line"] - 1].rstrip("\r"), "start_line": place["line"]} if inside else None
    return {
        "severity": problem.severity,
        "code": problem.code,
        "summary": problem.what,
        "detail": problem.hint,
        "range": {"filename": problem.place.file, "start": place, "end": place},
        "snippet": snippet,
    }


def problems_github(problems: Sequence[Problem]) -> str:
    """Return GitHub annotations, errors first, at most 10 of each type, and how many more there are."""
    lines: list[str] = []
    ordered = sort_problems(problems)
    for severity, command in _COMMANDS.items():
        some = [problem for problem in ordered if problem.severity == severity]
        lines += [_annotation(command, problem) for problem in some[:_ANNOTATIONS]]
        if len(some) > _ANNOTATIONS:
            lines.append(f"+{len(some) - _ANNOTATIONS} more {severity}s")
    return "\n".join(lines)


def _annotation(command: str, problem: Problem) -> str:
    place = problem.place
    message = f"{problem.what} ({problem.hint})" if problem.hint else problem.what
    properties = {"file": place.file, "line": place.line, "col": place.column, "title": problem.code}
    joined = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
    return f"::{command} {joined}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    for char in f"%\r\n{more}":
        text = text.replace(char, f"%{ord(char):02X}")
    return text
