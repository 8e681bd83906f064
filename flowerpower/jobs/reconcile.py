"""Heal what a crash, a lost write or a stranger's hand left behind; every heal is recorded.

An active schedule without a pending occurrence gets one; a run that RQ lost between pop and start is delivered again;
a run whose worker died gets its outcome.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flowerpower.jobs.collect import collect_specs
from flowerpower.jobs.fleet import Fleet
from flowerpower.jobs.ledger import RunRef, run_ref
from flowerpower.state.codec import decode_run
from flowerpower.state.connection import redis_errors
from flowerpower.state.models import Cursor, Run

SLICES = 40  # a full look at all schedules takes this many passes
LOST_AFTER = 60  # seconds a run may be queued in no list before it is delivered again
AT_ONCE = 500  # schedules that are looked at in one command or script
_ENDED = {b"failed": "failed", b"stopped": "cancelled", b"canceled": "cancelled", b"finished": "finished"}

logger = logging.getLogger("flowerpower.scheduler")


class Reconciler:
    """Looks after the schedules of a fleet and their runs."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._store = fleet.store
        self._scan = 0
        self._missing: set[str] = set()

    def step(self, queues: Sequence[str], now: int, generation: int | None) -> None:
        """Look at the active runs and at a slice of the schedules; at all of them in a new generation."""
        self._abandon(queues)
        self._check_runs(queues, now)
        self._drain()
        self._check_schedules(self._slice(whole=generation is not None), now)
        if generation is not None:
            collect_specs(self._store, queues, generation)

    def discard(self, run_id: str, name: str, queue: str) -> None:
        """Remove a waiting job of ours that nothing expects."""
        self._call("discard", {"id": run_id, "name": name, "queue": queue})
        logger.warning("removed job %s: it waited, but no schedule expects it", run_id)

    def _slice(self, *, whole: bool) -> list[str]:
        # Every schedule that could be healed has a cursor, and cursors are short: HSCAN returns the values, too.
        connection, key = self._store.connection, self._store.keys.cursors
        with redis_errors("reading cursors"):
            if whole:
                self._scan = 0
                everything: Any = connection.hkeys(key)
                return [name.decode() for name in everything]
            count = max(10, int(connection.hlen(key)) // SLICES)
            some: Any = connection.hscan(key, cursor=self._scan, count=count)
            self._scan, found = some
        return [name.decode() for name in found]

    def _check_schedules(self, names: Sequence[str], now: int) -> None:
        if not names:
            return
        keys = self._store.keys
        with redis_errors("reading cursors"):
            pipe = self._store.connection.pipeline(transaction=False)
            pipe.hmget(keys.cursors, names)
            pipe.hmget(keys.holds, names)
            cursors, holds = pipe.execute()
        unheld = {name: cursor for name, cursor, hold in zip(names, cursors, holds, strict=True) if hold is None}
        idle = self._fleet.decode_cursors(unheld)
        lost = self._without_occurrence(idle)
        if lost:
            self._fleet.fire(lost, now, mode="heal")

    def _without_occurrence(self, cursors: Mapping[str, Cursor]) -> dict[str, Cursor]:
        """Return those that have neither a waiting nor a running occurrence, and a tick left to wait for."""
        keys, fleet = self._store.keys, self._fleet
        fleet.compile({name: cursor.revision for name, cursor in cursors.items()})
        waiting = {name: cursor.pending for name, cursor in cursors.items() if cursor.pending}
        found = self._registered(waiting)
        with redis_errors("looking for pending occurrences"):
            pipe = self._store.connection.pipeline(transaction=False)
            elsewhere = [name for name in waiting if name not in found]
            for name in elsewhere:
                pipe.hget(keys.job(waiting[name]), "status")
            states = pipe.execute()
        found |= {name for name, status in zip(elsewhere, states, strict=True) if status in (b"queued", b"started")}
        return {
            name: cursor
            for name, cursor in cursors.items()
            if name not in found and fleet.expects_occurrence(name, cursor)
        }

    def _registered(self, waiting: Mapping[str, str]) -> set[str]:
        """Return the names whose pending job is in the registry of their queue; a command for each would be costly."""
        by_queue: dict[str, list[str]] = {}
        for name in waiting:
            by_queue.setdefault(self._fleet.queue_of(name), []).append(name)
        found: set[str] = set()
        with redis_errors("looking for pending occurrences"):
            for queue, names in by_queue.items():
                for start in range(0, len(names), AT_ONCE):
                    some = names[start : start + AT_ONCE]
                    jobs = [waiting[name] for name in some]
                    scores: Any = self._store.connection.zmscore(self._store.keys.scheduled(queue), jobs)
                    found |= {name for name, score in zip(some, scores, strict=True) if score is not None}
        return found

    def _drain(self) -> None:
        """Start the ticks that wait for a run which is not active any more; its end starts the next, if it is seen."""
        with redis_errors("looking for waiting ticks"):
            names: Any = self._store.connection.hkeys(self._store.keys.buffers)
        for start in range(0, len(names), AT_ONCE):
            with redis_errors("starting waiting ticks"):
                started = int(self._store.scripts.call("drain", names[start : start + AT_ONCE]))
            if started:
                logger.warning("%d ticks waited for runs that are not active any more: started", started)

    def _check_runs(self, queues: Iterable[str], now: int) -> None:
        keys, connection = self._store.keys, self._store.connection
        with redis_errors("reading active runs"):
            raw: Any = connection.hgetall(keys.active)
            active = [run for key, value in raw.items() if (run := decode_run(key.decode(), value))]
            # One that nobody has claimed yet is where it was pushed a moment ago.
            runs = [run for run in active if run.execution or now - run.since > LOST_AFTER]
            pipe = connection.pipeline(transaction=False)
            for run in runs:
                pipe.hmget(keys.job(run.id), "status", "origin")
                pipe.exists(keys.execution(run.id, run.execution))
            replies = iter(pipe.execute())
        suspects: dict[str, list[Run]] = {}
        for run in runs:
            (status, origin), alive = next(replies), next(replies)
            reference = run_ref(self._store, run.id, run.tick)
            if reference and not alive and (status is None or status in _ENDED):
                self._close(reference, status)
            elif status == b"queued":
                suspects.setdefault((origin or b"").decode(), []).append(run)
        missing = {run.id for queue in queues if queue in suspects for run in self._unlisted(queue, suspects[queue])}
        for queue in queues:
            self._redeliver(queue, [run for run in suspects.get(queue, []) if run.id in missing & self._missing])
        self._missing = missing - self._missing

    def _close(self, run: RunRef, status: bytes | None) -> None:
        """Give a run its outcome when RQ has ended it without our code having had the chance to."""
        outcome, reason = self._ending(run.id, status)
        self._fleet.ledger.finish(run, execution="", status=outcome, reason=reason, final=True, duration=0.0)
        logger.warning("run %s had no outcome and got one: %s %s", run.id, outcome, reason)

    def _ending(self, run_id: str, status: bytes | None) -> tuple[str, str]:
        """Return status and reason; RQ also calls a run finished that was refused, so what it returned decides."""
        from flowerpower.jobs.restricted import returned

        if status is None:
            return "failed", "its job vanished from Redis"
        if status != b"finished":
            return _ENDED[status], f"RQ ended it as {status.decode()}"
        with redis_errors("reading a run's result"):
            result = returned(self._store.connection, run_id)
        done = isinstance(result, dict) and result.get("status") == "succeeded"
        return ("succeeded", "") if done else ("failed", "its worker died before it was done")

    def _unlisted(self, queue: str, runs: Sequence[Run]) -> list[Run]:
        """Return the runs that are neither in their queue nor with a worker; between the two they are for a moment."""
        key = self._store.keys.queue_list(queue)
        with redis_errors("looking for lost runs"):
            pipe = self._store.connection.pipeline(transaction=False)
            pipe.lrange(key, 0, -1)
            pipe.zrange(f"{self._store.keys.rq}:wip:{queue}", 0, -1)
            members = {member.decode(errors="replace") for reply in pipe.execute() for member in reply}
        listed = {member.partition(":")[0] for member in members}
        return [run for run in runs if run.id not in listed]

    def _redeliver(self, queue: str, runs: Sequence[Run]) -> None:
        """Push runs again that were seen in no list twice in a row: a worker may just have been about to start one."""
        for run in runs:
            self._call("redeliver", {"id": run.id, "name": run.name, "tick": run.tick, "queue": queue})
            logger.warning("run %s was lost between queue and worker: delivered again", run.id)

    def _abandon(self, queues: Sequence[str]) -> None:
        """Let RQ retry or fail the runs whose worker died, which it otherwise does every ten minutes."""
        from flowerpower.jobs.restricted import registries

        with redis_errors("looking for abandoned runs"):
            for registry in registries(self._store.connection, queues):
                registry.cleanup()

    def _call(self, script: str, argument: Mapping[str, Any]) -> Any:
        with redis_errors(f"running the {script} script"):
            return self._store.scripts.call(script, [json.dumps(argument)])
