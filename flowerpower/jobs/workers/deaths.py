"""What is done when a worker has died: nothing of its run goes on, and Redis is told, which would find out much later.

Only who started a worker does this: to anybody else one that cannot be reached looks the same. What fails here is no
loss, since the signs of life of the dead worker run out by themselves.
"""

from __future__ import annotations

import json
import logging
import signal
import time
from functools import partial
from typing import Any

from flowerpower.errors import StoreError
from flowerpower.jobs.contact import PATIENCE
from flowerpower.jobs.stop import Stop, heeded_signals
from flowerpower.jobs.workers.traces import Left, Traces, end_run
from flowerpower.state.connection import connect, redis_errors
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

TRIED_FOR = 60.0  # seconds: later on the signs of life have run out
LAST_TRIES = 5.0  # seconds in which it is tried although somebody asks to stop
_PAUSE, _MOMENT = 1.0, 0.05

logger = logging.getLogger("flowerpower.worker")


class Undertaker:
    """Buries the worker of one namespace that left these traces; `stop` is set by who cannot wait for it for long."""

    def __init__(self, url: str, keys: Keys, clock: str | None, traces: Traces) -> None:
        self.stop = Stop()
        self._traces = traces
        self._url, self._keys, self._clock = url, keys, clock

    def called(self, process: int) -> partial[bool]:
        """Return what is to be done for a worker by its process, in a process of its own; its successor may begin."""
        return partial(self._work, self._traces.take(process))

    def _work(self, left: Left) -> bool:
        for number in heeded_signals():
            signal.signal(number, lambda *_: self.stop.set())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, heeded_signals())
        return self.bury(left)

    def bury(self, left: Left) -> bool:
        """End what is left of a dead worker and tell Redis; False where that could not be done."""
        began = time.monotonic()
        while not end_run(left):
            if not self._goes_on(began):
                logger.warning("worker %s died, and its run does not end: Redis is not told", left.name)
                return False
            time.sleep(_MOMENT)
        if not left.name:
            return True  # Redis has not heard of it
        store = Store(connect(self._url, timeout=PATIENCE), self._keys, self._clock)
        while True:
            try:
                tell_redis(left, store)
                return True
            except StoreError as error:
                if not self._goes_on(began):
                    logger.warning("Redis could not be told that worker %s died: %s", left.name, error)
                    return False
            time.sleep(_PAUSE)

    def _goes_on(self, began: float) -> bool:
        return time.monotonic() - began < (LAST_TRIES if self.stop.is_set() else TRIED_FOR)


def tell_redis(left: Left, store: Store) -> None:
    """Let Redis know that a worker and its run are gone; what it had in hand and had not begun is delivered again."""
    with redis_errors("telling of a worker that died"):
        ran, unbegun = store.scripts.call("bury", [json.dumps({"name": left.name, "pid": left.process})])
        for run_id in ran:
            logger.warning(
                "run %s has lost its worker: a scheduler looks after it now", run_id.decode(errors="replace")
            )
        for raw in unbegun:
            order: dict[str, Any] = json.loads(raw) | {"seen": ""}
            if store.scripts.call("redeliver", [json.dumps(order)]) == 1:
                logger.warning("run %s was lost between queue and worker: delivered again", order["id"])
