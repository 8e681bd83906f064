"""A graph that is drawn smaller says the same of what needs what, and can still be read from top to bottom."""

from __future__ import annotations

from graphlib import TopologicalSorter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerpower.dataflow.collapse import Collapsed, Needs, collapse


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Return a graph without cycles: each node needs some of those before it."""
    size = draw(st.integers(1, 120))
    nearness = draw(st.integers(1, 120))
    needs: dict[str, list[str]] = {}
    for number in range(size):
        some = draw(st.sets(st.integers(max(0, number - nearness), max(0, number - 1)), max_size=3))
        needs[f"n{number}"] = [f"n{other}" for other in sorted(some) if other < number]
    return needs


@settings(max_examples=60, deadline=None)
@given(needs=graphs(), most=st.integers(6, 40), every=st.integers(1, 30))
def test_each_node_is_in_one_box_and_every_need_is_drawn(needs: Needs, most: int, every: int) -> None:
    outputs = [name for number, name in enumerate(needs) if number % every == 0]

    drawn = collapse(needs, outputs, most)

    assert sorted(name for box in drawn.boxes for name in box) == sorted(needs)
    assert len(drawn.boxes) <= max(most, 1)
    home = {name: number for number, box in enumerate(drawn.boxes) for name in box}
    links = {(home[need], home[name]) for name, wanted in needs.items() for need in wanted}
    assert set(drawn.links) == {link for link in links if link[0] != link[1]}
    tuple(TopologicalSorter(before(drawn)).static_order())  # raises for a cycle
    assert all(len({bool(needs[name]) for name in box}) == 1 for box in drawn.boxes)


def before(drawn: Collapsed) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {number: set() for number in range(len(drawn.boxes))}
    for start, end in drawn.links:
        found[end].add(start)
    return found


def test_a_small_graph_is_drawn_as_it_is() -> None:
    needs = {"a": [], "b": ["a"], "c": ["a", "b"]}

    assert collapse(needs, ["c"]) == Collapsed((("a",), ("b",), ("c",)), ((0, 1), (0, 2), (1, 2)))


CHAIN = {f"n{number}": [f"n{number - 1}"] if number else [] for number in range(1000)}
FAN = {"raw": [], **{f"f{number}": ["raw"] for number in range(998)}, "all": [f"f{number}" for number in range(998)]}


@pytest.mark.parametrize("needs", [CHAIN, FAN], ids=["chain", "fan"])
def test_a_thousand_nodes_become_a_screen_that_still_shows_their_shape(needs: Needs) -> None:
    drawn = collapse(needs, [list(needs)[-1]])

    assert 10 <= len(drawn.boxes) <= 60
    assert (list(needs)[-1],) in drawn.boxes
    assert max(len(box) for box in drawn.boxes) < 60
