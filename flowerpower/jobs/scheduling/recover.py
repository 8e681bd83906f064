"""Look after the active runs: deliver again what RQ lost before it began, and give an outcome to what it ended.

RQ can lose a run between pop and start, and before a retry waits: it then is in no list for ever. A run that no worker
has claimed has not begun, so it is pushed again under its own id; a run that was claimed is over when its worker is,
unless RQ retries it.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowerpower.errors import StoreError
from flowerpower.jobs.ledger import Ledger, RunRef, run_ref
from flowerpower.jobs.records import WORKER_GONE
from flowerpower.jobs.scheduling.index import IndexKeeper
from flowerpower.jobs.scheduling.troubles import Troubles
from flowerpower.state.codec import decode_run, seal
from flowerpower.state.connection import is_away, redis_errors
from flowerpower.state.misplaced import says_misplaced
from flowerpower.state.models import Run
from flowerpower.state.store import Store

LOST_AFTER = 60  # seconds a run may be queued in no list before it is delivered again
SURELY_LOST = 10  # seconds: a worker may just have been about to start it
AT_ONCE = 1000  # runs that are looked at in one round trip
_ENDED = {b"failed": "failed", b"stopped": "cancelled", b"canceled": "cancelled", b"finished": "finished"}
_WAITS = (b"queued", b"scheduled")  # and RQ writes that before it puts the run where it waits
_NEVER_BEGAN = ("AbandonedJobError", "stuck in intermediate queue")  # how RQ ends what it lost itself
_SINCE = re.compile(rb'"since":(\d{1,12})[,}]')
_UNKNOWN = "unknown"  # the execution of a run that a worker began: it must not run twice
_OF_ANOTHER_TYPE = b"(of another type)"

logger = logging.getLogger("flowerpower.scheduler")


def _was_just_pushed(entry: bytes, now: int) -> bool:
    """Tell by the text alone whether no worker has claimed a run yet, and need not: thousands may be due at once."""
    since = _SINCE.search(entry)
    return b'"execution"' not in entry and since is not None and now - int(since[1]) <= LOST_AFTER


@dataclass(frozen=True, slots=True)
class _Seen:
    """An active run, and what RQ knows of it."""

    run: Run
    status: bytes | None
    queue: str  # RQ's name
    alive: bool  # a worker renews the execution that claimed it

    @property
    def claimed(self) -> bool:
        """Tell whether a worker began this attempt."""
        return bool(self.run.execution)


class RunKeeper:
    """Looks after the active runs of one namespace."""

    def __init__(self, store: Store, ledger: Ledger, troubles: Troubles) -> None:
        self._store = store
        self._ledger = ledger
        self._troubles = troubles
        self._missing: dict[str, int] = {}  # when each run was first seen in no list
        self._gone: dict[str, int] = {}  # when each execution was first seen to be gone, while its run waits
        self._silent: dict[str, int] = {}  # when each was first seen to be gone, and in no list, while its run runs
        self._handed: set[str] = set()  # those of them that RQ was told of
        self._index = IndexKeeper(store)

    def look_again_in(self, now: int) -> float:
        """Return the seconds until the first run is to be looked at once more because nothing became of it."""
        seen = (*self._missing.values(), *self._gone.values(), *self._silent.values())
        left = min(seen, default=math.inf) + SURELY_LOST - now
        return left if left > 0 else SURELY_LOST  # one that could not be mended is tried again, but not all the time

    def step(self, queues: Sequence[str], now: int, *, thorough: bool = False) -> None:
        """Look at every active run; only when *thorough*, at those that were pushed a moment ago, too."""
        lost: list[_Seen] = []
        silent: list[_Seen] = []
        failures: dict[str, str] = {}
        for seen in self._look(now, thorough=thorough):
            if self._is_over(seen) and not self._was_lost(seen):
                self._try(failures, seen, self._close)
            elif seen.status in _WAITS or (not seen.claimed and not seen.alive):
                lost.append(seen)
            elif not seen.alive and seen.status != _UNKNOWN.encode():
                silent.append(seen)
        self._deliver(lost, queues, now, failures)
        self._tell_of_gone(lost, now, failures)
        self._look_after_silent(silent, queues, now, failures)
        self._troubles.report("runs", failures)

    def _deliver(self, lost: Sequence[_Seen], queues: Sequence[str], now: int, failures: dict[str, str]) -> None:
        """Push again what was seen in no list twice in a row."""
        missing = self._missing_of(lost, queues, failures)
        self._missing = {run_id: self._missing.get(run_id, now) for run_id in missing}
        for seen in lost:
            if now - self._missing.get(seen.run.id, now) >= SURELY_LOST:
                del self._missing[seen.run.id]
                self._try(failures, seen, self._redeliver)

    def _tell_of_gone(self, lost: Sequence[_Seen], now: int, failures: dict[str, str]) -> None:
        """Tell of attempts whose worker is gone, where their runs wait for the next one."""
        gone = [seen for seen in lost if seen.claimed and not seen.alive and not seen.run.gone]
        self._gone = {seen.run.execution: self._gone.get(seen.run.execution, now) for seen in gone}
        for seen in gone:
            if now - self._gone[seen.run.execution] >= SURELY_LOST:
                self._try(failures, seen, self._lose)

    def _look_after_silent(
        self, silent: Sequence[_Seen], queues: Sequence[str], now: int, failures: dict[str, str]
    ) -> None:
        """Let runs end that a worker began, that no worker renews, and that RQ does not miss: nobody else would."""
        keys = self._store.keys
        with redis_errors("looking for runs that nobody misses"):
            pipe = self._store.connection.pipeline(transaction=False)
            for seen in silent:
                pipe.zscore(keys.registry("wip", seen.queue), _member(seen))
            scores = pipe.execute(raise_on_error=False) if silent else []
        self._handed &= {_member(seen) for seen in silent}
        unmissed = [seen for seen, score in zip(silent, scores, strict=True) if score is None]
        missing = self._missing_of(unmissed, queues, failures)  # another execution may be with a worker
        unmissed = [seen for seen in unmissed if seen.run.id in missing or seen.queue not in queues]
        self._silent = {_member(seen): self._silent.get(_member(seen), now) for seen in unmissed}
        for seen in unmissed:
            if now - self._silent[_member(seen)] >= SURELY_LOST:
                self._try(failures, seen, self._give_up)

    def _try(self, failures: dict[str, str], seen: _Seen, mend: Any) -> None:
        """Mend one run; one that cannot be mended stands in no other's way."""
        try:
            mend(seen)
        except StoreError as error:
            if is_away(error):
                raise
            failures[seen.run.id] = f"run {seen.run.id} cannot be mended: {error}"

    def _look(self, now: int, *, thorough: bool) -> Iterator[_Seen]:
        """Yield the active runs with what RQ knows of them, but mostly those that were pushed a moment ago."""
        keys, connection = self._store.keys, self._store.connection
        with redis_errors("reading active runs"):
            raw: Any = connection.hgetall(keys.active)
        self._index.step(raw, now)
        suspects = {run_id.encode(errors="replace") for run_id in self._missing}
        worth = {
            key: value for key, value in raw.items() if thorough or key in suspects or not _was_just_pushed(value, now)
        }
        decoded = {key: decode_run(key.decode(errors="replace"), value) for key, value in worth.items()}
        for key in (key for key, run in decoded.items() if run is None):
            self._make_readable(key, raw[key], now)
        active = [run for run in decoded.values() if run]
        runs = [
            run
            for run in active
            if run.execution or thorough or run.id in self._missing or now - run.since > LOST_AFTER
        ]
        for start in range(0, len(runs), AT_ONCE):
            some = runs[start : start + AT_ONCE]
            with redis_errors("reading active runs"):
                pipe = connection.pipeline(transaction=False)
                for run in some:
                    pipe.hmget(keys.job(run.id), "status", "origin")
                    pipe.exists(keys.execution(run.id, run.execution))
                replies = iter(pipe.execute(raise_on_error=False))
            for run in some:
                yield _seen(run, next(replies), next(replies))

    def _make_readable(self, key: bytes, raw: bytes, now: int) -> None:
        """Write an entry anew that cannot be read, from what RQ knows of the run: then it is one like any other."""
        run_id, keys, connection = key.decode(errors="replace"), self._store.keys, self._store.connection
        order: dict[str, Any] = {"id": run_id, "seal": seal(raw)}
        run = run_ref(self._store, run_id, now)
        if run is not None:
            with redis_errors("looking for a run"):
                newest: Any = connection.zrange(f"{keys.rq}:executions:{run_id}", -1, -1)
                waits = connection.hget(keys.job(run_id), "status") in _WAITS
            execution = newest[0].decode(errors="replace") if newest else "" if waits else _UNKNOWN
            entry = {"name": run.name, "tick": run.tick, "attempt": int(not waits), "since": now}
            order |= {"name": run.name, "run": run.run, "entry": {**entry, "execution": execution}}
        with redis_errors("mending an active run"):
            if self._store.scripts.call("mend_run", [json.dumps(order)]):
                logger.warning("the entry of the active run %s could not be read and was made anew", run_id)

    def _is_over(self, seen: _Seen) -> bool:
        return not seen.alive and (seen.status in (None, _OF_ANOTHER_TYPE) or seen.status in _ENDED)

    def _was_lost(self, seen: _Seen) -> bool:
        """Tell whether RQ gave up on a run that no worker had begun."""
        return not seen.claimed and seen.status == b"failed" and self._gave_up(seen.run.id)

    def _gave_up(self, run_id: str) -> bool:
        """Tell whether RQ called a run failed because no worker gave a sign of life for it."""
        from flowerpower.jobs.workers.restricted import failure

        with redis_errors("reading how a run failed"):
            reason = failure(self._store.connection, run_id)
        return any(words in reason for words in _NEVER_BEGAN)

    def _close(self, seen: _Seen) -> None:
        """Give a run its outcome when RQ has ended it without our code having had the chance to."""
        run = run_ref(self._store, seen.run.id, seen.run.tick)
        if run is None:
            return
        outcome, reason = self._ending(run, seen.status)
        self._end(run, seen, outcome, reason)

    def _end(self, run: RunRef, seen: _Seen, outcome: str, reason: str) -> None:
        if self._ledger.close(run, seen=seen.run.execution, status=outcome, reason=reason):
            logger.warning("run %s had no outcome and got one: %s %s", run.id, outcome, reason)

    def _give_up(self, seen: _Seen) -> None:
        """Let RQ miss a run, which then retries or fails it; what it does not end has failed."""
        keys, connection, run_id = self._store.keys, self._store.connection, seen.run.id
        member, is_started = _member(seen), seen.status == b"started" and self._store.keys.owns_queue(seen.queue)
        with redis_errors("looking for a run that nobody misses"):
            if member not in self._handed and is_started:
                self._handed.add(member)
                connection.zadd(keys.registry("wip", seen.queue), {member: 0})
                logger.warning("run %s has no worker, and RQ did not miss it: now it does", run_id)
                return
        if (run := run_ref(self._store, run_id, seen.run.tick)) is not None:
            self._end(run, seen, "failed", WORKER_GONE)

    def _ending(self, run: RunRef, status: bytes | None) -> tuple[str, str]:
        """Return status and reason; RQ also calls a run finished that was refused, so what it returned decides."""
        from flowerpower.jobs.workers.restricted import returned

        if status is None:
            return "failed", "its job vanished from Redis"
        if status == _OF_ANOTHER_TYPE:
            return "failed", "its job in Redis was replaced by something else"
        if status != b"finished":
            gone = status == b"failed" and self._gave_up(run.id)
            return _ENDED[status], WORKER_GONE if gone else f"RQ ended it as {status.decode()}"
        with redis_errors("reading a run's result"):
            result = returned(self._store.connection, run.id)
        done = isinstance(result, dict) and result.get("status") == "succeeded"
        return ("succeeded", "") if done else ("failed", "its worker died before it was done")

    def _missing_of(self, suspects: Sequence[_Seen], queues: Iterable[str], failures: dict[str, str]) -> set[str]:
        """Return the runs that neither wait in RQ nor are with a live worker; a damaged queue is left out."""
        missing: set[str] = set()
        for queue in queues:
            ids = [seen.run.id for seen in suspects if seen.queue == queue]
            try:
                missing |= set(ids) - self._listed(queue, ids) if ids else set()
            except StoreError as error:
                if is_away(error):
                    raise
                failures[queue] = str(error)
        return missing

    def _listed(self, queue: str, ids: Sequence[str]) -> set[str]:
        """Return the runs in a queue or with a live worker, and those of the given ones that wait for their retry."""
        keys = self._store.keys
        with redis_errors(f"looking for lost runs in {queue}"):
            pipe = self._store.connection.pipeline(transaction=False)
            pipe.lrange(keys.queue_list(queue), 0, -1)
            pipe.zrange(f"{keys.rq}:wip:{queue}", 0, -1)
            for run_id in ids:
                pipe.zscore(keys.scheduled(queue), run_id)
            waiting, started, *due = pipe.execute()
            for member in started:
                pipe.exists(f"{keys.rq}:execution:".encode() + member)
            alive = pipe.execute() if started else []
        members = [*waiting, *(member for member, lives in zip(started, alive, strict=True) if lives)]
        retries = {run_id for run_id, score in zip(ids, due, strict=True) if score is not None}
        return retries | {member.decode(errors="replace").partition(":")[0] for member in members}

    def _redeliver(self, seen: _Seen) -> None:
        """Push a run again that was seen in no list twice in a row: a worker may just have been about to start it."""
        run = seen.run
        order: Mapping[str, Any] = {
            "id": run.id,
            "name": run.name,
            "tick": run.tick,
            "queue": seen.queue,
            "seen": run.execution,
        }
        with redis_errors("delivering a lost run again"):
            answer = int(self._store.scripts.call("redeliver", [json.dumps(order)]))
        if answer == 1:
            logger.warning("run %s was lost between queue and worker: delivered again", run.id)
        elif answer == 2 and (reference := run_ref(self._store, run.id, run.tick)) is not None:
            self._end(reference, seen, "failed", "it was delivered several times, and no worker ever began it")

    def _lose(self, seen: _Seen) -> None:
        """Tell of an attempt whose worker is gone, and that RQ has be tried again."""
        run = seen.run
        order = {"id": run.id, "name": run.name, "seen": run.execution}
        with redis_errors("telling of a lost worker"):
            if self._store.scripts.call("lose", [json.dumps(order)]):
                logger.warning("run %s lost its worker in attempt %d, and waits for its retry", run.id, run.attempt)


def _seen(run: Run, job: Any, execution: Any) -> _Seen:
    if isinstance(job, Exception):
        status, origin = (_OF_ANOTHER_TYPE, None) if says_misplaced(job) else (b"unknown", None)
    else:
        status, origin = job
    alive = bool(execution) and not isinstance(execution, Exception)
    return _Seen(run, status, (origin or b"").decode(errors="replace"), alive)


def _member(seen: _Seen) -> str:
    """Return how RQ's registry of started jobs names the execution that claimed a run."""
    return f"{seen.run.id}:{seen.run.execution}"
