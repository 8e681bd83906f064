"""`next`: what fires when, of what is live, of the specs, or of a trigger alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import Revision, command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import SpecError, UsageError

if TYPE_CHECKING:
    from flowerpower.planning.upcoming import Outlook
    from flowerpower.project_specs import ProjectSpecs
    from flowerpower.specs.project import Project
    from flowerpower.state.models import Schedule, State

_ROWS = 50  # on a terminal
_MOST = 100_000  # fires in one answer


@dataclass(frozen=True)
class Expression:
    """A trigger of its own, which needs no project."""

    cron: Annotated[
        str | None, flag("--cron", env="", help="A trigger alone, without project or Redis.", metavar="EXPR")
    ] = None
    every: Annotated[str | None, flag("--every", env="", help="The same for `every`.", metavar="TIME")] = None
    at: Annotated[str | None, flag("--at", env="", help="The same for `at`.", metavar="TIME")] = None
    timezone: Annotated[
        str | None,
        flag(
            "--timezone",
            env="",
            help="Time zone of that trigger; without it, UTC.",
            metavar="ZONE",
            autocompletion=completion.zones,
        ),
    ] = None
    start: Annotated[str | None, flag("--start", env="", help="Its first possible moment.", metavar="TIME")] = None
    end: Annotated[str | None, flag("--end", env="", help="Its last possible moment.", metavar="TIME")] = None

    @property
    def given(self) -> bool:
        """Tell whether there is one."""
        return any(value is not None for value in (self.cron, self.every, self.at))


@dataclass(frozen=True)
class Extent:
    """From when, and how many."""

    number: Annotated[
        int | None,
        flag(
            "-n",
            "--number",
            env="",
            min=1,
            max=10_000,
            metavar="N",
            help="Fires of each schedule: without it 1, of named ones 5, of a trigger alone 10.",
        ),
    ] = None
    after: Annotated[
        str | None,
        flag("--from", env="", help="Fires after this moment, not now; also 01:00, tomorrow, 2h.", metavar="TIME"),
    ] = None
    last: Annotated[str | None, flag("--to", env="", help="All fires up to this moment, likewise.", metavar="TIME")] = (
        None
    )

    def window(self, timezone: str, now: int) -> tuple[int, int]:
        """Return the moments that fires are looked for between; what has no offset is read in the zone."""
        from flowerpower.planning.window import coming_moment
        from flowerpower.schedule.zones import LAST

        after = now if self.after is None else coming_moment(self.after, timezone, now, "--from")
        end = LAST if self.last is None else coming_moment(self.last, timezone, after, "--to", ends_day=True)
        if end < after:
            raise UsageError(
                "the window ends before it begins", hint="--from names its first moment, --to its last one"
            )
        return after, end


@command(
    "next",
    "Show what fires when.",
    'flowerpower next --from 01:00 --to 05:00; flowerpower next --cron "30 2 * * *" --timezone Europe/Berlin',
)
def show_next(
    session: Session,
    revision: Revision,
    expression: Expression,
    extent: Extent,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Schedules to show, or pipelines for all of theirs; without any, all.", autocompletion=completion.both
        ),
    ] = None,
    specs: Annotated[bool, flag("--specs", env="", help="Look at the specs instead of what is live.")] = False,
) -> None:
    """Show what fires next, the soonest first: of the schedules that are live, of the specs (--specs, --ref), or of a
    trigger alone (--cron, --every, --at).
    """
    from flowerpower.render.upcoming import outlook_dict, outlook_text

    _check_call(expression, names, specs=specs or revision.ref is not None)
    if expression.given:
        source, found = "trigger", _of_trigger(session, expression, extent)
    else:
        source = "specs" if specs or revision.ref is not None else "live"
        found = _of_schedules(session, names or (), extent, live=source == "live")
    session.document(outlook_dict(found.outlook, source))
    if source == "live" and extent.last is None and not found.outlook.fires and not found.outlook.silent:
        look = session.proposing("`flowerpower next --specs`")
        session.result(f"No schedule is live; {look} shows those of the specs.")
        return
    most = _ROWS if sys.stdout.isatty() and not session.verbose else None
    width, style = session.table_width, session.style
    session.result(outlook_text(found.outlook, found.now, most=most, timezone=found.timezone, width=width, style=style))


@dataclass(frozen=True)
class _Found:
    """What fires, what time it is by the clock that decides, and the zone of the project."""

    outlook: Outlook
    now: int
    timezone: str


def _check_call(expression: Expression, names: Collection[str] | None, *, specs: bool) -> None:
    belonging = (expression.timezone, expression.start, expression.end)
    if not expression.given and any(value is not None for value in belonging):
        raise UsageError("--timezone, --start and --end belong to a trigger", hint="add --cron, --every or --at")
    if expression.given and (names or specs):
        raise UsageError("a trigger alone takes no schedules", hint="leave out the names, --specs and --ref")


def _of_trigger(session: Session, expression: Expression, extent: Extent) -> _Found:
    from flowerpower.cli.worker import read_duration
    from flowerpower.planning.upcoming import ticks_of_trigger
    from flowerpower.schedule import parse_trigger

    session.prepare()
    zone, now = expression.timezone or "UTC", int(time.time())
    trigger = parse_trigger(
        cron=expression.cron,
        every=None if expression.every is None else int(read_duration(expression.every, "--every")),
        at=expression.at,
        timezone=zone,
        start=expression.start,
        end=expression.end,
    )
    if extent.last is not None:
        raise UsageError("--to is for schedules", hint="of a trigger alone, -n says how many fires are shown")
    return _Found(ticks_of_trigger(trigger, extent.window(zone, now)[0], extent.number or 10), now, zone)


def _of_schedules(session: Session, names: Collection[str], extent: Extent, *, live: bool) -> _Found:
    from flowerpower.jobs.applied_names import renamed_since
    from flowerpower.planning.upcoming import upcoming
    from flowerpower.state.desired import desired_state

    with session.project() as project:
        zone = project.home.timezone
        if live:
            reading = project.store.read()
            state, holds, now = reading.state, reading.holds, reading.now
            renamed = partial(renamed_since, project.store)
        else:
            spec = project.spec
            state, holds, now = desired_state(spec, dict.fromkeys(spec.pipelines, "")).state, {}, int(time.time())
            renamed = partial(_renamed_in, spec)
        chosen = _chosen(state, names, partial(_no_schedule, project.written, state, renamed, live=live))
    after, until = extent.window(zone, now)
    number = extent.number or (_MOST if extent.last is not None else 5 if names else 1)
    many = _fires(chosen, after, until) if extent.last is not None else len(chosen) * number
    if many > _MOST:
        raise UsageError(f"{many:,} fires are too many for one answer", hint="name some schedules, or fewer fires")
    return _Found(upcoming(chosen, holds, after, number, live=live and extent.after is None, until=until), now, zone)


def _fires(schedules: Collection[Schedule], after: int, until: int) -> int:
    """Return how many ticks lie in a window; records that say not when they fire have none."""
    from flowerpower.schedule import TriggerError
    from flowerpower.state.desired import trigger_of

    found = 0
    for schedule in schedules:
        with suppress(TriggerError, TypeError, ValueError):
            found += trigger_of(schedule.fields).count_ticks(after, until)
    return found


def _chosen(state: State, names: Collection[str], refusal: Callable[[str], UsageError]) -> list[Schedule]:
    """Return the named schedules, and those of named pipelines; raise the *refusal* of a name that is neither."""
    schedules = state.schedules
    wanted = {name for name in names if name in schedules}
    for name in names:
        if name not in schedules:
            of_pipeline = {own for own, schedule in schedules.items() if schedule.fields.get("pipeline") == name}
            if not of_pipeline:
                raise refusal(name)
            wanted |= of_pipeline
    return [schedule for name, schedule in sorted(schedules.items()) if not names or name in wanted]


def _no_schedule(
    specs: ProjectSpecs, state: State, renamed: Callable[[str], str], name: str, *, live: bool
) -> UsageError:
    from flowerpower.specs.left_out import ELSEWHERE, why_left_out
    from flowerpower.specs.messages import did_you_mean

    if why := why_left_out(specs.sources.texts, specs.settings.env, name, ("schedule", "pipeline")):
        return UsageError(why, hint=ELSEWHERE)
    where = "live" if live else "in the specs"
    if specs.home.schedules == "deleted":
        what = f"no schedule {name!r} is {where}: the project file says `schedules: deleted`"
        return UsageError(what, hint=ELSEWHERE)
    if name in state.pipelines:
        what = f"{name!r} is a pipeline, and no schedule of it is {where}"
        return UsageError(what, hint=f"a schedule with `pipeline: {name}` would run it")
    hint = renamed(name) or did_you_mean(name, [*state.schedules, *state.pipelines]) or _in_specs(specs, name)
    return UsageError(f"no schedule {name!r} is {where}", hint=hint or "`flowerpower next` without names shows all")


def _renamed_in(spec: Project, name: str) -> str:
    """Return which schedule of the specs had a name before; nothing for none."""
    now = next((new for new, one in spec.schedules.items() if name in one.previous_names), None)
    return f"{name} was renamed to {now}" if now else ""


def _in_specs(specs: ProjectSpecs, name: str) -> str:
    """Return where to look for a schedule that only the specs have, under that name or one like it; or nothing."""
    from flowerpower.specs.messages import did_you_mean

    try:
        known = (*specs.draft.schedules, *specs.draft.pipelines)
    except SpecError:
        return ""
    look = f"`flowerpower next --specs {name}` shows it as the specs say"
    return f"it is not applied yet; {look}" if name in known else did_you_mean(name, known)
