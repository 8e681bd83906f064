"""A schedule that says which name it had goes on where it stopped, on a real Redis."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from support.players import Player
from support.redis_state import dump_keys, shift_clock
from support.states import KEYS, SOURCE, desired, desired_states, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import StalePlanError
from flowerpower.jobs.ledger import Claimant, Ledger, RunRef
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import Plan
from flowerpower.state.models import Desired
from flowerpower.state.store import Store

HOUR = 3600
QUEUE = KEYS.queue("default")
OLD = desired([schedule("nightly", every=HOUR)])
NEW = replace(desired([schedule("hourly", every=HOUR)]), previous_names={"hourly": ("daily", "nightly")})


def plan_for(store: Store, wanted: Desired) -> Plan:
    return make_plan(store.keys, wanted, store.read(), SOURCE)


def apply(store: Store, wanted: Desired) -> Plan:
    plan = plan_for(store, wanted)
    apply_plan(plan, store, "apply")
    return plan


def outcomes(store: Store, name: str) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes(name), 0, -1)]


def leftovers(store: Store, name: str) -> list[bytes]:
    """Return every key that names a schedule, and every member of our keys that does."""
    found = dump_keys(store.connection, without=(KEYS.history, KEYS.runs, KEYS.specs, f"rq:queue:{QUEUE}"))
    return [key for key, value in found.items() if name.encode() in key or f"--{name}--" in str(value)]


def run_next_tick(store: Store) -> str:
    """Let the next tick fire, and return the id of its run, which waits for a worker."""
    shift_clock(store.connection, HOUR)
    Scheduler(store, "one").step()
    return str(store.connection.lrange(KEYS.queue_list(QUEUE), -1, -1)[0].decode())


def test_a_renamed_schedule_keeps_its_tick_and_its_outcomes(store: Store) -> None:
    apply(store, OLD)
    shift_clock(store.connection, 3 * HOUR)
    Scheduler(store, "one").step()
    before, told = store.read(), outcomes(store, "nightly")

    plan = apply(store, NEW)

    (change,) = plan.changes
    assert (change.address, change.previous, change.action) == ("schedule.hourly", "schedule.nightly", "update")
    assert (change.fields, change.timing) == ((), "keep")
    after = store.read()
    assert after.cursors["hourly"].tick == before.cursors["nightly"].tick
    assert after.state.schedules["hourly"].occurrence.due == before.state.schedules["nightly"].occurrence.due
    assert outcomes(store, "hourly") == told != []
    assert plan_for(store, NEW).changes == ()


@pytest.mark.parametrize("fires", [False, True])
def test_a_renamed_schedule_waits_as_its_new_name_is_delayed(store: Store, fires: bool) -> None:
    apply(store, desired([schedule("nightly", every=HOUR, jitter=600)]))
    renamed = replace(desired([schedule("hourly", every=HOUR, jitter=600)]), previous_names=NEW.previous_names)

    plan = plan_for(store, renamed)
    if fires:
        run_next_tick(store)
    apply_plan(plan, store, "renamed")

    assert plan_for(store, renamed).changes == ()


def test_nothing_of_the_old_name_stays_but_the_runs_that_were_made_under_it(store: Store) -> None:
    apply(store, OLD)
    run = run_next_tick(store)

    apply(store, NEW)

    assert leftovers(store, "nightly") == [f"{KEYS.prefix}active".encode(), KEYS.job(run).encode()]
    job = store.connection.hgetall(KEYS.job(str(store.read().cursors["hourly"].pending)))
    assert job[b"description"].startswith(b"hourly @ ")
    assert json.loads(job[b"meta"])["schedule"] == "hourly"


def test_a_run_in_flight_ends_in_the_history_of_the_new_name_and_blocks_its_overlap(store: Store) -> None:
    apply(store, OLD)
    run = run_next_tick(store)
    assert plan_for(store, NEW).changes[0].in_flight.queued == 1
    apply(store, NEW)

    shift_clock(store.connection, HOUR)
    Scheduler(store, "one").step()
    assert [told["reason"] for told in outcomes(store, "hourly")] == ["overlap"]

    name, tick = run.split("--")[2:]
    reference = RunRef(run, name, tick, int(tick))
    ledger = Ledger(store)
    assert ledger.claim(reference, Claimant("worker", "e1"), digest="").attempt == 1
    assert ledger.finish(reference, execution="e1", status="succeeded", reason="", final=True, duration=1.0)
    assert [told["status"] for told in outcomes(store, "hourly")] == ["succeeded", "skipped"]
    assert outcomes(store, "nightly") == []
    assert store.connection.zcard(KEYS.active_index) == 0


def test_a_run_of_the_name_before_last_is_followed_too(store: Store) -> None:
    apply(store, OLD)
    run_next_tick(store)
    apply(store, NEW)

    apply(store, replace(desired([schedule("third", every=HOUR)]), previous_names={"third": ("hourly",)}))

    (entry,) = store.read().active.values()
    assert (entry.name, store.connection.zrange(KEYS.active_index, 0, -1)[0][:7]) == ("third", b"third--")


def test_a_run_that_the_name_before_left_behind_does_not_take_the_place_of_that_of_the_schedule(store: Store) -> None:
    apply(store, desired([schedule("hourly", every=HOUR), schedule("nightly", every=HOUR)]))
    run_next_tick(store)
    left, own = (KEYS.run_id(name, store.time() // HOUR * HOUR) for name in ("hourly", "nightly"))
    player = Player(store, QUEUE)
    player.claim(left)
    player.claim(own)
    apply(store, OLD)
    apply(store, NEW)

    player.end("failed")
    shift_clock(store.connection, HOUR)
    Scheduler(store, "one").step()

    assert [(one["status"], one["reason"]) for one in outcomes(store, "hourly")][1:] == [("skipped", "overlap")]
    assert [*store.read().active] == [own]


def test_a_hold_follows_the_rename_and_the_schedule_stays_held(store: Store) -> None:
    apply(store, OLD)
    pending = str(store.read().cursors["nightly"].pending)
    store.connection.hset(KEYS.holds, "nightly", json.dumps({"who": "ana", "why": "outage", "since": 1}))
    store.connection.delete(KEYS.job(pending))
    store.connection.zrem(KEYS.scheduled(QUEUE), pending)
    store.connection.hset(KEYS.cursors, "nightly", "1 1 -")

    plan = apply(store, NEW)

    assert set(plan.held) == {"hourly"}
    live = store.read()
    assert (set(live.holds), live.state.schedules["hourly"].occurrence) == ({"hourly"}, None)


def test_a_tick_that_fires_between_plan_and_apply_is_carried_over(store: Store) -> None:
    apply(store, OLD)
    plan = plan_for(store, NEW)
    run_next_tick(store)
    tick = store.read().cursors["nightly"].tick

    apply_plan(plan, store, "late")

    live = store.read()
    assert live.cursors["hourly"].tick == tick
    assert live.cursors["hourly"].pending == KEYS.run_id("hourly", tick + HOUR)
    assert plan_for(store, NEW).changes == ()


def test_a_pending_run_that_a_stock_scheduler_moved_is_a_run_of_the_new_name_which_waits_for_the_next_tick(
    store: Store,
) -> None:
    apply(store, OLD)
    pending = str(store.read().cursors["nightly"].pending)
    tick = int(pending.rpartition("--")[2])
    plan = plan_for(store, NEW)
    store.connection.zrem(KEYS.scheduled(QUEUE), pending)
    store.connection.hset(KEYS.job(pending), "status", "queued")
    store.connection.rpush(KEYS.queue_list(QUEUE), pending)

    apply_plan(plan, store, "late")

    live, following = store.read(), KEYS.run_id("hourly", tick + HOUR)
    assert live.active[pending].name == "hourly"
    assert (live.cursors["hourly"].tick, live.cursors["hourly"].pending) == (tick, following)
    assert store.connection.zscore(KEYS.scheduled(QUEUE), following) == tick + HOUR
    assert plan_for(store, NEW).changes == ()


def test_a_name_that_was_taken_meanwhile_is_a_conflict(store: Store) -> None:
    apply(store, OLD)
    plan = plan_for(store, NEW)
    store.connection.hset(KEYS.schedules, "hourly", "{}")

    with pytest.raises(StalePlanError, match=r"schedule\.hourly"):
        apply_plan(plan, store, "late")

    assert store.connection.hexists(KEYS.schedules, "nightly")


def test_a_schedule_that_is_live_under_its_own_name_is_not_renamed(store: Store) -> None:
    apply(store, desired([schedule("nightly", every=HOUR), schedule("hourly", every=HOUR)]))

    assert {change.address: change.action for change in plan_for(store, NEW).changes} == {"schedule.nightly": "delete"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=desired_states(), after=desired_states(), names=st.permutations(["alpha", "beta", "gamma", "delta-1"]))
def test_any_renames_lead_to_the_wanted_state_and_then_rest(
    redis_connection: Redis, before: Desired, after: Desired, names: list[str]
) -> None:
    redis_connection.flushall()
    store = Store(redis_connection, KEYS)
    apply(store, before)
    pairs = dict(zip(sorted(after.state.schedules), names, strict=False))
    wanted = replace(after, previous_names={new: (old,) for new, old in pairs.items()})

    apply(store, wanted)

    assert set(store.read().cursors) == set(store.read().state.schedules) == set(after.state.schedules)
    assert plan_for(store, wanted).changes == ()
