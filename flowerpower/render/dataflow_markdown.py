"""What a plan does to the graphs of its pipelines, as a folded part of a comment, drawn as far as there is room."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from flowerpower.planning.dataflow import GraphChange
from flowerpower.planning.plan import Plan
from flowerpower.render.dataflow import counts, node_parts, sentences
from flowerpower.render.mermaid import mermaid
from flowerpower.render.words import count, free_text, listed, safe

MOST_DRAWINGS = 20
_LEGEND = (
    "`+` new, `~` changed, `-` gone, `*` touched by what changed; rounded: an output that is reached; "
    "dotted arrows lead past nodes that are not drawn."
)


def dataflow_blocks(plan: Plan, drawings: int, most: int | None = None) -> Iterator[str]:
    """Yield one folded block with at most so many drawings and groups of pipelines; nothing when no graph differs."""
    changes = [change for _, change in sorted(plan.graphs.items())]
    if not changes:
        return
    drawable = [change.pipeline for change in changes if len(change.sketch.nodes) > 1]
    drawn = frozenset(drawable[:drawings])
    groups = list(_grouped(changes))
    yield f"<details><summary>{_summary(changes)}</summary>"
    for names, lines in groups[:most]:
        yield "  \n".join([f"**{free_text(listed(names))}**", *lines])
        for name in names:
            if name in drawn:
                yield from _drawing(plan.graphs[name])
    if drawn:
        yield f"<sub>{_LEGEND}</sub>"
    left = len(changes) - sum(len(names) for names, _ in groups[:most])
    if left:
        yield f"_Left out to fit: {count(left, 'pipeline')}._"
    elif len(drawable) > len(drawn):
        yield f"_Left out to fit: {count(len(drawable) - len(drawn), 'drawing')}._"
    yield "</details>"


def _summary(changes: list[GraphChange]) -> str:
    """Return what is seen of it while it is folded; Markdown means nothing here."""
    signs = {change.pipeline: counts(change).removeprefix("dataflow") for change in changes}
    names = listed([f"{safe(name)}{sign}" for name, sign in signs.items() if sign], 3)
    shown = escape(f"Dataflow of {count(len(changes), 'changed pipeline')}{': ' if names else ''}{names}")
    return shown.replace("@", "&#64;&#8203;")  # as in `free_text`


def _drawing(change: GraphChange) -> Iterator[str]:
    yield f"```mermaid\n{mermaid(change.sketch)}\n```"
    if change.sketch.left_out:
        yield f"_{change.sketch.left_out:,} more nodes and arrows are not drawn._"


def _grouped(changes: list[GraphChange]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield pipelines with what there is to say of them; those of which the same is said together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for change in changes:
        nodes = [f"`{symbol}` {free_text(words)}" for symbol, _, words in node_parts(change)]
        lines = [*([", ".join(nodes)] if nodes else []), *map(free_text, sentences(change))]
        found.setdefault(tuple(lines), []).append(change.pipeline)
    yield from ((names, list(lines)) for lines, names in found.items())
