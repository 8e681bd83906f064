"""Runs nodes on Dask or Ray: on a cluster that is there, or on a local one that lives as long as the run.

What is sent is pickled here, once. For a cluster elsewhere the project's own modules go along by value, so that they
need not be installed there, and no worker of it keeps an old version of them.
"""

from __future__ import annotations

import copy
import uuid
from abc import abstractmethod
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures.process import _RemoteTraceback
from contextlib import contextmanager, suppress
from functools import partial
from types import ModuleType
from typing import Any, cast

from hamilton.execution import executors
from hamilton.lifecycle.base import BaseDoBuildResult, BaseDoRemoteExecute

from flowerpower.pipelines.patience import PatientFuture
from flowerpower.pipelines.quiet import quiet
from flowerpower.pipelines.watch import NodeWatch


class RemoteNodes(BaseDoRemoteExecute, BaseDoBuildResult):  # type: ignore[misc]
    """Sends every node to the cluster, and tells a watch when nodes start and finish as seen from here."""

    def __init__(self, pickle: Any, watch: NodeWatch) -> None:
        self._pickle = pickle
        self._watch = watch
        self._sent: dict[Any, Any] = {}  # handle -> node

    def do_remote_execute(self, *, execute_lifecycle_for_node: Callable[..., Any], node: Any, **kwargs: Any) -> Any:
        """Send a node, with the handles of what it needs, and return the handle of what it will give."""
        handle = self.send(node, self._pickle.dumps(_alone(execute_lifecycle_for_node)), kwargs)
        self._sent[handle] = node
        return handle

    def do_build_result(self, *, outputs: Mapping[str, Any]) -> Any:
        """Wait for all nodes, and return the values of the outputs; raises what a node raised."""
        waiting = {node.name: {need.name for need in node.dependencies} for node in self._sent.values()}
        self._begin(waiting, set(waiting))
        done: set[Any] = set()
        for handle in self.finished(list(self._sent)):
            name = self._sent[handle].name
            if (error := self.error(handle)) is not None:
                self._raise_first(error, done)
            done.add(handle)
            self._watch.finish(None, name, succeeded=True)
            self._begin(waiting, {other for other in waiting if name in waiting[other]}, name)
        return self.values(outputs)

    def _begin(self, waiting: Mapping[str, set[str]], names: set[str], finished: str = "") -> None:
        for name in names:
            waiting[name].discard(finished)
            if not waiting[name].intersection(waiting):
                self._watch.start(None, name)

    def _raise_first(self, error: BaseException, done: Container[Any]) -> None:
        """Raise the error of the node that failed first in the order of the graph: others failed because it did.

        Nodes that were *done* before may have errors by now, where the whole cluster is gone.
        """
        for handle, node in self._sent.items():
            first = None if handle in done else self.error(handle)
            if first is not None:
                self._watch.finish(None, node.name, succeeded=False)
                raise first
        raise error

    @abstractmethod
    def send(self, node: Any, function: bytes, needs: Mapping[str, Any]) -> Any:
        """Have the pickled function called on the cluster."""

    @abstractmethod
    def finished(self, handles: Sequence[Any]) -> Iterator[Any]:
        """Yield the handles one by one when their nodes are done."""

    @abstractmethod
    def error(self, handle: Any) -> BaseException | None:
        """Return what a node raised, as far as that is known here."""

    @abstractmethod
    def values(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs with their handles replaced by values."""

    def __getstate__(self) -> dict[str, Any]:
        return {}  # it goes along with every node, and is of no use there


class RemoteTasks(executors.TaskExecutor):  # type: ignore[misc]
    """Sends the tasks of `Parallelizable` blocks to the cluster."""

    def __init__(
        self, pickle: Any, send: Callable[[bytes], Any], placed: Callable[[BaseException], BaseException]
    ) -> None:
        self._pickle = pickle
        self._send = send
        self._placed = placed

    def init(self) -> None:
        """Do nothing: the cluster is there already."""

    def finalize(self) -> None:
        """Do nothing: the cluster ends with the run."""

    def submit_task(self, task: Any) -> Any:
        """Send a task, and return its future."""
        return PatientFuture(self._send(self._pickle.dumps(partial(executors.base_execute_task, task))), self._placed)

    def can_submit_task(self) -> bool:
        """Let everything be sent: the cluster has a queue of its own."""
        return True


class Cluster:
    """A connection to a cluster for one run: an adapter for nodes, an executor for the tasks of blocks."""

    def __init__(self, nodes: RemoteNodes, tasks: RemoteTasks, close: Callable[[], None]) -> None:
        self.nodes = nodes
        self.tasks = tasks
        self.close = close


@contextmanager
def by_value(pickle: Any, modules: Sequence[ModuleType]) -> Iterator[None]:
    """Pickle what comes from *modules* with its code, not as the name of something to import."""
    for module in modules:
        pickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            with suppress(ValueError):
                pickle.unregister_pickle_by_value(module)


def call(function: bytes, needs: Mapping[str, Any]) -> Any:
    """Call a pickled function; this is what runs on the cluster. Nothing it logs there shows the inputs of a node."""
    import pickle

    with quiet():
        return pickle.loads(function)(**needs)  # noqa: S301  pickled by ourselves, a moment ago


def remote_traceback(text: str) -> BaseException:
    """Return the traceback of another process in the form in which Python's own pools bring it home."""
    return cast("BaseException", _RemoteTraceback(cast("Any", text)))


def name_of_call(node: str) -> str:
    """Return a name for a call that is like no other: a cluster would take two of one name for the same."""
    return f"{node}-{uuid.uuid4().hex}"


def _alone(function: Any) -> Any:
    """Return what calls a node without the rest of the graph, which hangs on it and would be pickled with each."""
    if not (isinstance(function, partial) and "__node_" in function.keywords):
        return function
    node = copy.copy(function.keywords["__node_"])
    node._dependencies, node._depended_on_by = [], []
    return partial(function.func, *function.args, **{**function.keywords, "__node_": node})
