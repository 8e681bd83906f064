"""Every module in tests/cases/dataflow is read and built; the reading is compared whole with the file beside it.

`# config: {...}` at its head names a config it is read with, one line for each; without such a line it is empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.dataflow import configs_of, differences, needs_of, real_graph, static_graph

from flowerpower.dataflow.expand import UNDERSTOOD
from flowerpower.dataflow.graph import Graph

CASES = Path(__file__).parents[2] / "cases" / "dataflow"
NAMES = sorted(path.stem for path in CASES.glob("*.py"))
REFUSED = {"lambda_at_the_top", "alias_of_a_function", "two_functions_one_node", "without_types"}


def described(graph: Graph, config: Mapping[str, Any]) -> str:
    lines = [f"config {json.dumps(config)}"]
    lines += [f"  undecided at line {reason.place.line}: {reason.why}" for reason in graph.reasons]
    lines += [f"  {fault.kind} at line {fault.place.line}: {fault.name} {fault.detail}" for fault in graph.faults]
    marks = {True: "", False: "?", None: "*"}  # optional; only the adapter knows
    for name, needs in needs_of(graph).items() if graph.decided else ():
        if needs is not None:
            lines.append(f"  {name}({', '.join(f'{need}{marks[how]}' for need, how in needs.items())})")
    if graph.decided:
        lines.append(f"  inputs: {', '.join(graph.inputs) or 'none'}")
    return "\n".join(lines)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_read_as_expected(name: str) -> None:
    text = (CASES / f"{name}.py").read_text(encoding="utf-8")

    read = [described(static_graph({"m.py": text}, ["m"], config), config) for config in configs_of(text)]

    assert "\n".join(read) + "\n" == (CASES / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_hamilton_builds_the_graph_that_was_read(name: str, tmp_path: Path) -> None:
    text = (CASES / f"{name}.py").read_text(encoding="utf-8")
    for number, config in enumerate(configs_of(text)):
        graph = static_graph({"m.py": text}, ["m"], config)

        real = real_graph(tmp_path / str(number), {"m.py": text}, ["m"], config)

        assert isinstance(real, Exception) == (name in REFUSED), real
        if isinstance(real, Exception):
            assert graph.faults or not graph.decided
        elif graph.decided:
            assert differences(needs_of(graph), real) == {}


def test_the_documentation_names_every_decorator_that_is_understood() -> None:
    text = (CASES.parents[2] / "docs" / "dataflow.md").read_text(encoding="utf-8")
    understood = text.partition("## What is understood")[2].partition("## What only")[0]

    assert [name for name in UNDERSTOOD if f"`{name}`" not in understood] == []
