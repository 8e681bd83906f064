"""`export`: what is live, as spec files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session


@command("export", "Write what is live as spec files.", "flowerpower export --env prod --out .")
def export(
    session: Session,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Pipelines and schedules to export, as NAME or schedule.NAME; without any, all of them.",
            autocompletion=completion.both,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        flag(
            "--out",
            env="FLOWERPOWER_EXPORT_OUT",
            help="Folder to write to; files that are there keep their comments. Without it: stdout.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Write what is live as the specs that people would write. Redis is only read."""
    from flowerpower.export import export as export_specs
    from flowerpower.render.exported import export_dict, export_stream, export_text
    from flowerpower.render.words import safe

    with session.project() as project:
        report = export_specs(project, names or (), out)
    exported = tuple(replace(one, why=session.proposing(one.why)) for one in report.exported)
    report = replace(report, exported=exported, notes=tuple(map(session.proposing, report.notes)))
    session.document(export_dict(report))
    if out is not None:
        session.result(export_text(report, style=session.style))
    elif report.exported:
        session.result(export_stream(report))
    else:
        session.talk(f"Nothing is live in {report.namespace}.")
    for note in report.notes:
        session.talk(f"Note: {safe(note)}")
    if out is not None and any(one.fate in ("new", "changed") for one in report.exported):
        session.talk("\nNext: flowerpower plan")
