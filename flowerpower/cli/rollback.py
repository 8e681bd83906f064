"""`rollback`: put back what was live before an apply, in one atomic step, after showing what that means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli.applying import ask_and_apply, show_applied
from flowerpower.cli.github import publish
from flowerpower.cli.options import Overrides, command, flag
from flowerpower.cli.plan import Display, allowed_of, present
from flowerpower.cli.process import PENDING
from flowerpower.cli.session import Session

if TYPE_CHECKING:
    from flowerpower.apply import Applied
    from flowerpower.planned import PlannedChanges
    from flowerpower.planning.guards import Allowed
    from flowerpower.planning.plan import Plan


@dataclass(frozen=True)
class Preview:
    """The flags for a look without a change."""

    plan: Annotated[bool, flag("--plan", env="", help="Show what would change and write nothing.")] = False
    detailed_exitcode: Annotated[
        bool, flag("--detailed-exitcode", help="With --plan, exit 2 when changes are pending.")
    ] = False


@command("rollback", "Undo an apply and every later one.", "flowerpower rollback 1a2b3c4d --plan")
def rollback(
    session: Session,
    overrides: Overrides,
    preview: Preview,
    display: Display,
    apply_id: Annotated[
        str,
        typer.Argument(
            metavar="APPLY-ID",
            help="The apply to undo, as `history` names it: by the first characters of its id, or by its number.",
        ),
    ],
    auto_approve: Annotated[bool, flag("--auto-approve", help="Do not ask.")] = False,
) -> int:
    """Put back what was live just before APPLY-ID: that apply and every later one are undone, in one atomic step.

    It is shown, guarded and asked about as `apply` does it; schedules that change start from now. No spec is read, so
    it works while they are broken. The undone commits are refused from then on, until a newer one is applied.
    """
    if preview.plan:
        return _preview(session, apply_id, allowed_of(overrides), preview, display)
    with session.project() as project:

        def make() -> PlannedChanges:
            return project.rollback_plan(apply_id, allowed_of(overrides))

        asks = not auto_approve
        done = ask_and_apply(session, project, make, asks=asks, concise=display.concise, look_at="--plan")
    if done is None:
        return 1
    planned, applied = done
    show_applied(session, applied)
    _tell_what_follows(session, planned.plan, applied)
    return 0


def _preview(session: Session, apply_id: str, allowed: Allowed, preview: Preview, display: Display) -> int:
    with session.project() as project:
        planned = project.rollback_plan(apply_id, allowed)
    publish(session, planned)
    present(session, planned, display)
    return PENDING if planned and preview.detailed_exitcode else 0


def _tell_what_follows(session: Session, plan: Plan, applied: Applied) -> None:
    """Say which commits are refused from now on, and how to undo the rollback itself."""
    from flowerpower.render.words import listed, safe, short, typed

    refused = [short(commit) for commit in plan.source.rolled_back]
    if refused:
        session.talk(f"Refused from now on: commit {safe(listed(refused))}, until a newer one is applied.")
    if plan.changes:
        session.talk(f"To undo this rollback: {typed(f'flowerpower rollback {applied.apply_id[:8]}', plan.env)}")
