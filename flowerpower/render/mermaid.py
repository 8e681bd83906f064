"""A sketch of a changed graph as Mermaid text, which GitHub and GitLab draw in a comment.

Every node has an id of its own, and names stand in quoted labels: a node may be called `end` or `class`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from flowerpower.dataflow.sketch import Link, Mark, Sketch

_MARKUP = re.compile(r"[^A-Za-z0-9 _]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")  # `__all__` would be bold
_SIGNS: Mapping[Mark, str] = {"added": "+ ", "changed": "~ ", "removed": "- ", "touched": "* ", "plain": ""}
_ARROWS: Mapping[Link, str] = {"kept": "-->", "added": "==>", "removed": "-.-x", "through": "-.->"}
# Thin colours over whatever lies below, and letters in the colour of the theme: it reads in light and in dark.
_STYLES: Mapping[Mark, str] = {
    "added": "fill:#2da44e40,stroke:#2da44e,stroke-width:2px",
    "changed": "fill:#d4a72c40,stroke:#bf8700,stroke-width:2px",
    "removed": "fill:#f8514926,stroke:#e5534b,stroke-width:2px,stroke-dasharray:5 4",
    "touched": "fill:#d4a72c14,stroke:#bf8700,stroke-dasharray:2 3",
}


def mermaid(sketch: Sketch) -> str:
    """Return the drawing; the outputs that a change reaches have round ends."""
    ids = {name: f"n{position}" for position, name in enumerate(sketch.nodes)}
    lines = ["flowchart LR"]
    for name, mark in sketch.nodes.items():
        opening, closing = ("([", "])") if name in sketch.outputs else ("[", "]")
        kind = f":::{mark}" if mark in _STYLES else ""
        lines.append(f'    {ids[name]}{opening}"{_label(_SIGNS[mark] + name)}"{closing}{kind}')
    lines += [f"    {ids[start]} {_ARROWS[kind]} {ids[end]}" for start, end, kind in sketch.links]
    used = set(sketch.nodes.values())
    return "\n".join([*lines, *(f"    classDef {mark} {style}" for mark, style in _STYLES.items() if mark in used)])


def _label(text: str) -> str:
    """Return a text with all that Mermaid, Markdown or HTML could read as markup written as entities."""
    return _MARKUP.sub(lambda found: f"#{ord(found[0])};", text)
