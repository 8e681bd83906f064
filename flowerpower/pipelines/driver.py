"""The boundary to Hamilton: build a driver, make it ready to run, watch its nodes, keep its logs quiet."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, Protocol, TypeAlias

from flowerpower.pipelines.failures import UserCodeError, describe, is_time_limit
from flowerpower.specs.parts import ExecutorSpec

_LOUD = ("hamilton.driver", "hamilton.execution.graph_functions", "hamilton.execution.executors")
OwnModules: TypeAlias = Callable[[], Sequence[ModuleType]]
_CLUSTERS = ("dask", "ray")
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


@dataclass(frozen=True, slots=True)
class Parts:
    """What a driver is built of: the project's modules, the config, and lifecycle adapters."""

    modules: Sequence[ModuleType]
    config: Mapping[str, Any]
    adapters: Sequence[Any] = ()


@dataclass(slots=True)
class Ready:
    """A driver that may run, and what has to be closed when it has; told to wait, it waits for nodes that still run."""

    driver: Any
    close: Callable[[bool], None] = field(default=lambda wait: None)


def ready(
    driver: Any,
    parts: Parts,
    executor: ExecutorSpec,
    watch: NodeWatch,
    ours: OwnModules,
    plugins: Sequence[str] = (),
) -> Ready:
    """Return a driver of the same graph as *driver* that runs it with *executor*.

    *ours* finds the project's modules among all that are imported: it takes longer than a small run, so only where they
    have to go along to a cluster it is asked.

    Raises PipelineError when the executor cannot be had.
    """
    # Only this way of running knows `Parallelizable`; it is too slow per node to be the usual one.
    parallel = _is_parallel(driver)
    if executor.plugin is not None:
        return _ready_by_plugin(parts, executor, plugins, parallel=parallel)
    if executor.type in _CLUSTERS:
        from flowerpower.pipelines.clusters import connect

        cluster = connect(executor, ours(), watch)
        adapters = parts.adapters if parallel else (*parts.adapters, cluster.nodes)
        return Ready(
            build(replace(parts, adapters=adapters), cluster.tasks if parallel else None), lambda wait: cluster.close()
        )
    if parallel:
        return Ready(build(parts, _task_executor(executor)))
    if executor.type != "threads":
        return Ready(driver)
    from hamilton.plugins.h_threadpool import FutureAdapter

    pool = FutureAdapter(max_workers=executor.max_workers, thread_name_prefix="flowerpower")
    built = build(replace(parts, adapters=(*parts.adapters, pool)))
    return Ready(built, lambda wait: pool.executor.shutdown(wait=wait, cancel_futures=True))


def _ready_by_plugin(parts: Parts, executor: ExecutorSpec, plugins: Sequence[str], *, parallel: bool) -> Ready:
    from flowerpower.pipelines.executors import plugged

    made = plugged(executor, plugins)
    nodes = () if parallel or made.nodes is None else (made.nodes,)
    tasks = (made.tasks or _task_executor(ExecutorSpec())) if parallel else None
    return Ready(build(replace(parts, adapters=(*parts.adapters, *nodes)), tasks), made.close)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Hamilton from logging an advertisement, and the inputs of a failed node, which may be secrets."""

    def is_wanted(record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR

    loggers = [logging.getLogger(name) for name in _LOUD]
    for logger in loggers:
        logger.addFilter(is_wanted)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_wanted)


def build(parts: Parts, task_executor: Any = None) -> Any:
    """Return the Hamilton driver of the graph; raises PipelineError when there is no graph.

    The *task_executor* is for the tasks of parallel blocks.
    """
    from hamilton import driver

    builder = driver.Builder().with_modules(*parts.modules).with_config(dict(parts.config))
    builder = builder.with_adapters(*parts.adapters)
    if task_executor is not None:
        builder = builder.enable_dynamic_execution(allow_experimental_mode=True).with_remote_executor(task_executor)
    try:
        with quiet():
            return builder.build()
    except (Exception, SystemExit) as error:  # decorators are user code and may raise anything
        raise UserCodeError(f"the graph cannot be built: {describe(error)}") from error


def _is_parallel(driver: Any) -> bool:
    from hamilton.node import NodeType

    return any(node.node_role in (NodeType.EXPAND, NodeType.COLLECT) for node in driver.graph.get_nodes())


def _task_executor(executor: ExecutorSpec) -> Any:
    import os

    from hamilton.execution import executors

    from flowerpower.pipelines.patience import PatientProcesses, PatientThreads

    workers = executor.max_workers or os.cpu_count() or 1
    match executor.type:
        case "threads":
            return PatientThreads(max_tasks=workers)
        case "processes":
            return PatientProcesses(max_tasks=workers)
    return executors.SynchronousLocalTaskExecutor()


def hook(watch: NodeWatch) -> Any:
    """Return the lifecycle adapter that tells *watch* of nodes, and lets every input pass."""
    from flowerpower.pipelines.hook import WatchHook

    return WatchHook(watch)
