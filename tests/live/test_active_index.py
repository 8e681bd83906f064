"""Half of what tells that a run is active is lost: no schedule is blocked for ever, and no run starts twice."""

from __future__ import annotations

import pytest
from redis import Redis
from support.players import Player
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.events import newest_events
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.scheduling.scheduler import RECONCILE_SECONDS, Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.store import Store

HOUR = 3600
QUEUE = KEYS.queue("default")


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    """A schedule whose ticks are skipped while it runs; its first run is queued."""
    start_at_half_past(redis_connection)
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    apply_plan(make_plan(KEYS, desired([schedule("hourly", every=HOUR)]), store.read(), SOURCE), store, "apply")
    return store


def begun(store: Store) -> tuple[Scheduler, Player]:
    """Return a scheduler that has queued a run, and a worker."""
    scheduler = Scheduler(store, "one")
    shift_clock(store.connection, HOUR)
    scheduler.step()
    return scheduler, Player(store, QUEUE)


def pass_by(scheduler: Scheduler, store: Store, passes: int = 3) -> None:
    for _ in range(passes):
        scheduler.step()
        shift_clock(store.connection, RECONCILE_SECONDS + 1)


def outcomes(store: Store) -> list[str]:
    return [one.status for one in read_status(store, recent=100).schedules[0].recent]


@pytest.mark.parametrize("member", ["hourly--1", "hourly--m01j", b"hourly--\xff", "hourly--"])
def test_what_stands_in_the_way_of_a_schedule_without_a_run_goes(store: Store, member: str | bytes) -> None:
    store.connection.zadd(KEYS.active_index, {member: 0})  # type: ignore[dict-item]
    scheduler = Scheduler(store, "one")
    pass_by(scheduler, store)

    assert store.connection.zcard(KEYS.active_index) == 0
    shift_clock(store.connection, HOUR)
    scheduler.step()
    assert len(store.read().active) == 1
    assert outcomes(store) == []


def test_a_run_that_is_no_longer_known_to_be_active_goes_on_to_its_outcome_and_nothing_starts_beside_it(
    store: Store,
) -> None:
    scheduler, player = begun(store)
    run = player.take()
    execution = store.read().active[run].execution
    store.connection.zadd(f"{KEYS.rq}:executions:{run}", {execution: 1})
    store.connection.hset(KEYS.execution(run, execution), "id", execution)  # its worker lives
    store.connection.delete(KEYS.active)
    pass_by(scheduler, store)

    assert [*store.read().active] == [run]
    shift_clock(store.connection, HOUR)
    scheduler.step()
    assert [*store.read().active] == [run]
    assert player.end() == run
    assert sorted(outcomes(store)) == ["skipped", "succeeded"]


def test_a_run_that_waits_for_a_worker_runs_once_when_the_active_runs_were_lost(store: Store) -> None:
    scheduler, player = begun(store)
    store.connection.delete(KEYS.active)
    pass_by(scheduler, store)

    assert player.take()
    player.end()
    pass_by(scheduler, store)
    assert player.take() == ""
    assert outcomes(store) == ["succeeded"]


def test_a_run_that_its_schedule_does_not_know_of_gets_no_second_one_beside_it(store: Store) -> None:
    scheduler, player = begun(store)
    run = player.take()
    store.connection.hset(KEYS.execution(run, store.read().active[run].execution), "id", "?")
    store.connection.delete(KEYS.active_index)
    pass_by(scheduler, store)

    shift_clock(store.connection, HOUR)
    scheduler.step()
    assert [*store.read().active] == [run]
    assert outcomes(store) == ["skipped"]


def test_a_run_that_has_ended_is_not_made_active_again(store: Store) -> None:
    scheduler, player = begun(store)
    run = player.take()
    player.end()
    store.connection.hset(KEYS.job(run), "status", "started")
    store.connection.zadd(KEYS.active_index, {"hourly--" + run.rpartition("--")[2]: 0})
    pass_by(scheduler, store)

    assert store.connection.zcard(KEYS.active_index) == 0
    assert not store.read().active


def test_where_both_agree_nothing_is_written(store: Store) -> None:
    scheduler, player = begun(store)
    run = player.take()
    store.connection.hset(KEYS.execution(run, store.read().active[run].execution), "id", "?")
    entry = store.connection.hget(KEYS.active, run)
    assert entry
    store.connection.hset(KEYS.active, run, entry.replace(b'"hourly"', b'"renamed"'))  # as a rename leaves it
    store.connection.zadd(KEYS.active_index, {"renamed--" + run.rpartition("--")[2]: 0})
    store.connection.zrem(KEYS.active_index, "hourly--" + run.rpartition("--")[2])
    store.connection.zadd(KEYS.active_index, {"stray--1": 0})
    pass_by(scheduler, store)

    assert store.connection.zrange(KEYS.active_index, 0, -1) == [b"renamed--" + run.encode().rpartition(b"--")[2]]
    assert [event.fields["event"] for event in newest_events(store)][:2] == ["removed", "started"]
