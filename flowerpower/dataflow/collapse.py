"""Draw a large graph as a small one: nodes that belong together become one box, and nothing that is needed is hidden.

What is merged: nodes that need the same and are needed by the same, and chains; where that is not enough, nodes that
lie equally deep. A box never needs itself by way of others, so what is drawn can be read from top to bottom.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

MOST_BOXES = 60
_MOST_KEPT = 20

Needs = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Collapsed:
    """Boxes, each with its nodes in order, and the pairs of boxes of which the second needs the first."""

    boxes: tuple[tuple[str, ...], ...]
    links: tuple[tuple[int, int], ...]


def collapse(needs: Needs, outputs: Collection[str], most: int = MOST_BOXES) -> Collapsed:
    """Return at most *most* boxes for a graph without cycles; each node is a box of its own if they are few enough.

    Every node that is needed is a key of *needs*. A node is in exactly one box; outputs that nothing else needs are
    boxes of their own, if there are not too many; inputs and computed nodes are never in one box.
    """
    order = _in_order(needs)
    if len(order) <= most:
        return _collapsed([[name] for name in order], needs)
    needed = {need for wanted in needs.values() for need in wanted}
    ends = [name for name in outputs if name in needs and name not in needed]
    kept = set(ends) if len(ends) <= min(_MOST_KEPT, most // 3) else set()
    size = max(2, -(-len(order) * 5 // (most * 3)))
    groups = [[name] for name in order]
    while len(groups) > most and size < 2 * len(order):
        groups = _merged([[name] for name in order], needs, kept, size, most)
        size *= 2
    if len(groups) > most:
        groups = _bands(order, needs, kept, most)
    return _collapsed(groups, needs)


def _in_order(needs: Needs) -> list[str]:
    """Return the nodes, what is needed first."""
    done: dict[str, None] = {}
    for start in needs:
        stack = [(start, iter(needs[start]))]
        while stack:
            name, rest = stack[-1]
            following = next((need for need in rest if need not in done), None)
            if following is None:
                done[name] = None
                stack.pop()
            else:
                stack.append((following, iter(needs[following])))
    return list(done)


def _merged(groups: list[list[str]], needs: Needs, kept: Collection[str], size: int, most: int) -> list[list[str]]:
    """Merge likes and chains into groups of at most *size*, round by round, until they are few or nothing moves."""
    while len(groups) > most:
        before = len(groups)
        groups = _merge_likes(groups, needs, kept, size)
        groups = _merge_chains(groups, needs, kept, size)
        if len(groups) == before:
            break
    return groups


def _around(groups: Sequence[Sequence[str]], needs: Needs) -> tuple[list[set[int]], list[set[int]]]:
    """Return for each group those that it needs, and those that need it."""
    home = {name: number for number, group in enumerate(groups) for name in group}
    before: list[set[int]] = [set() for _ in groups]
    after: list[set[int]] = [set() for _ in groups]
    for name, number in home.items():
        for need in needs[name]:
            if (other := home[need]) != number:
                before[number].add(other)
                after[other].add(number)
    return before, after


def _merge_likes(groups: list[list[str]], needs: Needs, kept: Collection[str], size: int) -> list[list[str]]:
    before, after = _around(groups, needs)
    alike: dict[object, list[list[str]]] = {}
    for number, group in enumerate(groups):
        alone = group[0] in kept
        key = group[0] if alone else (frozenset(before[number]), frozenset(after[number]), not needs[group[0]])
        packs = alike.setdefault(key, [[]])
        if packs[-1] and len(packs[-1]) + len(group) > size:
            packs.append([])
        packs[-1].extend(group)
    return [pack for packs in alike.values() for pack in packs]


def _merge_chains(groups: list[list[str]], needs: Needs, kept: Collection[str], size: int) -> list[list[str]]:
    """Merge a group into the only one that needs it, if that one needs no other."""
    before, after = _around(groups, needs)
    heads: dict[int, list[str]] = {}
    for number in _topological(before):
        group = groups[number]
        (earlier,) = before[number] if len(before[number]) == 1 else (None,)
        joins = earlier is not None and len(after[earlier]) == 1 and group[0] not in kept
        chain = heads[earlier] if joins and earlier is not None else None
        if chain is not None and len(chain) + len(group) <= size and needs[chain[0]] and chain[0] not in kept:
            chain.extend(group)
            heads[number] = chain
        else:
            heads[number] = list(group)
    return list({id(chain): chain for chain in heads.values()}.values())


def _topological(before: Sequence[Collection[int]]) -> list[int]:
    names = {str(number): [str(other) for other in sorted(others)] for number, others in enumerate(before)}
    return [int(name) for name in _in_order(names)]


def _bands(order: Sequence[str], needs: Needs, kept: Collection[str], most: int) -> list[list[str]]:
    """Group nodes by how deep they lie; what hangs together within a band of depths is a group, if there is room."""
    depth: dict[str, int] = {}
    for name in order:
        depth[name] = 1 + max((depth[need] for need in needs[name]), default=-1)
    inputs = [name for name in order if not needs[name] and name not in kept]
    rest = [name for name in order if needs[name] and name not in kept]
    room = most - len(kept) - 1
    height = max(depth.values()) or 1
    for count in (room, room // 2, room // 4, 1):
        bands = max(1, min(count, height))
        band = {name: (depth[name] - 1) * bands // height for name in rest}
        parts = _parts(rest, needs, band)
        if len(parts) <= room:
            break
    else:
        parts = [rest]
    if len(parts) > room:
        parts = _whole_bands(rest, {name: (depth[name] - 1) * min(room, height) // height for name in rest})
    return [*([inputs] if inputs else []), *parts, *([name] for name in order if name in kept)]


def _parts(names: Sequence[str], needs: Needs, band: Mapping[str, int]) -> list[list[str]]:
    """Return what hangs together within each band."""
    leader = {name: name for name in names}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for name in names:
        for need in needs[name]:
            if need in leader and band[need] == band[name]:
                leader[find(name)] = find(need)
    return _grouped(names, find)


def _whole_bands(names: Sequence[str], band: Mapping[str, int]) -> list[list[str]]:
    return _grouped(names, lambda name: band[name])


def _grouped(names: Iterable[str], key: Callable[[str], object]) -> list[list[str]]:
    found: dict[object, list[str]] = {}
    for name in names:
        found.setdefault(key(name), []).append(name)
    return list(found.values())


def _collapsed(groups: Sequence[Sequence[str]], needs: Needs) -> Collapsed:
    before, _ = _around(groups, needs)
    links = sorted((other, number) for number, others in enumerate(before) for other in others)
    return Collapsed(tuple(tuple(group) for group in groups), tuple(links))
