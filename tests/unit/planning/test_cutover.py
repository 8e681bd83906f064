"""A cut-over that got worse since the plan was approved, for fleets of every size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.planning.cutover import worse_cut_over
from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import Fires, Plan
from flowerpower.state.models import Head, Reading, State

TICK = 1_800_000_000  # 2027-01-15 08:00 UTC


def plan(**verdicts: str) -> Plan:
    """Return a plan that changes a schedule for each verdict."""
    base = make_plan(
        KEYS,
        desired([schedule(name, timeout=99) for name in verdicts]),
        Reading(TICK, Head(1), State({name: schedule(name)[0] for name in verdicts}), {}, {}),
        SOURCE,
    )
    fires = {name: Fires("UTC", lost=(TICK,), gained=(TICK + 60,), verdict=word) for name, word in verdicts.items()}
    return replace(base, changes=tuple(replace(change, fires=fires[change.name]) for change in base.changes))


@pytest.mark.parametrize(
    ("approved", "now", "refused"),
    [
        ("none", "skipped", True),
        ("none", "twice", True),
        ("moved", "skipped", True),
        ("skipped", "twice", True),
        ("twice", "skipped", True),
        ("none", "moved", False),
        ("skipped", "skipped", False),
        ("skipped", "none", False),
        ("twice", "moved", False),
    ],
)
def test_only_what_got_worse_is_refused(approved: str, now: str, refused: bool) -> None:
    assert bool(worse_cut_over(plan(a=approved), plan(a=now))) == refused


@pytest.mark.parametrize("size", [0, 1, 2, 9, 10, 1000])
def test_it_counts_and_names_and_says_the_way_past(size: int) -> None:
    names = [f"s{number}" for number in range(size)]
    before: dict[str, Any] = dict.fromkeys(names, "none")
    after: dict[str, Any] = dict.fromkeys(names, "skipped")

    found = worse_cut_over(plan(**before), plan(**after))

    assert bool(found) == bool(size)
    if size:
        (check,) = found
        assert (check.name, check.verdict) == ("cut-over", "refuse")
        assert check.message.startswith(f"{size:,} cut-over")
        assert "s0 was untouched, now 2027-01-15 08:00 UTC is skipped" in check.message
        assert "--accept-cutover" in check.hint
        assert len(check.message) < 500
    assert worse_cut_over(plan(**before), plan(**after), accepted=True) == ()


def test_what_was_not_in_the_approved_plan_was_not_said_to_skip_anything() -> None:
    assert worse_cut_over(plan(b="none"), plan(a="twice", b="none"))


def test_a_change_is_found_again_by_its_address_and_one_that_went_away_is_no_matter() -> None:
    assert worse_cut_over(plan(a="skipped", b="none"), plan(b="none")) == ()
    assert worse_cut_over(plan(a="skipped", b="none"), plan(a="none", b="skipped"))
