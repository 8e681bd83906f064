"""Whatever ends when and how: what comes after others runs where they succeeded by then, and nowhere else."""

from __future__ import annotations

import json
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from support.holds import HOUR, QUEUE, apply, step
from support.players import reference
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import KEYS, schedule

from flowerpower.jobs.ledger import Claimant, Ledger, Terms
from flowerpower.state.store import Store

EXAMPLES = int(os.environ.get("FLOWERPOWER_TEST_CHAINS", "40"))
EVERY = {"load": HOUR, "clean": HOUR, "stock": 2 * HOUR, "report": 3 * HOUR}
AFTER: dict[str, tuple[str, ...]] = {"load": (), "stock": (), "clean": ("load",), "report": ("clean", "stock")}
OVERLAPS = ("skip", "allow", "buffer_all", "buffer_one", "cancel_other")
DOINGS = st.one_of(
    st.just(("hour", "")),
    st.just(("ask", "")),
    st.just(("ask", "")),
    st.tuples(st.just("end"), st.sampled_from(["succeeded", "succeeded", "succeeded", "failed"])),
)


class Chain:
    """Four schedules, and a worker that takes what it may and ends it when it is told to."""

    def __init__(self, connection: Redis, overlap: str) -> None:
        connection.flushdb()
        start_at_half_past(connection)
        self.store = Store(connection, KEYS, SHIFTED_CLOCK)
        self.running: list[str] = []
        self.count = 0
        apply(self.store, *(schedule(name, every=every, overlap=overlap) for name, every in EVERY.items()))

    def act(self, what: str, how: str) -> None:
        if what == "hour":
            shift_clock(self.store.connection, HOUR)
            step(self.store)
        elif what == "ask":
            self.ask()
        elif self.running:
            self.end(self.running.pop(0), how)

    def ask(self) -> bool:
        """Claim each run that is in the queue, and put back what has to wait; tell whether anything else happened."""
        key, moved = KEYS.queue_list(QUEUE), False
        waiting: list[str] = []
        while raw := self.store.connection.lpop(key):
            run = raw.decode()
            self.count += 1
            terms = Terms(after=AFTER[reference(self.store, run).name])
            by = Claimant("player", f"execution-{self.count}")
            self.note(run, "started")
            claim = Ledger(self.store).claim(reference(self.store, run), by, digest="d", terms=terms)
            waiting += [run] if claim.waits else []
            self.running += [run] if claim.attempt else []
            moved |= not claim.waits
        for run in waiting:
            self.note(run, "queued")
        if waiting:
            self.store.connection.rpush(key, *waiting)
        return moved

    def note(self, run: str, status: str) -> None:
        """Say what RQ would say of a job."""
        fields = {"status": status, "origin": QUEUE, "worker_name": "player"}
        self.store.connection.hset(KEYS.job(run), mapping=fields)

    def end(self, run: str, status: str) -> None:
        execution = str(self.store.read().active[run].execution)
        how = {"status": status, "reason": "", "final": True, "duration": 1.0}
        Ledger(self.store).finish(reference(self.store, run), execution=execution, **how)  # type: ignore[arg-type]
        self.note(run, "finished")

    def settle(self) -> None:
        """End all there is, well, until nothing is left."""
        while self.running or self.ask():
            while self.running:
                self.end(self.running.pop(0), "succeeded")

    def outcomes(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(raw) for raw in self.store.connection.zrange(KEYS.outcomes(name), 0, -1)]

    def by(self, name: str, tick: int) -> str:
        """Return how the newest tick by then ended that no run of the same schedule stood in the way of."""
        ended = [one for one in self.outcomes(name) if one["first"] <= tick]
        own = [one["status"] for one in ended if not (one["status"] == "skipped" and one["reason"][:7] == "overlap")]
        return own[-1] if own else ""


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(overlap=st.sampled_from(OVERLAPS), doings=st.lists(DOINGS, min_size=5, max_size=40))
def test_what_comes_after_others_runs_only_where_they_succeeded(
    redis_connection: Redis, overlap: str, doings: list[tuple[str, str]]
) -> None:
    chain = Chain(redis_connection, overlap)

    for what, how in doings:
        chain.act(what, how)
    chain.settle()

    assert not chain.store.read().active
    for name, others in AFTER.items():
        for outcome in chain.outcomes(name):
            good = all(chain.by(other, outcome["first"]) == "succeeded" for other in others)
            held_back = outcome["reason"].startswith("after: ")
            ran = outcome["status"] in ("succeeded", "failed")
            assert not (ran and not good), (name, outcome)
            assert not (held_back and good), (name, outcome)
