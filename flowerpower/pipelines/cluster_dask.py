"""The Dask side of `clusters`; importing it imports Dask."""

from __future__ import annotations

import linecache
import logging
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from types import CodeType, ModuleType
from typing import Any

import cloudpickle
from distributed import Client, Future, LocalCluster, as_completed
from distributed.client import FutureCancelledError

from flowerpower.pipelines.clusters import (
    Cluster,
    RemoteNodes,
    RemoteTasks,
    by_value,
    call,
    name_of_call,
    remote_traceback,
)
from flowerpower.pipelines.watch import NodeWatch
from flowerpower.specs.parts import ExecutorSpec

_NO_FILE = "<dynamic-code>"


class GivenUpError(Exception):
    """A value is not to be had: its scheduler is gone, somebody cancelled its task, or it cannot be pickled."""


class DaskNodes(RemoteNodes):
    """Every node as a task of Dask."""

    def __init__(self, client: Client, watch: NodeWatch, modules: Sequence[ModuleType]) -> None:
        super().__init__(cloudpickle, watch)
        self._client = client
        self._modules = modules

    def send(self, node: Any, function: bytes, needs: Mapping[str, Any]) -> Any:
        """Submit a call; Dask waits for the futures among the needs."""
        return self._client.submit(call, function, dict(needs), key=name_of_call(node.name), pure=False)

    def finished(self, handles: Sequence[Any]) -> Iterator[Any]:
        """Yield futures as they are done."""
        yield from as_completed(list(handles), loop=self._client.loop)

    def error(self, handle: Any) -> BaseException | None:
        """Return the exception of a future that failed, with its traceback; what was lost is computed again."""
        if handle.status == "cancelled":
            return _placed(handle.client.sync(handle._result, raiseit=False), self._modules)
        if handle.status != "error":
            return None
        found: BaseException = handle.exception()
        return _placed(found.with_traceback(handle.traceback()), self._modules)

    def values(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Fetch the outputs."""
        futures = {name: value for name, value in outputs.items() if isinstance(value, Future)}
        try:
            fetched: dict[str, Any] = self._client.gather(futures)
        except TypeError as error:
            raise _unpickled(futures, error) from None
        return {name: fetched.get(name, value) for name, value in outputs.items()}


def _unpickled(futures: Mapping[str, Future], error: TypeError) -> Exception:
    """Return what names the output that cannot be brought home; Dask's own words hold three tracebacks, and no name."""
    for name, future in futures.items():
        try:
            future.result()
        except TypeError as found:
            why = str(found).strip().splitlines() or [""]
            return GivenUpError(f"the output {name!r} cannot be pickled: {why[-1]}")
    return error


def connect_dask(spec: ExecutorSpec, modules: Sequence[ModuleType], watch: NodeWatch) -> Cluster:
    """Return a connection to the scheduler at the address, or to a cluster of processes of our own."""
    logging.getLogger("distributed").setLevel(logging.WARNING)  # it tells of every connection
    with ExitStack() as opened:
        if spec.address:
            opened.enter_context(by_value(cloudpickle, modules))
            client = opened.enter_context(Client(spec.address, timeout=20, set_as_default=False))
        else:
            local = LocalCluster(
                n_workers=spec.max_workers or os.cpu_count() or 1,
                threads_per_worker=1,
                dashboard_address=":0",  # any free port
                silence_logs=logging.ERROR,
            )
            client = opened.enter_context(Client(opened.enter_context(local), set_as_default=False))
        close = opened.pop_all().close
    tasks = RemoteTasks(
        cloudpickle,
        lambda function: client.submit(call, function, {}, key=name_of_call("task"), pure=False),
        lambda error: _placed(error, modules),
    )
    return Cluster(DaskNodes(client, watch, modules), tasks, close)


def _placed(error: BaseException, modules: Sequence[ModuleType]) -> BaseException:
    """Return *error* with a traceback that names the files of code that went along by value, which lost them.

    One that says that Dask gave a task up is returned in words that say why.
    """
    if isinstance(error, FutureCancelledError):
        return GivenUpError(error.msg or f"the reason is {error.reason!r}")
    frames = traceback.extract_tb(error.__traceback__)
    if not any(frame.filename == _NO_FILE for frame in frames):
        return error
    lines = []
    for frame in frames:
        file = _file_of(frame, modules) if frame.filename == _NO_FILE else frame.filename
        source = linecache.getline(file, frame.lineno or 0).strip()
        lines.append(f'  File "{file}", line {frame.lineno}, in {frame.name}\n    {source}')
    error.__cause__ = remote_traceback("\n".join(lines))
    return error.with_traceback(None)


def _file_of(frame: traceback.FrameSummary, modules: Sequence[ModuleType]) -> str:
    """Return the file in which a function of the frame's name has the frame's line."""
    for file in (module.__file__ for module in modules if module.__file__):
        waiting = [compile("".join(linecache.getlines(file)), file, "exec", dont_inherit=True)]
        while waiting:
            code = waiting.pop()
            if code.co_name == frame.name and frame.lineno in {line for _, _, line in code.co_lines()}:
                return file
            waiting += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return _NO_FILE
