"""What happens to runs, written down in Redis: fire, claim, finish, enqueue. Each is one atomic script."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowerpower.jobs.scheduling.firing import FireMessage, script_arguments
from flowerpower.state.connection import redis_errors
from flowerpower.state.keys import tick_of
from flowerpower.state.scripts import one_line
from flowerpower.state.store import Store

_LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to run a run now, or why it may not, or not yet: then it may ask again after some seconds.

    What is refused because its spec says so, `after` others that did not succeed, is `skipped`: nothing is wrong.
    """

    attempt: int = 0
    commit: str = ""
    refused: str = ""
    skipped: bool = False
    waits: str = ""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who asks to run a run: a worker by its name, and RQ's id of this execution."""

    worker: str
    execution: str


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a run may run: of its run spec, and of who asks for it.

    `deadline` is the start deadline in seconds (0 for none); `after` are schedules that must have succeeded; `alone`
    says that it is a pipeline's run by hand, which stands in no schedule's way; `other_code` is the worker's, if it is
    not what was applied.
    """

    deadline: int = 0
    after: tuple[str, ...] = ()
    alone: bool = False
    other_code: str = ""


@dataclass(frozen=True, slots=True)
class RunRef:
    """A run by its id and the pieces of it; `tick` is epoch seconds."""

    id: str
    name: str
    run: str
    tick: int


_ANY = Terms()


class Ledger:
    """The run records of one namespace."""

    def __init__(self, store: Store) -> None:
        self._scripts = store.scripts

    def fire(self, messages: Sequence[FireMessage]) -> list[str]:
        """Fire due schedules, each of another one; one answer each: fired, moved, early, damaged."""
        with redis_errors("firing due schedules"):
            return _words(self._scripts.call("fire", script_arguments(messages)))

    def fire_each(self, batches: Iterable[Sequence[FireMessage]]) -> Iterator[list[str]]:
        """Fire batches one after the other, each asked for while Redis works on the one before it.

        Where the script failed, which it does before it writes anything, the answer is empty.
        """
        with redis_errors("firing due schedules"):
            for answer in self._scripts.stream("fire", map(script_arguments, batches)):
                yield [] if isinstance(answer, Exception) else _words(answer)

    def claim(self, run: RunRef, by: Claimant, *, digest: str, terms: Terms = _ANY) -> Claim:
        """Ask to run a run now; `digest` names its run spec."""
        ask = _named(run) | {"execution": by.execution, "worker": by.worker}
        ask |= {"digest": digest, "deadline": terms.deadline, "alone": terms.alone}
        ask |= {"after": terms.after} if terms.after else {}
        ask |= {"other_code": terms.other_code} if terms.other_code else {}
        with redis_errors(f"claiming run {run.id}"):
            word, told, *more = self._scripts.call("claim", [json.dumps(ask)])
        if word == b"run":
            return Claim(attempt=int(told), commit=more[0].decode())
        if more:
            return Claim(waits=told.decode(), seconds=int(more[0]))
        return Claim(refused=told.decode(), skipped=word == b"skipped")

    def refuse(self, run: RunRef, by: Claimant, reason: str) -> None:
        """Record that a run is not run for what it is; one that was expected gets its outcome with it."""
        ask = _named(run) | {
            "execution": by.execution,
            "worker": by.worker,
            "refuse": one_line(reason[:_LONGEST_REASON]),
            "deadline": 0,
        }
        with redis_errors(f"refusing run {run.id}"):
            self._scripts.call("claim", [json.dumps(ask)])

    def finish(self, run: RunRef, *, execution: str, status: str, reason: str, final: bool, duration: float) -> bool:
        """Record the end of an attempt; False when another execution has claimed the run meanwhile."""
        done = _named(run) | {
            "execution": execution,
            "status": status,
            "reason": one_line(reason[:_LONGEST_REASON]),
            "final": final,
            "duration": f"{duration:.3f}",
        }
        with redis_errors(f"recording the end of run {run.id}"):
            return bool(self._scripts.call("finish", [json.dumps(done)]) == b"recorded")

    def close(self, run: RunRef, *, seen: str, status: str, reason: str) -> bool:
        """Record the end of a run for which nobody speaks; False unless `seen` is still its execution."""
        done = _named(run) | {
            "execution": "",
            "seen": seen,
            "status": status,
            "reason": one_line(reason[:_LONGEST_REASON]),
        }
        done |= {"final": True, "duration": "0.000"}
        with redis_errors(f"recording the end of run {run.id}"):
            return bool(self._scripts.call("finish", [json.dumps(done)]) == b"recorded")

    def enqueue(self, order: Mapping[str, Any]) -> bool:
        """Enqueue a run outside its schedule; False when a job of that id exists."""
        with redis_errors("enqueueing a run"):
            return bool(self._scripts.call("enqueue", [json.dumps(order)]) == b"enqueued")

    def wake(self) -> int:
        """Hand runs to the workers that waited for other schedules and need not any more; return how many."""
        with redis_errors("looking at runs that wait for other schedules"):
            return int(self._scripts.call("wake"))

    def release(self, queue: str, job_ids: Sequence[str]) -> int:
        """Move due jobs that are no occurrences to their queue, as RQ does; return how many are not due any more."""
        with redis_errors("moving due retries"):
            return int(self._scripts.call("release", [queue, *job_ids]))


def _named(run: RunRef) -> dict[str, Any]:
    return {"id": run.id, "name": run.name, "run": run.run, "tick": run.tick}


def run_ref(store: Store, run_id: str, now: int) -> RunRef | None:
    """Return the pieces of a run id of this namespace, None for any other; a manual run's tick is `now`."""
    parts = store.keys.parse_run_id(run_id)
    if parts is None:
        return None
    tick = tick_of(parts[1])
    return RunRef(run_id, parts[0], parts[1], now if tick is None else tick)


def _words(answers: Iterable[bytes]) -> list[str]:
    return [answer.decode() for answer in answers]
