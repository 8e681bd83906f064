"""`validate`: check the specs; also the pre-commit hook."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flowerpower.cli.options import Revision, command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import Problem, UsageError

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject

ProblemFormat = Literal["text", "json", "github"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "validate", "Check the specs.", "flowerpower validate --env prod")(validate)


def validate(
    session: Session,
    revision: Revision,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Spec files: the projects they belong to are checked, each as a whole.")
    ] = None,
    format: Annotated[
        ProblemFormat, flag("--format", env="FLOWERPOWER_VALIDATE_FORMAT", help="How problems are shown.")
    ] = "text",
    imports: Annotated[
        bool, flag("--import", help="Import the modules too, and let Hamilton build every graph.")
    ] = False,
) -> int:
    """Check every spec of the project, alone, against the others and against its modules. Needs no Redis.

    No code runs without --import; what only running it would tell is then a note.
    """
    problems: list[Problem] = []
    texts: dict[str, bytes] = {}
    sizes = []
    for project in _projects(session, files or []):
        prefix = _prefix(project.folder)
        found = project.validate(imports=imports)
        problems += [_moved(problem, prefix) for problem in found]
        texts |= {f"{prefix}{file}": text for file, text in project.sources.texts.items()}
        named = {problem.place.file for problem in found} & project.sources.modules.keys()
        texts |= {f"{prefix}{file}": project.sources.modules[file] for file in named}
        sizes.append(_size(project, found))
    _show(session, problems, texts, "json" if session.json else format)
    if all(problem.severity == "note" for problem in problems) and not session.json and format == "text":
        session.result("\n".join(sizes))
    return int(any(problem.severity == "error" for problem in problems))


def _projects(session: Session, files: Sequence[Path]) -> list[FlowerPowerProject]:
    from flowerpower.project import FlowerPowerProject

    if not files:
        return [session.project()]
    found: dict[Path, FlowerPowerProject] = {}
    for file in files:
        if session.ref is None and not os.path.lexists(file):
            raise UsageError(f"there is no file {file}", hint="name files of the project, or none to check all")
        folder = file if file.is_dir() else file.parent
        project = FlowerPowerProject.find(replace(session.settings, project=folder), session.ref)
        found.setdefault(project.folder, project)
    return list(found.values())


def _prefix(folder: Path) -> str:
    """Return what to put before paths in the project so that they start from the working folder."""
    here = Path.cwd().resolve()
    if folder == here or not folder.is_relative_to(here):
        return "" if folder == here else f"{folder.as_posix()}/"
    return f"{folder.relative_to(here).as_posix()}/"


def _moved(problem: Problem, prefix: str) -> Problem:
    return replace(problem, place=replace(problem.place, file=f"{prefix}{problem.place.file}")) if prefix else problem


def _size(project: FlowerPowerProject, problems: Sequence[Problem]) -> str:
    from flowerpower.render.words import count

    if any(problem.severity == "error" for problem in [*problems, *project.problems]):
        return ""
    spec = project.spec
    sizes = f"{count(len(spec.pipelines), 'pipeline')}, {count(len(spec.schedules), 'schedule')}"
    return f"{spec.namespace} is valid: {sizes}."


def _show(session: Session, problems: list[Problem], texts: dict[str, bytes], format: str) -> None:
    from flowerpower.render import problems as render

    if format == "json":
        replace(session, json=True).document(render.problems_dict(problems, texts))
    elif problems and format == "github":
        session.result(render.problems_github(problems))
    elif problems:
        frames = texts if sys.stdout.isatty() else None
        session.result(render.problems_text(problems, frames, style=session.style))
    if problems:
        session.talk(("\n" if sys.stderr.isatty() else "") + f"{render.problem_counts(problems)}.")
