"""A schedule that goes while one that does the same comes: when the plan may call that a rename."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.states import KEYS, SOURCE, desired, pipeline, schedule

from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import Plan
from flowerpower.planning.renames import likely_renames, renamed_back
from flowerpower.render.notes import side_notes
from flowerpower.render.plan_json import plan_dict
from flowerpower.state.models import Cursor, Desired, Head, Reading, Record

Named = tuple[str, dict[str, Any]]
EU, US = {"inputs": {"region": "EU"}}, {"inputs": {"region": "US"}}
NOW = 1_795_454_400


def plan_of(before: Desired, after: Desired) -> Plan:
    """Return the plan between two wanted states, the first of which is applied."""
    live = before.state
    names = [f"schedule.{name}" for name in live.schedules] + [f"pipeline.{name}" for name in live.pipelines]
    cursors = {name: Cursor(NOW - 60, 1, None) for name in live.schedules}
    reading = Reading(NOW, Head(generation=3), live, {name: Record(1, "seal") for name in names}, cursors)
    return make_plan(KEYS, after, reading, SOURCE)


def pairs(before: Iterable[Named], after: Iterable[Named]) -> list[tuple[str, str]]:
    sides = [desired([schedule(name, **fields) for name, fields in side]) for side in (before, after)]
    return [(one.old, one.new) for one in likely_renames(plan_of(*sides).changes)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({}, {}, id="the same spec"),
        pytest.param({}, {"timeout": 9, "queue": "heavy"}, id="the same work at the same time, done otherwise"),
        pytest.param({"cron": "@daily"}, {"cron": "0 0 * * *"}, id="the same times in other words"),
        pytest.param(EU, {**EU, "cron": "30 5 * * *"}, id="the same work, told by its inputs, at another time"),
    ],
)
def test_one_that_goes_and_one_that_comes_to_do_the_same_look_like_a_rename(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert pairs([("old", old), ("other", {"every": 60})], [("new", new), ("other", {"every": 60})]) == [("old", "new")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([("eu", EU)], [("us", US)], id="other inputs are other work"),
        pytest.param([("daily", {})], [("hourly", {"every": 3600})], id="no inputs, and another time"),
        pytest.param([("a", {})], [("b", {"pipeline": "sales"})], id="another pipeline"),
        pytest.param([("a", {})], [("b", {}), ("c", {})], id="nobody knows which"),
        pytest.param([("a", {}), ("b", {})], [("c", {})], id="nobody knows of which"),
        pytest.param([("a", {})], [("a", {}), ("c", {})], id="it is still there"),
        pytest.param([], [("c", {})], id="nothing goes"),
    ],
)
def test_what_may_be_another_schedule_is_not_called_renamed(before: list[Named], after: list[Named]) -> None:
    assert pairs(before, after) == []


def test_the_more_alike_are_a_pair_before_the_less_alike() -> None:
    before, after = [("a", {"timeout": 5}), ("b", {"timeout": 6})], [("c", {"timeout": 6}), ("d", {"timeout": 7})]

    assert pairs(before, after) == [("a", "d"), ("b", "c")]


def test_a_schedule_may_be_renamed_with_its_pipeline() -> None:
    old, new = ({**EU, "pipeline": name} for name in ("sales", "turnover"))
    before = desired([schedule("eu", **old)], [pipeline("sales")])

    assert likely_renames(plan_of(before, desired([schedule("europe", **new)], [pipeline("turnover")])).changes)
    assert not likely_renames(
        plan_of(before, desired([schedule("europe", **new)], [pipeline("turnover", "1")])).changes
    )


def test_the_note_holds_the_line_to_write_and_the_file_it_belongs_into() -> None:
    wanted = desired([schedule("new", timeout=9)])
    plan = plan_of(
        desired([schedule("old")]), Desired(wanted.state, wanted.run_specs, {"schedule.new": "s/new.yaml:3:1"})
    )

    (note,) = [note for note in side_notes(plan) if "renamed" in note]
    assert note == (
        "schedule old looks renamed to new; its timeout differs. To keep its last fire, history and holds, write "
        "`previous_names: [old]` in s/new.yaml"
    )


def test_the_document_tells_of_every_likely_rename_and_says_nothing_of_none() -> None:
    before, after = (desired([schedule(f"{name}{at}", every=60 + at) for at in range(8)]) for name in "ab")

    found = plan_dict(plan_of(before, after))["likely_renames"]

    assert found[0] == {"previous_address": "schedule.a0", "address": "schedule.b0", "differs": []}
    assert len(found) == 8
    assert "likely_renames" not in plan_dict(plan_of(before, before))


def test_of_many_renames_the_first_are_told_and_the_others_counted() -> None:
    before, after = (desired([schedule(f"{name}{at}", every=60 + at) for at in range(8)]) for name in "ab")

    notes = [note for note in side_notes(plan_of(before, after)) if "renamed" in note]

    assert (len(notes), notes[-1]) == (6, "3 more schedules look renamed too")


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from([{}, EU, US, {"timeout": 5}, {"every": 60}, {**EU, "every": 60}]), max_size=8),
    split=st.integers(0, 8),
)
def test_no_schedule_is_in_two_pairs_and_each_pair_does_the_same_work(kinds: list[dict[str, Any]], split: int) -> None:
    named = [(f"s{number}", kind) for number, kind in enumerate(kinds)]

    found = pairs(named[:split], named[split:])

    taken = [name for pair in found for name in pair]
    assert len(taken) == len(set(taken))
    works = {name: kind.get("inputs") for name, kind in named}
    assert all(works[old] == works[new] for old, new in found)


@pytest.mark.parametrize(
    ("live", "wanted", "written", "got", "expected"),
    [
        pytest.param(["b"], ["a"], {}, {"a": "b"}, {"a": ("b",)}, id="a revert"),
        pytest.param(["c"], ["a"], {}, {"a": "b", "b": "c"}, {"a": ("c",)}, id="of two renames"),
        pytest.param(
            ["b"], ["a"], {"a": ("z",)}, {"a": "b"}, {"a": ("z", "b")}, id="of one that had another name before"
        ),
        pytest.param(["b"], ["a"], {}, {}, {}, id="nobody renamed it"),
        pytest.param(["b"], ["a", "b"], {}, {"a": "b"}, {}, id="it stays, and another comes"),
        pytest.param(["a", "b"], ["a"], {}, {"a": "b"}, {}, id="both are live"),
        pytest.param(["b"], ["a"], {}, {"a": "c", "c": "a"}, {}, id="names that go round"),
        pytest.param(["b"], ["a"], {}, {"a": "gone"}, {}, id="it was deleted since"),
        pytest.param(["b"], ["a", "n"], {"n": ("b",)}, {"a": "b"}, {"n": ("b",)}, id="a spec says who goes on"),
        pytest.param(["x"], ["a"], {}, {"a": "x"}, {}, id="it runs another pipeline"),
        pytest.param(
            ["b"], ["n"], {"n": ("a",)}, {"a": "b"}, {"n": ("a", "b")}, id="somebody gave it another name first"
        ),
        pytest.param(
            ["c"], ["n"], {"n": ("z", "a")}, {"a": "b", "b": "c"}, {"n": ("z", "a", "c")}, id="and so did a third one"
        ),
        pytest.param(["x"], ["n"], {"n": ("a",)}, {"a": "x"}, {"n": ("a",)}, id="which runs another pipeline"),
        pytest.param(["a", "b"], ["n"], {"n": ("a",)}, {"a": "b"}, {"n": ("a",)}, id="the one it names is there"),
    ],
)
def test_a_revert_of_a_rename_is_a_rename_back(
    live: list[str],
    wanted: list[str],
    written: dict[str, tuple[str, ...]],
    got: dict[str, str],
    expected: dict[str, tuple[str, ...]],
) -> None:
    made = [schedule(name, pipeline="other" if name == "x" else "report") for name in live]
    reading = Reading(NOW, Head(generation=3), desired(made).state, {}, {})
    specs = replace(desired([schedule(name) for name in wanted]), previous_names=written)

    assert renamed_back(specs, reading, got).previous_names == expected
