"""`worker` and `scheduler`: the processes that run what was applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from flowerpower.cli import completion
from flowerpower.cli.logs import start_log
from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.jobs.workers.processes import Work


@dataclass(frozen=True)
class Processes:
    """How many processes a worker has, and how they live and end."""

    processes: Annotated[int, flag("--processes", help="How many runs at a time.", min=1, metavar="N")] = 1
    warm: Annotated[bool, flag("--warm", help="Let runs share a process: quicker, but one can harm the next.")] = False
    no_preload: Annotated[
        bool, flag("--no-preload", help="Import the project's modules in each run, for those that cannot be forked.")
    ] = False
    burst: Annotated[bool, flag("--burst", help="Stop when the queues are empty.")] = False
    no_scheduler: Annotated[bool, flag("--no-scheduler", help="Work only, fire nothing.")] = False
    grace: Annotated[
        str | None,
        flag("--grace", help="How long a running job may go on after SIGTERM.", metavar="TIME"),
    ] = None


@dataclass(frozen=True)
class Watched:
    """How others see how it goes."""

    metrics: Annotated[
        str,
        flag(
            "--metrics", help="Tell Prometheus here how it goes; without HOST on this machine.", metavar="[HOST:]PORT"
        ),
    ] = ""


@dataclass(frozen=True)
class Jobs:
    """Which jobs a worker takes."""

    queue: Annotated[
        list[str] | None,
        flag(
            "--queue",
            help="A queue to work on, may be repeated; without it, all of the project's.",
            metavar="NAME",
            autocompletion=completion.queues,
        ),
    ] = None
    allow_function: Annotated[
        list[str] | None,
        flag("--allow-function", help="Another job function to run; may be repeated.", metavar="PATH"),
    ] = None


@dataclass(frozen=True)
class Code:
    """Which code a worker runs."""

    require_commit: Annotated[
        bool, flag("--require-commit", help="Refuse runs of which other code was applied than lies here.")
    ] = False
    local_code: Annotated[bool, flag("--local-code", help="Run the code that lies here, also with `code: git`.")] = (
        False
    )
    branch: Annotated[
        str, flag("--branch", help="With `code: git`, run only commits of this branch.", metavar="NAME")
    ] = ""


@command("worker", "Run what is due, with a scheduler beside it.", "flowerpower worker --queue heavy")
def worker(session: Session, jobs: Jobs, processes: Processes, code: Code, watched: Watched) -> None:
    """Run what is due: an RQ worker for the project's queues that carries a scheduler. Drains on SIGTERM and SIGHUP."""
    start_log(session)
    how: Work = {
        "burst": processes.burst,
        "queues": jobs.queue or (),
        "with_scheduler": not processes.no_scheduler,
        "grace": None if processes.grace is None else read_duration(processes.grace, "--grace"),
        "allowed": tuple(jobs.allow_function or ()),
        "processes": processes.processes,
        "warm": processes.warm,
        "preload": not processes.no_preload,
        "require_commit": code.require_commit,
        "branch": code.branch,
        "metrics": watched.metrics,
    }
    if code.local_code:
        how["from_git"] = False
    with session.project(short=False) as project:
        from flowerpower.jobs.stop import Stop

        asked = Stop()
        anew = project.jobs.work(asked, **how)
        from flowerpower.jobs.workers.processes import note_stops, start_anew

        note_stops(asked)
    if anew and not asked.is_set():
        start_anew()


@command("scheduler", "Run a scheduler alone.", "flowerpower scheduler --env prod")
def scheduler(session: Session, watched: Watched) -> None:
    """Run a scheduler alone: it fires what is due and runs nothing. One of several works, the rest stand by."""
    start_log(session)
    with session.project(short=False) as project:
        project.jobs.start_scheduler(watched.metrics)


def read_duration(text: str, name: str) -> float:
    """Return the seconds of `90s` or `15m`; raise `UsageError` for what is no duration."""
    from flowerpower.specs.suggestions import meant_duration
    from flowerpower.specs.values import parse_duration

    try:
        return float(parse_duration(text))
    except ValueError as error:
        meant = meant_duration(text)
        hint = f"did you mean {meant}?" if meant else "write 90s, 15m, 2h or a number of seconds"
        raise UsageError(f"{name}: {error}", hint=hint) from None
