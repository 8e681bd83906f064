"""Run specs that nothing names any more do not pile up, however long no apply comes."""

from __future__ import annotations

import pytest
from support.holds import HOUR, QUEUE
from support.players import Player
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, pipeline, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.by_hand.manual import enqueue_once, manual_order
from flowerpower.jobs.scheduling import collect
from flowerpower.jobs.scheduling.scheduler import RECONCILE_SECONDS, Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.store import Store

MANY = 20


@pytest.fixture
def scheduler(store: Store, monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    """A scheduler of one schedule, for which twenty new run specs are many."""
    monkeypatch.setattr(collect, "MANY", MANY)
    wanted = desired([schedule("often", every=HOUR)], [pipeline("report", result_ttl=500, failure_ttl=500)])
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "apply")
    scheduler = Scheduler(store, "one")
    scheduler.step()
    return scheduler


def enqueue(store: Store, number: int) -> str:
    """Enqueue a run with inputs of its own; return the digest of its run spec."""
    order = manual_order(store, "report", {"number": number}, due=0, entropy=number.to_bytes(10), millis=number)
    enqueue_once(store, order)
    return str(order["digest"])


def run_many(store: Store, since: int, count: int = MANY) -> None:
    player = Player(store, QUEUE)
    for number in range(since, since + count):
        enqueue(store, number)
        player.take()
        player.end()


def look(store: Store, scheduler: Scheduler, times: int = 3) -> int:
    """Let some passes go by; return how many run specs there are."""
    for _ in range(times):
        shift_clock(store.connection, RECONCILE_SECONDS)
        scheduler.step()
    return int(store.connection.hlen(KEYS.specs))


def test_those_of_runs_by_hand_are_forgotten_though_no_apply_comes(store: Store, scheduler: Scheduler) -> None:
    run_many(store, 0)
    assert look(store, scheduler) == 1  # the schedule's own

    run_many(store, MANY, MANY - 1)
    assert look(store, scheduler) == MANY, "for few it is not worth a look at everything"


def test_a_name_that_is_no_text_keeps_no_other_from_being_forgotten(store: Store, scheduler: Scheduler) -> None:
    store.connection.hset(KEYS.specs, b"\xff", "a stranger's")

    run_many(store, 0)

    assert look(store, scheduler) == 2  # the schedule's own, and the stranger's


def test_one_stays_whose_run_is_on_its_way_from_the_active_runs_to_the_failed_jobs(
    store: Store, scheduler: Scheduler, player: Player
) -> None:
    kept = enqueue(store, 0)
    run = player.take()
    store.connection.hset(
        KEYS.active, run, store.connection.hget(KEYS.active, run).replace(b'"d"', f'"{kept}"'.encode())
    )
    run_many(store, 1)
    look(store, scheduler, 1)

    player.end("failed")
    look(store, scheduler, 1)
    store.connection.zadd(KEYS.registry("failed", QUEUE), {run: 2_000_000_000})

    assert look(store, scheduler) == 2
    assert store.connection.hexists(KEYS.specs, kept)
