"""`rerun`: run a past tick once more."""

from __future__ import annotations

from typing import Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import command, flag
from flowerpower.cli.run import read_inputs
from flowerpower.cli.session import Session
from flowerpower.cli.waiting import follow
from flowerpower.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    example = "flowerpower rerun nightly_sales --tick 2026-11-22T02:00 --wait"
    command(app, "rerun", "Run a past tick again.", example)(rerun)


def rerun(
    session: Session,
    name: Annotated[
        str,
        typer.Argument(
            help="A live schedule; or the id of a run, which names its tick too.", autocompletion=completion.schedules
        ),
    ],
    tick: Annotated[
        str | None, flag("--tick", env="", metavar="TIME", help="The tick, on the clocks of the schedule's zone.")
    ] = None,
    set: Annotated[
        list[str] | None,
        flag("--set", env="", metavar="KEY=VALUE", help="An input, as JSON or text; may be repeated."),
    ] = None,
    again: Annotated[
        bool, flag("--again", env="", help="Also when it has succeeded; its outcome is replaced.")
    ] = False,
    wait: Annotated[bool, flag("--wait", help="Wait for the end of the run and show what it made.")] = False,
) -> int:
    """Run a tick that failed, was cancelled, skipped or missed once more, as its schedule is applied now.

    It keeps its id and its tick, and its attempts are counted on.
    """
    with session.project() as project:
        named = project.jobs.named(name)
        if named is not None and tick is not None:
            raise UsageError(f"{name} names a tick already", hint="leave --tick away")
        if named is None and tick is None:
            raise UsageError("which tick?", hint=f"--tick TIME; `flowerpower runs {name}` shows them")
        target, when = named if named is not None else (name, str(tick))
        job = project.jobs.rerun(target, when, inputs=read_inputs(set or ()), again=again)
        return follow(session, project.jobs, job.id, wait=wait)
