"""A pipeline's graph as Mermaid or DOT text, without Graphviz; a large one with fewer boxes than nodes.

Labels are names and types only: config values may be secrets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from flowerpower.dataflow.collapse import MOST_BOXES, Collapsed, collapse
from flowerpower.dataflow.graph import Graph
from flowerpower.dataflow.walk import circle
from flowerpower.dataflow.walk import walk as walk_read
from flowerpower.errors import PipelineError
from flowerpower.pipelines.graph import Nodes, suggest, walk
from flowerpower.specs.wording import type_name

__all__ = ["MOST_BOXES", "Drawn", "GraphFormat", "as_read", "built", "draw"]

GraphFormat = Literal["mermaid", "dot"]

_SAFE = re.compile(r"[A-Za-z0-9 _.,:|\[\]-]")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Drawn:
    """A graph to draw: what each node needs; which nodes are given from outside, and which are wanted."""

    needs: Mapping[str, tuple[str, ...]]
    types: Mapping[str, str]
    inputs: Collection[str]
    outputs: Collection[str]


@dataclass(frozen=True, slots=True)
class _Box:
    label: str
    shape: Literal["node", "input", "group"]
    is_output: bool


def built(nodes: Nodes, outputs: Sequence[str], given: Collection[str] = ()) -> Drawn:
    """Return the part of a graph of Hamilton's that *outputs* need, when those *given* are not computed."""
    _refuse_unknown(outputs, nodes)
    order = sorted(walk(nodes, outputs, given).order)
    needs = {
        name: () if name in given else tuple(sorted({needed.name for needed in nodes[name].dependencies}))
        for name in order
    }
    types = {name: type_name(nodes[name].type) for name in order}
    return Drawn(needs, types, {name for name in order if nodes[name].user_defined or name in given}, set(outputs))


def as_read(graph: Graph, outputs: Sequence[str], given: Collection[str] = ()) -> Drawn:
    """Return the same of a graph that was read, and is decided; raises PipelineError for a cycle."""
    _refuse_unknown(outputs, {**graph.nodes, **graph.inputs})
    way = walk_read(graph.nodes, outputs, given)
    if way.cycle:
        raise PipelineError(f"the graph has a cycle: {circle(way.cycle)}")
    computed = {name for name in way.order if name in graph.nodes and name not in given}
    needs = {name: tuple(sorted(graph.nodes[name].needs)) if name in computed else () for name in sorted(way.order)}
    # A type is written where a node is used; of one that nothing uses it is not known without Hamilton.
    types = {name: graph.parameters[name] for name in needs if graph.parameters.get(name)}
    return Drawn(needs, types, {name for name in needs if name not in computed}, set(outputs))


def draw(drawn: Drawn, format: GraphFormat = "mermaid", most: int | None = None) -> str:
    """Return a graph as text, the same for the same graph; with *most*, of that many boxes at most."""
    small = collapse(drawn.needs, drawn.outputs, most if most is not None else len(drawn.needs))
    boxes = [_box(names, drawn) for names in small.boxes]
    writers: Mapping[str, Callable[..., list[str]]] = {"mermaid": _mermaid, "dot": _dot}
    numbers = sorted(range(len(boxes)), key=lambda number: small.boxes[number])
    return (
        "\n".join(writers[format](boxes, small, {number: f"n{place}" for place, number in enumerate(numbers)})) + "\n"
    )


def _refuse_unknown(outputs: Sequence[str], known: Collection[str]) -> None:
    if unknown := [output for output in outputs if output not in known]:
        raise PipelineError(f"there is no node for the output {unknown[0]!r}", hint=suggest(unknown[0], known))


def _box(names: tuple[str, ...], drawn: Drawn) -> _Box:
    is_output = any(name in drawn.outputs for name in names)
    is_input = names[0] in drawn.inputs
    if len(names) == 1:
        kind = drawn.types.get(names[0], "")
        return _Box(f"{names[0]}: {kind}" if kind else names[0], "input" if is_input else "node", is_output)
    first, last = (name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..." for name in (names[0], names[-1]))
    what = "inputs" if is_input else "nodes"
    return _Box(f"{first} ... {last} ({len(names)} {what})", "input" if is_input else "group", is_output)


_MERMAID_SHAPES = {"node": ("[", "]"), "input": ("([", "])"), "group": ("[[", "]]")}
_DOT_SHAPES = {"node": "", "input": ", shape=oval", "group": ", shape=box3d"}


def _mermaid(boxes: Sequence[_Box], small: Collapsed, ids: Mapping[int, str]) -> list[str]:
    lines = ["flowchart TD"]
    for number, identity in ids.items():
        box = boxes[number]
        opening, closing = _MERMAID_SHAPES[box.shape]
        marked = ":::output" if box.is_output else ""
        lines.append(f'    {identity}{opening}"{_escape(box.label)}"{closing}{marked}')
    lines.extend(f"    {start} --> {end}" for start, end in sorted((ids[a], ids[b]) for a, b in small.links))
    return [*lines, "    classDef output stroke-width:3px"]


def _dot(boxes: Sequence[_Box], small: Collapsed, ids: Mapping[int, str]) -> list[str]:
    lines = ["digraph pipeline {", "    node [shape=box];"]
    for number, identity in ids.items():
        box = boxes[number]
        label = box.label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        marked = ", penwidth=3" if box.is_output else ""
        lines.append(f'    {identity} [label="{label}"{_DOT_SHAPES[box.shape]}{marked}];')
    lines.extend(f"    {start} -> {end};" for start, end in sorted((ids[a], ids[b]) for a, b in small.links))
    return [*lines, "}"]


def _escape(text: str) -> str:
    """Return *text* with all that Mermaid or HTML could read as markup written as entities."""
    return "".join(character if _SAFE.match(character) else f"#{ord(character)};" for character in text)
