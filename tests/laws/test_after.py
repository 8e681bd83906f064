"""Whatever ends when and how: what comes after others runs where they succeeded by then, and nowhere else.

It is *foreseen* where the scheduler knows what comes after what, else a worker is told so when it asks.
Nobody who waits is forgotten, handed out twice, or has to ask: the end of the others hands it back, or the next look of
the scheduler.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis import Redis
from support.chains import put_away
from support.holds import HOUR, QUEUE, queued, step
from support.players import reference
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.by_hand.stopping import stop_run
from flowerpower.jobs.ledger import Claimant, Ledger, Terms
from flowerpower.planning.diff import make_plan
from flowerpower.state.store import Store

EXAMPLES = int(os.environ.get("FLOWERPOWER_TEST_CHAINS", "40"))
EVERY = {"load": HOUR, "clean": HOUR, "stock": 2 * HOUR, "report": 3 * HOUR}
AFTER: dict[str, tuple[str, ...]] = {"load": (), "stock": (), "clean": ("load",), "report": ("clean", "stock")}
OVERLAPS = ("skip", "allow", "buffer_all", "buffer_one", "cancel_other")
DOINGS = st.one_of(
    st.just(("hour", "")),
    st.just(("ask", "")),
    st.just(("ask", "")),
    st.just(("put away", "")),
    st.just(("cancel", "")),
    st.tuples(st.just("rename"), st.sampled_from([*EVERY])),
    st.tuples(st.just("end"), st.sampled_from(["succeeded", "succeeded", "succeeded", "failed"])),
)


class Chain:
    """Four schedules, a worker that takes what it may and ends it when it is told to, and what RQ does around it."""

    every: Mapping[str, int] = EVERY

    def __init__(self, connection: Redis, overlap: str, *, foreseen: bool) -> None:
        connection.flushdb()
        start_at_half_past(connection)
        self.store = Store(connection, KEYS, SHIFTED_CLOCK)
        self.overlap, self.foreseen = overlap, foreseen
        self.running: list[str] = []
        self.in_hand: list[tuple[str, int]] = []  # runs that have to wait, and that RQ has not put away yet
        self.after: dict[str, tuple[str, ...]] = {}  # by run, as its run spec has it
        self.names = {name: name for name in EVERY}
        self.count = 0
        self.apply()

    def apply(self, **previous_names: tuple[str, ...]) -> None:
        wanted = desired(
            schedule(self.names[name], every=every, overlap=self.overlap) for name, every in self.every.items()
        )
        wanted = replace(wanted, previous_names=previous_names)
        apply_plan(make_plan(KEYS, wanted, self.store.read(), SOURCE), self.store, "apply")

    def act(self, what: str, how: str) -> None:
        if what == "hour":
            shift_clock(self.store.connection, HOUR)
            step(self.store)
        elif what == "ask":
            self.ask()
        elif what == "put away":
            self.put_away()
        elif what == "rename":
            self.rename(how)
        elif what == "cancel" and (active := sorted(self.store.read().active)):
            stop_run(self.store, active[-1], "not today")
        elif what == "end" and self.running:
            self.end(self.running.pop(0), how)

    def rename(self, name: str) -> None:
        """Give a schedule another name; runs that were made before it know the old one."""
        self.look()
        self.count += 1
        old, self.names[name] = self.names[name], f"{name}-{self.count}"
        self.apply(**{self.names[name]: (old,)})

    def look(self) -> None:
        """Note what new runs come after."""
        for run in self.store.read().active:
            first = reference(self.store, run).name.partition("-")[0]
            self.after.setdefault(run, tuple(self.names[other] for other in AFTER[first]))

    def put_away(self) -> None:
        """Let what the worker had in hand wait, unless it was cancelled meanwhile."""
        for run, seconds in self.in_hand:
            if run in self.store.read().active:
                put_away(self.store, run, seconds)
        self.in_hand.clear()

    def ask(self) -> bool:
        """Claim each run that is in the queue; tell whether anything else happened than that it has to wait."""
        self.look()
        found, moved = queued(self.store), False
        assert len(found) == len(set(found))
        assert not {*found} & {raw.decode() for raw in self.store.connection.zrange(KEYS.scheduled(QUEUE), 0, -1)}
        self.store.connection.delete(KEYS.queue_list(QUEUE))
        for run in found:
            self.count += 1
            terms = Terms(after=self.after.get(run, ()))
            by = Claimant("player", f"execution-{self.count}")
            self.note(run, "started")
            claim = Ledger(self.store).claim(reference(self.store, run), by, digest="d", terms=terms)
            self.in_hand += [(run, claim.seconds)] if claim.waits else []
            self.running += [run] if claim.attempt else []
            moved |= not claim.waits
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
        """End all there is, well, until nothing is left; nobody's time to ask comes."""
        while self.running or self.ask():
            while self.running:
                self.end(self.running.pop(0), "succeeded")
            self.put_away()
            step(self.store)

    def outcomes(self, name: str) -> list[dict[str, Any]]:
        found = self.store.connection.zrange(KEYS.outcomes(self.names[name]), 0, -1)
        return [json.loads(raw) for raw in found]

    def by(self, name: str, tick: int) -> str:
        """Return how the newest tick by then ended that no run of the same schedule stood in the way of."""
        ended = [one for one in self.outcomes(name) if one["first"] <= tick]
        own = [one["status"] for one in ended if not (one["status"] == "skipped" and one["reason"][:7] == "overlap")]
        return own[-1] if own else ""


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(overlap=st.sampled_from(OVERLAPS), foreseen=st.booleans(), doings=st.lists(DOINGS, min_size=5, max_size=40))
def test_what_comes_after_others_runs_only_where_they_succeeded(
    redis_connection: Redis, overlap: str, foreseen: bool, doings: list[tuple[str, str]]
) -> None:
    chain = Chain(redis_connection, overlap, foreseen=foreseen)

    for what, how in doings:
        chain.act(what, how)
    chain.put_away()
    step(chain.store)
    chain.settle()

    assert not chain.store.read().active
    assert not chain.store.connection.exists(KEYS.awaited)
    for name, others in AFTER.items():
        for outcome in chain.outcomes(name):
            good = all(chain.by(other, outcome["first"]) == "succeeded" for other in others)
            held_back = outcome["reason"].startswith("after: ")
            ran = outcome["status"] in ("succeeded", "failed")
            assert not (ran and not good), (name, outcome)
            assert not (held_back and good), (name, outcome)


