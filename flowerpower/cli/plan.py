"""`plan`: what apply would change, and what that means in time. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from flowerpower.cli import completion
from flowerpower.cli.github import folder_in_repository, mistakes_beside_lines, publish, summary_of
from flowerpower.cli.options import AllOverrides, Overrides, Revision, Trust, command, flag, separate
from flowerpower.cli.planfiles import write_whole
from flowerpower.cli.process import PENDING
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.planned import PlannedChanges
    from flowerpower.planning.guards import Allowed
    from flowerpower.planning.selection import Selection
    from flowerpower.project import FlowerPowerProject

PlanFormat = Literal["text", "json", "markdown", "github"]
Concise = Annotated[
    bool | None, flag("--concise/--full", help="One line for each change, or all of it; without, the size decides.")
]


@dataclass(frozen=True)
class Display:
    """How a plan is shown."""

    format: Annotated[PlanFormat, flag("--format", env="FLOWERPOWER_PLAN_FORMAT", help="How the plan is shown.")] = (
        "text"
    )
    concise: Concise = None


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
        str | None,
        flag(
            "--against",
            help="Compare with this git revision instead of Redis.",
            metavar="REV",
            autocompletion=completion.revisions,
        ),
    ] = None
    target: Annotated[
        list[str] | None,
        flag(
            "--target",
            help="Show these changes only: schedule.NAME, pipeline.NAME, * for any letters; may be repeated.",
            metavar="ADDRESS",
            autocompletion=completion.addresses,
        ),
    ] = None
    exclude: Annotated[
        list[str] | None,
        flag(
            "--exclude",
            help="Show all changes but these; may be repeated.",
            metavar="ADDRESS",
            autocompletion=completion.addresses,
        ),
    ] = None


@command("plan", "Show what apply would change.", "flowerpower plan --env prod --detailed-exitcode")
def plan(
    session: Session,
    revision: Revision,
    trust: Trust,
    overrides: AllOverrides,
    display: Display,
    wanted: PlanFlags,
) -> int:
    """Show what `apply` would change in Redis, and what that means in time. Writes nothing to Redis."""
    selection = _selection(wanted)
    on_github = display.format == "github"
    with session.project() as project, mistakes_beside_lines(session, project.place, wanted=on_github):
        allowed = allowed_of(overrides)
        against = wanted.against
        planned = project.plan_against(against, allowed) if against else project.plan(allowed)
        folder = folder_in_repository(project.place) if on_github else ""
        tell_warnings(session, project)
    planned = planned.only(selection) if selection else planned
    publish(session, planned)
    present(session, planned, display, folder)
    if wanted.out:
        write_whole(wanted.out, planned.to_file())
        from flowerpower.render.words import typed

        session.talk(f"Saved. To apply exactly this: {typed(f'flowerpower apply {wanted.out}', planned.plan.env)}")
    return PENDING if planned and wanted.detailed_exitcode else 0


def _selection(wanted: PlanFlags) -> Selection:
    """Return which changes are shown; raise `UsageError` for flags that do not go together."""
    from flowerpower.planning.selection import Selection

    if wanted.out and wanted.against:
        raise UsageError("what compares two revisions cannot be applied, so not saved", hint="drop --out or --against")
    if wanted.target and wanted.exclude:
        raise UsageError("--target and --exclude do not go together", hint="give one of them")
    selection = Selection(tuple(wanted.target or ()), tuple(wanted.exclude or ()))
    if wanted.out and selection:
        raise UsageError("a part of a plan cannot be applied, so not saved", hint="drop --out, --target and --exclude")
    return selection


def present(session: Session, planned: PlannedChanges, display: Display, folder: str = "") -> None:
    """Print a plan in one of its formats; *folder* is the project's in its repository."""
    if session.json or display.format == "json":
        document = planned.to_dict()
        session._replace(json=True).document({**document, "checks": session.proposing_in(document["checks"])})
    elif display.format == "markdown":
        session.result(planned.to_markdown().rstrip("\n"))
    elif display.format == "github":
        from flowerpower.render.plan_github import plan_github

        where = "the summary of this job" if summary_of(session) else "`flowerpower plan` without --format"
        session.result(plan_github(planned.plan, folder=folder, all_in=where))
    else:
        show_plan(session, planned, concise=display.concise)


def tell_warnings(session: Session, project: FlowerPowerProject) -> None:
    """Tell of what is odd in the specs; with --verbose of notes too."""
    from flowerpower.checking import house_problems
    from flowerpower.render.problems import problems_text

    told = ("warning", "note") if session.verbose else ("warning",)
    found = (*project.problems, *house_problems(project))
    problems = [problem for problem in found if problem.severity in told]
    if problems:
        session.talk(problems_text(problems, style=session.talk_style) + "\n")


def show_plan(session: Session, planned: PlannedChanges, *, concise: bool | None = None) -> None:
    """Print a plan as text."""
    from flowerpower.render.plan_text import plan_text

    session.result(plan_text(planned.plan, width=session.width, style=session.style, concise=concise))


def allowed_of(overrides: Overrides) -> Allowed:
    """Return the guards' overrides that the flags name; raise `UsageError` for one that is none."""
    from flowerpower.planning.guards import Allowed, limit_of

    if overrides.allow_deletes:
        limit_of(overrides.allow_deletes, 0)  # raises for what is neither a number nor a percentage
    more = overrides if isinstance(overrides, AllOverrides) else None
    codes = separate(more.allow_check) if more else ()
    _refuse_odd(codes)
    return Allowed(
        empty=overrides.allow_empty,
        deletes=overrides.allow_deletes,
        takeover=overrides.allow_takeover,
        older_commit=overrides.allow_older_commit,
        dirty=overrides.allow_dirty,
        cutover=overrides.accept_cutover,
        cancel=overrides.allow_cancel,
        long_commit=overrides.allow_long_commit,
        damaged=overrides.allow_damaged,
        twin=bool(more and more.allow_twin),
        checks=tuple(sorted(set(codes))),
    )


def _refuse_odd(codes: Sequence[str]) -> None:
    if not codes:
        return
    from flowerpower.checking import is_code

    if odd := next((code for code in codes if not is_code(code)), None):
        raise UsageError(f"{odd!r} is no code of a check", hint="give the one that the refusal names, as ACME12")
