"""The boundary to Hamilton: build a driver, make it ready to run, watch its nodes, keep its logs quiet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, TypeAlias

from flowerpower.pipelines.failures import UserCodeError, describe
from flowerpower.pipelines.quiet import quiet
from flowerpower.pipelines.watch import NodeWatch
from flowerpower.specs.parts import ExecutorSpec

OwnModules: TypeAlias = Callable[[], Sequence[ModuleType]]
_CLUSTERS = ("dask", "ray")
_log = logging.getLogger(__name__)


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
        from flowerpower.pipelines.connect import connect

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
