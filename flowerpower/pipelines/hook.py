"""Hamilton's lifecycle hook around a `NodeWatch`; a module of its own, because importing it imports Hamilton."""

from __future__ import annotations

import sys
from typing import Any

from hamilton.lifecycle import NodeExecutionHook
from hamilton.lifecycle.base import BaseDoValidateInput

from flowerpower.pipelines.watch import NodeWatch


class WatchHook(NodeExecutionHook, BaseDoValidateInput):  # type: ignore[misc]
    """Tells a watch when nodes start and finish, and lets every input pass: `arrange` has looked at them."""

    def __init__(self, watch: NodeWatch) -> None:
        self.watch = watch
        self._around: dict[tuple[str | None, str], BaseException] = {}

    def run_before_node_execution(self, *, node_name: str, task_id: str | None, **_: Any) -> None:
        """Start the clock of a node."""
        if around := sys.exc_info()[1]:  # who asked for the run handles an error
            self._around[(task_id, node_name)] = around
        self.watch.start(task_id, node_name)

    def run_after_node_execution(self, *, node_name: str, task_id: str | None, success: bool, **_: Any) -> None:
        """Stop it; Hamilton calls a node well that raised what is no `Exception`, as `sys.exit` does."""
        left = sys.exc_info()[1] is not self._around.pop((task_id, node_name), None)
        self.watch.finish(task_id, node_name, success and not left)

    def do_validate_input(self, *, node_type: Any, input_value: Any) -> bool:
        """Take the value; Hamilton's own check does not know `tuple[int, str]`, `Mapping[str, int]`, TypedDict."""
        return True
