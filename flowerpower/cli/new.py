"""`new pipeline` and `new schedule`: add specs to a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Add a pipeline or a schedule to the project.", rich_markup_mode=None)
    app.add_typer(group, name="new", short_help="Add a pipeline or a schedule.")
    command(group, "pipeline", "Add a pipeline, its module and a test.", "flowerpower new pipeline daily_sales")(
        pipeline
    )
    example = "flowerpower new schedule nightly_sales --pipeline daily_sales"
    command(group, "schedule", "Add a schedule.", example)(schedule)


def pipeline(session: Session, name: Annotated[str, typer.Argument(help="Name of the new pipeline.")]) -> None:
    """Add a pipeline with its Hamilton module and a test of it."""
    from flowerpower.scaffold import new_pipeline

    project = session.project()
    folder = next(iter(project.spec.spec.modules), "flows")
    _show(session, project.folder, new_pipeline(project.folder, name, modules_folder=folder))


def schedule(
    session: Session,
    name: Annotated[str, typer.Argument(help="Name of the new schedule.")],
    pipeline: Annotated[str, flag("--pipeline", help="The pipeline it runs.", metavar="NAME")],
) -> None:
    """Add a daily schedule for a pipeline."""
    from flowerpower.scaffold import new_schedule

    project = session.project()
    project.pipelines.get(pipeline)  # raises, with a suggestion, when there is none
    _show(session, project.folder, new_schedule(project.folder, name, pipeline=pipeline))


def _show(session: Session, folder: Path, files: list[Path]) -> None:
    session.document({"folder": str(folder), "files": [file.as_posix() for file in files]})
    session.result("\n".join(f"{session.style('+', 'create')} {file}" for file in files))
