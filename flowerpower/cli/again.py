"""`rerun --status`: run once more what ended so, of one schedule or of all, a few at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from flowerpower.cli import completion
from flowerpower.cli.applying import agrees, need_somebody
from flowerpower.cli.options import flag, separate
from flowerpower.cli.process import INTERRUPTED
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.jobs.by_hand.backfill import BackfillPlan, Progress
    from flowerpower.jobs.manager import RQManager

STATUSES = ("failed", "missed", "skipped", "cancelled")
_BETWEEN = 0.1  # seconds between two rounds


@dataclass(frozen=True)
class Many:
    """The flags that name many runs by how they ended."""

    status: Annotated[
        list[str] | None,
        flag(
            "--status",
            env="",
            metavar="STATUS",
            help="All that ended so: failed, missed, skipped, cancelled; may be repeated.",
            autocompletion=completion.words(*STATUSES),
        ),
    ] = None
    since: Annotated[
        str | None, flag("--since", env="", metavar="TIME", help="With --status: since a day, a moment, or 12h ago.")
    ] = None
    dry_run: Annotated[bool, flag("--dry-run", env="", help="With --status: show the runs and start none.")] = False
    auto_approve: Annotated[bool, flag("--auto-approve", help="With --status: do not ask.")] = False

    @property
    def statuses(self) -> tuple[str, ...]:
        """How the runs ended; raises `UsageError` for what cannot be run again."""
        asked = separate(self.status)
        for word in asked:
            if word not in STATUSES:
                raise UsageError(f"runs that are {word!r} are not run again", hint=f"--status {', '.join(STATUSES)}")
        return asked


def rerun_many(session: Session, many: Many, name: str | None, inputs: dict[str, object]) -> int:
    """Show what ended so, ask, and run it again: of each schedule one at a time, until all have ended."""
    from flowerpower.render.again import again_document, again_text, done_text
    from flowerpower.render.words import count

    statuses = many.statuses
    if many.since is None:
        raise UsageError("since when?", hint="for example --since 12h, or --since 2026-11-22")
    with session.project() as project:
        jobs = project.jobs
        since = jobs.moment(many.since, "--since", project.home.timezone)
        plans, left = jobs.plans_again(name or "", since=since, statuses=statuses)
        session.result(again_text(plans, left, statuses, style=session.style))
        if not many.dry_run and not many.auto_approve:
            need_somebody(session, look_at="--dry-run")
        runs = sum(len(plan.to_run) for plan in plans)
        agreed = runs and not many.dry_run and (many.auto_approve or agrees(f"Run {count(runs, 'tick')} again?"))
        ended = _carry_out(session, jobs, plans, inputs) if agreed else []
        session.document(again_document(jobs.store.keys.namespace, plans, left, ended))
        if not agreed:
            return 0 if many.dry_run or not runs else 1
        if ended is None:
            return INTERRUPTED
    session.result(f"\n{done_text(plans, ended, style=session.style)}")
    return 1 if any(progress.failed or progress.left for progress in ended) else 0


def _carry_out(
    session: Session, jobs: RQManager, plans: Sequence[BackfillPlan], inputs: dict[str, object]
) -> list[Progress] | None:
    """Let all plans go on side by side until each has ended; None when somebody has interrupted it."""
    steps = [jobs.backfill(plan, inputs=inputs, word="rerun", pause=lambda _: None) for plan in plans]
    latest = [next(one) for one in steps]
    going = set(range(len(steps)))
    try:
        with session.progress("Rerun") as bar:
            while going:
                for number in tuple(going):
                    progress = next(steps[number], None)
                    going -= {number} if progress is None else set()
                    latest[number] = progress or latest[number]
                bar.update(sum(len(one.ended) for one in latest), sum(one.total for one in latest))
                time.sleep(_BETWEEN)
    except KeyboardInterrupt:
        session.talk("\nStopped: no other run is started; those that were go on. The same command again does the rest.")
        return None
    return latest
