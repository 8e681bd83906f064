"""Watches the nodes of a run: how long each took, how it ended, and who is told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flowerpower.pipelines.failures import is_time_limit

_log = logging.getLogger(__name__)


class Observer(Protocol):
    """Is told about every node of a run; what it raises is logged and never fails the run.

    One that has a method `node_recalled(node, seconds)` is told there, instead, of a node that the cache had. With
    threads it is called from several of them; nodes that run in other processes are not reported.
    """

    def node_started(self, node: str) -> None:
        """Called before a node is computed."""

    def node_finished(self, node: str, seconds: float, succeeded: bool) -> None:
        """Called after it, with the wall time it took."""


@dataclass(frozen=True, slots=True)
class NodeTime:
    """How long one node took, in seconds of wall time, whether it went well, and whether it came from the cache."""

    node: str
    seconds: float
    succeeded: bool
    cached: bool = False


class NodeWatch:
    """Times nodes and passes them on to an observer.

    Hamilton fails a run for an error in a hook, so nothing leaves ours. A copy in another process times nothing.
    """

    def __init__(self, observer: Observer | None = None) -> None:
        self._observer = observer
        self._lock = threading.Lock()
        self._started: dict[tuple[str | None, str], float] = {}
        self._recalled: set[tuple[str | None, str]] = set()
        self.times: list[NodeTime] = []

    @property
    def failed(self) -> str:
        """The node that failed first, or an empty text."""
        return next((time.node for time in self.times if not time.succeeded), "")

    def expect(self, count: Callable[[], int]) -> None:
        """Tell an observer that wants to know how many nodes there are to compute."""
        if hasattr(self._observer, "nodes_expected"):
            self._tell("nodes_expected", count())

    def start(self, task: str | None, node: str) -> None:
        """Note that *node* begins now."""
        with self._lock:
            self._started[(task, node)] = time.perf_counter()
        self._tell("node_started", node)

    def recall(self, task: str | None, node: str) -> None:
        """Note that *node*, which has begun, is not computed: the cache has its result."""
        with self._lock:
            self._recalled.add((task, node))

    def finish(self, task: str | None, node: str, succeeded: bool) -> None:
        """Note that *node* ended now."""
        now = time.perf_counter()
        with self._lock:
            seconds = now - self._started.pop((task, node), now)
            cached = succeeded and (task, node) in self._recalled
            self._recalled.discard((task, node))
            self.times.append(NodeTime(node, seconds, succeeded, cached))
        if cached and hasattr(self._observer, "node_recalled"):
            self._tell("node_recalled", node, seconds)
        else:
            self._tell("node_finished", node, seconds, succeeded)

    def _tell(self, event: str, *values: Any) -> None:
        if self._observer is not None:
            try:
                getattr(self._observer, event)(*values)
            except Exception as error:
                if is_time_limit(error):
                    raise  # it may strike anywhere, and strikes once
                _log.warning("an observer of the run failed in %s", event, exc_info=True)

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
