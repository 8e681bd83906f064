"""`runs`: what ran, what runs, what did not run and why; or one run in full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import command, flag, separate
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.jobs.logs import RunLog

# As in jobs/records.py, which it takes long to import.
_STATUSES = ("running", "queued", "scheduled", "retrying", "succeeded", "failed", "skipped", "missed", "cancelled")


@dataclass(frozen=True)
class One:
    """The flags for a look at one run."""

    job: Annotated[
        str | None, flag("--job", env="", metavar="RUN", help="Show this run in full, by its id as `runs` shows it.")
    ] = None
    log: Annotated[bool, flag("--log", env="", help="With --job: what the run printed and logged.")] = False
    attempt: Annotated[
        int | None, flag("--attempt", env="", min=1, metavar="N", help="With --log: of this attempt, not the newest.")
    ] = None


@command(
    "runs", "Show what ran and what did not, and why.", "flowerpower runs nightly_sales --status failed --since 7d"
)
def runs(
    session: Session,
    one: One,
    name: Annotated[
        str | None,
        typer.Argument(help="A schedule or pipeline; without it, all of them.", autocompletion=completion.both),
    ] = None,
    status: Annotated[
        list[str] | None,
        flag(
            "--status",
            env="",
            metavar="STATUS",
            help="Only these: failed, missed, running ...; may be repeated.",
            autocompletion=completion.words(*_STATUSES),
        ),
    ] = None,
    since: Annotated[
        str | None,
        flag("--since", env="", metavar="TIME", help="Only since a day, a moment, or so long ago: 2d."),
    ] = None,
    limit: Annotated[
        int, flag("-n", "--limit", env="", min=1, max=100_000, help="Show so many active runs, and so many that ended.")
    ] = 20,
) -> None:
    """Show what runs now and what ended, newest first. With a NAME also its ticks that did not run, and why.

    With --job one run in full: its attempts, the error with your own lines first, where the time went, what it saved.
    """
    if name is not None and "--" in name and one.job is None:
        one = One(name, one.log, one.attempt)  # somebody pasted the id of a run
        name = None
    if one.job is not None:
        if name is not None or status or since:
            raise UsageError("--job shows one run", hint="leave the name, --status and --since away")
        return _show_one(session, one.job, one)
    if one.log or one.attempt is not None:
        raise UsageError("--log and --attempt are of one run", hint="name it: --job RUN")
    return _show_list(session, name or "", status, since, limit)


def _show_list(session: Session, name: str, status: list[str] | None, since: str | None, limit: int) -> None:
    from flowerpower.render.records import runs_dict, runs_text

    with session.project() as project:
        start = None if since is None else project.jobs.moment(since, "--since", project.home.timezone)
        found = project.jobs.runs(name, since=start, statuses=separate(status), limit=limit)
    document = runs_dict(found)
    session.document({**document, "damaged": session.proposing_in(document["damaged"])})
    session.result(runs_text(found, width=session.table_width, style=session.style))


def _show_one(session: Session, run: str, one: One) -> None:
    from flowerpower.render.details import details_dict, details_text

    with session.project() as project:
        if one.log:
            _show_log(session, project.jobs.logged(run, one.attempt), run)
            return
        found = project.jobs.run(run)
        namespace = project.store.keys.namespace
    session.document(details_dict(found, namespace))
    session.result(details_text(found, width=session.width, style=session.style))


def _show_log(session: Session, log: RunLog, asked: str) -> None:
    document = {"format_version": "1.0", "run": log.run, "attempt": log.attempt, "log": log.text}
    session.document({**document, "silence": log.silence or None})
    if log.silence:
        session.talk(f"Run {asked} {log.silence}.")
    else:
        session.result("\n".join(_safe_line(line) for line in log.text.rstrip("\n").split("\n")))


def _safe_line(line: str) -> str:
    from flowerpower.render.words import safe

    return safe(line.expandtabs())
