"""What a run tells of itself while it runs, and what is kept of an attempt that failed.

A run that succeeded returns its summary, which RQ keeps. Everything else lies in one expiring hash of the run: how far
it is, the log of an attempt, how an attempt failed. Nothing of it is needed to run, so a Redis that is away while it is
written fails no run. A run of less than a second that says nothing and succeeds writes nothing at all.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from flowerpower.errors import StoreError
from flowerpower.jobs.running.listening import listening
from flowerpower.jobs.running.tail import Tail
from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store

if TYPE_CHECKING:
    from rq.job import Job

    from flowerpower.pipelines.context import RunContext, Secrets
    from flowerpower.pipelines.watch import NodeTime
    from flowerpower.specs.models import PipelineSpec

FLUSH_SECONDS = 1.0  # after which a running run first tells where it is
_SLOWEST = 5.0  # between two such tellings, later on
_HOUR, _MONTH = 3600, 30 * 86_400
RUNS_KEPT = 1000  # of one name: as many as outcomes are
LOGS_KEPT = 2  # of a run with many attempts, the newest
_ATTEMPTS_KEPT = 10
_MOST_NODES = 50
_LONGEST_TEXT = 16 * 1024
_MOST_INPUTS = 4 * 1024

logger = logging.getLogger("flowerpower.run")


class Keeper:
    """Watches one attempt of a run: a context manager around it, and the observer of its nodes."""

    def __init__(self, store: Store, job: Job, name: str, attempt: int) -> None:
        self._store = store
        self._job = job
        self._name = name
        self._attempt = attempt
        self._tail = Tail(self._masked)
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._resources = ExitStack()
        self._secrets: Secrets | None = None
        self._context: RunContext | None = None
        self._spec: PipelineSpec | None = None
        self._root = Path()
        self._process = os.getpid()
        self._began = time.time()
        self._running: dict[str, float] = {}
        self._times: list[NodeTime] = []
        self._expected = 0
        self._unsent: Callable[[], None] | None = None

    def hide(self, lookup: Callable[[str], str]) -> Secrets:
        """Return a provider of secrets whose values are masked in everything that is kept."""
        from flowerpower.pipelines.context import Secrets

        self._secrets = Secrets(lookup)
        return self._secrets

    def describe(self, spec: PipelineSpec, context: RunContext, root: Path) -> None:
        """Say what is run, and where the project is."""
        self._spec, self._context, self._root = spec, context, root

    def nodes_expected(self, count: int) -> None:
        """Called once, before the first node."""
        self._expected = count

    def node_started(self, node: str) -> None:
        """Called before a node is computed."""
        self._running[node] = time.time()

    def node_finished(self, node: str, seconds: float, succeeded: bool) -> None:
        """Called after it."""
        self._ended(node, seconds, succeeded)

    def node_recalled(self, node: str, seconds: float) -> None:
        """Called instead where the cache had its result."""
        self._ended(node, seconds, succeeded=True, cached=True)

    def _ended(self, node: str, seconds: float, succeeded: bool, cached: bool = False) -> None:
        from flowerpower.pipelines.watch import NodeTime

        self._running.pop(node, None)
        self._times.append(NodeTime(node, seconds, succeeded, cached))

    def __enter__(self) -> Keeper:
        self._resources.enter_context(listening(self._hear))
        threading.Thread(target=self._tell, name="flowerpower-progress", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done.set()
        self._resources.close()
        # What is told of a run that runs must not arrive after its end; a Redis that hangs is not waited for.
        held = self._lock.acquire(timeout=5.0)
        try:
            self._unsent = self._keep_success if error is None else lambda: self._keep_failure(error)
            self.send()
        finally:
            if held:
                self._lock.release()

    def send(self) -> None:
        """Write what could not be written at the end of the attempt, if there is anything."""
        if self._unsent is None:
            return
        try:
            self._unsent()
        except StoreError as problem:
            logger.warning("what run %s said is not kept yet: %s", self._job.id, problem)
        else:
            self._unsent = None

    def facts(self) -> dict[str, Any]:
        """Return what the summary of a run that succeeded says besides its results."""
        return {"worker": self._job.worker_name or "", "started": round(self._began, 3), "inputs": self._inputs()}

    def _hear(self, text: str) -> None:
        if os.getpid() == self._process:  # a fork of it may hold a lock that nobody will release
            self._tail.add(text)

    def _tell(self) -> None:
        """Tell where the run is, again and again; what a killed process has said is then there already."""
        last: object = None
        pause, ttl = FLUSH_SECONDS, _ttl(self._job.failure_ttl, _MONTH) or _HOUR
        while not self._done.wait(pause):
            state = (len(self._times), tuple(self._running), self._tail.size)
            if state == last:
                continue
            with self._lock:
                if self._done.is_set():
                    return
                try:
                    self._write({"live": json.dumps(self._live())}, ttl, whole=False)
                except StoreError:
                    continue
            last, pause = state, min(pause * 1.5, _SLOWEST)

    def _live(self) -> dict[str, Any]:
        running = sorted(self._running.items(), key=lambda item: item[1])
        return {
            "attempt": self._attempt,
            "nodes": [{"node": name, "since": round(since, 3)} for name, since in running[:5]],
            "done": len(self._times),
            "expected": self._expected,
        }

    def _keep_success(self) -> None:
        if self._tail.size or self._attempt > 1 or time.time() - self._began >= FLUSH_SECONDS:
            self._write({}, _ttl(self._job.result_ttl, 500))

    def _keep_failure(self, error: BaseException) -> None:
        slowest = sorted(self._times, key=lambda time: (time.succeeded, -time.seconds))[:_MOST_NODES]
        record = {
            "attempt": self._attempt,
            "status": "failed",
            "worker": self._job.worker_name or "",
            "started": round(self._began, 3),
            "seconds": round(time.time() - self._began, 6),
            "error": self._error(error),
            "inputs": self._inputs(),
            "nodes": [
                {"node": time.node[:200], "seconds": round(time.seconds, 6), "succeeded": time.succeeded}
                | ({"cached": True} if time.cached else {})
                for time in slowest
            ],
            "node_count": len(self._times),
            "cached_count": sum(time.cached for time in self._times),
        }
        self._write({f"attempt:{self._attempt}": json.dumps(record)}, _ttl(self._job.failure_ttl, _MONTH))

    def _error(self, error: BaseException) -> dict[str, str]:
        from flowerpower.pipelines.failures import describe, user_traceback

        return {
            "message": self._masked(str(error) or describe(error))[:_LONGEST_TEXT],
            "type": type(error).__name__,
            "node": getattr(error, "node", ""),
            "details": self._masked(user_traceback(error, self._root))[:_LONGEST_TEXT],
            "hint": self._masked(str(getattr(error, "hint", "")))[:_LONGEST_TEXT],
        }

    def _inputs(self) -> dict[str, Any]:
        """Return the inputs as the run got them, placeholders filled in and secrets masked."""
        if self._spec is None or self._context is None:
            return {}
        from flowerpower.pipelines.results import shown_values

        return shown_values(self._spec.inputs, self._context, self._masked, _MOST_INPUTS)

    def _masked(self, text: str) -> str:
        return self._secrets.mask(text) if self._secrets is not None else text

    def _write(self, fields: Mapping[str, str], ttl: int, *, whole: bool = True) -> None:
        """Write the log and these fields; `whole` is the end of the attempt."""
        key, attempt = self._store.keys.kept(self._job.id), self._attempt
        said = self._tail.text(whole=whole)
        written: dict[Any, Any] = {**fields, **({f"log:{attempt}": said} if said else {})}
        index, now = self._store.keys.kept_of(self._name), time.time()
        with redis_errors("keeping what the run said"):
            pipe = self._store.connection.pipeline(transaction=False)
            if whole:
                pipe.hdel(key, "live", f"log:{attempt - LOGS_KEPT}", f"attempt:{attempt - _ATTEMPTS_KEPT}")
            if ttl == 0:
                pipe.unlink(key)
            elif written:
                pipe.hset(key, mapping=written)
                pipe.zadd(index, {self._job.id: now})
                pipe.expire(index, 90 * 86_400)
            if ttl > 0:
                pipe.expire(key, ttl)
            elif ttl < 0:
                pipe.persist(key)
            pipe.zrange(index, 0, -RUNS_KEPT - 1)
            surplus: list[bytes] = pipe.execute()[-1]
            if surplus:
                self._store.connection.unlink(*(self._store.keys.kept(run.decode(errors="replace")) for run in surplus))
                self._store.connection.zrem(index, *surplus)


def _ttl(asked: Any, otherwise: int) -> int:
    """Return for how long RQ keeps a job that ended so; -1 is for ever."""
    return otherwise if asked is None else int(asked)
