"""The scheduler: every second it fires what is due, and now and then it heals what was lost.

Safety never rests on a lock: each fire is checked inside its script, so two schedulers cannot fire a tick twice. The
lease only decides who works first; the others stand by. A Redis that goes away is waited for.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from flowerpower.errors import FlowerPowerError, StoreError
from flowerpower.jobs.fleet import Fleet
from flowerpower.jobs.holds import Lifter
from flowerpower.jobs.reconcile import Reconciler
from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store

LEASE_SECONDS = 5
RECONCILE_SECONDS = 15
BATCH = 2000  # due jobs looked at together
PASSES = 5  # batches fired before the lease is renewed

_BREATH = 0.05  # seconds between two passes, however long they take

logger = logging.getLogger("flowerpower.scheduler")


class Scheduler:
    """Fires the schedules of one namespace while it holds the lease, and stands by while another does."""

    def __init__(self, store: Store, name: str, interval: float = 1.0) -> None:
        self.store = store
        self.name = name
        self.interval = interval
        self.fleet = Fleet(store)
        self.alarm = ""
        self._strays: set[str] = set()
        self.generation = 0
        self._looked = 0
        self._reconciler = Reconciler(self.fleet)
        self._lifter = Lifter(store)
        self._reconciled = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until *stop* is set; a Redis that fails is tried again, with growing pauses of at most 5 s."""
        pause = self.interval
        while not stop.is_set():
            started = time.monotonic()
            try:
                self.step()
                pause = max(self.interval - (time.monotonic() - started), _BREATH)
            except FlowerPowerError as error:
                logger.warning("%s; trying again", error)
                pause = min(max(pause, self.interval) * 2, 5.0)
            stop.wait(pause)
        self.resign()

    def step(self) -> int:
        """Do one pass and return how many schedules fired; 0 when another scheduler holds the lease."""
        with redis_errors("taking the scheduler's lease"):
            if not self.store.scripts.call("lease", [self.name, LEASE_SECONDS]):
                return 0
        queues, generation, applied = self._look()
        if not self._trustworthy(generation, applied):
            return 0
        changed = generation != self.generation
        self.generation = generation
        now = self._looked = self.store.time()
        self._lifter.step(now)
        fired = self._fire_due(queues, now)
        self._maintain(queues, now, whole=changed)
        return fired

    def resign(self) -> None:
        """Give the lease back, so that another scheduler need not wait for it to expire."""
        try:
            with redis_errors("giving the lease back"):
                connection, key = self.store.connection, self.store.keys.lease
                if connection.get(key) == self.name.encode():
                    connection.delete(key)
        except StoreError as error:
            logger.debug("%s", error)

    def _look(self) -> tuple[list[str], int, int]:
        """Return our RQ queues, the generation of the live state, and when it was applied."""
        keys = self.store.keys
        with redis_errors("looking for due schedules"):
            pipe = self.store.connection.pipeline(transaction=False)
            pipe.smembers(keys.queues)
            pipe.hmget(keys.head, "generation", "when")
            found, (generation, when) = pipe.execute()
        prefix = keys.queue_list("")
        names = (key.decode().removeprefix(prefix) for key in found)
        return sorted(name for name in names if keys.owns_queue(name)), int(generation or 0), int(when or 0)

    def _trustworthy(self, generation: int, applied: int) -> bool:
        """Refuse to fire from a Redis that has lost what we saw: it was flushed, or an old copy came back.

        A lower generation is trusted once it was applied after we last saw the higher one.
        """
        if generation < self.generation and applied >= self._looked:
            self.fleet.forget()
            self.generation = 0
        if generation >= self.generation:
            if self.alarm:
                logger.warning("generation %d was applied: firing goes on", generation)
            self.alarm = ""
            return True
        if not self.alarm:
            self.alarm = f"Redis holds generation {generation}, but {self.generation} was seen: it looks reset"
            logger.error("%s; nothing is fired until the next apply", self.alarm)
        return False

    def _fire_due(self, queues: Iterable[str], now: int) -> int:
        fired = 0
        for queue in queues:
            stuck = 0  # those that cannot leave the registry must not hide the ones behind them
            for _ in range(PASSES):
                due = self._due(queue, now, stuck)
                done = self._fire_batch(queue, due, now)
                fired += done
                stuck += len(due) - done
                if len(due) < BATCH:
                    break
        return fired

    def _due(self, queue: str, now: int, start: int) -> list[str]:
        with redis_errors("looking for due schedules"):
            found: Any = self.store.connection.zrangebyscore(
                self.store.keys.scheduled(queue), "-inf", now, start=start, num=BATCH
            )
        return [member.decode(errors="replace") for member in found]

    def _fire_batch(self, queue: str, due: Sequence[str], now: int) -> int:
        """Fire the pending occurrences among due jobs and pass the other jobs on; return how many left the registry."""
        if not due:
            return 0
        names = {run_id: parts[0] for run_id in due if (parts := self.store.keys.parse_run_id(run_id))}
        cursors = self.fleet.cursors(sorted(set(names.values())))
        pending = {run_id for run_id, name in names.items() if name in cursors and cursors[name].pending == run_id}
        fired = self.fleet.fire({names[run_id]: cursors[names[run_id]] for run_id in due if run_id in pending}, now)
        return fired + self._pass_on(queue, [run_id for run_id in due if run_id not in pending], names)

    def _pass_on(self, queue: str, others: Sequence[str], names: dict[str, str]) -> int:
        """Move retries and jobs of others as RQ would; remove a stray of ours when it is seen for the second time."""
        if not others:
            return 0
        with redis_errors("looking up active runs"):
            active: Any = self.store.connection.hmget(self.store.keys.active, list(others))
        moved = [run_id for run_id, entry in zip(others, active, strict=True) if entry or run_id not in names]
        strays = {run_id for run_id in others if run_id not in moved}
        for run_id in strays & self._strays:
            self._reconciler.discard(run_id, names[run_id], queue)
        self._strays = (self._strays | strays) - (strays & self._strays)
        return self.fleet.ledger.release(queue, moved) if moved else 0

    def _maintain(self, queues: Sequence[str], now: int, *, whole: bool) -> None:
        if not whole and now - self._reconciled < RECONCILE_SECONDS and now >= self._reconciled:
            return
        self._reconciled = now
        self._keep_stock_schedulers_off(queues)
        self._reconciler.step(queues, now, self.generation if whole else None)

    def _keep_stock_schedulers_off(self, queues: Sequence[str]) -> None:
        """Take RQ's own scheduler lock of our queues where it is free; a stock scheduler that holds it does no harm."""
        connection, seconds = self.store.connection, 2 * RECONCILE_SECONDS
        with redis_errors("taking RQ's scheduler locks"):
            for queue in queues:
                key = f"{self.store.keys.rq}:scheduler-lock:{queue}"
                taken = connection.set(key, self.name, nx=True, ex=seconds)
                if not taken and connection.get(key) == self.name.encode():
                    connection.expire(key, seconds)


def scheduler_name(host: str) -> str:
    """Return a name that no other scheduler has: the host and the process."""
    return f"{host}.{os.getpid()}.{os.urandom(3).hex()}"
