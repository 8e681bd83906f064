"""Heal what a crash, a lost write or a stranger's hand left behind; every heal is recorded.

An active schedule without a pending occurrence gets one, also where RQ's own scheduler made a run of it; what became
of the runs is the business of `recover.py`. One part that fails, as when a key is of another type, is told and does not
stop the others.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowerpower.jobs.scheduling.collect import SpecCollector
from flowerpower.jobs.scheduling.fleet import Fleet
from flowerpower.jobs.scheduling.popped import PoppedKeeper
from flowerpower.jobs.scheduling.recover import RunKeeper
from flowerpower.jobs.scheduling.troubles import Troubles
from flowerpower.state.connection import redis_errors
from flowerpower.state.models import Cursor
from flowerpower.state.pipelined import batches, fields_of

if TYPE_CHECKING:
    from rq.registry import StartedJobRegistry

SLICES = 40  # a full look at all schedules takes this many passes
SPARED_FOR = 30.0  # seconds after an outage: a worker sends a sign of life every ten
UNHEARD_MS = 45_000  # that an execution has left when it was not renewed for longer than any worker that lives takes
RENEWED_WITHIN = 11.0  # seconds in which a worker that lives renews an execution
JUST_AFTER = 1.0  # seconds: the whole seconds of RQ's registries are over, too
BURIED = 0  # the score of an execution whose worker is known to be gone
RENEWED_FOR = 60  # seconds that an execution which is alive is left in RQ's registry
AT_ONCE = 500  # schedules that are looked at in one command or script

_GONE = -2  # what Redis says of the time that is left to a key that is not there

logger = logging.getLogger("flowerpower.scheduler")


class Reconciler:
    """Looks after the schedules of a fleet and their runs."""

    def __init__(self, fleet: Fleet, troubles: Troubles) -> None:
        self._fleet = fleet
        self._store = fleet.store
        self._troubles = troubles
        self._runs = RunKeeper(fleet.store, fleet.ledger, troubles)
        self._popped = PoppedKeeper(fleet.store)
        self._specs = SpecCollector(fleet.store)
        self._scan = 0
        self._spared_until = 0.0
        self._expiry = (
            math.inf
        )  # when the first sign of life that was not renewed runs out, by the clock of this process
        self._early: dict[bytes, float] = {}  # executions that are gone before RQ misses them, and when that was seen

    def spare_workers(self) -> None:
        """Give workers the time to be heard of again: while Redis was away, what tells that they live has run out.

        It is no question of those that somebody has seen die.
        """
        self._spared_until = time.monotonic() + SPARED_FOR

    def must_look(self) -> bool:
        """Tell whether the sign of life of a worker that was not heard of for long has just run out."""
        return time.monotonic() >= max(self._expiry, self._spared_until)

    def step(self, queues: Sequence[str], now: int, generation: int, *, whole: bool, died: bool = False) -> None:
        """Look at the active runs and at a slice of the schedules, or at the *whole* of them, in a new generation.

        Where a worker has *died*, it may have taken a run from its queue a moment ago.
        """
        within = self._troubles.within
        with within("looking for abandoned runs"):
            self._abandon(queues)
        with within("looking after runs"):
            self._runs.step(queues, now, thorough=died)
            self._look_again_in(self._runs.look_again_in(now) + JUST_AFTER)
        with within("looking for jobs that no worker began"):
            self._popped.step(queues, now)
        with within("starting waiting ticks"):
            self._drain()
        with within("looking after schedules"):
            for cursors in self._slices(whole=whole):
                self._check_schedules(cursors, now)
        with within("collecting run specs"):
            self._specs.step(queues, generation, whole=whole)

    def discard(self, run_id: str, name: str, queue: str) -> None:
        """Remove a waiting job of ours that nothing expects."""
        self._call("discard", {"id": run_id, "name": name, "queue": queue})
        logger.warning("removed job %s: it waited, but no schedule expects it", run_id)

    def _slices(self, *, whole: bool) -> Iterator[dict[bytes, bytes | None]]:
        """Yield cursors as they are stored: some of them, or all, not too many at once."""
        # Every schedule that could be healed has a cursor, and cursors are short: HSCAN returns the values, too.
        connection, key = self._store.connection, self._store.keys.cursors
        with redis_errors("reading cursors"):
            if whole:
                self._scan = 0
                names: Any = connection.hkeys(key)
                yield from map(dict, batches(fields_of(connection, key, names), AT_ONCE))
                return
            count = max(10, int(connection.hlen(key)) // SLICES)
            some: Any = connection.hscan(key, cursor=self._scan, count=count)
            self._scan, found = some
        yield from map(dict, batches(found.items(), AT_ONCE))

    def _check_schedules(self, raw: Mapping[bytes, bytes | None], now: int) -> None:
        cursors = {name.decode(errors="replace"): cursor for name, cursor in raw.items()}
        held = self._held(list(cursors))
        idle = self._fleet.decode_cursors({name: cursor for name, cursor in cursors.items() if name not in held})
        lost, moved = self._without_occurrence(idle)
        if lost:
            self._fleet.fire(lost, now, mode="heal")
        if moved and (done := self._fleet.fire(moved, now, mode="claimed")):
            logger.info("%d occurrences that RQ's own scheduler has moved are runs like any other now", done)

    def _held(self, names: Sequence[str]) -> set[str]:
        connection, key = self._store.connection, self._store.keys.holds
        with redis_errors("reading holds"):
            if not connection.exists(key):
                return set()
            holds: Any = connection.hmget(key, names)
        return {name for name, hold in zip(names, holds, strict=True) if hold is not None}

    def _without_occurrence(self, cursors: Mapping[str, Cursor]) -> tuple[dict[str, Cursor], dict[str, Cursor]]:
        """Return those whose occurrence does not wait: where a tick is left to wait for, and where RQ has moved it.

        What was moved may never reach a worker, and until one asks for it no tick of its schedule would be decided.
        """
        keys, fleet = self._store.keys, self._fleet
        fleet.compile({name: cursor.revision for name, cursor in cursors.items()})
        waiting = {
            name: cursor.pending
            for name, cursor in cursors.items()
            if cursor.pending and keys.occurrence_of(name, cursor.pending) is not None
        }
        found = self._registered(waiting)
        with redis_errors("looking for pending occurrences"):
            pipe = self._store.connection.pipeline(transaction=False)
            elsewhere = [name for name in waiting if name not in found]
            for name in elsewhere:
                pipe.hget(keys.job(waiting[name]), "status")
            states = pipe.execute()
        moved = {name for name, status in zip(elsewhere, states, strict=True) if status in (b"queued", b"started")}
        without = {
            name: cursor
            for name, cursor in cursors.items()
            if name not in found and fleet.expects_occurrence(name, cursor)
        }
        return (
            {name: cursor for name, cursor in without.items() if name not in moved},
            {name: cursor for name, cursor in without.items() if name in moved},
        )

    def _registered(self, waiting: Mapping[str, str]) -> set[str]:
        """Return the names whose pending job is in the registry of their queue; a command for each would be costly."""
        by_queue: dict[str, list[str]] = {}
        for name in waiting:
            by_queue.setdefault(self._fleet.queue_of(name), []).append(name)
        found: set[str] = set()
        keys = self._store.keys
        with redis_errors("looking for pending occurrences"):
            if by_queue:  # a queue that RQ's list of them has lost is looked at by nobody
                self._store.connection.sadd(keys.queues, *map(keys.queue_list, by_queue))
            for queue, names in by_queue.items():
                jobs = [waiting[name] for name in names]
                scores: Any = self._store.connection.zmscore(keys.scheduled(queue), jobs)
                found |= {name for name, score in zip(names, scores, strict=True) if score is not None}
        return found

    def _drain(self) -> None:
        """Start the ticks that wait for a run which is not active any more; its end starts the next, if it is seen."""
        with redis_errors("looking for waiting ticks"):
            names: Any = self._store.connection.hkeys(self._store.keys.buffers)
        for some in batches(names, AT_ONCE):
            with redis_errors("starting waiting ticks"):
                started = int(self._store.scripts.call("drain", some))
            if started:
                logger.warning("%d ticks waited for runs that are not active any more: started", started)

    def _abandon(self, queues: Sequence[str]) -> None:
        """Let RQ retry or fail the runs whose worker died, which it otherwise does every ten minutes.

        RQ judges by the clock of the worker that wrote the registry: one whose clock is behind looks dead, one whose
        clock is ahead is not missed. So the execution counts, which Redis itself lets expire; where it is gone before
        its time it is looked for once more, since a worker that lives renews it.
        """
        from flowerpower.jobs.workers.restricted import registries

        self._expiry, known, self._early = math.inf, self._early, {}
        connection = self._store.connection
        with redis_errors("looking for abandoned runs"):
            seconds = int(connection.time()[0])  # RQ's registries know no other clock
        for registry in registries(connection, queues):
            with self._troubles.within(f"looking for abandoned runs of {registry.name}"):
                self._abandon_of(registry, seconds, known)

    def _abandon_of(self, registry: StartedJobRegistry, seconds: int, known: Mapping[bytes, float]) -> None:
        key, connection = registry.key, self._store.connection
        with redis_errors("looking for abandoned runs"):
            started: Any = connection.zrange(key, 0, -1, withscores=True)
            if time.monotonic() < self._spared_until:
                started = [(member, expires) for member, expires in started if expires == BURIED]
            if not started:
                return
            pipe = connection.pipeline(transaction=False)
            for member, _ in started:
                pipe.pttl(f"{self._store.keys.rq}:execution:".encode() + member)
            left: list[int] = pipe.execute()
            alive = [one for one, lasts in zip(started, left, strict=True) if lasts != _GONE]
            unheard = [lasts / 1000 for lasts in left if 0 <= lasts < UNHEARD_MS]
            self._look_again_in(min(unheard, default=math.inf) + JUST_AFTER)
            if behind := {member: seconds + RENEWED_FOR for member, expires in alive if expires <= seconds}:
                connection.zadd(key, behind, xx=True)
            living = {member for member, _ in alive}
            dead = [member for member, _ in started if member not in living]
            early = {member for member, expires in started if member not in living and expires > seconds}
            gone = [member for member in dead if member not in early or self._stays_gone(member, known)]
            if self._doomed(key, gone, {_job_of(member) for member in living}):
                registry.cleanup(seconds)

    def _stays_gone(self, member: bytes, known: Mapping[bytes, float]) -> bool:
        """Note that an execution is gone before its time; tell whether it has been for as long as no worker waits."""
        now = time.monotonic()
        since = self._early[member] = known.get(member, now)
        self._look_again_in(max(0.0, since + RENEWED_WITHIN - now))
        return now - since >= RENEWED_WITHIN

    def _look_again_in(self, seconds: float) -> None:
        self._expiry = min(self._expiry, time.monotonic() + seconds)

    def _doomed(self, key: str, dead: Sequence[bytes], begun_anew: set[str]) -> list[bytes]:
        """Let these executions look expired to RQ, but those whose job another one runs."""
        connection = self._store.connection
        left = [member for member in dead if _job_of(member) in begun_anew]
        if left:
            connection.zrem(key, *left)
        doomed = [member for member in dead if member not in left]
        if doomed:
            connection.zadd(key, dict.fromkeys(doomed, BURIED), xx=True)
        return doomed

    def _call(self, script: str, argument: Mapping[str, Any]) -> Any:
        with redis_errors(f"running the {script} script"):
            return self._store.scripts.call(script, [json.dumps(argument)])


def _job_of(member: bytes) -> str:
    """Return the id of the job in a member of RQ's registry of started jobs: `<job>:<execution>`."""
    return member.decode(errors="replace").partition(":")[0]
