"""The part of a graph that shows a change: the nodes that differ, what is next to them, the outputs they reach."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from flowerpower.dataflow.graph import Graph
from flowerpower.dataflow.walk import walk

Needs = Mapping[str, Collection[str]]  # node -> the nodes it needs
Mark = Literal["added", "removed", "changed", "touched", "plain"]
Link = Literal["kept", "added", "removed", "through"]
_MOST_LINKS = 150


@dataclass(frozen=True, slots=True)
class Sketch:
    """Nodes with what became of them, and links `(from, to, kind)`; one `through` others leads past hidden nodes."""

    nodes: Mapping[str, Mark] = field(default_factory=dict)
    links: tuple[tuple[str, str, Link], ...] = ()
    outputs: tuple[str, ...] = ()
    left_out: int = 0  # nodes and links that would belong here, but there are too many


@dataclass(frozen=True, slots=True)
class _Needed:
    """A node that stands for the needs of several graphs."""

    needs: Mapping[str, object]


def needs_of(graphs: Iterable[Graph]) -> dict[str, dict[str, None]]:
    """Return what each node needs in any of some graphs."""
    found: dict[str, dict[str, None]] = {}
    for graph in graphs:
        for name, node in graph.nodes.items():
            found.setdefault(name, {}).update(dict.fromkeys(node.needs))
    return found


def downstream(needs: Needs, seeds: Collection[str]) -> tuple[str, ...]:
    """Return the nodes that need one of *seeds*, however indirectly, sorted; the seeds themselves are left out."""
    users = _users(needs)
    seen = set(seeds)
    waiting = list(seeds)
    while waiting:
        for user in users.get(waiting.pop(), ()):
            if user not in seen:
                seen.add(user)
                waiting.append(user)
    return tuple(sorted(seen.difference(seeds)))


def sketch(before: Needs, after: Needs, marks: Mapping[str, Mark], outputs: Sequence[str], most: int) -> Sketch:
    """Return at most *most* nodes: those that differ first, the outputs they reach before neighbours."""
    near = sorted({name for needs in (after, before) for name in _neighbours(needs, marks)})
    first = sorted(marks, key=lambda name: (marks[name] == "touched", name))
    wanted = dict.fromkeys([*first, *outputs, *near])
    shown: dict[str, Mark] = {name: marks.get(name, "plain") for name in list(wanted)[:most]}
    links = [*_direct(before, after, shown), *_through(after, shown, marks)]
    return Sketch(
        nodes=shown,
        links=tuple(links[:_MOST_LINKS]),
        outputs=tuple(sorted(set(outputs) & shown.keys())),
        left_out=len(wanted) - len(shown) + max(0, len(links) - _MOST_LINKS),
    )


def _users(needs: Needs) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for name, needed in needs.items():
        for need in needed:
            users.setdefault(need, []).append(name)
    return users


def _neighbours(needs: Needs, names: Collection[str]) -> Iterator[str]:
    for name, needed in needs.items():
        if name in names:
            yield from needed
        elif any(need in names for need in needed):
            yield name


def _direct(before: Needs, after: Needs, shown: Collection[str]) -> Iterator[tuple[str, str, Link]]:
    for name in sorted(shown):
        old, new = before.get(name, ()), after.get(name, ())
        for need in sorted({*old, *new} & set(shown)):
            if need not in new:
                yield need, name, "removed"
            else:
                yield need, name, "kept" if need in old or name not in before else "added"


def _through(needs: Needs, shown: Collection[str], marks: Collection[str]) -> Iterator[tuple[str, str, Link]]:
    """Yield the links from what a change reaches, past hidden nodes, to the next nodes that are shown."""
    users = _users(needs)
    ends: dict[str, dict[str, None]] = {}
    way = walk({name: _Needed(dict.fromkeys(needed)) for name, needed in needs.items()}, needs)
    for name in reversed(() if way.cycle else way.order):  # users first
        if name not in shown:
            following = users.get(name, ())
            ends[name] = {end: None for user in following for end in ([user] if user in shown else ends[user])}
    reached = {*marks, *downstream(needs, marks)}
    for name in sorted(reached.intersection(shown)):
        hidden = [user for user in users.get(name, ()) if user not in shown]
        direct = {user for user in users.get(name, ()) if user in shown}
        for end in sorted({end for user in hidden for end in ends.get(user, ())} - direct):
            yield name, end, "through"
