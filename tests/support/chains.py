"""Schedules that come after others, and what RQ does with a run that has to wait: tests play both."""

from __future__ import annotations

from collections.abc import Sequence

from flowerpower.jobs.ledger import Claim, Claimant, Ledger, Terms
from flowerpower.state.store import Store
from support.holds import HOUR, QUEUE, apply, queued, step
from support.players import reference
from support.redis_state import shift_clock
from support.states import KEYS, schedule


def due(store: Store, *names: str) -> dict[str, str]:
    """Let the hourly schedules be due for the first time; return the run of each."""
    apply(store, *(schedule(name, every=HOUR) for name in names))
    return next_hour(store)


def next_hour(store: Store) -> dict[str, str]:
    shift_clock(store.connection, HOUR)
    step(store)
    found = {reference(store, run).name: run for run in queued(store)}
    store.connection.delete(KEYS.queue_list(QUEUE))
    return found


def ask(store: Store, run: str, after: Sequence[str] = ("first",), deadline: int = 0) -> Claim:
    terms = Terms(deadline=deadline, after=tuple(after))
    return Ledger(store).claim(reference(store, run), Claimant("w", "e"), digest="d", terms=terms)


def let_wait(store: Store, run: str, after: Sequence[str] = ("first",)) -> None:
    """Ask for a run that has to wait, and put it where RQ lets it wait."""
    claim = ask(store, run, after)
    assert claim.waits
    put_away(store, run, claim.seconds)


def put_away(store: Store, run: str, seconds: int) -> None:
    """Let a run wait for so many seconds, as RQ does with a job that is to be tried again."""
    store.connection.hset(KEYS.job(run), "status", "scheduled")
    store.connection.zadd(KEYS.scheduled(QUEUE), {run: store.time() + seconds})


def waiting(store: Store) -> list[str]:
    """Return the jobs that RQ lets wait, but for the pending occurrences."""
    pending = {cursor.pending for cursor in store.read().cursors.values()}
    found = [raw.decode() for raw in store.connection.zrange(KEYS.scheduled(QUEUE), 0, -1)]
    return [run for run in found if run not in pending]


def awaited(store: Store) -> list[str]:
    """Return who waits for whom, as `<schedule>--<run>`."""
    return [member.decode() for member in store.connection.zrange(KEYS.awaited, 0, -1)]
