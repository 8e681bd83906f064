"""`validate`: check the specs; also the pre-commit hook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from flowerpower.cli.options import Revision, command, flag
from flowerpower.cli.report import ProblemFormat
from flowerpower.cli.session import Session


@dataclass(frozen=True)
class Report:
    """The flags of the report."""

    format: Annotated[
        ProblemFormat,
        flag("--format", env="FLOWERPOWER_VALIDATE_FORMAT", help="How problems are shown."),
    ] = "text"
    out: Annotated[
        Path | None,
        flag("--out", env="", metavar="FILE", help="Write the report there, and show the problems as text."),
    ] = None


@command("validate", "Check the specs.", "flowerpower validate --env prod")
def validate(
    session: Session,
    revision: Revision,
    report: Report,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files: the projects they belong to are checked, each as a whole. Folders: all projects in them."
        ),
    ] = None,
    *,
    all: Annotated[bool, flag("--all", help="Every project of this repository, or below the folders named.")] = False,
    imports: Annotated[
        bool, flag("--import", help="Import the modules too, and let Hamilton build every graph.")
    ] = False,
    no_cache: Annotated[bool, flag("--no-cache", help="Check anew what has not changed since the last check.")] = False,
) -> int:
    """Check every spec of the project, alone, against the others and against its modules, in every environment that the
    project declares or, with --env, in that one alone. Needs no Redis.

    No code runs without --import; what only running it would tell is then a note.
    """
    from flowerpower.cli.check import check_projects

    if no_cache:
        session = session._replace(settings=session.settings._replace(cache_dir=None))
    shape = "json" if session.json else report.format
    return check_projects(session, files or [], shape, report.out, every=all, imports=imports)
