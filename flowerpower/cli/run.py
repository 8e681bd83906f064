"""`run`: one pipeline, here and now, without Redis."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from flowerpower.cli.options import command, flag
from flowerpower.cli.session import Session
from flowerpower.cli.terminal import ProgressBar, prints_to_stderr, progress_bar
from flowerpower.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    example = "flowerpower run daily_sales --set region=US --tick 2026-11-22"
    command(app, "run", "Run a pipeline here and now, without Redis.", example)(run)


def run(
    session: Session,
    pipeline: Annotated[str, typer.Argument(help="Name of the pipeline.")],
    set: Annotated[
        list[str] | None,
        flag("--set", env="", metavar="KEY=VALUE", help="An input, as JSON or text; may be repeated."),
    ] = None,
    tick: Annotated[
        str | None, flag("--tick", metavar="TIME", help="Logical time of the run, ISO 8601; without it, now.")
    ] = None,
    outputs: Annotated[
        str | None, flag("--outputs", metavar="NODES", help="Nodes to compute instead of the spec's, with commas.")
    ] = None,
    executor: Annotated[str | None, flag("--executor", help="local, threads, processes, dask or ray.")] = None,
) -> None:
    """Run a pipeline here and now, without Redis, and print what it made and where the time went."""
    from flowerpower.render.runs import run_text

    with session.project(short=False) as project:
        manager = project.pipelines
        with prints_to_stderr(active=session.json), progress_bar("Running", shown=session.shows_progress) as bar:
            result = manager.run(
                pipeline,
                inputs=read_inputs(set or ()),
                tick=read_tick(tick, project.spec.spec.timezone),
                outputs=[name.strip() for name in outputs.split(",")] if outputs else None,
                executor=executor,
                observer=_Watching(bar),
            )
    summary: Mapping[str, Any] = result.to_dict()
    session.document(summary)
    session.result(run_text(summary, style=session.style))


def read_inputs(pairs: Iterable[str]) -> dict[str, Any]:
    """Return `KEY=VALUE` texts as inputs: a value that is JSON is read as JSON, any other is a text."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--set wants KEY=VALUE, not {pair!r}", hint="for example --set region=US")
        try:
            found[key] = json.loads(text)
        except (ValueError, RecursionError):
            found[key] = text
    return found


def read_tick(text: str | None, timezone: str) -> datetime | None:
    """Return an ISO 8601 time, in the project's zone where the text names none."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--tick wants an ISO 8601 time, not {text!r}", hint="for example 2026-11-22T02:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))


class _Watching:
    """Shows the node that runs now."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._done = 0

    def node_started(self, node: str) -> None:
        """Name the node."""
        self._bar.say(f"Running {node} ({self._done} done)")

    def node_finished(self, node: str, seconds: float, succeeded: bool) -> None:
        """Count it."""
        self._done += 1
        self._bar.say(f"Ran {node} in {seconds:.1f} s ({self._done} done)" if succeeded else f"{node} failed")
