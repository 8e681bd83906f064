"""How far a change reaches, and what is drawn of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.dataflow.sketch import Mark, Needs, Sketch, downstream, needs_of, sketch

NAMES = [f"n{number}" for number in range(8)]
graphs = st.dictionaries(st.sampled_from(NAMES), st.frozensets(st.sampled_from(NAMES), max_size=3))
acyclic = graphs.map(
    lambda needs: {name: frozenset(need for need in some if need < name) for name, some in needs.items()}
)
marks = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["added", "removed", "changed", "touched"]), min_size=1)


def needs_it(needs: Needs, name: str, seed: str, seen: frozenset[str] = frozenset()) -> bool:
    """Say slowly whether a node needs another, by trying every way."""
    return any(
        need == seed or (need not in seen and needs_it(needs, need, seed, seen | {need}))
        for need in needs.get(name, ())
    )


@given(needs=graphs, seeds=st.frozensets(st.sampled_from(NAMES)))
def test_downstream_is_what_needs_a_seed_by_any_way(needs: Needs, seeds: frozenset[str]) -> None:
    naive = [name for name in sorted(needs) if name not in seeds and any(needs_it(needs, name, seed) for seed in seeds)]

    assert downstream(needs, seeds) == tuple(naive)


def test_a_long_chain_is_walked_to_its_end() -> None:
    needs = {f"n{number + 1}": [f"n{number}"] for number in range(5000)}

    assert len(downstream(needs, ["n0"])) == 5000


@given(before=graphs, after=acyclic, marks=marks, most=st.integers(1, 10))
def test_a_sketch_is_small_and_its_links_are_true(
    before: Needs, after: Needs, marks: dict[str, Mark], most: int
) -> None:
    reached = downstream(after, marks)
    drawn = sketch(before, after, marks, reached[-2:], most)

    assert len(drawn.nodes) <= most
    assert {name: mark for name, mark in drawn.nodes.items() if mark != "plain"}.items() <= marks.items()
    for start, end, kind in drawn.links:
        assert {start, end} <= drawn.nodes.keys()
        if kind == "removed":
            assert start in before[end]
            assert start not in after.get(end, ())
        elif kind == "through":
            assert start not in after[end]
            assert needs_it(after, end, start)
        else:
            assert start in after[end]


@given(after=acyclic, marks=marks)
def test_a_way_from_a_change_to_an_output_can_be_followed_in_the_drawing(after: Needs, marks: dict[str, Mark]) -> None:
    reached = downstream(after, marks)
    drawn = sketch(after, after, marks, reached[-1:], 100)

    shown = {end: {start for start, other, _ in drawn.links if other == end} for end in drawn.nodes}
    for output in drawn.outputs:
        assert any(needs_it(shown, output, mark) for mark in marks)


CHAIN = {name: [need] for need, name in zip("abcdefg", "bcdefgh", strict=True)}


def test_what_lies_between_a_change_and_its_output_is_a_dotted_arrow() -> None:
    drawn = sketch(CHAIN, CHAIN, {"b": "changed"}, ["h"], 40)

    assert drawn.nodes == {"b": "changed", "h": "plain", "a": "plain", "c": "plain"}
    assert set(drawn.links) == {("a", "b", "kept"), ("b", "c", "kept"), ("c", "h", "through")}
    assert drawn.outputs == ("h",)


def test_a_direct_way_makes_a_way_past_hidden_nodes_needless() -> None:
    needs = {"near": ["changed"], "hidden": ["near"], "out": ["hidden", "near"]}

    drawn = sketch(needs, needs, {"changed": "changed"}, ["out"], 40)

    assert set(drawn.links) == {("changed", "near", "kept"), ("near", "out", "kept")}


def test_a_need_that_comes_or_goes_is_told_apart() -> None:
    before, after = {"a": [], "b": ["a"], "c": ["a"]}, {"b": [], "c": ["b"], "d": ["c"]}

    drawn = sketch(before, after, {"a": "removed", "b": "changed", "c": "changed", "d": "added"}, (), 40)

    assert set(drawn.links) == {("a", "b", "removed"), ("a", "c", "removed"), ("b", "c", "added"), ("c", "d", "kept")}


@pytest.mark.parametrize(("most", "left_out"), [(40, 0), (3, 1), (1, 3)])
def test_what_is_left_out_is_counted(most: int, left_out: int) -> None:
    drawn = sketch(CHAIN, CHAIN, {"b": "changed"}, ["h"], most)

    assert list(drawn.nodes) == ["b", "h", "a", "c"][:most]
    assert drawn.left_out == left_out


def test_nodes_that_differ_come_before_those_that_are_only_touched() -> None:
    assert list(sketch(CHAIN, CHAIN, {"a": "touched", "g": "changed", "b": "touched"}, (), 2).nodes) == ["g", "a"]


def test_a_graph_with_a_cycle_is_drawn_without_ways_past_hidden_nodes() -> None:
    circle = {**CHAIN, "a": ["h"]}

    assert {kind for _, _, kind in sketch(circle, circle, {"b": "changed"}, ["g"], 40).links} == {"kept"}


def test_without_marks_there_is_nothing_to_draw() -> None:
    assert sketch(CHAIN, CHAIN, {}, (), 40) == Sketch()
    assert needs_of([]) == {}
