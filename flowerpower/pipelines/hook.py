"""Hamilton's lifecycle hook around a `NodeWatch`; a module of its own, because importing it imports Hamilton."""

from __future__ import annotations

from typing import Any

from hamilton.lifecycle import NodeExecutionHook
from hamilton.lifecycle.base import BaseDoValidateInput

from flowerpower.pipelines.driver import NodeWatch


class WatchHook(NodeExecutionHook, BaseDoValidateInput):  # type: ignore[misc]
    """Tells a watch when nodes start and finish, and lets every input pass: `arrange` has looked at them."""

    def __init__(self, watch: NodeWatch) -> None:
        self.watch = watch

    def run_before_node_execution(self, *, node_name: str, task_id: str | None, **_: Any) -> None:
        """Start the clock of a node."""
        self.watch.start(task_id, node_name)

    def run_after_node_execution(self, *, node_name: str, task_id: str | None, success: bool, **_: Any) -> None:
        """Stop it."""
        self.watch.finish(task_id, node_name, success)

    def do_validate_input(self, *, node_type: Any, input_value: Any) -> bool:
        """Take the value; Hamilton's own check does not know `tuple[int, str]`, `Mapping[str, int]`, TypedDict."""
        return True
