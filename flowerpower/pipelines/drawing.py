"""A pipeline's graph as Mermaid or DOT text, without Graphviz.

Labels are names and types only: config values may be secrets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from flowerpower.pipelines.graph import Nodes, type_name, walk

GraphFormat = Literal["mermaid", "dot"]

_SAFE = re.compile(r"[A-Za-z0-9 _.,:|\[\]-]")


def draw(nodes: Nodes, outputs: Sequence[str], format: GraphFormat = "mermaid") -> str:
    """Return the graph behind *outputs* as text, the same for the same graph; raises PipelineError for a cycle."""
    order = sorted(walk(nodes, outputs, ()).order)
    ids = {name: f"n{position}" for position, name in enumerate(order)}
    edges = sorted({(ids[needed.name], ids[name]) for name in order for needed in nodes[name].dependencies})
    writers: Mapping[str, Callable[..., list[str]]] = {"mermaid": _mermaid, "dot": _dot}
    return "\n".join(writers[format](nodes, ids, edges, set(outputs))) + "\n"


def _mermaid(nodes: Nodes, ids: Mapping[str, str], edges: Sequence[tuple[str, str]], outputs: set[str]) -> list[str]:
    lines = ["flowchart TD"]
    for name, identity in ids.items():
        label = _escape(f"{name}: {type_name(nodes[name].type)}")
        opening, closing = ("([", "])") if nodes[name].user_defined else ("[", "]")
        marked = ":::output" if name in outputs else ""
        lines.append(f'    {identity}{opening}"{label}"{closing}{marked}')
    lines.extend(f"    {start} --> {end}" for start, end in edges)
    return [*lines, "    classDef output stroke-width:3px"]


def _dot(nodes: Nodes, ids: Mapping[str, str], edges: Sequence[tuple[str, str]], outputs: set[str]) -> list[str]:
    lines = ["digraph pipeline {", "    node [shape=box];"]
    for name, identity in ids.items():
        label = f"{name}: {type_name(nodes[name].type)}".replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        shape = ", shape=oval" if nodes[name].user_defined else ""
        marked = ", penwidth=3" if name in outputs else ""
        lines.append(f'    {identity} [label="{label}"{shape}{marked}];')
    lines.extend(f"    {start} -> {end};" for start, end in edges)
    return [*lines, "}"]


def _escape(text: str) -> str:
    """Return *text* with all that Mermaid or HTML could read as markup written as entities."""
    return "".join(character if _SAFE.match(character) else f"#{ord(character)};" for character in text)
