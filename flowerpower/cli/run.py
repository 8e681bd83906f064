"""`run`: one pipeline, here and now, without Redis."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from flowerpower.cli import completion
from flowerpower.cli.options import command, flag, separate
from flowerpower.cli.session import Session
from flowerpower.cli.terminal import ProgressBar, making_way, prints_to_stderr
from flowerpower.errors import PipelineError, UsageError

_EXECUTORS = ("local", "threads", "processes", "dask")
GivenInputs = Annotated[
    list[str] | None, flag("--set", env="", metavar="KEY=VALUE", help="An input, as JSON or text; may be repeated.")
]
_offer_executors = completion.words(*_EXECUTORS, "ray")


@command(
    "run",
    "Run a pipeline here and now, without Redis.",
    "flowerpower run daily_sales --set region=US --tick 2026-11-22",
)
def run(
    session: Session,
    pipeline: Annotated[str, typer.Argument(help="Name of the pipeline.", autocompletion=completion.pipelines)],
    set: GivenInputs = None,
    tick: Annotated[
        str | None, flag("--tick", metavar="TIME", help="Logical time of the run, ISO 8601; without it, now.")
    ] = None,
    outputs: Annotated[
        str | None, flag("--outputs", metavar="NODES", help="Nodes to compute instead of the spec's, with commas.")
    ] = None,
    executor: Annotated[
        str | None, flag("--executor", help=f"{', '.join(_EXECUTORS)} or ray.", autocompletion=_offer_executors)
    ] = None,
) -> None:
    """Run a pipeline here and now, without Redis, and print what it made and where the time went.

    What is wrong with other specs does not keep it from running. When a node fails, the error has your own lines first,
    and where the time went is told before it.
    """
    from flowerpower.render.runs import run_text

    with session.project(short=False) as project:
        manager = project.pipelines
        session.tell_of_errors_beside(project, pipeline)
        with _watched(session) as watching:
            result = manager.run(
                pipeline,
                inputs=read_inputs(set or ()),
                tick=tick,
                outputs=separate([outputs]) if outputs else None,
                executor=executor,
                observer=watching,
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


@contextmanager
def _watched(session: Session) -> Iterator[_Watching]:
    """Yield an observer that shows where a run is; of one that fails, tell how long its nodes took."""
    from flowerpower.render.times import times_lines

    watching = _Watching()
    try:
        with (
            prints_to_stderr(active=session.json),
            session.progress("Running") as watching.bar,
            making_way(watching.bar),
        ):
            yield watching
    except PipelineError:
        lines = list(times_lines(watching.times(), session.talk_style))
        if lines:
            session.talk("\n".join([*lines, ""]))
        raise


class _Watching:
    """Shows the node that runs now, and remembers how long each took."""

    def __init__(self) -> None:
        self.bar = ProgressBar("", None)
        self._began = time.monotonic()
        self._expected = 0
        self._nodes: list[dict[str, Any]] = []

    def nodes_expected(self, count: int) -> None:
        """Learn how many there are."""
        self._expected = count

    def node_started(self, node: str) -> None:
        """Name the node."""
        self._show(f"now {node}")

    def node_finished(self, node: str, seconds: float, succeeded: bool) -> None:
        """Count it."""
        self._nodes.append({"node": node, "seconds": seconds, "succeeded": succeeded, "cached": False})
        self._show(f"{node} took {seconds:.1f} s" if succeeded else f"{node} failed")

    def node_recalled(self, node: str, seconds: float) -> None:
        """Count one that the cache had."""
        self._nodes.append({"node": node, "seconds": seconds, "succeeded": True, "cached": True})
        self._show(f"{node} came from the cache")

    def times(self) -> dict[str, Any]:
        """Return the nodes that were computed, the slowest first."""
        slowest = sorted(self._nodes, key=lambda node: (node["succeeded"], -node["seconds"]))
        return {
            "nodes": slowest,
            "node_count": len(slowest),
            "cached_count": sum(node["cached"] for node in slowest),
            "seconds": time.monotonic() - self._began,
        }

    def _show(self, words: str) -> None:
        self.bar.update(min(len(self._nodes), self._expected), self._expected, words)
