"""`on_inflight: cancel`: what an apply does to runs that are queued, wait for a retry or run, with a real worker."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.projects import FLOW, PIPELINE, running_worker, wanted, work_until_empty, write_project
from support.redis_state import SHIFTED_CLOCK, dump_keys, shift_clock, start_at_half_past
from support.states import SOURCE

from flowerpower.apply import Applied, apply_plan
from flowerpower.errors import StalePlanError
from flowerpower.jobs.ledger import Claimant, Ledger, run_ref
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import Plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
QUEUE = KEYS.queue("default")
CANCEL = "every: 1h\non_inflight: cancel"
SLEEPING = FLOW.replace("return number * 2", "return __import__('time').sleep(60) or 1")
FAILING = FLOW.replace("return number * 2", "raise ValueError('no bread')")


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    start_at_half_past(redis_connection)
    return Store(redis_connection, KEYS, SHIFTED_CLOCK)


def plan(store: Store, folder: Path) -> Plan:
    return make_plan(store.keys, wanted(folder), store.read(), SOURCE)


def apply(store: Store, folder: Path, *, may_stop: bool = False) -> Applied:
    return apply_plan(replace(plan(store, folder), may_stop=may_stop), store, "apply")


def start(store: Store, folder: Path, schedule: str = CANCEL, **files: str) -> str:
    """Apply two schedules, `often` with the given text and `other`, fire both, and return the run of `often`."""
    write_project(folder, schedule=schedule, **files)
    (folder / "schedules/other.yaml").write_text("pipeline: report\nevery: 1h\n", encoding="utf-8")
    apply(store, folder)
    shift_clock(store.connection, 3600)
    Scheduler(store, "one").step()
    (run,) = (run for run in store.read().active if "--often--" in run)
    return run


def change(folder: Path, schedule: str = CANCEL) -> None:
    file = folder / "schedules/often.yaml"
    file.write_text(f"pipeline: report\n{schedule}\ntimeout: 99s\n", encoding="utf-8")


def delete(folder: Path) -> None:
    (folder / "schedules/often.yaml").unlink()


def outcomes(store: Store, name: str = "often") -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes(name), 0, -1)]


def events(store: Store, name: str = "often") -> list[str]:
    found = [fields for _, fields in store.connection.xrange(KEYS.runs)]
    return [fields[b"event"].decode() for fields in found if fields.get(b"schedule") == name.encode()]


def queued(store: Store) -> list[str]:
    return [run.decode() for run in store.connection.lrange(KEYS.queue_list(QUEUE), 0, -1)]


@pytest.mark.parametrize(
    ("accident", "reason"), [(change, "its schedule was changed"), (delete, "its schedule was deleted")]
)
def test_a_queued_run_is_removed_and_recorded_and_others_are_left_alone(
    store: Store, tmp_path: Path, accident: Callable[[Path], None], reason: str
) -> None:
    run = start(store, tmp_path)
    (other,) = (found for found in store.read().active if found != run)
    accident(tmp_path)

    apply(store, tmp_path)

    (outcome,) = outcomes(store)
    assert (outcome["status"], outcome["reason"], outcome["run"]) == ("cancelled", reason, run)
    assert (events(store), outcomes(store, "other")) == (["cancelled"], [])
    assert (queued(store), set(store.read().active)) == ([other], {other})
    assert not store.connection.exists(KEYS.job(run))
    assert store.connection.zrange(KEYS.active_index, 0, -1) == [f"other--{other.rpartition('--')[2]}".encode()]


@pytest.mark.parametrize("count", [3, 2500])
def test_many_queued_runs_are_taken_out_of_a_queue_that_keeps_its_order(
    store: Store, tmp_path: Path, count: int
) -> None:
    run = start(store, tmp_path)
    template, key = store.connection.hgetall(KEYS.active)[run.encode()], KEYS.queue_list(QUEUE)
    pipe = store.connection.pipeline(transaction=False)
    pipe.delete(key)
    for number in range(count):
        pipe.hset(KEYS.active, KEYS.run_id("often", number), template)
        pipe.zadd(KEYS.active_index, {f"often--{number}": 0})
        pipe.hset(KEYS.job(KEYS.run_id("often", number)), mapping={"status": "queued", "origin": QUEUE})
        pipe.rpush(key, KEYS.run_id("often", number), f"foreign-{number}")
    pipe.execute()
    change(tmp_path)

    apply(store, tmp_path)

    assert queued(store) == [f"foreign-{number}" for number in range(count)]
    assert [found for found in store.read().active if "--often--" in found] == []


def test_keep_leaves_every_run_as_it_is(store: Store, tmp_path: Path) -> None:
    run = start(store, tmp_path, "every: 1h")
    before = dump_keys(store.connection)[KEYS.job(run).encode()]
    change(tmp_path, "every: 1h")

    apply(store, tmp_path)

    assert dump_keys(store.connection)[KEYS.job(run).encode()] == before
    assert run in queued(store)
    assert (outcomes(store), events(store)) == ([], [])


def test_an_update_goes_by_the_new_value_and_a_deletion_by_the_live_one(store: Store, tmp_path: Path) -> None:
    run = start(store, tmp_path, "every: 1h")
    change(tmp_path)
    assert [found.cancels for found in plan(store, tmp_path).changes] == [True]

    change(tmp_path, "every: 1h")
    assert [found.cancels for found in plan(store, tmp_path).changes] == [False]

    delete(tmp_path)
    apply(store, tmp_path)
    assert run in queued(store)


def test_a_retry_that_waits_is_removed_and_recorded(store: Store, redis_url: str, tmp_path: Path) -> None:
    retrying = PIPELINE + "retry: {max: 2, intervals: [1h]}\n"
    run = start(store, tmp_path, flow=FAILING, pipeline=retrying)
    work_until_empty(redis_url, KEYS, tmp_path)
    assert store.connection.zscore(KEYS.scheduled(QUEUE), run)
    change(tmp_path)

    apply(store, tmp_path)

    (outcome,) = outcomes(store)
    assert (outcome["status"], outcome["attempt"]) == ("cancelled", 1)
    assert store.connection.zscore(KEYS.scheduled(QUEUE), run) is None
    assert not store.connection.exists(KEYS.job(run), f"rq:results:{run}")
    assert events(store) == ["started", "attempt_failed", "cancelled"]
    assert [found for found in store.read().active if "--often--" in found] == []


def test_a_running_run_is_stopped_only_when_it_may_be_and_recorded(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    run = start(store, tmp_path, flow=SLEEPING, pipeline=PIPELINE + "retry: {max: 2}\n")
    store.connection.lrem(KEYS.queue_list(QUEUE), 0, next(found for found in queued(store) if found != run))
    with running_worker(redis_url, KEYS, tmp_path) as worker:
        worker.wait_for(lambda: events(store) == ["started"])
        change(tmp_path)
        before = dump_keys(store.connection, without=("rq:", f"{KEYS.prefix}stage"))
        with pytest.raises(StalePlanError, match="would be stopped: often"):
            apply(store, tmp_path)
        assert dump_keys(store.connection, without=("rq:", f"{KEYS.prefix}stage")) == before

        applied = apply(store, tmp_path, may_stop=True)
        worker.wait_for(lambda: outcomes(store))
        worker.stop()

    (outcome,) = outcomes(store)
    assert (outcome["status"], outcome["reason"], outcome["run"]) == ("cancelled", "its schedule was changed", run)
    assert events(store) == ["started", "stopping", "cancelled"]
    assert applied.notes == ()
    assert store.connection.hget(KEYS.job(run), "status") == b"stopped"
    assert run not in store.read().active


def test_a_running_run_whose_worker_hears_nothing_is_told_of_and_not_tried_again(store: Store, tmp_path: Path) -> None:
    run = start(store, tmp_path, pipeline=PIPELINE + "retry: {max: 2}\n")
    ledger, reference = Ledger(store), run_ref(store, run, 0)
    assert reference is not None
    ledger.claim(reference, Claimant("gone", "first"), digest="d")
    store.connection.hset(KEYS.job(run), mapping={"status": "started", "worker_name": "gone"})
    change(tmp_path)

    applied = apply(store, tmp_path, may_stop=True)

    assert applied.notes == (f"{run} goes on: no worker heard that it should stop",)
    again = ledger.claim(reference, Claimant("next", "second"), digest="d")
    assert again.refused == "it was cancelled: its schedule was changed"
    assert [outcome["status"] for outcome in outcomes(store)] == ["cancelled"]


@pytest.mark.parametrize("ending", ["succeeded", "failed"])
def test_a_run_that_ends_before_it_hears_is_what_it_became_and_has_no_retry(
    store: Store, tmp_path: Path, ending: str
) -> None:
    run = start(store, tmp_path, pipeline=PIPELINE + "retry: {max: 2}\n")
    ledger, reference = Ledger(store), run_ref(store, run, 0)
    assert reference is not None
    ledger.claim(reference, Claimant("a", "first"), digest="d")
    store.connection.hset(KEYS.job(run), mapping={"status": "started", "worker_name": "a"})
    change(tmp_path)
    apply(store, tmp_path, may_stop=True)

    ledger.finish(reference, execution="first", status=ending, reason="", final=ending == "succeeded", duration=1.0)

    expected = "succeeded" if ending == "succeeded" else "cancelled"
    assert [outcome["status"] for outcome in outcomes(store)] == [expected]
    again = ledger.claim(reference, Claimant("b", "second"), digest="d")
    assert again.refused


def test_a_run_that_a_worker_has_in_hand_is_not_started_any_more(store: Store, redis_url: str, tmp_path: Path) -> None:
    """A worker has taken it from its queue and not claimed it yet."""
    run = start(store, tmp_path)
    key = KEYS.queue_list(QUEUE)
    store.connection.delete(key)
    store.connection.rpush(f"{key}:intermediate", run)
    job = store.connection.hgetall(KEYS.job(run))
    change(tmp_path)

    apply(store, tmp_path)
    store.connection.hset(KEYS.job(run), mapping={**job, b"status": "queued"})
    store.connection.rpush(key, run)
    output = work_until_empty(redis_url, KEYS, tmp_path)

    assert f"run {run} is not run: it was cancelled: its schedule was changed" in output
    assert not list(tmp_path.glob("out/often-*"))
    assert [outcome["status"] for outcome in outcomes(store)] == ["cancelled"]


def test_a_job_of_another_type_in_the_way_leaves_everything_as_it_was(store: Store, tmp_path: Path) -> None:
    run = start(store, tmp_path)
    change(tmp_path)
    planned = plan(store, tmp_path)
    store.connection.delete(KEYS.job(run))
    store.connection.set(KEYS.job(run), "not ours")
    before = dump_keys(store.connection)

    with pytest.raises(StalePlanError, match="not ours to overwrite"):
        apply_plan(planned, store, "two")

    assert dump_keys(store.connection, without=(f"{KEYS.prefix}stage",)) == before


def test_what_only_repairs_drift_cancels_nothing(store: Store, tmp_path: Path) -> None:
    run = start(store, tmp_path)
    pending = store.read().cursors["often"].pending
    store.connection.hset(KEYS.job(str(pending)), "timeout", "5")

    planned = plan(store, tmp_path)
    apply_plan(planned, store, "two")

    assert [found.cancels for found in planned.changes] == [False]
    assert run in queued(store)


def test_a_pipelines_run_by_hand_is_no_run_of_the_schedule_of_that_name(store: Store, tmp_path: Path) -> None:
    write_project(tmp_path, schedule=CANCEL)
    (tmp_path / "schedules/report.yaml").write_text(f"pipeline: report\n{CANCEL}\n", encoding="utf-8")
    apply(store, tmp_path)
    from flowerpower.jobs.by_hand.manual import manual_order

    order = manual_order(store, "report", {}, due=0, entropy=b"0123456789", millis=int(time.time() * 1000))
    Ledger(store).enqueue(order)
    (tmp_path / "schedules/report.yaml").unlink()

    planned = plan(store, tmp_path)
    apply_plan(planned, store, "two")

    assert [(found.name, found.in_flight.queued) for found in planned.changes] == [("report", 0)]
    assert queued(store) == [order["id"]]
