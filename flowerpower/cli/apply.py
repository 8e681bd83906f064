"""`apply`: make Redis match the specs, in one atomic step, after showing what that means."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli.applying import apply_with_progress, ask_and_apply, refuse, show_applied
from flowerpower.cli.options import AllOverrides, Revision, Trust, command, flag
from flowerpower.cli.plan import Concise, allowed_of, show_plan, tell_warnings
from flowerpower.cli.planfiles import read_plan
from flowerpower.cli.session import Session
from flowerpower.errors import AppliedError, FlowerPowerError, RefusedError, StalePlanError, StoreError, UsageError
from flowerpower.proposed import in_env

if TYPE_CHECKING:
    from flowerpower.planned import PlannedChanges
    from flowerpower.project import FlowerPowerProject
    from flowerpower.state.signing import Signer

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


@dataclass(frozen=True)
class Ways:
    """How it is done."""

    concise: Concise = None
    resign: Annotated[
        bool, flag("--resign", help="Sign all that workers run again, with the first of FLOWERPOWER_SIGNING_KEY.")
    ] = False


@command("apply", "Make Redis match the specs.", "flowerpower apply --env prod --auto-approve")
def apply(
    session: Session,
    revision: Revision,
    trust: Trust,
    overrides: AllOverrides,
    approval: Approval,
    ways: Ways,
) -> int:
    """Make Redis match the specs in one atomic step: show the plan, ask, apply. Safe to repeat."""
    if trust.untrusted:
        raise RefusedError(
            "apply does not apply an untrusted checkout", hint="look at it: flowerpower plan --untrusted"
        )
    if approval.file is not None:
        _refuse_beside_a_file(overrides, revision, approval, ways)
        return _apply_saved(session, read_plan(approval.file), accepted=overrides.accept_cutover, concise=ways.concise)
    signer = _signer_to_resign(session) if ways.resign else None
    with session.project() as project:

        def make() -> PlannedChanges:
            planned = project.plan(allowed_of(overrides))
            tell_warnings(session, project)
            return _as_approved(session, planned, approval.approved) if approval.approved is not None else planned

        done = ask_and_apply(session, project, make, asks=not approval.given, concise=ways.concise)
        if done is None:
            return 1
        if signer:
            _sign_again(session, project, signer)
    show_applied(session, done[1])
    return 0


def _sign_again(session: Session, project: FlowerPowerProject, signer: Signer) -> None:
    from flowerpower.apply import sign_again
    from flowerpower.render.words import count

    try:
        signed = sign_again(project.desired, project.store, signer)
        session.talk(f"Signed again: {count(signed, 'run spec')}.")
    except StoreError as error:
        raise AppliedError(
            f"applied, but not everything is signed again: {error}", hint="run `flowerpower apply --resign` again"
        ) from error


def _signer_to_resign(session: Session) -> Signer:
    from flowerpower.state.signing import VARIABLE, Signer

    signer = Signer.of(session.settings.signing_key)
    if signer is None:
        raise UsageError(f"there is no key to sign with: {VARIABLE} is not set")
    return signer


def _refuse_beside_a_file(overrides: AllOverrides, revision: Revision, approval: Approval, ways: Ways) -> None:
    others = replace(overrides, accept_cutover=False)  # which is about the moment of the apply
    if others != AllOverrides() or revision.ref or approval.approved is not None or ways.resign:
        raise UsageError(
            "a saved plan is applied as it was made",
            hint="guard overrides and --ref belong to `plan --out`, --approved and --resign to an apply without a file",
        )


def _apply_saved(session: Session, planned: PlannedChanges, *, accepted: bool, concise: bool | None) -> int:
    """Apply a saved plan, which somebody has looked at; the environment is the plan's unless another was named."""
    if not session.settings.env_named:
        session = session._replace(settings=session.settings._replace(env=planned.plan.env))
    try:
        with session.project() as project:
            show_plan(session, planned, concise=concise)
            refuse(project.check_saved(planned, accept_cutover=accepted))
            applied = apply_with_progress(session, project, planned)
    except FlowerPowerError as error:
        error.hint = in_env(error.hint, planned.plan.env)  # nobody may have named it
        raise
    show_applied(session, applied)
    return 0


def _as_approved(session: Session, planned: PlannedChanges, approved: str) -> PlannedChanges:
    """Return the plan with what is worse than in the approved one; raise `StalePlanError` if it holds anything else."""
    match = _HASH.fullmatch(approved)
    if match is None:
        return _within(session, planned, read_plan(Path(approved)))
    if planned and planned.hash != f"sha256:{match[1]}":
        show_plan(session, planned)
        raise StalePlanError(
            f"this is not the approved plan: it has the hash {planned.hash}",
            hint="look at it and approve this one; given a plan file instead of a hash, the difference is shown",
        )
    return planned


def _within(session: Session, planned: PlannedChanges, approved: PlannedChanges) -> PlannedChanges:
    from flowerpower.planning.approval import extra_changes
    from flowerpower.planning.cutover import worse_cut_over
    from flowerpower.render.plan_text import plan_text

    if approved.plan.namespace != planned.plan.namespace:
        name = f"flowerpower-plan-{planned.plan.namespace}-COMMIT"
        raise UsageError(
            f"the approved plan is for {approved.plan.namespace}, this is {planned.plan.namespace}",
            hint=f"keep the plan of each project under a name of its own, as {name}",
        )
    accepted = planned.allowed.cutover
    if planned and replace(approved.allowed, cutover=accepted) != planned.allowed:
        raise StalePlanError(
            "the approved plan was made with other guard overrides", hint="give the same ones as when it was planned"
        )
    extra = extra_changes(approved.plan, planned.plan)
    if extra:
        session.talk("Not in the approved plan:\n")
        delta = replace(planned.plan, changes=extra, checks=(), unmanaged={}, held={}, loads=())
        session.talk(plan_text(delta, width=session.width, style=session.talk_style))
        raise StalePlanError(
            f"{len(extra)} of {len(planned.plan.changes)} changes are not in the approved plan; nothing was applied",
            hint="if they came with another merge whose apply failed or did not run, run its job again, then this one; "
            "else look at what changed, and plan again: `flowerpower plan`",
        )
    return planned.with_checks(worse_cut_over(approved.plan, planned.plan, accepted=accepted))
