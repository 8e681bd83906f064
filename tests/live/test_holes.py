"""Each of these once went wrong when processes were killed, stopped and started at random."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rq.executions import Execution
from support.holds import queued
from support.players import Player, reference
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, pipeline, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import StalePlanError
from flowerpower.jobs.by_hand.stopping import stop_run
from flowerpower.jobs.ledger import Claimant, Ledger, RunRef, Terms
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.jobs.workers.restricted import RestrictedJob
from flowerpower.jobs.workers.worker import make_worker
from flowerpower.planning.diff import make_plan
from flowerpower.state.models import Desired
from flowerpower.state.store import Store

HOUR = 3600
QUEUE = KEYS.queue("default")


def apply(store: Store, wanted: Desired) -> None:
    apply_plan(make_plan(store.keys, wanted, store.read(), SOURCE), store, "apply")


def outcomes(store: Store) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes("often"), 0, -1)]


def fired(store: Store) -> str:
    """Let an hour pass and return the run that is then queued."""
    shift_clock(store.connection, HOUR)
    Scheduler(store, "one").step()
    store.connection.delete(KEYS.lease)
    (run,) = queued(store)
    return run


def test_a_tick_that_fires_while_an_apply_is_staged_stays_the_run_it_is(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    plan = make_plan(KEYS, desired([schedule("often", cron="0 * * * *")]), store.read(), SOURCE)
    runs: list[str] = []

    apply_plan(plan, store, "two", lambda done, total: runs.append(fired(store)))

    (run,) = runs
    assert store.connection.hget(KEYS.job(run), "status") == b"queued"
    Scheduler(store, "two").step()
    assert queued(store) == [run]
    assert store.read().state.schedules["often"].occurrence.due == int(run.rpartition("--")[2]) + HOUR
    assert outcomes(store) == []


def test_a_schedule_goes_on_by_itself_whose_tick_fires_just_before_the_commit(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    tick = int(str(store.read().cursors["often"].pending).rpartition("--")[2])
    shift_clock(store.connection, tick - store.time() - 30)
    wanted = desired([schedule("often", cron="0 * * * *")])

    def fire(done: int, total: int) -> None:
        shift_clock(store.connection, 60)
        Scheduler(store, "one").step()

    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "two", fire)

    following = KEYS.run_id("often", tick + HOUR)
    assert (store.read().cursors["often"].tick, store.read().cursors["often"].pending) == (tick, following)
    assert store.connection.zscore(KEYS.scheduled(QUEUE), following) == tick + HOUR
    assert make_plan(KEYS, wanted, store.read(), SOURCE).changes == ()


def test_a_schedule_made_anew_is_not_taken_for_the_deleted_one(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    apply(store, desired([schedule("often", every=HOUR), schedule("other")]))
    shift_clock(store.connection, HOUR)
    scheduler.step()
    store.connection.delete(KEYS.queue_list(QUEUE), KEYS.active, KEYS.active_index)
    apply(store, desired([schedule("other")]))
    apply(store, desired([schedule("often", every=HOUR, timeout=99), schedule("other")]))
    shift_clock(store.connection, HOUR)

    scheduler.step()

    assert store.connection.hget(KEYS.job(queued(store)[-1]), "timeout") == b"99"


def test_a_worker_that_was_held_up_leaves_a_run_alone_that_went_on_elsewhere(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR, retry={"max": 1, "intervals": []})]))
    run = fired(store)
    before = store.connection.hgetall(KEYS.job(run))
    worker = make_worker(store.connection, KEYS, ["default"])
    job = RestrictedJob.fetch(run, connection=store.connection, serializer="json")
    execution = Execution("long-gone", run, store.connection)

    worker.handle_job_failure(job, worker.queues[0], exc_string="killed", execution=execution)

    assert store.connection.hgetall(KEYS.job(run)) == before
    assert queued(store) == [run]


def test_a_run_that_rq_calls_finished_after_a_refusal_has_not_succeeded(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    run = fired(store)
    store.connection.hset(KEYS.job(run), "status", "finished")
    shift_clock(store.connection, 120)

    Scheduler(store, "two").step()

    (outcome,) = outcomes(store)
    assert (outcome["status"], outcome["run"]) == ("failed", run)


@pytest.mark.parametrize(("expires", "refused"), [(60, "another worker runs it"), (-1, "")])
def test_an_execution_counts_as_alive_until_its_registry_says_otherwise(
    store: Store, expires: int, refused: str
) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    run_id = fired(store)
    run = RunRef(run_id, "often", run_id.rpartition("--")[2], int(run_id.rpartition("--")[2]))
    ledger = Ledger(store)
    ledger.claim(run, Claimant("a", "first"), digest="d")
    store.connection.hset(KEYS.execution(run_id, "first"), "id", "first")
    store.connection.zadd(f"rq:wip:{QUEUE}", {f"{run_id}:first": store.time() + expires})

    claim = ledger.claim(run, Claimant("b", "second"), digest="d")

    assert claim.refused == refused


def test_an_apply_after_a_flush_is_trusted(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    for timeout in (1, 2, 3):
        apply(store, desired([schedule("often", every=HOUR, timeout=timeout)]))
    scheduler.step()
    offset = store.connection.get("test:clock:offset") or b"0"
    store.connection.flushall()
    store.connection.set("test:clock:offset", offset)
    assert scheduler.step() == 0
    assert scheduler.alarm
    shift_clock(store.connection, 1)

    apply(store, desired([schedule("often", every=HOUR)]))
    shift_clock(store.connection, HOUR)

    assert scheduler.step() == 1
    assert not scheduler.alarm


def test_a_run_lost_between_queue_and_worker_is_delivered_again(store: Store) -> None:
    apply(store, desired([schedule("often", every=24 * HOUR)]))
    shift_clock(store.connection, 23 * HOUR)
    run = fired(store)
    key = KEYS.queue_list(QUEUE)
    store.connection.lmove(key, f"{key}:intermediate")
    scheduler = Scheduler(store, "two")

    for _ in range(3):
        shift_clock(store.connection, 61)
        scheduler.step()
        store.connection.expire(KEYS.lease, 100)

    assert queued(store) == [run]
    assert store.connection.llen(f"{key}:intermediate") == 0
    events = [fields[b"event"] for _, fields in store.connection.xrange(KEYS.runs)]
    assert events == [b"redelivered"]


@pytest.mark.parametrize(
    ("status", "given_back"), [("queued", True), ("started", False), ("finished", False), ("", False)]
)
def test_a_job_of_another_tool_is_delivered_again_too_if_it_has_not_begun(
    store: Store, status: str, given_back: bool
) -> None:
    apply(store, desired([schedule("often", every=24 * HOUR)]))
    popped = f"{KEYS.queue_list(QUEUE)}:intermediate"
    store.connection.rpush(popped, "theirs")
    store.connection.sadd(KEYS.queues, KEYS.queue_list(QUEUE))
    if status:
        store.connection.hset(KEYS.job("theirs"), mapping={"status": status, "origin": QUEUE, "data": "x"})
    scheduler = Scheduler(store, "one")

    scheduler.step()
    shift_clock(store.connection, 40)
    scheduler.step()
    assert (queued(store), store.connection.llen(popped)) == ([], 1)  # its worker may just be about to begin it
    shift_clock(store.connection, 35)
    scheduler.step()

    assert (queued(store), store.connection.llen(popped)) == (["theirs"] if given_back else [], 0)
    assert store.connection.hget(KEYS.job("theirs"), "status") == (status.encode() or None)


def test_a_run_by_hand_does_not_replace_the_outcome_of_a_tick(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    ledger, runs = Ledger(store), ["1800000000", "maaaaaaaaaaaaaaaaaaaaaaaaaa", "mbbbbbbbbbbbbbbbbbbbbbbbbbb"]
    for status in ("failed", "succeeded"):
        for key in runs:
            run = RunRef(KEYS.run_id("often", key), "often", key, 1_800_000_000)
            ledger.claim(run, Claimant("a", "x"), digest="d")
            ledger.finish(run, execution="x", status=status, reason="", final=True, duration=0.0)

    found = {outcome["run"]: outcome["status"] for outcome in outcomes(store)}
    assert found == dict.fromkeys((KEYS.run_id("often", key) for key in runs), "succeeded")
    assert len(outcomes(store)) == 3


def test_every_tick_that_a_change_removes_is_recorded(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    first = int(str(store.read().cursors["often"].pending).rpartition("--")[2])
    shift_clock(store.connection, 3 * HOUR)

    apply(store, desired([schedule("often", cron="30 2 29 2 *")]))

    (missed,) = outcomes(store)
    assert (missed["first"], missed["last"], missed["count"]) == (first, first + 2 * HOUR, 3)


MINUTE = 60


@pytest.mark.parametrize(
    "wanted",
    [[], [schedule("often", cron="0 * * * *")], [schedule("often", every=MINUTE, overlap="allow", paused=True)]],
    ids=["deleted", "changed", "paused"],
)
@pytest.mark.parametrize("backlog", [40, 120, 700])
def test_no_tick_is_lost_where_a_backlog_is_caught_up_with_while_an_apply_is_staged(
    store: Store, backlog: int, wanted: list[Any]
) -> None:
    apply(store, desired([schedule("often", every=MINUTE, overlap="allow", catchup="all"), schedule("other")]))
    shift_clock(store.connection, backlog * MINUTE)
    plan = make_plan(KEYS, desired([*wanted, schedule("other")]), store.read(), SOURCE)
    scheduler = Scheduler(store, "one")
    steps = iter([scheduler.step, lambda: 0, scheduler.step])

    apply_plan(plan, store, "two", lambda done, total: next(steps, lambda: 0)())

    shift_clock(store.connection, 0)
    told = [outcome for outcome in outcomes(store) if outcome["status"] == "missed"]
    assert len(queued(store)) + sum(outcome["count"] for outcome in told) == backlog


def test_an_apply_gives_up_where_ticks_fire_faster_than_it_can_be_prepared(store: Store) -> None:
    apply(store, desired([schedule("often", every=MINUTE, overlap="allow", catchup="all"), schedule("other")]))
    shift_clock(store.connection, 5000 * MINUTE)
    plan, scheduler = make_plan(KEYS, desired([schedule("other")]), store.read(), SOURCE), Scheduler(store, "one")

    with pytest.raises(StalePlanError, match="fire faster than this can be prepared: often"):
        apply_plan(plan, store, "two", lambda done, total: scheduler.step() and None)

    assert "often" in store.read().state.schedules


def test_how_a_run_ended_whose_schedule_was_deleted_meanwhile_is_not_kept_for_ever(
    store: Store, player: Player
) -> None:
    apply(store, desired([schedule("often", every=HOUR), schedule("other", every=HOUR)]))
    shift_clock(store.connection, HOUR)
    Scheduler(store, "one").step()
    runs = {run.rpartition("--")[0].rpartition("--")[2]: run for run in queued(store)}
    player.claim(runs["often"])
    apply(store, desired([schedule("other", every=HOUR)]))

    player.end()

    assert 0 < store.connection.ttl(KEYS.outcomes("often")) <= 30 * 86400
    player.claim(runs["other"])
    player.end()
    assert store.connection.ttl(KEYS.outcomes("other")) == -1


MONTH = 30 * 86400


@pytest.mark.parametrize("end", ["cancelled", "claimed", "refused"])
def test_a_run_that_no_worker_ends_is_not_remembered_for_ever_either(store: Store, player: Player, end: str) -> None:
    apply(store, desired([schedule("often", every=HOUR), schedule("other", every=HOUR)]))
    shift_clock(store.connection, HOUR)
    Scheduler(store, "one").step()
    runs = {run.rpartition("--")[0].rpartition("--")[2]: run for run in queued(store)}
    apply(store, desired([schedule("other", every=HOUR)]))
    store.connection.delete(KEYS.outcomes("often"), KEYS.outcomes("other"))

    for run in runs.values():
        if end == "cancelled":
            stop_run(store, run, "not today")
        elif end == "claimed":
            Ledger(store).claim(reference(store, run), Claimant("a", "x"), digest="d", terms=Terms(1, after=("gone",)))
        else:
            Ledger(store).refuse(reference(store, run), Claimant("a", "x"), "its digest is wrong")

    assert 0 < store.connection.ttl(KEYS.outcomes("often")) <= MONTH
    assert store.connection.ttl(KEYS.outcomes("other")) == -1


def test_how_runs_of_a_pipeline_ended_is_kept_as_long_as_it_is_live_and_then_a_month(store: Store) -> None:
    both, one = [pipeline("kept"), pipeline("report")], [pipeline("kept")]
    key = KEYS.outcomes("report")
    apply(store, desired(pipelines=both))
    store.connection.zadd(key, {"{}": 1})

    apply(store, desired(pipelines=one))
    assert 0 < store.connection.ttl(key) <= MONTH
    apply(store, desired(pipelines=both))
    assert store.connection.ttl(key) == -1


@pytest.mark.parametrize("first", ["schedule", "pipeline"])
def test_what_two_things_of_one_name_share_is_kept_until_both_are_gone(store: Store, first: str) -> None:
    other, its = schedule("other", every=HOUR), [schedule("report", every=HOUR), schedule("other", every=HOUR)]
    pipelines = [pipeline("report"), pipeline("kept")]
    key = KEYS.outcomes("report")
    apply(store, desired(its, pipelines))
    store.connection.zadd(key, {"{}": 1})

    apply(store, desired([other], pipelines) if first == "schedule" else desired(its, pipelines[1:]))
    assert store.connection.ttl(key) == -1
    apply(store, desired([other], pipelines[1:]))
    assert 0 < store.connection.ttl(key) <= MONTH
