"""`dag`: draw the graph of a pipeline."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import Revision, command, flag
from flowerpower.cli.session import Session
from flowerpower.errors import FlowerPowerError, UsageError

if TYPE_CHECKING:
    from flowerpower.pipelines.drawing import Drawn
    from flowerpower.project import FlowerPowerProject

_FORMATS = ("mermaid", "dot", "svg", "png")


@dataclass(frozen=True)
class Drawing:
    """The flags that say how it is drawn, and where to."""

    format: Annotated[
        str | None,
        flag(
            "--format",
            env="",
            help="mermaid, dot, svg or png; without it as --out ends, else mermaid.",
            autocompletion=completion.words(*_FORMATS),
        ),
    ] = None
    out: Annotated[Path | None, flag("--out", env="", metavar="FILE", help="Write it to this file.")] = None
    all: Annotated[bool, flag("--all", env="", help="Draw each node, however many there are.")] = False


@command("dag", "Draw the graph of a pipeline.", "flowerpower dag daily_sales --out daily_sales.svg")
def dag(
    session: Session,
    revision: Revision,
    drawing: Drawing,
    pipeline: Annotated[str, typer.Argument(help="Name of the pipeline.", autocompletion=completion.pipelines)],
    imports: Annotated[
        bool,
        flag("--import", env="", help="Import the modules and let Hamilton build the graph, instead of reading it."),
    ] = False,
) -> None:
    """Draw the graph behind a pipeline's outputs: names and types, never a value.

    It is read from the modules without running them, and built by Hamilton only where reading does not tell. A graph
    of more than 60 nodes is drawn with fewer boxes, unless --all.
    """
    del revision  # the session knows it
    out, kind = drawing.out, _format(drawing.format, drawing.out)
    if kind == "png" and out is None and (sys.stdout.isatty() or session.json):
        raise UsageError("a png is no text", hint="--out FILE.png writes it to a file")
    with session.project(short=False) as project:
        drawn = _graph(session, project, pipeline, imports=imports)
    text, content = _drawing(drawn, kind, every_node=drawing.all)
    _tell_size(session, drawn, every_node=drawing.all)
    document = {"format_version": "1.0", "pipeline": pipeline, "format": kind, "nodes": len(drawn.needs)}
    if out is not None:
        _write(
            out, f"```mermaid\n{text}```\n".encode("utf-8", "backslashreplace") if _is_markdown(out, kind) else content
        )
        session.document({**document, "file": str(out)})
        session.talk(f"Wrote {out}")
        return
    session.document({**document, "graph": text})
    if kind == "png":
        sys.stdout.buffer.write(content)
    else:
        session.result(text.rstrip("\n"))


def _format(asked: str | None, out: Path | None) -> str:
    ending = out.suffix.removeprefix(".").lower() if out is not None else ""
    kind = (
        asked
        or {"md": "mermaid", "markdown": "mermaid", "mmd": "mermaid", "gv": "dot"}.get(ending, ending)
        or "mermaid"
    )
    if kind not in _FORMATS:
        raise UsageError(f"there is no format {kind!r}", hint=f"--format {', '.join(_FORMATS)}")
    return kind


def _is_markdown(out: Path, kind: str) -> bool:
    """Tell whether a drawing lies in a page of Markdown, which shows it only inside a fence."""
    return kind == "mermaid" and out.suffix.lower() in (".md", ".markdown")


def _graph(session: Session, project: FlowerPowerProject, name: str, *, imports: bool) -> Drawn:
    manager = project.pipelines
    session.tell_of_errors_beside(project, name)
    if not imports:
        found = manager.graph_as_read(name, project.sources.modules)
        if not isinstance(found, str):
            return found
        session.talk(f"Reading does not tell the graph ({found}): Hamilton builds it")
    if session.ref is not None:
        raise UsageError("modules of another revision cannot be imported", hint="check it out, or leave --ref away")
    return manager.graph(name)


def _drawing(drawn: Drawn, kind: str, *, every_node: bool) -> tuple[str, bytes]:
    from flowerpower.pipelines.drawing import MOST_BOXES, draw

    most = None if every_node else MOST_BOXES
    if kind in ("mermaid", "dot"):
        text = draw(drawn, "mermaid" if kind == "mermaid" else "dot", most)
        return text, text.encode("utf-8", "backslashreplace")
    from flowerpower.pipelines.graphviz import picture

    content = picture(draw(drawn, "dot", most), "svg" if kind == "svg" else "png")
    return content.decode(errors="replace") if kind == "svg" else "", content


def _tell_size(session: Session, drawn: Drawn, *, every_node: bool) -> None:
    from flowerpower.pipelines.drawing import MOST_BOXES

    if len(drawn.needs) > MOST_BOXES and not every_node:
        session.talk(f"{len(drawn.needs):,} nodes, drawn as at most {MOST_BOXES} boxes; --all draws each")


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise FlowerPowerError(f"{file} could not be written: {error.strerror}") from None
