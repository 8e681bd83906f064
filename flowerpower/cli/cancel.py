"""`cancel`: drop a run that waits, or stop one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session
from flowerpower.cli.waiting import wait_for_end
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.jobs.by_hand.stopping import Stopped
    from flowerpower.jobs.manager import RQManager
    from flowerpower.project import FlowerPowerProject

_WAIT_SECONDS = 10.0
_NOTHING = "Nothing to cancel: no run of that name is active; backfills of it start no more"


@command("cancel", "Stop or drop a run.", "flowerpower cancel nightly_sales--1795312800")
def cancel(
    session: Session,
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Runs by their ids, or a name of which one run is active.")
    ],
    reason: Annotated[str, flag("--reason", env="", metavar="TEXT", help="Why; it is recorded.")] = "",
    every: Annotated[bool, flag("--all", env="", help="All active runs of each name, as those of a backfill.")] = False,
) -> int:
    """Drop a run that waits, in a queue, for a retry or for another run; tell the worker of a running one to stop it.

    What it did so far is not undone. A run that is over already is left as it is, and that is no error.
    """
    from flowerpower.render.stopped import dropped_text, stopped_dict, stopped_text

    failed: list[UsageError] = []
    with session.project() as project:
        told = list(_told(project, runs, reason, failed, every=every))
        dropped = [one for one in told if one.word == "dropped"]
        if dropped:
            session.result(dropped_text(dropped, style=session.style))
        if not told and not failed:
            session.result(_NOTHING)
        done = dropped
        alone = tuple(name for name in runs if "--" in name)
        for stopped in (one for one in told if one.word != "dropped"):
            with_all = every and not stopped.run.endswith(alone)
            done.append(_until_stopped(session, project.jobs, stopped, reason, with_all=with_all))
            session.result(stopped_text(done[-1], style=session.style))
    if failed and not done:
        raise failed[0]
    errors = [str(error) for error in failed]
    session.document({"format_version": "1.0", "runs": [stopped_dict(one) for one in done], "errors": errors})
    for failure in failed:
        session.talk(f"{session.talk_style('Error', 'error')}: {failure}")
    return 1 if failed else 0


def _told(
    project: FlowerPowerProject, names: list[str], reason: str, failed: list[UsageError], *, every: bool
) -> Iterator[Stopped]:
    """Cancel runs and yield what was answered at once; what is not known goes to *failed*."""
    for name in names:
        try:
            if every and "--" not in name:
                yield from project.jobs.stop_all(name, reason)
            else:
                yield project.jobs.stop(name, reason)
        except UsageError as error:
            failed.append(error)


def _until_stopped(session: Session, jobs: RQManager, stopped: Stopped, reason: str, *, with_all: bool) -> Stopped:
    """Wait a little for the end of a run that was told to stop, and tell it again: Redis may have lost the word."""
    from flowerpower.render.records import short_run

    if stopped.word not in ("stopping", "deaf"):
        return stopped
    session.talk(
        f"Told the worker of {short_run(stopped.run)} to stop it; waiting up to {_WAIT_SECONDS:.0f} s for its end"
    )

    def again() -> Stopped:
        return jobs.stop(stopped.run, reason, with_all=with_all)

    ended = wait_for_end(jobs, stopped.run, seconds=_WAIT_SECONDS, again=again)
    return replace(stopped, word="stopped", status=ended.status) if ended is not None else stopped
