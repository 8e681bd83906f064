"""Mistakes in specs for people: their order, their number, and text with or without the lines they are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowerpower.errors import Problem
from flowerpower.render.excerpt import excerpt
from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.words import count, safe, wrap

SEVERITIES = ("error", "warning", "note")
"""Every severity, the worst first."""

_RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_EMPHASIS: dict[str, Emphasis] = {"error": "error", "warning": "warning", "note": "faint"}
_NARROWEST, _WIDEST = 20, 120


def sort_problems(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems by severity, then by place."""
    return sorted(problems, key=lambda problem: (_RANK[problem.severity], problem.place, problem.code, problem.what))


def problem_counts(problems: Sequence[Problem]) -> str:
    """Return `2 errors, 1 warning in 2 files`."""
    kinds = [sum(problem.severity == kind for problem in problems) for kind in SEVERITIES]
    said = [count(number, kind) for number, kind in zip(kinds, SEVERITIES, strict=True) if number]
    files = len({problem.place.file for problem in problems})
    return f"{', '.join(said)} in {count(files, 'file')}"


def problems_text(
    problems: Sequence[Problem],
    texts: Mapping[str, bytes] | None = None,
    *,
    style: Style = plain,
    width: int = _WIDEST,
) -> str:
    """Return the problems, each as one line and its hint; with *texts* (file -> bytes) fit for a terminal.

    Then each is a paragraph that shows the lines it is in, and no line is wider than *width* if it can be helped.
    """
    ordered = sort_problems(problems)
    if texts is None:
        return "\n".join(line for problem in ordered for line in _plain_lines(problem, style))
    return "\n\n".join("\n".join(_paragraph(problem, texts, style, width)) for problem in ordered)


def _plain_lines(problem: Problem, style: Style) -> Iterator[str]:
    yield f"{_head(problem, style)} {safe(problem.said)}"
    if problem.hint:
        yield f"  {style('hint:', 'faint')} {safe(style(problem.hint, 'hint'))}"


def _paragraph(problem: Problem, texts: Mapping[str, bytes], style: Style, width: int) -> Iterator[str]:
    place, severity = safe(str(problem.place)), style(problem.severity, _EMPHASIS[problem.severity])
    what = f"{problem.severity} {problem.code}: {safe(problem.said)}"
    if len(place) + 2 + len(what) <= width:
        yield f"{style(place, 'strong')}: {severity}{what.removeprefix(problem.severity)}"
    else:
        yield style(place, "strong")
        yield from _indented(what, problem.severity, severity, width, "")
    yield from excerpt(problem, texts.get(problem.place.file), width, style)
    if problem.hint:
        yield from _indented(
            f"hint: {safe(style(problem.hint, 'hint'))}", "hint:", style("hint:", "faint"), width, "      "
        )


def _indented(text: str, start: str, styled: str, width: int, hanging: str) -> Iterator[str]:
    """Yield a text in lines that fit, with its start replaced by the same in colours, which have no width."""
    first, *more = wrap(text, max(_NARROWEST, width - 2), hanging)
    yield f"  {styled}{first.removeprefix(start)}"
    yield from (f"  {line}" for line in more)


def _head(problem: Problem, style: Style) -> str:
    place = style(safe(str(problem.place)), "strong")
    return f"{place}: {style(problem.severity, _EMPHASIS[problem.severity])} {problem.code}:"
