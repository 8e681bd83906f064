"""`schema`: the JSON Schemas of the specs, for editors, and of what the commands write, for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

Kind = Literal["project", "pipeline", "schedule", "plan", "plan-file", "status"]
SchemaFormat = Literal["json", "markdown"]
_SPECS: tuple[Kind, ...] = ("project", "pipeline", "schedule")


@command("schema", "Print the JSON Schemas of specs and plans.", "flowerpower schema schedule > schedule.schema.json")
def schema(
    session: Session,
    kind: Annotated[
        Kind | None,
        typer.Argument(
            help="Of which spec, or of plan --json, plan --out or status --json; without it, those of the three specs."
        ),
    ] = None,
    out: Annotated[Path | None, flag("--out", metavar="DIR", help="Write <kind>.schema.json files there.")] = None,
    check: Annotated[
        bool,
        flag(
            "--check", env="FLOWERPOWER_SCHEMA_CHECK", help="With --out: write nothing, exit 1 if one is not current."
        ),
    ] = False,
    format: Annotated[
        SchemaFormat, flag("--format", env="FLOWERPOWER_SCHEMA_FORMAT", help="A JSON Schema, or a reference to read.")
    ] = "json",
) -> int:
    """Print the JSON Schema of a spec or of a plan, or write the schemas into a folder."""
    kinds = (kind,) if kind else _SPECS
    if format == "markdown" and kind and kind not in _SPECS:
        raise UsageError(
            "only specs have a reference to read", hint=f"flowerpower schema {kind} prints its JSON Schema"
        )
    if out is not None and format == "markdown":
        raise UsageError("--out writes JSON Schemas", hint="write the reference by > FILE")
    if out is not None:
        return _check(session, out, kinds) if check else _write(session, out, kinds)
    if check:
        raise UsageError("--check wants to know where the schemas are", hint="for example --out schemas")
    _print(kinds, "json" if session.json else format)
    return 0


def _print(kinds: tuple[Kind, ...], format: SchemaFormat) -> None:
    if format == "markdown":
        from flowerpower.render.spec_reference import spec_reference

        print(spec_reference(kinds), end="")
    elif len(kinds) == 1:
        print(text_of(kinds[0]), end="")
    else:
        print(json.dumps({kind: _schema_of(kind) for kind in kinds}, indent=2))


def _write(session: Session, folder: Path, kinds: tuple[Kind, ...]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    files = {kind: folder / f"{kind}.schema.json" for kind in kinds}
    for kind, file in files.items():
        file.write_text(text_of(kind), encoding="utf-8")
    session.document({"files": [file.as_posix() for file in files.values()]})
    session.result("\n".join(map(str, files.values())))
    return 0


def _named(kinds: tuple[Kind, ...]) -> str:
    return "" if kinds == _SPECS else f"{kinds[0]} "


def _check(session: Session, folder: Path, kinds: tuple[Kind, ...]) -> int:
    """Tell which files are not those of this version; a file that is missing is not either."""
    files = {kind: folder / f"{kind}.schema.json" for kind in kinds}
    stale = [file for kind, file in files.items() if not _holds(file, text_of(kind))]
    session.document({"current": not stale, "stale": [file.as_posix() for file in stale]})
    session.result("\n".join(f"{file} is not current" for file in stale) or f"The schemas in {folder} are current.")
    if stale:
        session.talk(f"hint: flowerpower schema {_named(kinds)}--out {folder}")
    return int(bool(stale))


def text_of(kind: Kind) -> str:
    """Return a schema as the text of its file."""
    return json.dumps(_schema_of(kind), indent=2, ensure_ascii=False) + "\n"


def _schema_of(kind: Kind) -> dict[str, Any]:
    if kind == "plan":
        from flowerpower.render.plan_schema import plan_schema

        return plan_schema()
    if kind == "plan-file":
        from flowerpower.planning.saved import plan_file_schema

        return plan_file_schema()
    if kind == "status":
        from flowerpower.render.status_schema import status_schema

        return status_schema()
    from flowerpower.specs.schema.schema import json_schema

    return json_schema(kind)


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_bytes().replace(b"\r\n", b"\n") == text.encode()
