"""The diff is a pure function: two values in, one out."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from support.readings import EMPTY, NOW, applied
from support.states import KEYS, SOURCE, desired, desired_states, pipeline, schedule

from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import InFlight
from flowerpower.state.desired import with_occurrence
from flowerpower.state.models import Cursor, Desired, Hold, Run, State


@given(wanted=desired_states())
def test_what_is_applied_needs_no_change(wanted: Desired) -> None:
    assert make_plan(KEYS, wanted, applied(wanted), SOURCE).changes == ()


@given(before=desired_states(), after=desired_states())
def test_each_side_alone_is_a_create_or_a_delete_and_deletes_come_first(before: Desired, after: Desired) -> None:
    plan = make_plan(KEYS, after, applied(before), SOURCE)

    actions = {change.address: change.action for change in plan.changes}
    old, new = before.state.schedules.keys(), after.state.schedules.keys()
    assert {f"schedule.{name}" for name in new - old} == {
        address for address, action in actions.items() if action == "create" and address.startswith("schedule.")
    }
    assert {f"schedule.{name}" for name in old - new} == {
        address for address, action in actions.items() if action == "delete" and address.startswith("schedule.")
    }
    order = [change.action == "delete" for change in plan.changes]
    assert order == sorted(order, reverse=True)


def test_a_change_of_the_pipelines_code_updates_the_schedules_that_run_it() -> None:
    (wanted, spec) = schedule("a")
    newer = replace(wanted, basis="other", digest="other", run="r2")
    after = replace(desired([(newer, spec)], [pipeline("report", code="b" * 64)]), run_specs={"r2": spec})

    plan = make_plan(KEYS, after, applied(desired([(wanted, spec)], [pipeline("report")])), SOURCE)

    reasons = {change.address: [field.reason for field in change.fields] for change in plan.changes}
    assert reasons == {"pipeline.report": ["code"], "schedule.a": ["pipeline"]}


def test_a_held_schedule_stays_held_and_its_spec_still_changes() -> None:
    held = {"a": Hold("ana", "vendor outage", NOW - 60)}
    live = applied(desired([schedule("a")]))
    live = replace(
        live,
        holds=held,
        cursors={"a": Cursor(NOW, 1, None)},
        state=State({"a": replace(live.state.schedules["a"], occurrence=None)}),
    )

    plan = make_plan(KEYS, desired([schedule("a", timeout=9)]), live, SOURCE)

    (change,) = plan.changes
    assert [field.name for field in change.fields] == ["timeout"]
    assert change.timing == "none"
    assert plan.held == held


def test_a_schedule_that_is_firing_is_not_called_drift() -> None:
    wanted = desired([schedule("a")])
    gone = State({"a": replace(wanted.state.schedules["a"], occurrence=None)})

    assert make_plan(KEYS, wanted, applied(wanted, state=gone, firing=frozenset({"a"})), SOURCE).changes == ()
    (change,) = make_plan(KEYS, wanted, applied(wanted, state=gone), SOURCE).changes
    assert change.drifted


def test_runs_in_flight_are_counted_where_a_schedule_changes() -> None:
    runs = [Run("1", "a", 1, 0, 0), Run("2", "a", 2, 1, 0, "execution"), Run("3", "b", 3, 1, 0)]
    live = applied(desired([schedule("a")]), active={run.id: run for run in runs}, waiting={"a": 2, "b": 5})

    (change,) = make_plan(KEYS, desired([schedule("a", timeout=9)]), live, SOURCE).changes

    assert change.in_flight == InFlight(queued=1, running=1, waiting=2)


def test_a_changed_trigger_says_what_happens_at_the_cut_over() -> None:
    before = desired([schedule("a", cron="0 2 * * *")])
    at_one = 1_800_000_000 // 86400 * 86400 + 3600
    live = replace(applied(before), now=at_one)

    (change,) = make_plan(KEYS, desired([schedule("a", cron="30 0 * * *")]), live, SOURCE).changes

    assert change.fires is not None
    assert change.fires.verdict == "skipped"
    assert change.fires.lost[0] == at_one + 3600
    assert change.fires.after[0] == at_one + 23 * 3600 + 1800


def test_an_exhausted_schedule_waits_for_nothing() -> None:
    plan = make_plan(KEYS, desired([schedule("past", at="2001-01-01T00:00:00")]), EMPTY, SOURCE)

    assert plan.after.schedules["past"].occurrence is None


def test_the_pending_tick_is_kept_while_only_other_fields_change() -> None:
    wanted = desired([schedule("a", every=3600)])
    live = applied(wanted)
    later = with_occurrence(KEYS, wanted.state.schedules["a"], NOW // 3600 * 3600 + 7200)
    cursor = Cursor(NOW, 1, later.occurrence.id if later.occurrence else None)
    live = replace(live, state=State({"a": later}), cursors={"a": cursor})

    (change,) = make_plan(KEYS, desired([schedule("a", every=3600, timeout=9)]), live, SOURCE).changes

    assert change.timing == "keep"
    assert change.after is not None
    assert change.after.occurrence.id == cursor.pending
