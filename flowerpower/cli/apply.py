"""`apply`: make Redis match the specs, in one atomic step, after showing what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli.options import Overrides, Revision, Trust, command, flag
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
    trust: Trust,
    overrides: Overrides,
    auto_approve: Annotated[bool, flag("--auto-approve", help="Do not ask.")] = False,
    concise: Annotated[bool, flag("--concise", help="One line for each change.")] = False,
) -> int:
    """Make Redis match the specs in one atomic step: show the plan, ask, apply. Safe to repeat."""
    if trust.untrusted:
        raise RefusedError(
            "apply does not apply an untrusted checkout", hint="look at it: flowerpower plan --untrusted"
        )
    if not auto_approve and not session.can_ask:
        raise UsageError("nobody can be asked here: there is no terminal", hint="look at `plan`, then --auto-approve")
    with session.project() as project:
        while True:
            planned = project.plan(allowed_of(overrides))
            tell_warnings(session, project)
            show_plan(session, planned, concise=concise)
            _refuse(planned)
            if not auto_approve and planned and not _agreed(planned):
                session.talk("Nothing was applied.")
                return 1
            try:
                applied = _apply(session, project, planned)
                break
            except StalePlanError as error:
                if auto_approve:
                    raise
                session.talk(f"\n{error}. This is the plan now:\n")
    _show(session, applied)
    return 0


def _refuse(planned: PlannedChanges) -> None:
    refused = planned.plan.refused
    if refused:
        more = f" (and {len(refused) - 1} more, see above)" if len(refused) > 1 else ""
        raise RefusedError(f"{refused[0].name}: {refused[0].message}{more}", hint=refused[0].hint)


def _agreed(planned: PlannedChanges) -> bool:
    return typer.confirm(f"\nApply this to {planned.plan.namespace}?", default=False, err=True)


def _apply(session: Session, project: FlowerPowerProject, planned: PlannedChanges) -> Applied:
    with progress_bar("Staging", shown=session.shows_progress) as bar:
        return project.apply(planned, bar.update)


def _show(session: Session, applied: Applied) -> None:
    from flowerpower.render.applied import applied_dict, applied_text

    session.document(applied_dict(applied))
    for note in applied.notes:
        session.talk(f"Note: {note}")
    session.result(f"\n{session.style(applied_text(applied), 'good')}")
