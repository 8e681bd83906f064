"""Executors of plug-ins: what one offers, and how it is found.

An entry point of the group `flowerpower.executors` is a function. It gets the `executor:` of the spec, with its
`options` and `max_workers`, and returns an `Executor`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flowerpower.errors import FlowerPowerError, PipelineError
from flowerpower.pipelines.failures import describe, is_time_limit
from flowerpower.plugins import EXECUTORS_GROUP, load_plugin, why_missing
from flowerpower.specs.parts import ExecutorSpec


def _nothing(wait: bool) -> None:
    del wait


@dataclass(frozen=True, slots=True)
class Executor:
    """What runs the nodes of one run.

    `nodes` is a lifecycle adapter of Hamilton that runs nodes, as its `FutureAdapter` does; `tasks` is one of its task
    executors, for graphs with parallel blocks. Where one of them is None, nodes run in the run's own process. `close`
    is called at the end of the run; told to wait, it waits for what still runs.
    """

    nodes: Any = None
    tasks: Any = None
    close: Callable[[bool], None] = _nothing


def plugged(spec: ExecutorSpec, plugins: Sequence[str]) -> Executor:
    """Return the executor that a spec names, of a plug-in of these distributions; PipelineError when there is none."""
    name = spec.plugin or ""
    make = load_plugin(EXECUTORS_GROUP, name, distributions=plugins)
    if make is None:
        hint = why_missing(EXECUTORS_GROUP, name, plugins) or "flowerpower plugins list shows what is installed"
        raise PipelineError(f"there is no executor {name!r}", hint=hint)
    try:
        made = make(spec)
    except FlowerPowerError:
        raise
    except (Exception, SystemExit) as error:
        if is_time_limit(error):
            raise
        raise PipelineError(f"the executor {name!r} cannot be made: {describe(error)}") from error
    if not isinstance(made, Executor):
        raise PipelineError(
            f"the plug-in for the executor {name!r} made a {type(made).__name__}, no executor",
            hint="its function must return a flowerpower.pipelines.executors.Executor",
        )
    return made
