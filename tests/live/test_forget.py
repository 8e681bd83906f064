"""What git no longer manages fires on, and plans leave it alone, until its spec comes back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from redis import Redis
from support.redis_state import SHIFTED_CLOCK, dump_keys, shift_clock, start_at_half_past
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import StalePlanError, UsageError
from flowerpower.jobs.by_hand.forget import forget_schedules
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.approval import check_fresh
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed, Facts
from flowerpower.planning.managed import managed
from flowerpower.planning.plan import Plan
from flowerpower.planning.rollback import RollbackContext, plan_rollback
from flowerpower.state.history import read_steps
from flowerpower.state.models import Desired
from flowerpower.state.store import Store

HOUR = 3600
BOTH = desired([schedule("kept", every=HOUR), schedule("left", every=HOUR)])
KEPT = desired([schedule("kept", every=HOUR)])


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    start_at_half_past(redis_connection)
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    apply(store, BOTH)
    return store


def plan_for(store: Store, wanted: Desired) -> Plan:
    return make_plan(store.keys, wanted, managed(store.read(), wanted), SOURCE)


def apply(store: Store, wanted: Desired) -> Plan:
    plan = plan_for(store, wanted)
    apply_plan(plan, store, "apply")
    return plan


def rollback_of(store: Store, apply_id: str) -> Plan:
    return plan_rollback(KEYS, read_steps(store, apply_id), store.read(), RollbackContext(SOURCE, Facts(), Allowed()))


def test_a_forgotten_schedule_is_not_deleted_and_fires_on(store: Store) -> None:
    assert forget_schedules(store, ["le*"], "ana").names == ("left",)

    plan = apply(store, KEPT)
    shift_clock(store.connection, HOUR)
    Scheduler(store, "one").step()

    assert (plan.changes, plan.forgotten) == ((), ("left",))
    queued = store.connection.lrange(KEYS.queue_list(KEYS.queue("default")), 0, -1)
    assert {run.decode().split("--")[2] for run in queued} == {"kept", "left"}


def test_its_spec_takes_it_back_where_it_is(store: Store) -> None:
    before = store.read().cursors
    forget_schedules(store, ["left"], "ana")

    plan = apply(store, BOTH)

    (change,) = plan.changes
    assert (change.address, change.adopts, change.fields, change.timing) == ("schedule.left", True, (), "keep")
    live = store.read()
    assert (live.forgotten, live.cursors["left"].pending) == (frozenset(), before["left"].pending)
    assert plan_for(store, BOTH).changes == ()
    assert [change.address for change in plan_for(store, KEPT).changes] == ["schedule.left"]


def test_who_says_that_it_had_the_name_takes_it_back_under_its_own(store: Store) -> None:
    before = store.read().cursors["left"]
    forget_schedules(store, ["left"], "ana")
    wanted = desired([schedule("kept", every=HOUR), schedule("right", every=HOUR)])
    wanted = replace(wanted, previous_names={"right": ("left",)})

    plan = plan_for(store, wanted)
    (change,) = plan.changes
    apply_plan(plan, store, "taken-back")

    assert (change.address, change.previous, change.adopts) == ("schedule.right", "schedule.left", True)
    assert (plan.imported, plan.changed) == (1, 1)
    live = store.read()
    assert (live.state.schedules.keys(), live.forgotten) == ({"kept", "right"}, frozenset())
    assert (live.cursors["right"].tick, plan_for(store, wanted).changes) == (before.tick, ())
    back = rollback_of(store, "taken-back")
    assert [(one.address, one.previous) for one in back.changes] == [("schedule.left", "schedule.right")]
    assert [check.hint for check in back.checks if check.name == "forgotten"] == ["flowerpower forget left"]


def test_what_has_the_name_it_had_before_is_left_where_both_are_live(store: Store) -> None:
    both = desired([schedule("kept", every=HOUR), schedule("left", every=HOUR)])
    kept = replace(desired([schedule("kept", every=HOUR)]), previous_names={"kept": ("left",)})
    apply(store, both)
    forget_schedules(store, ["left"], "ana")

    assert apply(store, kept).changes == ()
    assert store.read().forgotten == {"left"}


def test_all_are_forgotten_or_none_and_twice_is_once(store: Store) -> None:
    before = dump_keys(store.connection)

    with pytest.raises(UsageError, match="'lefd' is live") as caught:
        forget_schedules(store, ["kept", "lefd"], "ana")

    assert "left" in caught.value.hint
    assert dump_keys(store.connection) == before
    forget_schedules(store, ["left"], "ana")
    assert forget_schedules(store, ["left"], "bob").already == ("left",)
    entry = json.loads(store.connection.hget(KEYS.forgotten, "left") or "")
    assert entry["who"] == "ana"


def test_a_plan_that_was_made_before_deletes_nothing_that_was_forgotten_since(store: Store) -> None:
    plan = plan_for(store, KEPT)
    forget_schedules(store, ["left"], "ana")

    with pytest.raises(StalePlanError) as looked_at:
        check_fresh(plan, store.read())
    with pytest.raises(StalePlanError, match=r"schedule\.left"):
        apply_plan(plan, store, "two")

    assert looked_at.value.details == "schedule.left was forgotten since"
    assert store.read().state.schedules.keys() == {"kept", "left"}


def test_a_rollback_leaves_alone_what_was_forgotten(store: Store) -> None:
    renamed = replace(desired([schedule("kept", every=60), schedule("new")]), previous_names={"new": ("left",)})
    apply_plan(plan_for(store, renamed), store, "two")
    forget_schedules(store, ["new"], "ana")

    plan = rollback_of(store, "two")

    assert [change.name for change in plan.changes] == ["kept"]
    assert plan.forgotten == ("new",)


@pytest.mark.parametrize("changed", [False, True])
def test_a_rollback_says_what_had_been_forgotten_before_the_apply_took_it_back(store: Store, changed: bool) -> None:
    forget_schedules(store, ["left"], "ana")
    apply_plan(plan_for(store, KEPT), store, "without")
    back = desired([schedule("kept", every=HOUR), schedule("left", every=HOUR, **({"timeout": 7} if changed else {}))])
    apply_plan(plan_for(store, back), store, "taken-back")

    plan = rollback_of(store, "taken-back")

    (check,) = [check for check in plan.checks if check.name == "forgotten"]
    assert (check.verdict, check.hint) == ("warn", "flowerpower forget left")
    assert "left" in check.message
    apply_plan(plan, store, "back")
    forget_schedules(store, ["left"], "ana")
    assert plan_for(store, KEPT).changes == ()


def test_the_rollback_of_a_rollback_takes_back_again_what_that_had_given_up(store: Store) -> None:
    forget_schedules(store, ["left"], "ana")
    wanted = desired([schedule("kept", every=HOUR), schedule("left", every=HOUR, timeout=7)])
    apply_plan(plan_for(store, wanted), store, "taken-back")
    apply_plan(rollback_of(store, "taken-back"), store, "given-up")
    forget_schedules(store, ["left"], "ana")  # as its plan says

    plan = rollback_of(store, "given-up")
    apply_plan(plan, store, "done-again")

    (change,) = plan.changes
    assert (change.address, change.adopts, [one.name for one in change.fields]) == ("schedule.left", True, ["timeout"])
    assert store.read().forgotten == frozenset()
    assert plan_for(store, wanted).changes == ()
    (check,) = [check for check in rollback_of(store, "done-again").checks if check.name == "forgotten"]
    assert "left" in check.message


def test_the_rollback_of_a_rollback_leaves_alone_what_was_forgotten_for_another_reason(store: Store) -> None:
    apply_plan(plan_for(store, desired([schedule("kept"), schedule("left", every=HOUR, timeout=7)])), store, "changed")
    apply_plan(rollback_of(store, "changed"), store, "changed-back")
    forget_schedules(store, ["left"], "ana")

    assert [change.name for change in rollback_of(store, "changed-back").changes] == ["kept"]


@pytest.mark.parametrize("again", [True, False])
def test_the_rollback_of_a_rollback_takes_back_what_was_unchanged(store: Store, again: bool) -> None:
    forget_schedules(store, ["left"], "ana")
    wanted = desired([schedule("kept", every=HOUR, timeout=7), schedule("left", every=HOUR)])
    apply_plan(plan_for(store, wanted), store, "taken-back")
    apply_plan(rollback_of(store, "taken-back"), store, "given-up")
    if again:
        forget_schedules(store, ["left"], "ana")  # as its plan says
    pending = store.read().cursors["left"].pending

    plan = rollback_of(store, "given-up")
    apply_plan(plan, store, "done-again")

    assert [change.name for change in plan.changes if change.adopts] == ["left"] * again
    live = store.read()
    assert (live.forgotten, live.cursors["left"].pending) == (frozenset(), pending)
    assert plan_for(store, wanted).changes == ()


def test_the_rollback_of_a_rollback_and_of_what_came_after_it_takes_back_what_was_then(store: Store) -> None:
    forget_schedules(store, ["left"], "ana")
    wanted = desired([schedule("kept", every=HOUR, timeout=7), schedule("left", every=HOUR)])
    apply_plan(plan_for(store, wanted), store, "taken-back")
    apply_plan(rollback_of(store, "taken-back"), store, "given-up")
    later = desired([schedule("kept", every=HOUR), schedule("left", every=HOUR, timeout=9)])
    apply_plan(plan_for(store, later), store, "later")
    forget_schedules(store, ["left"], "ana")

    apply_plan(rollback_of(store, "given-up"), store, "done-again")

    assert plan_for(store, wanted).changes == ()


@pytest.mark.parametrize("damage", ["record", "run spec"])
def test_a_damaged_schedule_that_was_forgotten_stands_in_no_rollbacks_way(store: Store, damage: str) -> None:
    forget_schedules(store, ["left"], "ana")
    wanted = desired([schedule("kept", every=HOUR, timeout=7), schedule("left", every=HOUR)])
    apply_plan(plan_for(store, wanted), store, "taken-back")
    apply_plan(rollback_of(store, "taken-back"), store, "given-up")
    forget_schedules(store, ["left"], "ana")
    if damage == "record":
        store.connection.hset(KEYS.schedules, "left", "{")
    else:
        store.connection.hdel(KEYS.specs, store.read().state.schedules["left"].run)

    plan = rollback_of(store, "given-up")

    assert [change.name for change in plan.changes] == ["kept"]
