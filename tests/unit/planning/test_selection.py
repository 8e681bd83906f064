"""A part of a plan: what patterns take, and that a part is never a whole."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.case_plans import plan_of_case

from flowerpower.apply import apply_plan
from flowerpower.errors import UsageError
from flowerpower.planned import PlannedChanges
from flowerpower.planning.guards import Allowed
from flowerpower.planning.selection import Selection, select, unmatched
from flowerpower.render.plan_json import plan_dict
from flowerpower.render.plan_markdown import plan_markdown
from flowerpower.render.plan_text import plan_text
from flowerpower.state.store import Store

CASES = Path(__file__).resolve().parents[2] / "cases" / "render"
EVERYTHING, RENAMED = plan_of_case(CASES / "everything"), plan_of_case(CASES / "renamed")


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("schedule.nightly_sales", {"schedule.nightly_sales"}),
        ("nightly_sales", {"schedule.nightly_sales"}),
        ("*_sales", {"schedule.nightly_sales", "pipeline.daily_sales"}),
        ("schedule.*_sales", {"schedule.nightly_sales"}),
        ("pipeline.*", {"pipeline.daily_sales"}),
        ("Nightly_Sales", set()),
    ],
)
def test_a_pattern_takes_addresses_and_names(pattern: str, taken: set[str]) -> None:
    shown = select(EVERYTHING, Selection(targets=(pattern,)))
    others = select(EVERYTHING, Selection(excluded=(pattern,)))

    assert {change.address for change in shown.changes} == taken
    assert {change.address for change in others.changes} == {change.address for change in EVERYTHING.changes} - taken
    assert shown.left_out == len(EVERYTHING.changes) - len(taken)


def test_a_renamed_schedule_is_found_by_both_of_its_names() -> None:
    for name in ("nightly", "nightly_sales"):
        assert len(select(RENAMED, Selection(targets=(f"schedule.{name}",))).changes) == 1


def test_a_pattern_that_matches_what_stays_as_it_is_is_no_mistake() -> None:
    assert unmatched(EVERYTHING, Selection(targets=("vendor_sync", "*", "nothing*"))) == ["nothing*"]
    with pytest.raises(UsageError, match="nothing has an address like 'nothing'"):
        PlannedChanges(EVERYTHING, "sha256:0", Allowed()).only(Selection(excluded=("nothing",)))


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("schedule.nigthly_sales", "did you mean 'schedule.nightly_sales'?"),
        ("schedules.nightly_sales", "did you mean 'schedule.nightly_sales'?"),
        ("nigthly_sales", "did you mean 'nightly_sales'?"),
        ("xyzzy", "an address is schedule.NAME or pipeline.NAME; a * in it stands for any letters"),
    ],
)
def test_a_pattern_that_matches_nothing_is_told_with_the_nearest_address(pattern: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        PlannedChanges(EVERYTHING, "sha256:0", Allowed()).only(Selection(targets=(pattern,)))

    assert caught.value.hint == hint


@given(st.lists(st.sampled_from(["*", "nightly*", "pipeline.*", "schedule.?*", "weekly_report"]), min_size=1))
def test_targets_and_exclusions_share_a_plan_between_them(patterns: list[str]) -> None:
    taken = select(EVERYTHING, Selection(targets=tuple(patterns))).changes
    left = select(EVERYTHING, Selection(excluded=tuple(patterns))).changes

    assert not set(map(id, taken)) & set(map(id, left))
    assert len(taken) + len(left) == len(EVERYTHING.changes)


@pytest.mark.parametrize("pattern", ["nightly_sales", "*"])
def test_a_part_says_so_everywhere_and_is_good_for_nothing_but_reading(pattern: str) -> None:
    part = PlannedChanges(EVERYTHING, "sha256:0123456789", Allowed()).only(Selection(targets=(pattern,)))

    document, comment = plan_dict(part.plan, plan_hash="sha256:1"), plan_markdown(part.plan, plan_hash="sha256:1")

    assert (document["complete"], document["applyable"], document["plan_hash"], part.hash) == (False, False, "", "")
    assert '"plan_hash": ""' in comment
    assert '"truncated": true' in comment
    assert "this is a part of the plan" in plan_text(part.plan, width=200)
    assert not part.plan.applicable
    with pytest.raises(UsageError, match="not saved"):
        part.to_file()
    with pytest.raises(UsageError, match="a part of a plan cannot be applied"):
        apply_plan(part.plan, cast("Store", None), "id")
