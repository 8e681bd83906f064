"""What a changed pipeline does to its graph, in words: for a terminal, for a comment, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowerpower.planning.dataflow import GraphChange
from flowerpower.render.style import Emphasis
from flowerpower.render.words import count, listed, safe

MOST_NAMES = 6
Part = tuple[str, Emphasis, str]
"""A symbol, how it is emphasised, and words."""


def node_parts(change: GraphChange) -> list[Part]:
    """Return `+ 2 nodes: a, b`, `~ 1 node: c`, `- 1 node: d`, those that there are."""
    kinds: tuple[tuple[str, Emphasis, tuple[str, ...]], ...] = (
        ("+", "create", change.added),
        ("~", "update", change.changed),
        ("-", "delete", change.removed),
    )
    return [(symbol, how, f"{count(len(names), 'node')}: {_names(names)}") for symbol, how, names in kinds if names]


def counts(change: GraphChange) -> str:
    """Return it in a few signs, as `dataflow +2 ~1`; nothing where no node differs."""
    kinds = (("+", change.added), ("~", change.changed), ("-", change.removed))
    found = [f"{symbol}{len(names):,}" for symbol, names in kinds if names]
    return f"dataflow {' '.join(found)}" if found else ""


def sentences(change: GraphChange) -> list[str]:
    """Return what there is to say beside the nodes that differ, most telling first."""
    if change.unknown:
        return [f"not known: {safe(change.unknown)}"]
    found = []
    if not change.nodes and (change.files or change.unsure):
        sure = "no node is known to have changed" if change.undecided else "no node changed"
        found.append(f"{sure}; other code did: {_names(change.files)}" if change.files else sure)
    elif change.files:
        found.append(f"other code changed too: {_names(change.files)}")
    if change.touched:
        found.append(f"nodes that use {'it' if change.files else 'changed modules'}: {_names(change.touched)}")
    if change.unsure:
        found.append(f"changed functions of unknown nodes: {_names(change.unsure)}")
    if change.values:
        found.append(f"given otherwise: {_names(change.values)}")
    return [*found, *_reach(change), *_doubt(change)]


def dataflow_dict(change: GraphChange) -> dict[str, Any]:
    """Return it all for programs."""
    return {
        "address": f"pipeline.{change.pipeline}",
        "unknown": change.unknown or None,
        "undecided": change.undecided or None,
        "nodes": {"added": list(change.added), "changed": list(change.changed), "removed": list(change.removed)},
        "unsure": list(change.unsure),
        "touched": list(change.touched),
        "values": list(change.values),
        "downstream": list(change.downstream),
        "outputs": list(change.outputs),
        "files": list(change.files),
        "schedules": list(change.schedules),
    }


def _reach(change: GraphChange) -> list[str]:
    """Return how far it goes; where nothing is known to start there is nothing to say, and no all-clear either."""
    found = []
    if change.nodes or change.touched or change.unsure or change.values:
        parts = [f"downstream: {_names(change.downstream)}"] if change.downstream else []
        none = "none is known to be reached" if change.undecided else "none is reached"
        parts.append(f"outputs: {_names(change.outputs) if change.outputs else none}")
        found.append("; ".join(parts))
    runs = f"runs it: {_names(change.schedules)}" if change.schedules else "no schedule runs it"
    return [*found, runs]


def _doubt(change: GraphChange) -> list[str]:
    return [f"known in part: {safe(change.undecided)}"] if change.undecided else []


def _names(names: Sequence[str]) -> str:
    return safe(listed(names, MOST_NAMES))
