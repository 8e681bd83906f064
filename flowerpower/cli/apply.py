"""`apply`: make Redis match the specs, in one atomic step, after showing what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli.options import Overrides, Revision, command, flag
from flowerpower.cli.plan import allowed_of, show_plan, tell_warnings
from flowerpower.cli.session import Session
from flowerpower.cli.terminal import progress_bar
from flowerpower.errors import RefusedError, StalePlanError, UsageError

if TYPE_CHECKING:
    from flowerpower.apply import Applied
    from flowerpower.project import FlowerPowerProject, PlannedChanges


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "apply", "Make Redis match the specs.", "flowerpower apply --env prod --auto-approve")(apply)


def apply(
    session: Session,
    revision: Revision,
    overrides: Overrides,
    auto_approve: Annotated[bool, flag("--auto-approve", help="Do not ask.")] = False,
    concise: Annotated[bool, flag("--concise", help="One line for each change.")] = False,
) -> int:
    """Make Redis match the specs in one atomic step: show the plan, ask, apply. Safe to repeat."""
    if not auto_approve and not session.can_ask:
        raise UsageError("nobody can be asked here: there is no terminal", hint="look at `plan`, then --auto-approve")
    with session.project() as project:
        while True:
            planned = project.plan(allowed_of(overrides))
            tell_warnings(session, project)
            show_plan(session, planned, concise=concise)
            refuse(planned)
            if not auto_approve and planned and not agreed(planned):
                session.talk("Nothing was applied.")
                return 1
            try:
                applied = apply_with_progress(session, project, planned)
                break
            except StalePlanError as error:
                if auto_approve:
                    raise
                session.talk(f"\n{error}. This is the plan now:\n")
    show_applied(session, applied)
    return 0


def refuse(planned: PlannedChanges) -> None:
    """Raise `RefusedError` when a guard stands in the way."""
    refused = planned.plan.refused
    if refused:
        more = f" (and {len(refused) - 1} more, see above)" if len(refused) > 1 else ""
        raise RefusedError(f"{refused[0].name}: {refused[0].message}{more}", hint=refused[0].hint)


def agreed(planned: PlannedChanges) -> bool:
    """Ask whether to apply a plan."""
    return typer.confirm(f"\nApply this to {planned.plan.namespace}?", default=False, err=True)


def apply_with_progress(session: Session, project: FlowerPowerProject, planned: PlannedChanges) -> Applied:
    """Apply a plan, with a progress bar where somebody watches."""
    with progress_bar("Staging", shown=session.shows_progress) as bar:
        return project.apply(planned, bar.update)


def show_applied(session: Session, applied: Applied) -> None:
    """Tell what an apply did."""
    from flowerpower.render.applied import applied_dict, applied_text

    session.document(applied_dict(applied))
    for note in applied.notes:
        session.talk(f"Note: {note}")
    session.result(f"\n{session.style(applied_text(applied), 'good')}")
