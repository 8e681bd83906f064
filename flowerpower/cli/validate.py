"""`validate`: check the specs; also the pre-commit hook."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli.options import Revision, command, flag
from flowerpower.cli.report import Checked, ProblemFormat, show
from flowerpower.cli.session import Session
from flowerpower.cli.targets import named_projects
from flowerpower.cli.terminal import progress_bar
from flowerpower.errors import FlowerPowerError

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject

_MANY = 1_000  # files that take longer than a blink


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "validate", "Check the specs.", "flowerpower validate --env prod")(validate)


def validate(
    session: Session,
    revision: Revision,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files: the projects they belong to are checked, each as a whole. Folders: all projects in them."
        ),
    ] = None,
    format: Annotated[
        ProblemFormat,
        flag("--format", env="FLOWERPOWER_VALIDATE_FORMAT", help="How problems are shown."),
    ] = "text",
    out: Annotated[
        Path | None,
        flag("--out", env="", metavar="FILE", help="Write the report there, and show the problems as text."),
    ] = None,
    no_cache: Annotated[bool, flag("--no-cache", help="Check anew what has not changed since the last check.")] = False,
) -> int:
    """Check every spec of the project, alone and against the others. Imports no code and needs no Redis."""
    chosen: ProblemFormat = "json" if session.json else format
    if chosen == "json" and out is None:  # a failure is a document too
        session = replace(session, json=True)
    if no_cache:
        session = replace(session, settings=replace(session.settings, cache_dir=None))
    try:
        checked = [_checked(session, project) for project in named_projects(session, files or [])]
        show(session, checked, chosen, out)
    except FlowerPowerError as error:
        return session.fail(error)
    return int(any(each.failed for each in checked))


def _checked(session: Session, project: FlowerPowerProject) -> Checked:
    """Check a project; whoever watches is told of a large one, since that takes a moment."""
    if project.recalled is not None:
        return Checked(project, project.recalled)
    session.prepare()
    with progress_bar("validate", shown=session.shows_progress) as bar:
        files = len(project.sources.texts)
        if files >= _MANY:
            bar.say(f"Checking {project.folder.name}: {files:,} files ...")
        return Checked(project, project.verdict)
