"""How a plan is laid out: in which order, what is told together, what takes a line, and that nothing gets lost."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support.case_plans import plan_of_case
from support.states import KEYS, schedule

from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import Change, FieldChange, Plan
from flowerpower.render.pieces import Group, ordered, pieces
from flowerpower.render.plan_markdown import LIMIT, plan_markdown
from flowerpower.render.plan_text import plan_text
from flowerpower.state.models import Cursor, Desired, Head, Hold, Reading, Record, Source, State

CASES = Path(__file__).resolve().parents[2] / "cases" / "render"
ALL = sorted(path.name for path in CASES.iterdir())
NOW = 1_795_454_400


def plan_of(before: Sequence[str], after: Sequence[str]) -> Plan:
    """Return the plan from schedules of one rhythm to those of another, by names."""
    olds = {name: schedule(name, cron="0 4 * * *")[0] for name in before}
    made = {name: schedule(name, cron="30 5 * * *") for name in after}
    reading = Reading(
        NOW,
        Head(generation=3, commit="a" * 40),
        State(olds, {}),
        {f"schedule.{name}": Record(1, "s") for name in olds},
        {name: Cursor(NOW - 60, 1, None) for name in olds},
    )
    wanted = State({name: new for name, (new, _) in made.items()}, {})
    places = {f"schedule.{name}": f"schedules/{name}.yaml:1:1" for name in made}
    return make_plan(KEYS, Desired(wanted, {new.run: run for new, run in made.values()}, places), reading, Source())


def names(prefix: str, number: int) -> list[str]:
    return [f"{prefix}_{position:05}" for position in range(number)]


@pytest.mark.parametrize("case", ALL)
def test_every_change_is_in_exactly_one_piece(case: str) -> None:
    plan = plan_of_case(CASES / case)

    told = [change for piece in pieces(plan) for change in (piece.changes if isinstance(piece, Group) else (piece,))]

    assert sorted(told, key=lambda change: change.address) == sorted(plan.changes, key=lambda change: change.address)


@pytest.mark.parametrize("case", ALL)
def test_a_comment_that_is_not_cut_names_every_change_in_its_details(case: str) -> None:
    plan = plan_of_case(CASES / case)

    details = plan_markdown(plan).partition("Field by field")[2]

    assert not [change.address for change in plan.changes if not re.search(rf"\b{change.name}\b", details)]


def test_what_is_lost_comes_first() -> None:
    order = [(change.action, change.name) for change in ordered(plan_of_case(CASES / "everything").changes)]

    assert order == [
        ("delete", "legacy_export"),
        ("update", "nightly_sales"),  # tonight's run is skipped
        ("update", "weekly_report"),  # drift
        ("update", "daily_sales"),
        ("create", "hourly_import"),
    ]


def test_schedules_that_run_a_changed_pipeline_are_told_together_with_their_runs() -> None:
    pipeline, group = pieces(plan_of_case(CASES / "code_only"))

    assert isinstance(pipeline, Change)
    assert isinstance(group, Group)
    assert (group.pipeline, len(group.changes), group.cancels) == ("daily_sales", 40, False)
    assert (group.in_flight.running, group.in_flight.queued) == (1, 1)
    assert group.first
    assert group.first.name == "sales_br_00"


def test_one_schedule_that_runs_a_changed_pipeline_is_told_alone() -> None:
    plan = plan_of_case(CASES / "code_only")
    few = [change for change in plan.changes if change.kind == "pipeline" or change.name == "sales_us_04"]

    assert all(isinstance(piece, Change) for piece in pieces(replace(plan, changes=tuple(few))))


def test_a_group_of_which_none_fires_names_no_first_run() -> None:
    plan = plan_of_case(CASES / "code_only")
    quiet = tuple(
        replace(change, fires=change.fires and replace(change.fires, before=(), after=())) for change in plan.changes
    )

    assert "fires   unchanged\n" in plan_text(replace(plan, changes=quiet))


def test_many_new_schedules_take_a_line_each_and_a_few_are_told_at_length() -> None:
    few, many = (plan_text(plan_of([], names("new", number)), width=100) for number in (8, 9))

    assert "      + cron: " in few
    assert "      + cron: " not in many
    assert many.count("  + schedule.new_0000") == 9


def test_very_many_changes_take_a_line_each_unless_all_of_it_is_wanted() -> None:
    plan = plan_of(names("job", 31), names("job", 31))

    assert plan_text(plan, width=100).count('  cron: "0 4 * * *" -> "30 5 * * *"') == 31
    assert plan_text(plan, concise=False).count('      ~ cron: "0 4 * * *" -> "30 5 * * *"\n') == 31


@pytest.mark.parametrize("number", [600, 3_000])
def test_a_comment_on_many_changes_shows_all_or_says_that_it_was_cut(number: int) -> None:
    plan = plan_of(names("job", number), names("job", number - 50))

    comment = plan_markdown(plan, plan_hash="sha256:0")

    header = json.loads(comment.splitlines()[0].removeprefix("<!-- flowerpower ").removesuffix(" -->"))
    shown = sum(f"@@ schedule.{change.name} @@" in comment for change in plan.changes)
    assert len(comment) <= LIMIT
    assert header["truncated"] is (number > 2_000) is (header["plan_hash"] == "") is (shown == 0)
    assert shown in (0, number)


def test_a_thousand_holds_and_accidents_do_not_push_the_table_out() -> None:
    plan = plan_of(names("job", 1_000), names("job", 1_000))
    lost = tuple(
        replace(change, fires=change.fires and replace(change.fires, verdict="skipped", lost=(NOW + 60,)))
        for change in plan.changes
    )
    holds = {name: Hold("ana", "outage", NOW) for name in names("job", 1_000)}
    plan = replace(plan, changes=lost, held=holds)

    text, comment = plan_text(plan), plan_markdown(plan)

    assert "and 980 more schedules held" in text
    assert "and 980 more schedules held" in comment
    assert "and 995 more fires skipped or doubled" in text
    assert "**1,000 fires will be skipped**" in comment
    assert "| What |" in comment


def test_a_name_of_wide_letters_keeps_its_column_and_values_from_right_to_left_stand_apart() -> None:
    plan = plan_of_case(CASES / "letters")

    text, comment = plan_text(plan, width=100), plan_markdown(plan)

    assert '~ inputs.部署:  "営業部"' in text
    assert '~ inputs.title: "' in text
    assert not [line for line in [*text.splitlines(), *comment.splitlines()] if "שלום" in line and "טוב" in line]


def test_of_very_many_changes_the_first_take_a_line_and_the_rest_is_counted() -> None:
    plan = plan_of(names("old", 250), names("new", 1300))

    lines = plan_text(plan).split("\n")

    assert [sum(line.startswith(f"  {sign} schedule.") for line in lines) for sign in "+-"] == [100, 100]
    assert "  + and 1,200 more created; --concise lists them all, --format json in full" in lines
    assert "  - and 150 more deleted; --concise lists them all, --format json in full" in lines
    for concise in (True, False):
        text = plan_text(plan, concise=concise)
        assert [change.address for change in plan.changes if f"{change.address} " not in text] == []
        assert "more created" not in text


def test_what_is_managed_again_has_a_line_too() -> None:
    plan = plan_of(names("job", 1), names("job", 1))
    plan = replace(plan, changes=tuple(replace(change, adopts=True) for change in plan.changes))

    assert "  = schedule.job" in plan_text(plan, concise=True)


def test_what_drifted_is_never_only_counted() -> None:
    plan = plan_of(names("same", 300), names("same", 300))
    drift = FieldChange("timeout", 1, 1, 2, "drift")
    changes = [replace(change, fields=(*change.fields, drift)) for change in plan.changes[-150:]]
    plan = replace(plan, changes=(*plan.changes[:-150], *changes))

    text = plan_text(plan)

    assert all(f"  ! {change.address} " in text or f"  ~ {change.address} " in text for change in changes)
    assert "and 150 more changed" in text
