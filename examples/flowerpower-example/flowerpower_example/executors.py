"""An executor: nodes run in one thread, with a pause before each, so that a fragile server has time to breathe."""

from __future__ import annotations

import time
from typing import Any

from hamilton.execution.executors import SynchronousLocalTaskExecutor
from hamilton.lifecycle import NodeExecutionMethod

from flowerpower.errors import PipelineError
from flowerpower.pipelines.executors import Executor
from flowerpower.specs.parts import ExecutorSpec


class _Nodes(NodeExecutionMethod):  # type: ignore[misc]
    """How a node is run; in graphs with parallel blocks the task executor below does it."""

    def __init__(self, pause: float) -> None:
        self._pause = pause

    def run_to_execute_node(
        self, *, node_name: str, node_callable: Any, node_kwargs: dict[str, Any], **event: Any
    ) -> Any:
        """Wait, then compute the node."""
        time.sleep(self._pause)
        return node_callable(**node_kwargs)


def slow_lane(spec: ExecutorSpec) -> Executor:
    """Return the executor of one run; `spec.options` is what the pipeline says of it."""
    pause = (spec.options or {}).get("pause", 0.0)
    if not isinstance(pause, int | float) or pause < 0:
        raise PipelineError(f"slow_lane: `pause` is a number of seconds, not {pause!r}")
    return Executor(nodes=_Nodes(pause), tasks=SynchronousLocalTaskExecutor())
