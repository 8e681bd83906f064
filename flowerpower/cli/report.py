"""The report of `validate`: the problems of all projects in one format, each file by the path its reader needs.

People and programs that were started here get paths from the working folder; reports for a forge get them from the
root of the repository, wherever they were made.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from flowerpower.cli.projects import name_of
from flowerpower.cli.session import Session, as_json
from flowerpower.errors import Problem

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject
    from flowerpower.render.problems_junit import Suite
    from flowerpower.specs.verdict import Verdict

ProblemFormat = Literal["text", "json", "github", "gitlab", "sarif", "junit"]
_MOST_SHOWN = 50  # problems with their lines on a terminal; more would push the first away


class Checked:
    """A project that was checked, and the ways to name its files."""

    def __init__(self, project: FlowerPowerProject, verdict: Verdict) -> None:
        self.project = project
        self.verdict = verdict

    @property
    def problems(self) -> Sequence[Problem]:
        """Every problem, with paths in the project."""
        return self.verdict.problems

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return not self.verdict.is_valid

    @cached_property
    def contents(self) -> Mapping[str, bytes]:
        """The files that a problem can be in."""
        return {**self.project.sources.modules, **self.project.sources.texts}

    def from_here(self) -> Callable[[str], str]:
        """Return the function that makes paths in the project start from the working folder."""
        here, place = Path.cwd(), self.project.place
        if not isinstance(place, Path):
            return lambda file: file
        if here != place and here.is_relative_to(place):
            return lambda file: os.path.relpath(place / file, here)
        return _from(here, place)

    def from_root(self) -> Callable[[str], str]:
        """Return the function that makes paths start from the root of the repository; outside git as `from_here`."""
        from flowerpower.git import repository_of

        place = self.project.place
        root = repository_of(place) if isinstance(place, Path) else None
        return _from(root, place) if root and isinstance(place, Path) else self.from_here()

    def size(self) -> str:
        """Return what there is of a valid project."""
        from flowerpower.render.words import count

        verdict = self.verdict
        sizes = f"{count(verdict.pipelines, 'pipeline')}, {count(verdict.schedules, 'schedule')}"
        name = verdict.namespace.rpartition(".")[0] if self.environments else verdict.namespace
        return f"{name} is valid{f' in {self.environments}' if self.environments else ''}: {sizes}."

    @property
    def environments(self) -> str:
        """How many environments were looked at, in words; nothing for one."""
        from flowerpower.render.words import count

        number, others = len(self.verdict.environments), self.verdict.left_out
        if number < 2:
            return ""
        return f"{number:,} of {count(number + others, 'environment')}" if others else count(number, "environment")


def _from(base: Path, folder: Path) -> Callable[[str], str]:
    inside = folder.is_relative_to(base)
    prefix = (folder.relative_to(base) if inside else folder).as_posix()
    return (lambda file: file) if prefix == "." else (lambda file: f"{prefix}/{file}")


class _Found(NamedTuple):
    """All problems, and the files they are in, by the paths that a report uses."""

    problems: Sequence[Problem]
    contents: Mapping[str, bytes]


def show(session: Session, checked: Sequence[Checked], format: ProblemFormat, out: Path | None = None) -> None:
    """Print the report, or write it to *out* and show the problems as text; then say how many there are."""
    here = _found((each, each.from_here()) for each in checked)
    if format == "github":
        _append_summary(session, checked)
    if out is not None:
        out.write_text(f"{_report(session, checked, here, format, 'utf-8')}\n", encoding="utf-8")
        format = "text"
    if format == "text":
        _show_text(session, here, checked)
    elif report := _report(session, checked, here, format, sys.stdout.encoding):
        print(report)
    _say_counts(session, here.problems, checked, framed=format == "text" and sys.stdout.isatty())
    if format == "github" and (sizes := _sizes(checked)):
        session.talk(sizes)


def _found(named: Iterable[tuple[Checked, Callable[[str], str]]]) -> _Found:
    problems: list[Problem] = []
    contents: dict[str, bytes] = {}
    for each, name in named:
        for problem in each.problems:
            file = problem.place.file
            moved = name(file)
            problems.append(problem._replace(place=problem.place._replace(file=moved)))
            if file in each.contents:
                contents[moved] = each.contents[file]
    return _Found(problems, contents)


def _show_text(session: Session, found: _Found, checked: Sequence[Checked]) -> None:
    framed = sys.stdout.isatty()
    if found.problems:
        _show_problems(session, found, framed=framed)
    if sizes := _sizes(checked):
        session.result(f"\n{sizes}" if found.problems and framed else sizes)


def _show_problems(session: Session, found: _Found, *, framed: bool) -> None:
    from flowerpower.render.problems import problems_text, sort_problems
    from flowerpower.render.words import count

    if not framed:
        session.result(problems_text(found.problems, style=session.style))
        return
    most = len(found.problems) if session.verbose else _MOST_SHOWN
    ordered = sort_problems(found.problems)
    session.result(problems_text(ordered[:most], found.contents, style=session.style, width=session.width))
    if (rest := len(ordered) - most) > 0:
        session.result(f"\n... and {count(rest, 'more problem')}: --verbose shows them all.")


def _report(
    session: Session, checked: Sequence[Checked], here: _Found, format: ProblemFormat, encoding: str | None
) -> str:
    """Return the report; one for another program is complete also when there is no problem."""
    if format == "text":
        from flowerpower.render.problems import problems_text

        return "\n".join(
            part for part in (problems_text(here.problems, style=session.file_style), _sizes(checked)) if part
        )
    if format == "json":
        return as_json(session.problems_document(here.problems, here.contents), encoding)
    if format == "junit":
        from flowerpower.render.problems_junit import problems_junit

        return problems_junit([_suite(each) for each in checked])
    return _for_a_forge(session, _found((each, each.from_root()) for each in checked), format, encoding)


def _for_a_forge(session: Session, found: _Found, format: ProblemFormat, encoding: str | None) -> str:
    if format == "github":
        from flowerpower.cli.github import summary_of
        from flowerpower.render.problems_github import problems_github

        where = "the summary of this job" if summary_of(session) else "`flowerpower validate` without --format"
        return problems_github(found.problems, found.contents, all_in=where)
    if format == "gitlab":
        from flowerpower.render.problems_gitlab import problems_gitlab

        return as_json(problems_gitlab(found.problems), encoding)
    from flowerpower.render.problems_sarif import problems_sarif
    from flowerpower.version import __version__

    return as_json(problems_sarif(found.problems, found.contents, version=__version__), encoding)


def _append_summary(session: Session, checked: Sequence[Checked]) -> None:
    """Append every problem to the summary of the job, since annotations are cut."""
    from flowerpower.cli.github import append_summary, summary_of
    from flowerpower.render.problems_github import problems_summary

    file = summary_of(session)
    if file and any(each.problems for each in checked):
        found = _found((each, each.from_root()) for each in checked)
        append_summary(session, file, problems_summary(found.problems))


def _sizes(checked: Sequence[Checked]) -> str:
    """Return what there is of the projects, nothing while there is an error in one."""
    return "" if any(each.failed for each in checked) else "\n".join(each.size() for each in checked)


def _suite(each: Checked) -> Suite:
    from flowerpower.render.problems_junit import Suite

    name = each.from_root()
    found = _found([(each, name)])
    return Suite(name_of(each.project.place), [name(file) for file in each.project.sources.texts], found.problems)


def _say_counts(session: Session, problems: Sequence[Problem], checked: Sequence[Checked], *, framed: bool) -> None:
    if not problems:
        return
    from flowerpower.render.problems import problem_counts

    largest = max(checked, key=lambda each: len(each.verdict.environments))
    where = f"; {largest.environments} checked" if largest.failed and largest.environments else ""
    session.talk(("\n" if framed else "") + f"{problem_counts(problems)}{where}.")
