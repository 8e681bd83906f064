"""What a worker is told when it asks for a run that is over."""

from __future__ import annotations

import json
import time

import pytest
from rq import Queue
from rq.executions import Execution
from rq.job import Job
from rq.registry import StartedJobRegistry
from support.holds import HOUR, QUEUE, apply, outcomes, queued, step
from support.players import Player, begin, reference
from support.redis_state import shift_clock
from support.states import KEYS, schedule

from flowerpower.jobs.ledger import Claimant, Ledger, Terms
from flowerpower.jobs.running.admission import read_papers
from flowerpower.state.store import Store


def succeeded(store: Store, player: Player) -> str:
    """Let one tick run well, and return its run."""
    apply(store, schedule("often", every=HOUR))
    shift_clock(store.connection, HOUR)
    step(store)
    run = player.take()
    player.end()
    return run


def begun(store: Store) -> tuple[str, Execution]:
    """Let a worker of RQ's begin the run of a tick that may be tried twice; return both."""
    apply(store, schedule("often", every=HOUR, retry={"max": 2, "intervals": []}))
    shift_clock(store.connection, HOUR)
    step(store)
    (run,) = queued(store)
    store.connection.delete(KEYS.queue_list(QUEUE))
    return run, begin(store, run, "first")


def outlive(store: Store, number: int = 1000) -> None:
    """Let so many newer ticks have outcomes."""
    last = int(store.scripts.time())
    rest = {"status": "skipped", "count": 1, "at": last, "reason": "overlap"}
    outcomes = {json.dumps({"first": tick, "last": tick, **rest}): tick for tick in range(last, last + number)}
    store.connection.zadd(KEYS.outcomes("often"), outcomes)
    store.connection.zremrangebyrank(KEYS.outcomes("often"), 0, -number - 1)


def test_a_run_that_succeeded_so_long_ago_that_nobody_knows_is_not_run_again(store: Store, player: Player) -> None:
    run = succeeded(store, player)
    outlive(store)

    claim = player.claim(run)

    assert "rerun" in claim.refused
    assert not store.read().active


def test_a_tick_of_long_ago_that_succeeded_in_a_backfill_is_not_run_again(store: Store, player: Player) -> None:
    run = succeeded(store, player)
    [(raw, tick)] = store.connection.zrange(KEYS.outcomes("often"), 0, -1, withscores=True)
    store.connection.zadd(KEYS.older("often"), {raw: tick})
    outlive(store)

    assert player.claim(run).refused == "it has succeeded already"


def test_a_failed_run_whose_outcome_is_kept_may_be_requeued(store: Store, player: Player) -> None:
    run = succeeded(store, player)
    [(raw, tick)] = store.connection.zrange(KEYS.outcomes("often"), 0, -1, withscores=True)
    store.connection.delete(KEYS.outcomes("often"))
    store.connection.zadd(KEYS.outcomes("often"), {raw.replace(b"succeeded", b"failed"): tick})
    outlive(store, 999)

    assert not player.claim(run).refused


def test_a_tick_enqueued_once_more_after_a_clock_stepped_back_keeps_its_success(store: Store, player: Player) -> None:
    run = succeeded(store, player)
    apply(store)
    shift_clock(store.connection, -HOUR - 60)
    apply(store, schedule("often", every=HOUR))
    shift_clock(store.connection, HOUR + 60)
    step(store)
    assert run in store.read().active

    claim = player.claim(run)

    assert claim.refused == "it has succeeded already"
    assert not store.read().active
    [raw] = store.connection.zrange(KEYS.outcomes("often"), 0, -1)
    assert json.loads(raw)["status"] == "succeeded"


def test_a_run_that_missed_its_start_deadline_is_not_run_after_all(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    shift_clock(store.connection, HOUR)
    step(store)
    [run] = queued(store)
    shift_clock(store.connection, 61)
    claims = [
        Ledger(store).claim(reference(store, run), Claimant("w", f"e{at}"), digest="d", terms=Terms(deadline=60))
        for at in range(2)  # the worker that was told so died before RQ was, and another gets the job
    ]

    assert [claim.refused for claim in claims] == [
        "it waited longer than its start_deadline",
        "it was missed: start deadline",
    ]
    assert [outcome[3] for outcome in outcomes(store)] == ["missed"]


def test_a_run_that_goes_on_is_not_begun_again_where_a_clock_that_is_ahead_made_rq_try_it_again(store: Store) -> None:
    run, first = begun(store)
    StartedJobRegistry(queue=Queue(QUEUE, connection=store.connection)).cleanup(time.time() + 90)  # as `rq info` does
    assert queued(store) == [run]
    ledger, one = Ledger(store), reference(store, run)

    claim = ledger.claim(one, Claimant("second", "e2"), digest="d")

    assert claim.refused == "another worker runs it"
    assert ledger.finish(one, execution=first.id, status="succeeded", reason="", final=True, duration=1.0)


@pytest.mark.parametrize("ended", [False, True])
def test_a_run_is_begun_again_where_its_worker_was_silent_or_has_handed_it_back(store: Store, ended: bool) -> None:
    run, first = begun(store)
    if ended:  # and a last sign of life comes late
        job = Job.fetch(run, connection=store.connection, serializer="json")
        with store.connection.pipeline() as pipe:
            first.delete(job, pipe)
            first.heartbeat(job.started_job_registry, 70, pipe)
            pipe.execute()
    else:
        store.connection.expire(first.key, 30)
        store.connection.zrem(f"rq:wip:{QUEUE}", first.composite_key)

    assert Ledger(store).claim(reference(store, run), Claimant("second", "e2"), digest="d").attempt == 2


def test_a_worker_is_not_taken_for_one_that_is_gone_and_whose_clock_was_ahead(store: Store) -> None:
    run, first = begun(store)
    store.connection.zadd(f"rq:executions:{run}", {first.id: time.time() + 3600})
    store.connection.delete(first.key)
    job = Job.fetch(run, connection=store.connection, serializer="json")
    with store.connection.pipeline() as pipe:
        second = Execution.create(job, 70, pipe, "second")
        pipe.execute()

    assert read_papers(store, reference(store, run), "").execution == second.id
