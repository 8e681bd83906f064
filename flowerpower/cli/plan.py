"""`plan`: what apply would change, and what that means in time. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flowerpower.cli.options import Overrides, Revision, command, flag
from flowerpower.cli.planfiles import write_plan
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.planned import PlannedChanges
    from flowerpower.planning.guards import Allowed
    from flowerpower.project import FlowerPowerProject

PlanFormat = Literal["text", "json", "markdown"]
PENDING = 2


@dataclass(frozen=True)
class Display:
    """How a plan is shown."""

    format: Annotated[PlanFormat, flag("--format", env="FLOWERPOWER_PLAN_FORMAT", help="How the plan is shown.")] = (
        "text"
    )
    concise: Annotated[
        bool | None,
        flag("--concise/--full", help="One line for each change, or all of it; without, the size decides."),
    ] = None


@dataclass(frozen=True)
class PlanFlags:
    """The flags of `plan` alone."""

    detailed_exitcode: Annotated[
        bool, flag("--detailed-exitcode", help="Exit 2 when changes are pending, 0 when there are none.")
    ] = False
    out: Annotated[
        Path | None, flag("--out", env="FLOWERPOWER_PLAN_OUT", help="Save the plan for `apply FILE`.", metavar="FILE")
    ] = None
    against: Annotated[
        str | None, flag("--against", help="Compare with this git revision instead of Redis.", metavar="REV")
    ] = None


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "plan", "Show what apply would change.", "flowerpower plan --env prod --detailed-exitcode")(plan)


def plan(
    session: Session,
    revision: Revision,
    overrides: Overrides,
    display: Display,
    wanted: PlanFlags,
) -> int:
    """Show what `apply` would change in Redis, and what that means in time. Writes nothing to Redis."""
    if wanted.out and wanted.against:
        raise UsageError("what compares two revisions cannot be applied, so not saved", hint="drop --out or --against")
    with session.project() as project:
        allowed = allowed_of(overrides)
        against = wanted.against
        planned = project.plan_against(against, allowed) if against else project.plan(allowed)
        tell_warnings(session, project)
    publish(session, planned)
    present(session, planned, display)
    if wanted.out:
        write_plan(wanted.out, planned)
        session.talk(f"Saved. To apply exactly this: flowerpower apply {wanted.out}")
    return PENDING if planned and wanted.detailed_exitcode else 0


def present(session: Session, planned: PlannedChanges, display: Display) -> None:
    """Print a plan in one of its formats."""
    if session.json or display.format == "json":
        replace(session, json=True).document(planned.to_dict())
    elif display.format == "markdown":
        session.result(planned.to_markdown().rstrip("\n"))
    else:
        show_plan(session, planned, concise=display.concise)


def tell_warnings(session: Session, project: FlowerPowerProject) -> None:
    """Tell of what is odd in the specs; with --verbose of notes too."""
    from flowerpower.render.problems import problems_text

    told = ("warning", "note") if session.verbose else ("warning",)
    problems = [problem for problem in project.problems if problem.severity in told]
    if problems:
        session.talk(problems_text(problems, style=session.talk_style) + "\n")


def publish(session: Session, planned: PlannedChanges) -> None:
    """Append the plan to the summary of a GitHub job, and its counts to the outputs of the step, if any."""
    for name, text in (("GITHUB_STEP_SUMMARY", planned.to_markdown), ("GITHUB_OUTPUT", lambda: _outputs(planned))):
        file = session.settings.environment.get(name)
        if file:
            with Path(file).open("a", encoding="utf-8") as stream:
                stream.write(text())


def _outputs(planned: PlannedChanges) -> str:
    plan = planned.plan
    counts = {"add": plan.count("create"), "change": plan.count("update"), "destroy": plan.count("delete")}
    outputs = {**counts, "exitcode": PENDING if planned else 0, "plan_hash": planned.hash}
    return "".join(f"{key}={value}\n" for key, value in outputs.items())


def show_plan(session: Session, planned: PlannedChanges, *, concise: bool | None = None) -> None:
    """Print a plan as text."""
    from flowerpower.render.plan_text import plan_text

    session.result(plan_text(planned.plan, width=session.width, style=session.style, concise=concise))


def allowed_of(overrides: Overrides) -> Allowed:
    """Return the guards' overrides that the flags name."""
    from flowerpower.planning.guards import Allowed

    return Allowed(
        empty=overrides.allow_empty,
        deletes=overrides.allow_deletes,
        takeover=overrides.allow_takeover,
        older_commit=overrides.allow_older_commit,
        dirty=overrides.allow_dirty,
    )
