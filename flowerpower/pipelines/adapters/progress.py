"""Logs nodes as they are done; importing it imports Hamilton."""

from __future__ import annotations

import logging
import time
from typing import Any

from hamilton.lifecycle import NodeExecutionHook

logger = logging.getLogger("flowerpower.run")


class ProgressHook(NodeExecutionHook):  # type: ignore[misc]
    """Says in the log of the worker which node was done, and how long it took."""

    def __init__(self) -> None:
        self._began: dict[tuple[str | None, str], float] = {}

    def run_before_node_execution(self, *, node_name: str, task_id: str | None, **_: Any) -> None:
        """Start the clock of a node."""
        self._began[task_id, node_name] = time.perf_counter()

    def run_after_node_execution(self, *, node_name: str, task_id: str | None, success: bool, **_: Any) -> None:
        """Log it."""
        seconds = time.perf_counter() - self._began.pop((task_id, node_name), time.perf_counter())
        logger.info("node %s %s in %.3f s", node_name, "is done" if success else "failed", seconds)
