"""`status`: what is live and how it went."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import command
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

_UNCUT = 10_000  # a pipe has room for every reason


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "status", "Show what is live, worst first.", "flowerpower status --env prod")(status)


def status(
    session: Session,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Schedules to show; without any, all of them.", autocompletion=completion.schedules),
    ] = None,
) -> None:
    """Show what is live and how it went, what needs somebody first: schedules, workers, scheduler."""
    from flowerpower.render.status import status_dict, status_text

    with session.project() as project:
        found = project.jobs.status()
    if names:
        unknown = set(names) - {schedule.name for schedule in found.schedules}
        if unknown:
            raise UsageError(f"no schedule {sorted(unknown)[0]!r} is live", hint="`flowerpower status` shows all")
        found = replace(found, schedules=tuple(schedule for schedule in found.schedules if schedule.name in names))
    session.document(status_dict(found))
    width = session.width if sys.stdout.isatty() else _UNCUT
    session.result(status_text(found, width=width, style=session.style))
