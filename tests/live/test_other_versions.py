"""Beside a newer flowerpower: what it has applied is never misread, and it is said who has to be upgraded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.projects import PIPELINE, wanted, work_until_empty, write_project
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.codec import canonical, digest
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")


@pytest.fixture
def store(redis_connection: Redis, tmp_path: Path) -> Store:
    start_at_half_past(redis_connection)
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    folder = write_project(tmp_path, pipeline=PIPELINE + "retry: {max: 1}\n")
    apply_plan(make_plan(KEYS, wanted(folder), store.read(), SOURCE), store, "apply")
    return store


def applied_by_a_newer_one(store: Store, change: dict[str, Any]) -> None:
    """Let the one run spec be as a newer flowerpower would write it, and a run of it be waiting."""
    shift_clock(store.connection, 3600)
    Scheduler(store, "one").step()
    [(old, text)] = store.connection.hgetall(KEYS.specs).items()
    spec = json.loads(text)
    spec |= {**change, "spec": {**spec["spec"], **change.get("spec", {})}}
    new = canonical(spec)
    store.connection.hset(KEYS.specs, digest(new), new)
    for key in store.connection.keys("rq:job:*often*"):
        data = store.connection.hget(key, "data")
        store.connection.hset(key, "data", data.replace(old, digest(new).encode()))


def outcome_of(store: Store) -> dict[str, Any]:
    (raw,) = store.connection.zrange(KEYS.outcomes("often"), 0, -1)
    found: dict[str, Any] = json.loads(raw)
    return found


def test_a_key_that_this_worker_does_not_know_is_named_and_the_run_is_tried_again(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    applied_by_a_newer_one(store, {"spec": {"niceness": 3}})

    said = work_until_empty(redis_url, KEYS, tmp_path)

    outcome = outcome_of(store)
    assert (outcome["status"], outcome["attempt"]) == ("failed", 2)
    assert "on this worker does not understand 'niceness' of what was applied" in outcome["reason"]
    assert "upgrade flowerpower on this worker" in said
    assert "Traceback" not in said


def test_a_run_spec_of_a_newer_format_is_refused(store: Store, redis_url: str, tmp_path: Path) -> None:
    applied_by_a_newer_one(store, {"format": 2})

    said = work_until_empty(redis_url, KEYS, tmp_path)

    assert not (tmp_path / "out").exists()
    outcome = outcome_of(store)
    assert outcome["status"] == "failed"
    assert "has format 2; this worker, of flowerpower " in outcome["reason"]
    assert "upgrade flowerpower on this worker" in said


def test_a_scheduler_that_is_too_old_for_a_schedule_does_not_say_that_an_apply_repairs_it(store: Store) -> None:
    raw = store.connection.hget(KEYS.schedules, "often")
    store.connection.hset(KEYS.schedules, "often", raw.replace(b'"format":1', b'"format":2'))
    shift_clock(store.connection, 3600)

    Scheduler(store, "one").step()

    (trouble,) = json.loads(store.connection.get(KEYS.troubles))
    assert "has format 2; this flowerpower reads format 1; use the flowerpower version that wrote it" in trouble
    assert "apply" not in trouble
