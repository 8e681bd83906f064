"""The Ray side of `clusters`; importing it imports Ray."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import Any, cast

import ray
from hamilton.plugins.h_ray import parse_ray_remote_options_from_tags
from ray import cloudpickle

from flowerpower.pipelines.clusters import Cluster, RemoteNodes, RemoteTasks, by_value, call, remote_traceback
from flowerpower.pipelines.watch import NodeWatch
from flowerpower.specs.parts import ExecutorSpec

_SECONDS_TO_ANSWER = 10.0
_PAUSE = 0.005


class RayNodes(RemoteNodes):
    """Every node as a task of Ray, with the options that Hamilton's `@ray_remote_options` asks for."""

    def __init__(self, watch: NodeWatch) -> None:
        super().__init__(cloudpickle, watch)
        self._call = ray.remote(_call_with)
        self._ends: dict[Any, Any] = {}  # value -> a small one beside it, which tells how the node ended

    def send(self, node: Any, function: bytes, needs: Mapping[str, Any]) -> Any:
        """Submit a call; Ray waits for references only where they are arguments by themselves."""
        options = {"name": node.name, **parse_ray_remote_options_from_tags(node.tags), "num_returns": 2}
        value, end = self._call.options(**options).remote(function, list(needs), *needs.values())
        self._ends[value] = end
        return value

    def finished(self, handles: Sequence[Any]) -> Iterator[Any]:
        """Yield references as their nodes are done."""
        values = {self._ends[handle]: handle for handle in handles}
        waiting = list(values)
        while waiting:
            # Ray waits outside of Python, where the time limit of a run cannot strike: ask, and sleep here.
            done, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=0)
            yield from (values[end] for end in done)
            if waiting and not done:
                time.sleep(_PAUSE)

    def error(self, handle: Any) -> BaseException | None:
        """Return the exception of a node that failed, with its traceback as text."""
        return _error(self._ends[handle])

    def values(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Fetch the outputs."""
        return {name: ray.get(value) if isinstance(value, ray.ObjectRef) else value for name, value in outputs.items()}


def connect_ray(spec: ExecutorSpec, modules: Sequence[ModuleType], watch: NodeWatch) -> Cluster:
    """Return a connection to the cluster at the address, or to one of our own on this machine."""
    with ExitStack() as opened:
        if spec.address:
            opened.enter_context(by_value(cloudpickle, modules))
            _refuse_silence(spec.address)
        if not ray.is_initialized():
            ray.init(
                address=spec.address or "local",
                num_cpus=None if spec.address else spec.max_workers,
                include_dashboard=None if spec.address else False,
                log_to_driver=False,
                runtime_env=None
                if spec.address
                else {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}},
            )
            opened.callback(ray.shutdown)
        close = opened.pop_all().close
    task = ray.remote(call)
    tasks = RemoteTasks(cloudpickle, lambda function: task.remote(function, {}).future(), _placed)
    return Cluster(RayNodes(watch), tasks, close)


def _refuse_silence(address: str) -> None:
    """Raise OSError when nobody listens at an address with a port: Ray would go on trying for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER).close()


def _call_with(function: bytes, names: Sequence[str], *values: Any) -> tuple[Any, None]:
    return call(function, dict(zip(names, values, strict=True))), None


def _error(handle: Any) -> BaseException | None:
    try:
        ray.get(handle, timeout=0)
    except ray.exceptions.GetTimeoutError:
        return None
    except ray.exceptions.RayTaskError as error:
        return _placed(error)
    except ray.exceptions.RayError as error:
        return cast("BaseException", error)
    return None


def _placed(error: Any) -> BaseException:
    """Return what the node raised, with its traceback where those of other processes are looked for."""
    if not isinstance(error, ray.exceptions.RayTaskError):
        return cast("BaseException", error)
    found: BaseException = getattr(error, "cause", None) or error
    found.__cause__ = remote_traceback(str(error))
    return found
