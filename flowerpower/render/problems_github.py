"""Mistakes in specs as annotations of a GitHub job, and all of them as a table for its summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flowerpower.errors import Problem
from flowerpower.render.excerpt import extent, line_of
from flowerpower.render.github import LARGEST_SUMMARY, MOST_ANNOTATIONS, annotation
from flowerpower.render.problems import SEVERITIES, problem_counts, sort_problems
from flowerpower.render.words import count, free_text
from flowerpower.specs.codes import CODES, docs_url

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def problems_github(
    problems: Sequence[Problem], texts: Mapping[str, bytes] | None = None, *, all_in: str = "the text format"
) -> str:
    """Return workflow commands, errors first, at most 10 of a type; *all_in* says where the others are."""
    found, ordered = texts or {}, sort_problems(problems)
    lines: list[str] = []
    for severity in SEVERITIES:
        some = [problem for problem in ordered if problem.severity == severity]
        lines += [_annotation(problem, found.get(problem.place.file)) for problem in some[:MOST_ANNOTATIONS]]
        if (rest := len(some) - MOST_ANNOTATIONS) > 0:
            lines.append(f"... and {count(rest, f'more {severity}')}: see {all_in}")
    return "\n".join(lines)


def _annotation(problem: Problem, content: bytes | None) -> str:
    place, length = problem.place, extent(problem, line_of(problem, content))
    title = CODES[problem.code].title if problem.code in CODES else ""
    properties = {"file": place.file, "line": str(place.line), "col": str(place.column)}
    if length:  # GitHub drops the columns of a range over several lines; ours never is
        properties |= {"endLine": str(place.line), "endColumn": str(place.column + length)}
    properties["title"] = f"{problem.code} {title}".rstrip()
    # The log of a job shows the message alone, so the place is in it too.
    return annotation(_COMMANDS[problem.severity], properties, str(problem))


def problems_summary(problems: Sequence[Problem], *, limit: int = LARGEST_SUMMARY) -> str:
    """Return all problems as a table in Markdown; of more than *limit* bytes only the first rows and how many more."""
    ordered = sort_problems(problems)
    head = f"### {problem_counts(ordered)}\n\n| | Where | What | What to do |\n|---|---|---|---|\n"
    room = limit - len(head) - 100
    rows: list[str] = []
    for row in map(_row, ordered):
        room -= len(row.encode("utf-8", "replace"))
        if room < 0:
            break
        rows.append(row)
    rest = len(ordered) - len(rows)
    return head + "".join(rows) + (f"\n... and {count(rest, 'more problem')}: see the text format.\n" if rest else "")


def _row(problem: Problem) -> str:
    code = f"{problem.severity} [{problem.code}]({docs_url(problem.code)})"
    return f"| {code} | {' | '.join(_cells(problem))} |\n"


def _cells(problem: Problem) -> Iterator[str]:
    for text in (str(problem.place), problem.said, problem.hint):
        yield free_text(text)
