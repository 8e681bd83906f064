"""Runs that are asked for by hand, many of them in one second: each has one outcome, its own."""

from __future__ import annotations

import json
import os
from typing import Any

from support.holds import QUEUE, apply, queued
from support.states import schedule

from flowerpower.jobs.by_hand.manual import ulid
from flowerpower.jobs.ledger import Claim, Claimant, Ledger, run_ref
from flowerpower.state.store import Store

SECOND = 1_795_664_635


def ask(store: Store) -> None:
    """Enqueue a run of a schedule in that second."""
    run = f"m{ulid(SECOND * 1000, os.urandom(10))}"
    about = {"queue": QUEUE, "due": 0, "digest": "d", "run_spec": "{}", "job": {}, "description": "", "meta": {}}
    order = {"id": store.keys.run_id("often", run), "name": "often", "run": run, "tick": SECOND, **about}
    assert Ledger(store).enqueue(order)


def claim(store: Store, run_id: str, execution: str = "e") -> Claim:
    found = run_ref(store, run_id, SECOND)
    assert found is not None
    return Ledger(store).claim(found, Claimant("worker", execution), digest="d")


def end(store: Store, run_id: str, status: str, execution: str = "e") -> None:
    found = run_ref(store, run_id, SECOND)
    assert found is not None
    Ledger(store).finish(found, execution=execution, status=status, reason="", final=True, duration=1.0)


def statuses(store: Store) -> dict[str, list[str]]:
    """Return the statuses of all outcomes of each run."""
    found: dict[str, list[str]] = {}
    for raw in store.connection.zrange(store.keys.outcomes("often"), 0, -1):
        one: dict[str, Any] = json.loads(raw)
        found.setdefault(one["run"], []).append(one["status"])
    return found


def test_each_of_many_runs_of_one_second_keeps_its_own_outcome(store: Store) -> None:
    apply(store, schedule("often", every=3600))
    for _ in range(5):
        ask(store)
    runs = queued(store)

    for index, run in enumerate(runs):
        assert claim(store, run).attempt == 1
        end(store, run, "failed" if index % 2 else "succeeded")

    assert statuses(store) == {run: ["failed" if index % 2 else "succeeded"] for index, run in enumerate(runs)}
    assert claim(store, runs[0]).refused == "it has succeeded already"


def test_a_run_that_rq_requeues_has_the_newest_outcome_alone(store: Store) -> None:
    apply(store, schedule("often", every=3600))
    ask(store)
    ask(store)
    first, other = queued(store)
    for run in (first, other):
        claim(store, run)
        end(store, run, "failed")

    assert claim(store, first, "again").refused == ""
    end(store, first, "succeeded", "again")

    assert statuses(store) == {first: ["succeeded"], other: ["failed"]}


def test_a_tick_replaces_its_own_outcome_beside_runs_of_the_same_second(store: Store) -> None:
    apply(store, schedule("often", every=3600))
    ask(store)
    (by_hand,) = queued(store)
    claim(store, by_hand)
    end(store, by_hand, "succeeded")
    of_tick = store.keys.run_id("often", SECOND)
    about = f"it made way for {by_hand}"  # which looks like the end of a run by hand
    damaged = '{"first": 5'
    earlier = {"first": SECOND, "last": SECOND, "count": 1, "status": "failed", "run": of_tick, "reason": about}
    store.connection.zadd(store.keys.outcomes("often"), {json.dumps(earlier, separators=(",", ":")): SECOND})
    store.connection.zadd(store.keys.outcomes("often"), {damaged: SECOND})

    claim(store, of_tick)
    end(store, of_tick, "succeeded")

    assert statuses(store) == {by_hand: ["succeeded"], of_tick: ["succeeded"]}
