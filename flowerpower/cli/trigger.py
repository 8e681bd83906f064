"""`trigger`: one run of what is applied, now."""

from __future__ import annotations

from typing import Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import command, flag
from flowerpower.cli.run import GivenInputs, read_inputs
from flowerpower.cli.session import Session
from flowerpower.cli.waiting import follow


@command("trigger", "Enqueue one run now.", "flowerpower trigger nightly_sales --wait")
def trigger(
    session: Session,
    name: Annotated[str, typer.Argument(help="A live schedule or pipeline.", autocompletion=completion.both)],
    set: GivenInputs = None,
    wait: Annotated[bool, flag("--wait", help="Wait for the end of the run and show what it made.")] = False,
) -> int:
    """Enqueue one run of an applied schedule or pipeline now: what is live is run, not the working tree.

    With --wait the exit code is 0 when it succeeded and 1 otherwise. Ctrl-C stops waiting, not the run.
    """
    with session.project() as project:
        job = project.jobs.enqueue(name, read_inputs(set or ()))
        return follow(session, project.jobs, job.id, wait=wait)
