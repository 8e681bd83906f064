"""`backfill`: run the ticks of a past window that have not succeeded, a few at a time."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.applying import agrees, need_somebody
from flowerpower.cli.options import command, flag
from flowerpower.cli.process import INTERRUPTED
from flowerpower.cli.run import GivenInputs, read_inputs
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.jobs.by_hand.backfill import BackfillPlan, Progress
    from flowerpower.jobs.manager import RQManager


@dataclass(frozen=True)
class Window:
    """The flags that say which ticks."""

    start: Annotated[
        str | None, flag("--from", env="", metavar="TIME", help="First moment: a day, a moment, or so long ago: 2d.")
    ] = None
    end: Annotated[
        str, flag("--to", env="", metavar="TIME", help="Last moment, likewise; a day counts to its end.")
    ] = "now"
    again: Annotated[bool, flag("--again", env="", help="Also the ticks that have succeeded.")] = False
    allow_ticks: Annotated[
        int | None, flag("--allow-ticks", env="", min=1, metavar="N", help="Allow a window of so many ticks.")
    ] = None


@dataclass(frozen=True)
class Way:
    """The flags that say how."""

    max_concurrent: Annotated[
        int, flag("--max-concurrent", min=1, max=1000, metavar="N", help="So many runs at once, never more.")
    ] = 1
    set: GivenInputs = None
    fail_fast: Annotated[bool, flag("--fail-fast", help="Start no other run once one did not succeed.")] = False
    dry_run: Annotated[bool, flag("--dry-run", env="", help="Show the ticks and run none.")] = False


@command(
    "backfill",
    "Run past ticks that have not succeeded.",
    "flowerpower backfill nightly_sales --from 2026-11-01 --to 2026-11-14 --max-concurrent 2",
)
def backfill(
    session: Session,
    window: Window,
    way: Way,
    name: Annotated[str, typer.Argument(help="A live schedule.", autocompletion=completion.schedules)],
    auto_approve: Annotated[bool, flag("--auto-approve", help="Do not ask.")] = False,
) -> int:
    """Run the ticks of a past window that have not succeeded, as the schedule is applied now, oldest first.

    They are shown first. Ctrl-C starts no more and lets those that run go on; the same command again goes on from
    there. Exit code 1 when a run did not succeed.
    """
    from flowerpower.render.words import count

    if window.start is None:
        raise UsageError("a backfill needs its first moment", hint="for example --from 2026-11-01, or --from 7d")
    inputs = read_inputs(way.set or ())
    with session.project() as project:
        jobs = project.jobs
        plan = jobs.plan_backfill(name, window.start, window.end, again=window.again, most=window.allow_ticks)
        _show(session, plan, way)
        if not way.dry_run and not auto_approve:
            need_somebody(session, look_at="--dry-run")
        runs = len(plan.to_run) + len(plan.busy)
        question = f"Carry out {count(runs, 'run')} of {plan.applied.schedule.name}?"
        if way.dry_run or not runs or not (auto_approve or agrees(question)):
            _document(session, plan, None)
            return 0 if way.dry_run or not runs else 1
        return _carry_out(session, jobs, plan, way, inputs)


def _show(session: Session, plan: BackfillPlan, way: Way) -> None:
    from flowerpower.render.backfill import plan_text

    width = session.table_width
    session.result(plan_text(plan, way.max_concurrent, whole=session.verbose, width=width, style=session.style))
    sys.stdout.flush()


def _carry_out(session: Session, jobs: RQManager, plan: BackfillPlan, way: Way, inputs: dict[str, object]) -> int:
    from flowerpower.render.backfill import done_text, progress_words, stopped_text

    progress: Progress | None = None
    try:
        with session.progress("Backfill") as bar:
            for progress in jobs.backfill(plan, way.max_concurrent, inputs=inputs, fail_fast=way.fail_fast):
                bar.update(len(progress.ended), progress.total, progress_words(progress))
    except KeyboardInterrupt:
        if progress is not None:
            session.talk(f"\n{stopped_text(progress, plan)}")
            _document(session, plan, progress)
        return INTERRUPTED
    assert progress is not None  # noqa: S101 - the first step is always yielded
    _document(session, plan, progress)
    session.result(f"\n{done_text(progress, plan, style=session.style)}")
    return 1 if progress.failed or progress.left else 0


def _document(session: Session, plan: BackfillPlan, progress: Progress | None) -> None:
    from flowerpower.render.backfill import backfill_dict

    session.document(backfill_dict(plan, progress, plan.namespace))
