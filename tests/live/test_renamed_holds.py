"""A hold follows its schedule to another name, and so do the ticks under it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.holds import HELD, HOUR, outcomes, pause, resume
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.by_hand.forget import forget_schedules
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed, Facts
from flowerpower.planning.managed import managed
from flowerpower.planning.plan import Plan
from flowerpower.planning.rollback import RollbackContext, plan_rollback
from flowerpower.state.history import read_steps
from flowerpower.state.store import Store


def apply(store: Store, wanted: Any, apply_id: str = "apply") -> None:
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, apply_id)


def rollback_of(store: Store, apply_id: str) -> Plan:
    context = RollbackContext(SOURCE, Facts(), Allowed(empty=True, deletes="100%"))
    return plan_rollback(KEYS, read_steps(store, apply_id), store.read(), context)


@pytest.mark.parametrize(("timing", "counts"), [({"every": HOUR}, [4]), ({"cron": "15,45 * * * *"}, [2, 4])])
def test_the_ticks_under_a_hold_are_told_under_the_new_name(store: Store, timing: Any, counts: list[int]) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    pause(store, "often")
    shift_clock(store.connection, 2 * HOUR)
    renamed = desired([schedule("frequent", **timing)])
    apply(store, replace(renamed, previous_names={"frequent": ("often",)}))
    shift_clock(store.connection, 2 * HOUR)

    resume(store, "frequent")

    assert [(count, reason) for _, _, count, _, reason in outcomes(store, "frequent")] == [(n, HELD) for n in counts]
    assert store.read().state.schedules["frequent"].occurrence is not None


def test_a_hold_that_went_with_its_schedule_comes_back_under_the_name_before(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR), schedule("other")]))
    for old, new in (("often", "frequent"), ("frequent", "hourly")):
        renamed = desired([schedule(new, every=HOUR), schedule("other")])
        apply(store, replace(renamed, previous_names={new: (old,)}), f"now-{new}")
    pause(store, "hourly")
    apply(store, desired([schedule("other")]), "without")

    plan = rollback_of(store, "now-frequent")
    apply_plan(plan, store, "back")

    assert plan.held.keys() == {"often"}
    live = store.read()
    assert (live.holds.keys(), live.state.schedules["often"].occurrence) == ({"often"}, None)


def test_what_was_taken_back_after_a_rename_is_told_by_the_name_before(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR), schedule("other")]))
    renamed = desired([schedule("frequent", every=HOUR), schedule("other")])
    renamed = replace(renamed, previous_names={"frequent": ("often",)})
    apply(store, renamed, "renamed")
    forget_schedules(store, ["frequent"], "ana")
    apply_plan(make_plan(KEYS, renamed, managed(store.read(), renamed), SOURCE), store, "taken-back")

    hints = [check.hint for check in rollback_of(store, "renamed").checks if check.name == "forgotten"]

    assert hints == ["flowerpower forget often"]


def test_a_name_that_is_given_back_in_one_step_is_told_and_in_two_gives_all_back(store: Store) -> None:
    apply(store, desired([schedule("sales"), schedule("costs")]))
    apply(store, desired([schedule("sales")]), "without")
    apply(store, replace(desired([schedule("costs")]), previous_names={"costs": ("sales",)}), "renamed")

    (told,) = [check for check in rollback_of(store, "without").checks if check.name == "renames"]
    assert told.message == "sales starts anew: its history and its hold stay with costs, which is what it was"
    assert told.hint == "to give them back, undo the rename first: flowerpower rollback renamed"
    apply_plan(rollback_of(store, "renamed"), store, "back-one-step")
    plan = rollback_of(store, "without")

    assert [(change.action, change.name) for change in plan.changes] == [("create", "costs")]
    assert "renames" not in [check.name for check in plan.checks]
