"""`schema`: the JSON Schemas of the specs, for editors and other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session

Kind = Literal["project", "pipeline", "schedule"]
_KINDS: tuple[Kind, ...] = ("project", "pipeline", "schedule")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app, "schema", "Print the JSON Schemas of the specs.", "flowerpower schema schedule > schedule.schema.json"
    )(schema)


def schema(
    session: Session,
    kind: Annotated[Kind | None, typer.Argument(help="Which spec; without it, all three in one document.")] = None,
    out: Annotated[Path | None, flag("--out", metavar="DIR", help="Write <kind>.schema.json files there.")] = None,
) -> None:
    """Print the JSON Schema of a spec, or write the schemas into a folder."""
    import json

    from flowerpower.specs.schema import json_schema, schema_text

    kinds = (kind,) if kind else _KINDS
    if out is None:
        print(schema_text(kind) if kind else json.dumps({each: json_schema(each) for each in kinds}, indent=2), end="")
        return
    out.mkdir(parents=True, exist_ok=True)
    files = [out / f"{each}.schema.json" for each in kinds]
    for each, file in zip(kinds, files, strict=True):
        file.write_text(schema_text(each), encoding="utf-8")
    session.document({"files": [file.as_posix() for file in files]})
    session.result("\n".join(str(file) for file in files))
