"""What `apply` and `rollback` share: show a plan, ask, apply it, tell what was done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from flowerpower.cli.plan import show_plan
from flowerpower.cli.session import Session
from flowerpower.errors import RefusedError, StalePlanError, UsageError

if TYPE_CHECKING:
    from flowerpower.apply import Applied
    from flowerpower.planned import PlannedChanges
    from flowerpower.project import FlowerPowerProject


def need_somebody(session: Session, *, look_at: str) -> None:
    """Raise `UsageError` where nobody can be asked."""
    if not session.can_ask:
        hint = f"look at {look_at}, then --auto-approve"
        raise UsageError("nobody can be asked here: there is no terminal", hint=hint)


def ask_and_apply(
    session: Session,
    project: FlowerPowerProject,
    make: Callable[[], PlannedChanges],
    *,
    asks: bool,
    concise: bool | None,
    look_at: str = "`plan`",
) -> tuple[PlannedChanges, Applied] | None:
    """Show what *make* plans, ask, and apply it; a plan that got stale meanwhile is made and asked about anew.

    Return the plan and what it did, None if nobody agreed. Without asking a stale plan raises `StalePlanError`; where
    nobody can be asked, the plan is shown all the same, and what is wrong with it is told first.
    """
    while True:
        planned = make()
        show_plan(session, planned, concise=concise)
        refuse(planned)
        if asks:
            need_somebody(session, look_at=look_at)
        if asks and planned and not agrees(f"Apply this to {planned.plan.namespace}?"):
            session.talk("Nothing was applied.")
            return None
        try:
            return planned, apply_with_progress(session, project, planned)
        except StalePlanError as error:
            if not asks:
                raise
            session.talk(f"\n{error}. This is the plan now:\n")


def refuse(planned: PlannedChanges) -> None:
    """Raise `RefusedError` when a guard stands in the way."""
    refused = planned.plan.refused
    if refused:
        more = f" (and {len(refused) - 1} more, see above)" if len(refused) > 1 else ""
        raise RefusedError(f"{refused[0].name}: {refused[0].message}{more}", hint=refused[0].hint)


def apply_with_progress(session: Session, project: FlowerPowerProject, planned: PlannedChanges) -> Applied:
    """Apply a plan, with a progress bar where somebody watches."""
    with session.progress("Staging") as bar:
        return project.apply(planned, bar.update)


def show_applied(session: Session, applied: Applied) -> None:
    """Tell what an apply did."""
    from flowerpower.render.applied import applied_dict, applied_text

    session.document({**applied_dict(applied), "notes": [*map(session.proposing, applied.notes)]})
    for note in applied.notes:
        session.talk(f"Note: {note}")
    session.result(f"\n{session.style(applied_text(applied), 'good')}")


def agrees(question: str) -> bool:
    """Ask below what was shown, and tell whether the answer is yes."""
    return typer.confirm(f"\n{question}", default=False, err=True)
