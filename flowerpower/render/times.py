"""Where the time of a run went: its phases and its slowest nodes, as bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowerpower.render.style import Style
from flowerpower.render.words import count, cut, safe, stopwatch
from flowerpower.specs.text.width import columns

SLOWEST = 10
_BAR = 20
_LONGEST_NAME = 48
_MOST_COLUMNS = 34  # of the names that came from the cache


def times_lines(run: Mapping[str, Any], style: Style) -> Iterator[str]:
    """Yield one line for each phase and node worth showing, the slowest first.

    `run` has `nodes` (node, seconds and perhaps succeeded, cached), `node_count`, `seconds` and perhaps `phases` and
    `cached_count`. A node that failed is first; last it says what came from the cache.
    """
    nodes = run.get("nodes", [])
    known = [node for node in nodes if isinstance(node, Mapping)] if isinstance(nodes, list) else []
    slowest = known[:SLOWEST]
    total = max(_number(run.get("seconds")), 1e-9)
    rows = [(f"({name})", seconds, True) for name, seconds in _phases(run)]
    rows += [(_name(node), _number(node.get("seconds")), node.get("succeeded") is not False) for node in slowest]
    size = max((columns(name) for name, _, _ in rows), default=0)
    for name, seconds, succeeded in sorted(rows, key=lambda row: (row[2], -row[1])):
        bar = style("#" * round(_BAR * min(1.0, seconds / total)), "faint")
        word = f" {style('failed', 'error')}" if not succeeded else ""
        yield f"  {name}{' ' * (size - columns(name))}  {stopwatch(seconds):>8}  {bar}{word}".rstrip()
    rest = int(_number(run.get("node_count"))) - len(slowest)
    if rest > 0:
        yield f"  {style('and ' + count(rest, 'quicker node'), 'faint')}"
    if cached := int(_number(run.get("cached_count"))):
        yield f"  {_recalled(known, cached, int(_number(run.get('node_count'))))}"


def _recalled(known: Sequence[Mapping[str, Any]], cached: int, total: int) -> str:
    """Return how many nodes came from the cache, and which; of a block that ran for many items one name tells."""
    names = Counter(_name(node) for node in known if node.get("cached") is True)
    told: list[str] = []
    left = cached
    for name, times in names.items():
        words = name if times == 1 else f"{name} {times:,} times"
        if sum(columns(one) + 2 for one in (*told, words)) > _MOST_COLUMNS:
            break
        told.append(words)
        left -= times
    *others, last = [*told, *([count(left, "other")] if left and told else [])] or [""]
    which = f"{', '.join(others)} and {last}" if others else last
    return f"from the cache: {cached:,} of {count(total, 'node')}{f' ({which})' if which else ''}"


def _name(node: Mapping[str, Any]) -> str:
    return cut(safe(str(node.get("node", ""))), _LONGEST_NAME)


def _phases(run: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the phases beside the nodes that took a time worth showing."""
    phases = run.get("phases", {})
    for name, taken in phases.items() if isinstance(phases, Mapping) else ():
        if name != "execute" and (seconds := _number(taken)) >= 0.001:
            yield safe(str(name)), seconds


def _number(value: Any) -> float:
    """Return a number that came from Redis, 0 for what is none."""
    return float(value) if isinstance(value, int | float) and value == value and abs(value) < 1e12 else 0.0  # noqa: PLR0124