class Tangle(Chain):
    """The same four, due at one time, with runs that come after whatever a case says: specs were edited meanwhile."""

    every = dict.fromkeys(EVERY, HOUR)

    def __init__(self, connection: Redis, overlap: str, links: dict[str, list[str]]) -> None:
        self.links = links
        super().__init__(connection, overlap, foreseen=False)

    def look(self) -> None:
        for run in self.store.read().active:
            first = reference(self.store, run).name.partition("-")[0]
            others = (other for other in self.links.get(first, ()) if other != first)
            self.after.setdefault(run, tuple(self.names[other] for other in others))


NAME = st.sampled_from([*EVERY])
ROUND = {"load": ["clean"], "clean": ["stock"], "stock": ["load"]}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@example(overlap="skip", links=ROUND, doings=[])
@example(overlap="skip", links=ROUND, doings=[("rename", "stock"), ("rename", "load"), ("rename", "clean")])
@given(
    overlap=st.sampled_from(OVERLAPS),
    links=st.dictionaries(NAME, st.lists(NAME, min_size=1, max_size=2, unique=True), min_size=2),
    doings=st.lists(DOINGS, max_size=20),
)
def test_nobody_waits_for_ever_whoever_comes_after_whom(
    redis_connection: Redis, overlap: str, links: dict[str, list[str]], doings: list[tuple[str, str]]
) -> None:
    tangle = Tangle(redis_connection, overlap, links)

    tangle.act("hour", "")
    for what, how in doings:
        tangle.act(what, how)
    tangle.put_away()
    step(tangle.store)
    for _ in range(2):  # who waits in a circle is let go when its time to ask has come
        tangle.settle()
        shift_clock(tangle.store.connection, 700)
        step(tangle.store)
    tangle.settle()

    assert not tangle.store.read().active
