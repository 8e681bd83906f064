"""The dataflow of changed pipelines in words and in drawings."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.case_plans import plan_of_case

from flowerpower.dataflow.sketch import Sketch
from flowerpower.planning.dataflow import GraphChange
from flowerpower.planning.plan import Plan
from flowerpower.render.dataflow import MOST_NAMES, counts, node_parts, sentences
from flowerpower.render.mermaid import mermaid
from flowerpower.render.plan_markdown import plan_markdown
from flowerpower.render.plan_text import plan_text

CASES = Path(__file__).resolve().parents[2] / "cases" / "render"
LINE = re.compile(
    r"flowchart LR"
    r'|    n\d+(?:\["[\w .#;]*"\]|\(\["[\w .#;]*"\]\))(?::::\w+)?'
    r"|    n\d+ (?:-->|==>|-\.-x|-\.->) n\d+"
    r"|    classDef \w+ [\w#,:; -]+",
    re.ASCII,
)
names = st.one_of(
    st.text(min_size=1), st.sampled_from(["end", "class", "style", "subgraph", "größe", 'a"]', "`", "%%"])
)
kinds = st.sampled_from(["added", "removed", "changed", "touched", "plain"])


@given(nodes=st.dictionaries(names, kinds, min_size=1, max_size=5), data=st.data())
def test_whatever_nodes_are_called_only_mermaids_own_words_reach_the_drawing(nodes: dict, data: st.DataObject) -> None:
    some = st.sampled_from(sorted(nodes))
    link = st.tuples(some, some, st.sampled_from(["kept", "added", "removed", "through"]))
    sketch = Sketch(nodes, tuple(data.draw(st.lists(link, max_size=5))), frozenset(data.draw(st.lists(some))))

    lines = mermaid(sketch).split("\n")

    assert all(LINE.fullmatch(line) for line in lines), lines
    assert len(lines) == 1 + len(nodes) + len(sketch.links) + len({*nodes.values()} - {"plain"})


def test_a_name_is_written_so_that_mermaid_shows_it_as_it_is() -> None:
    nodes = {"größe": "added", "end": "plain", "__all__": "plain", "1. a_b": "plain"}

    drawn = mermaid(Sketch(nodes, (("größe", "end", "kept"),), frozenset({"end"})))  # type: ignore[arg-type]

    labels = ['["#43; gr#246;#223;e"]:::added', '(["end"])', '["#95;#95;all#95;#95;"]', '["1#46; a_b"]']
    assert drawn.split("\n")[1:6] == [*(f"    n{id}{label}" for id, label in enumerate(labels)), "    n0 --> n1"]


def test_long_lists_are_cut_and_counted() -> None:
    nodes = tuple(f"node_{number}" for number in range(1000))
    change = GraphChange("sales", added=nodes, downstream=nodes, schedules=nodes, files=nodes)

    words = [words for _, _, words in node_parts(change)] + sentences(change)

    assert all(len(text) < 120 for text in words)
    assert f"1,000 nodes: {', '.join(nodes[:MOST_NAMES])} and {1000 - MOST_NAMES} more" in words
    assert counts(change) == "dataflow +1,000"


def test_where_nothing_is_known_to_change_nothing_is_cleared() -> None:
    found = sentences(GraphChange("sales", files=("flows/common.py",)))

    assert found == ["no node changed; other code did: flows/common.py", "no schedule runs it"]


def test_what_is_hostile_stays_text() -> None:
    odd = "\x1b[31m@everyone <img> ```"
    change = GraphChange("daily_sales", files=(odd,), undecided=odd, schedules=(odd,), touched=(odd,))
    plan = replace(plan_of_case(CASES / "dataflow"), graphs={"daily_sales": change})

    text, comment = plan_text(plan), plan_markdown(plan)

    assert all(
        line.isprintable() for line in [*text.splitlines(), *comment.replace("\N{NO-BREAK SPACE}", "").splitlines()]
    )
    assert "<img" not in comment
    assert "@everyone" not in comment
    assert "```\n" not in comment.partition("Dataflow of")[2]


def large(pipelines: int) -> Plan:
    """Return a plan of many pipelines, each with a large graph of its own."""
    plan = plan_of_case(CASES / "dataflow")
    nodes = {f"node_{number}": "changed" for number in range(40)}
    change = GraphChange("", changed=tuple(nodes), sketch=Sketch(nodes, left_out=7))  # type: ignore[arg-type]
    graphs = {
        f"p{number:03}": replace(change, pipeline=f"p{number:03}", files=(f"f{number}",)) for number in range(pipelines)
    }
    return replace(plan, graphs=graphs)


@pytest.mark.parametrize(
    ("limit", "drawings", "note"),
    [
        (100_000, 20, "Left out to fit: 180 drawings."),
        (65_536, 5, "Left out to fit: 195 drawings."),
        (40_000, 2, "Left out to fit: 198 drawings."),
        (30_000, 0, "Left out to fit: 100 pipelines."),
        (4_000, 0, "Left out to fit: 200 pipelines."),
    ],
)
def test_drawings_are_cut_first_and_a_comment_without_them_is_whole(limit: int, drawings: int, note: str) -> None:
    comment = plan_markdown(large(200), limit=limit)

    assert len(comment) <= limit
    assert comment.count("```mermaid") == comment.count("_7 more nodes and arrows are not drawn._") == drawings
    assert note in comment
    assert json.loads(comment.splitlines()[0][17:-4])["truncated"] is False
    assert "Field by field" in comment


def test_pipelines_of_which_the_same_is_said_are_told_together() -> None:
    change = GraphChange("", unknown="commit 1234567 is not in this clone")
    graphs = {name: replace(change, pipeline=name) for name in "abcdefg"}

    comment = plan_markdown(replace(plan_of_case(CASES / "dataflow"), graphs=graphs))

    assert "**a, b, c, d, e and 2 more**  \nnot known: commit 1234567 is not in this clone" in comment
