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

from flowerpower.errors import StoreError
from flowerpower.jobs.by_hand.holds import Lifter
from flowerpower.jobs.contact import Contact
from flowerpower.jobs.scheduling.fleet import Fleet
from flowerpower.jobs.scheduling.reconcile import Reconciler
from flowerpower.jobs.scheduling.troubles import Troubles
from flowerpower.jobs.scheduling.watch import ClockWatch
from flowerpower.schedule.zones import UNVERSIONED, tzdata_version
from flowerpower.state.connection import redis_errors
from flowerpower.state.models import UNTIL_APPLY
from flowerpower.state.store import Store

LEASE_SECONDS = 5
RECONCILE_SECONDS = 15
BATCH = 5000  # due jobs looked at together
PASSES = 2  # batches fired before the lease is renewed

_BREATH = 0.05  # seconds between two passes, however long they take

logger = logging.getLogger("flowerpower.scheduler")


class Scheduler:
    """Fires the schedules of one namespace while it holds the lease, and stands by while another does.

    With a *watch*, a clock of Redis that leaps forward is looked at once more before anything fires.
    """

    def __init__(self, store: Store, name: str, interval: float = 1.0, watch: ClockWatch | None = None) -> None:
        self.store = store
        self.name = name
        self.interval = interval
        self.troubles = Troubles()
        self.fleet = Fleet(store, self.troubles)
        self.alarm = ""
        self.generation = 0  # the highest that was seen
        self._worked = 0  # the generation of the last pass that fired
        self._looked = 0
        self._strays: set[str] = set()
        self._watch = watch
        self._contact = Contact(store.connection)
        self._reconciler = Reconciler(self.fleet, self.troubles)
        self._lifter = Lifter(store)
        self._reconciled = 0.0
        self._asked = ""  # what asks it to look after the runs of a worker that is known to be gone
        self._renewed = 0.0  # when the lease was, by the clock of this process
        self._held: bool | None = None  # whether the lease was ours when it was asked for last
        self._zones = tzdata_version()

    def run(self, stop: threading.Event) -> None:
        """Work until *stop* is set, whatever happens; a Redis that is away is asked again every second or two."""
        while not stop.is_set():
            started = time.monotonic()
            try:
                self.step()
                self._contact.kept()
                pause = max(self.interval - (time.monotonic() - started), _BREATH)
            except Exception as error:  # noqa: BLE001 - a scheduler that ends fires nothing
                pause = self._contact.lost(error)
                self._reconciler.spare_workers()
            stop.wait(pause)
        self.resign()
        logger.info("scheduler %s ends", self.name)

    def step(self) -> int:
        """Do one pass and return how many schedules fired; 0 when another scheduler holds the lease."""
        held, generation, applied, zones, now = self._lease()
        self._tell_part(held)
        if not self._trustworthy(generation, applied):
            if held:
                self._publish()
            return 0
        self.generation, self._looked = generation, now
        if not held or not self._sure_of(now):
            return 0
        self._compare_zones(zones)
        changed = generation != self._worked
        queues = self._queues()
        with self.troubles.within("lifting holds"):
            self._lifter.step(now)
        fired = sum(self._fire_queue(queue, now) for queue in queues if self._still_ours())
        self._wake()
        if self._still_ours():
            self._maintain(queues, now, whole=changed)
            self._worked = generation
            self._publish()
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

    def _tell_part(self, held: bool) -> None:
        """Say once which part this scheduler plays from now on."""
        if held != self._held:
            text = (
                f"works first: it fires for {self.store.keys.namespace}"
                if held
                else "stands by: another one works first"
            )
            logger.info("scheduler %s %s", self.name, text)
        self._held = held

    def _compare_zones(self, applied: str) -> None:
        """Say that this scheduler goes by other zone rules than the plan that was applied last."""
        text = (
            f"scheduler {self.name} goes by the zone rules of tzdata {self._zones}, the last apply by those of "
            f"{applied}: they may disagree about a tick; upgrade it everywhere and apply"
        )
        same = {self._zones, applied} & {"", UNVERSIONED} or self._zones == applied
        self.troubles.report("zone rules", {} if same else {"": text})

    def _lease(self) -> tuple[bool, int, int, str, int]:
        """Ask for the lease; return whether it is ours, generation, when it was applied, by which zones, the time."""
        self._renewed = time.monotonic()
        with redis_errors("taking the scheduler's lease"):
            answer = self.store.scripts.call("lease", [self.name, LEASE_SECONDS])
        held, generation, when, zones, now, looks = answer
        self._asked = looks.decode(errors="replace") or self._asked
        return bool(held), _number(generation), _number(when), zones.decode(errors="replace"), int(now)

    def _still_ours(self) -> bool:
        """Renew the lease in a long pass; after a long sleep another scheduler works, and this pass ends."""
        if time.monotonic() - self._renewed < LEASE_SECONDS / 2:
            return True
        held, generation, *_ = self._lease()
        return held and generation >= self.generation

    def _sure_of(self, now: int) -> bool:
        if self._watch is None:
            return True
        self._watch.compare(now, time.time())
        return self._watch.trusts(now, time.monotonic())

    def _queues(self) -> list[str]:
        """Return our RQ queues."""
        keys = self.store.keys
        found: Any = ()
        with self.troubles.within("looking for queues"), redis_errors("looking for queues"):
            found = self.store.connection.smembers(keys.queues)
        prefix = keys.queue_list("")
        names = (key.decode(errors="replace").removeprefix(prefix) for key in found)
        return sorted(name for name in names if keys.owns_queue(name))

    def _trustworthy(self, generation: int, applied: int) -> bool:
        """Refuse to fire from a Redis that has lost what we saw: it was flushed, or an old copy came back.

        A lower generation is trusted once it was applied after we last saw the higher one.
        """
        if generation < self.generation and applied >= self._looked:
            self.fleet.forget()
            self.generation = self._worked = 0
        if generation >= self.generation:
            if self.alarm:
                logger.warning("generation %d was applied: firing goes on", generation)
            self.alarm = ""
            return True
        alarm = f"the target looks reset: Redis holds generation {generation}, but {self.generation} was seen"
        if self.alarm != alarm:
            self.alarm = alarm
            logger.error("%s; nothing is fired until the next apply", alarm)
        return False

    def _publish(self) -> None:
        with self.troubles.within("telling what is wrong"):
            alarm = f"{self.alarm}; {UNTIL_APPLY}" if self.alarm else ""
            self.troubles.publish(self.store, alarm, time.monotonic())

    def _fire_queue(self, queue: str, now: int) -> int:
        fired = 0
        with self.troubles.within(f"firing from {queue}"):
            stuck = 0  # those that cannot leave the registry must not hide the ones behind them
            for _ in range(PASSES):
                due = self._due(queue, now, stuck)
                done = self._fire_batch(queue, due, now)
                fired += done
                stuck += len(due) - done
                if len(due) < BATCH or not self._still_ours():
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
        cursors = self.fleet.cursors(list(dict.fromkeys(names.values())))
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

    def _wake(self) -> None:
        """Hand runs to the workers that waited for other schedules and need not any more."""
        with self.troubles.within("looking at runs that wait for other schedules"):
            while self._still_ours() and self.fleet.ledger.wake():
                pass

    def _maintain(self, queues: Sequence[str], now: int, *, whole: bool) -> None:
        waited = now - self._reconciled >= RECONCILE_SECONDS or now < self._reconciled
        if not (whole or waited or self._asked or self._reconciler.must_look()):
            return
        self._reconciled, asked = now, self._asked
        with self.troubles.within("taking RQ's scheduler locks"):
            self._keep_stock_schedulers_off(queues)
        self._reconciler.step(queues, now, self.generation, whole=whole, died=bool(asked))
        if asked:
            with redis_errors("telling that runs were looked after"):
                self.store.scripts.call("looked", [asked])
            self._asked = "" if self._asked == asked else self._asked

    def _keep_stock_schedulers_off(self, queues: Iterable[str]) -> None:
        """Take RQ's own scheduler lock of our queues where it is free; a stock scheduler that holds it does no harm."""
        connection, seconds = self.store.connection, 2 * RECONCILE_SECONDS
        with redis_errors("taking RQ's scheduler locks"):
            for queue in queues:
                key = self.store.keys.scheduler_lock(queue)
                taken = connection.set(key, self.name, nx=True, ex=seconds)
                if not taken and connection.get(key) == self.name.encode():
                    connection.expire(key, seconds)


def _number(raw: bytes) -> int:
    """Return a number of the head; one that cannot be read is as good as lost."""
    return int(raw) if raw.isdigit() else 0


def scheduler_name(host: str) -> str:
    """Return a name that no other scheduler has: the host and the process."""
    return f"{host}.{os.getpid()}.{os.urandom(3).hex()}"
