"""A parsed file, also where others have parsed files before."""

from __future__ import annotations

import ast

import pytest

from flowerpower.dataflow.tree import all_nodes


def test_what_others_hang_on_a_shared_node_is_no_part_of_a_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """What shows tracebacks in a notebook gives each node its parent, and Python has one `+` for all trees."""
    theirs = ast.parse("theirs")
    compared, (added,) = ast.parse("a < b").body[0].value, ast.parse("a + b").body  # type: ignore[attr-defined]
    for shared in (compared.ops[0], added.value.op):  # type: ignore[attr-defined]
        monkeypatch.setattr(shared, "parent", theirs, raising=False)

    nodes = all_nodes(ast.parse("mine = a + b < c"))

    assert sorted(node.id for node in nodes if isinstance(node, ast.Name)) == ["a", "b", "c", "mine"]
    assert {type(node) for node in nodes} >= {ast.Compare, ast.BinOp, ast.Lt, ast.Add}
    assert theirs not in nodes
