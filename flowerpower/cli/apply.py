"""`apply`: make Redis match the specs, in one atomic step, after showing what that means."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli.options import Overrides, Revision, command, flag
from flowerpower.cli.plan import allowed_of, show_plan, tell_warnings
from flowerpower.cli.planfiles import read_plan
from flowerpower.cli.session import Session
from flowerpower.cli.terminal import progress_bar
from flowerpower.errors import RefusedError, StalePlanError, UsageError

if TYPE_CHECKING:
    from flowerpower.apply import Applied
    from flowerpower.planned import PlannedChanges
    from flowerpower.project import FlowerPowerProject

_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True)
class Approval:
    """What stands for the yes of somebody who looked at the plan."""

    file: Annotated[
        Path | None, typer.Argument(metavar="PLANFILE", help="Apply exactly this plan, which `plan --out` saved.")
    ] = None
    approved: Annotated[
        str | None,
        flag("--approved", help="Apply nothing but what this plan (by hash or file) holds.", metavar="HASH|FILE"),
    ] = None
    auto_approve: Annotated[bool, flag("--auto-approve", help="Do not ask.")] = False

    @property
    def given(self) -> bool:
        """Tell whether nobody needs to be asked."""
        return self.auto_approve or self.approved is not None


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "apply", "Make Redis match the specs.", "flowerpower apply --env prod --auto-approve")(apply)


def apply(
    session: Session,
    revision: Revision,
    overrides: Overrides,
    approval: Approval,
    concise: Annotated[
        bool | None,
        flag("--concise/--full", help="One line for each change, or all of it; without, the size decides."),
    ] = None,
) -> int:
    """Make Redis match the specs in one atomic step: show the plan, ask, apply. Safe to repeat."""
    if approval.file is not None:
        _refuse_beside_a_file(overrides, revision, approval)
        return _apply_saved(session, read_plan(approval.file), concise=concise)
    if not approval.given and not session.can_ask:
        raise UsageError("nobody can be asked here: there is no terminal", hint="look at `plan`, then --auto-approve")
    with session.project() as project:
        while True:
            planned = project.plan(allowed_of(overrides))
            tell_warnings(session, project)
            show_plan(session, planned, concise=concise)
            if approval.approved:
                _compare(session, planned, approval.approved)
            refuse(planned)
            if not approval.given and planned and not agreed(planned):
                session.talk("Nothing was applied.")
                return 1
            try:
                applied = apply_with_progress(session, project, planned)
                break
            except StalePlanError as error:
                if approval.given:
                    raise
                session.talk(f"\n{error}. This is the plan now:\n")
    show_applied(session, applied)
    return 0


def _refuse_beside_a_file(overrides: Overrides, revision: Revision, approval: Approval) -> None:
    if overrides != Overrides() or revision.ref or approval.approved:
        raise UsageError(
            "a saved plan is applied as it was made",
            hint="guard overrides and --ref belong to `plan --out`, and --approved to an apply without a file",
        )


def _apply_saved(session: Session, planned: PlannedChanges, *, concise: bool | None) -> int:
    """Apply a saved plan, which somebody has looked at; the environment is the plan's unless another was named."""
    if not session.settings.env_named:
        session = replace(session, settings=replace(session.settings, env=planned.plan.env))
    with session.project() as project:
        show_plan(session, planned, concise=concise)
        project.check_saved(planned)
        refuse(planned)
        applied = apply_with_progress(session, project, planned)
    show_applied(session, applied)
    return 0


def _compare(session: Session, planned: PlannedChanges, approved: str) -> None:
    """Raise `StalePlanError` unless the plan is the approved one, or a part of it."""
    from flowerpower.planning.approval import extra_changes
    from flowerpower.render.plan_text import plan_text

    match = _HASH.fullmatch(approved)
    if match:
        if planned and planned.hash != f"sha256:{match[1]}":
            raise StalePlanError(
                f"this is not the approved plan: it has the hash {planned.hash}",
                hint="look at it and approve this one; given a plan file instead of a hash, the difference is shown",
            )
        return
    known = read_plan(Path(approved))
    if known.plan.namespace != planned.plan.namespace:
        raise UsageError(f"the approved plan is for {known.plan.namespace}, this is {planned.plan.namespace}")
    if planned and known.allowed != planned.allowed:
        raise StalePlanError(
            "the approved plan was made with other guard overrides", hint="give the same ones as when it was planned"
        )
    extra = extra_changes(known.plan, planned.plan)
    if extra:
        session.talk("\nNot in the approved plan:\n")
        delta = replace(planned.plan, changes=extra, checks=(), unmanaged={}, held={})
        session.talk(plan_text(delta, width=session.width, style=session.talk_style))
        raise StalePlanError(
            f"{len(extra)} of {len(planned.plan.changes)} changes are not in the approved plan; nothing was applied"
        )


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
