"""`new pipeline` and `new schedule`: add specs to a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import OFFERED, add_command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.project_specs import ProjectSpecs
    from flowerpower.specs.project import Project


@dataclass(frozen=True)
class When:
    """The flags that say when a schedule fires."""

    cron: Annotated[
        str | None,
        flag(
            "--cron",
            env="FLOWERPOWER_NEW_CRON",
            help="Times of the clock; without any time, daily at six.",
            metavar="EXPR",
        ),
    ] = None
    every: Annotated[
        str | None,
        flag("--every", env="FLOWERPOWER_NEW_EVERY", help="A fixed interval, for example 15m.", metavar="DURATION"),
    ] = None
    at: Annotated[
        str | None,
        flag("--at", env="FLOWERPOWER_NEW_AT", help="One moment, for example 2027-01-01T06:00.", metavar="TIME"),
    ] = None
    timezone: Annotated[
        str | None,
        flag(
            "--timezone",
            env="FLOWERPOWER_NEW_TIMEZONE",
            help="Time zone; without it, the project's.",
            metavar="NAME",
            autocompletion=completion.zones,
        ),
    ] = None


def _add_group(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Add a pipeline or a schedule to the project.",
        epilog="Example: flowerpower new pipeline daily_sales",
        rich_markup_mode=None,
    )
    app.add_typer(group, name="new", short_help="Add a pipeline or a schedule.")
    example = "flowerpower new pipeline daily_sales"
    add_command(group, "pipeline", "Add a pipeline, its module and a test.", example, pipeline)
    example = "flowerpower new schedule nightly_sales --pipeline daily_sales --cron '0 2 * * *'"
    add_command(group, "schedule", "Add a schedule.", example, schedule)


OFFERED["new"] = _add_group


def pipeline(
    session: Session,
    name: Annotated[str, typer.Argument(help="Name of the new pipeline; `eu/sales` puts its file into a folder.")],
) -> None:
    """Add a pipeline with its Hamilton module and a test of it."""
    from flowerpower.scaffold import new_pipeline

    project = session.project()
    specs = project.written.draft  # what is wrong with other specs is no reason to refuse
    stem = _unused(specs, "pipeline", name, specs.pipelines)
    files = new_pipeline(project.folder, name, folders=specs.spec.modules or ("flows",))
    _show(session, project.folder, files, f"Next: flowerpower run {stem}")


def schedule(
    session: Session,
    when: When,
    *,
    name: Annotated[str, typer.Argument(help="Name of the new schedule; `eu/nightly` puts its file into a folder.")],
    pipeline: Annotated[
        str | None,
        flag(
            "--pipeline",
            env="FLOWERPOWER_NEW_PIPELINE",
            help="The pipeline it runs; not needed if there is only one.",
            metavar="NAME",
            autocompletion=completion.pipelines,
        ),
    ] = None,
) -> None:
    """Add a schedule for a pipeline."""
    from flowerpower.scaffold import Timing, new_schedule

    project = session.project()
    specs = project.written.draft
    _unused(specs, "schedule", name, specs.schedules)
    chosen = _chosen(specs) if pipeline is None else pipeline
    _check_pipeline(project.written, chosen)
    timing = Timing(when.cron, when.every, when.at, when.timezone)
    first = _first_fire(timing, _timezone(specs))
    files = new_schedule(project.folder, name, pipeline=chosen, timing=timing)
    _show(session, project.folder, files, f"First fire: {first}. Next: flowerpower plan")


def _unused(specs: Project, kind: str, name: str, known: Mapping[str, Any]) -> str:
    """Return the name without its folders; raises UsageError when a spec of that kind has it, in whatever file."""
    stem = name.rpartition("/")[2]
    if stem in known:
        place = specs.place(f"{kind}.{stem}")
        raise UsageError(f"there is a {kind} {stem!r} already, in {place}", hint="choose another name")
    return stem


def _check_pipeline(written: ProjectSpecs, name: str) -> None:
    """Raise UsageError, with a suggestion, when there is no such pipeline; one that has mistakes is there."""
    from flowerpower.dataflow.check import suggest
    from flowerpower.specs.left_out import ELSEWHERE, why_left_out

    known = written.draft.pipelines
    if name in known:
        return
    if why := why_left_out(written.sources.texts, written.settings.env, name, ("pipeline",)):
        raise UsageError(why, hint=ELSEWHERE)
    raise UsageError(f"there is no pipeline {name!r}", hint=suggest(name, known))


def _chosen(specs: Project) -> str:
    names = sorted(specs.pipelines)
    if len(names) != 1:
        there = f"there are {', '.join(names)}" if names else "flowerpower new pipeline NAME adds one"
        raise UsageError("which pipeline shall it run?", hint=f"give --pipeline NAME; {there}")
    return names[0]


def _timezone(specs: Project) -> str:
    """Return the time zone of a schedule that names none."""
    of_schedules = str(specs.spec.defaults.schedule.get("timezone", ""))
    return specs.spec.timezone if not of_schedules or "${" in of_schedules else of_schedules


def _first_fire(timing: Any, timezone: str) -> str:
    """Return the first moment of a timing in words; raises UsageError when there is none any more."""
    import time

    from flowerpower.render.words import spoken

    trigger, now = timing.trigger(timezone), int(time.time())
    tick = trigger.next_tick(now)
    if tick is None:
        raise UsageError("the schedule would never fire: its time is over", hint="name a moment that is to come")
    return f"{spoken(tick, trigger.timezone, now)} ({trigger.timezone})"


def _show(session: Session, folder: Path, files: list[Path], talk: str) -> None:
    session.document({"folder": str(folder), "files": [file.as_posix() for file in files]})
    session.result("\n".join(f"{session.style('+', 'create')} {file}" for file in files))
    session.talk(f"\n{talk}")
