"""Runs that neither a worker nor RQ knows of any more, as where a key of RQ's was lost: they end, or run after all."""

from __future__ import annotations

import pytest
from support.holds import QUEUE, outcomes, queued, taken
from support.players import Player, begin
from support.redis_state import shift_clock
from support.states import KEYS

from flowerpower.jobs.records import WORKER_GONE
from flowerpower.jobs.scheduling.scheduler import RECONCILE_SECONDS, Scheduler
from flowerpower.state.store import Store

WIP = KEYS.registry("wip", QUEUE)


def look(store: Store, scheduler: Scheduler, times: int = 8) -> None:
    for _ in range(times):
        shift_clock(store.connection, RECONCILE_SECONDS)
        scheduler.step()


@pytest.fixture
def scheduler(store: Store) -> Scheduler:
    return Scheduler(store, "one")


def test_one_that_rq_does_not_miss_is_tried_again_as_any_other(
    store: Store, scheduler: Scheduler, player: Player
) -> None:
    run = taken(store, scheduler, retry={"max": 1, "intervals": []})
    execution = begin(store, run)
    store.connection.delete(execution.key, WIP)

    look(store, scheduler)

    assert queued(store) == [run]
    assert player.take() == run
    player.end()
    assert outcomes(store)[0][3] == "succeeded"


def test_one_whose_job_says_nothing_any_more_has_failed_and_stands_in_no_tick_s_way(
    store: Store, scheduler: Scheduler
) -> None:
    run = taken(store, scheduler)
    execution = begin(store, run)
    store.connection.delete(execution.key, WIP)
    store.connection.hset(KEYS.job(run), mapping={"data": "?", "created_at": "?"})

    look(store, scheduler)

    assert outcomes(store)[0][3:] == ("failed", WORKER_GONE)
    assert store.read().active == {}


def test_one_that_a_worker_renews_is_left_alone(store: Store, scheduler: Scheduler) -> None:
    run = taken(store, scheduler)
    begin(store, run)
    store.connection.delete(WIP)

    look(store, scheduler)

    assert (store.connection.hget(KEYS.job(run), "status"), store.connection.zcard(WIP)) == (b"started", 0)
    assert list(store.read().active) == [run]


def test_one_that_runs_as_an_execution_that_nobody_knew_of_is_left_alone(store: Store, scheduler: Scheduler) -> None:
    run = taken(store, scheduler)
    execution = begin(store, run)
    text = store.connection.hget(KEYS.active, run)
    store.connection.hset(KEYS.active, run, text.replace(execution.id.encode(), b"unknown"))

    look(store, scheduler)

    assert store.connection.hget(KEYS.job(run), "status") == b"started"
    assert list(store.read().active) == [run]


@pytest.mark.parametrize("status", ["deferred", "created", "?", ""])
def test_one_that_no_worker_began_is_delivered_again_whatever_its_job_says(
    store: Store, scheduler: Scheduler, status: str
) -> None:
    run = taken(store, scheduler)
    store.connection.hset(KEYS.job(run), "status", status)

    look(store, scheduler)

    assert queued(store) == [run]
