"""`rerun`: run a past tick once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.again import Many, rerun_many
from flowerpower.cli.options import command, flag
from flowerpower.cli.run import GivenInputs, read_inputs
from flowerpower.cli.session import Session
from flowerpower.cli.waiting import follow
from flowerpower.errors import UsageError


@dataclass(frozen=True)
class One:
    """The flags for one tick."""

    tick: Annotated[
        str | None, flag("--tick", env="", metavar="TIME", help="The tick, on the clocks of the schedule's zone.")
    ] = None
    again: Annotated[bool, flag("--again", env="", help="Also when it has succeeded; its outcome is replaced.")] = False
    wait: Annotated[bool, flag("--wait", help="Wait for the end of the run and show what it made.")] = False


@command(
    "rerun",
    "Run past ticks again.",
    "flowerpower rerun nightly_sales --tick 2026-11-22T02:00; flowerpower rerun --status failed --since 12h",
)
def rerun(
    session: Session,
    one: One,
    many: Many,
    name: Annotated[
        str | None,
        typer.Argument(
            help="A live schedule; or the id of a run, which names its tick too. Without it, with --status, all.",
            autocompletion=completion.schedules,
        ),
    ] = None,
    set: GivenInputs = None,
) -> int:
    """Run a tick that failed, was cancelled, skipped or missed once more, as its schedule is applied now.

    It keeps its id and its tick, and its attempts are counted on. With --status all that `runs` lists with the same
    flags: they are shown first, and it waits for their end. Exit code 1 when one did not succeed.
    """
    inputs = read_inputs(set or ())
    if many.status:
        if one != One():
            raise UsageError("--status names many runs", hint="leave --tick, --again and --wait away")
        return rerun_many(session, many, name, inputs)
    if many != Many():
        raise UsageError("--since, --dry-run and --auto-approve are for many runs", hint="add --status failed")
    if name is None:
        raise UsageError("which run?", hint="name it, as `flowerpower runs` shows it; or --status failed --since 12h")
    with session.project() as project:
        named = project.jobs.named(name)
        if named is not None and one.tick is not None:
            raise UsageError(f"{name} names a tick already", hint="leave --tick away")
        if named is None and one.tick is None:
            raise UsageError("which tick?", hint=f"--tick TIME; `flowerpower runs {name}` shows them")
        target, when = named if named is not None else (name, str(one.tick))
        job = project.jobs.rerun(target, when, inputs=inputs, again=one.again)
        return follow(session, project.jobs, job.id, wait=one.wait)
