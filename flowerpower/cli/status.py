"""`status`: what is live and how it went."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import Revision, command
from flowerpower.cli.session import Session
from flowerpower.cli.status_display import Display, chosen, most_recent, show, to_paste, wanted_by
from flowerpower.errors import UsageError


@command(
    "status",
    "Show what is live, worst first.",
    "flowerpower status --env prod --watch; flowerpower status --format html --out status.html",
)
def status(
    session: Session,
    revision: Revision,
    display: Display,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Schedules to show; without any, all of them.", autocompletion=completion.schedules),
    ] = None,
) -> int:
    """Show what is live and how it went, what needs somebody first: schedules, workers, scheduler; and whether it is
    what the specs here ask for.
    """
    del revision  # the session has it
    if session.json and display.format == "html":
        raise UsageError("--json and --format html do not go together", hint="give one of them")
    if session.json or (display.format == "json" and display.out is None):
        session, display = session._replace(json=True), replace(display, format="json")
    if display.watch:
        from flowerpower.cli.watching import watch

        return watch(session, display, names or ())
    with session.project() as project, session.progress("status") as bar:
        if not display.live and project.recalled is None:
            bar.say("Reading the specs here to compare; --live leaves that out ...")
        found = project.jobs.status(wanted_by(project, display), most_recent(display))
    show(session, display, to_paste(session, display, chosen(found, names or ())))
    if not display.live and found.wanted.unknown:
        from flowerpower.render.words import safe

        session.talk(f"Not compared with git: {safe(found.wanted.unknown)}")
    return 0
