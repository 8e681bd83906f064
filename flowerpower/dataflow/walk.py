"""The way through a graph from what is wanted to what it needs, and the cycle that bars it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

_LONGEST = 12


class HasNeeds(Protocol):
    """Anything that needs other nodes, by name."""

    @property
    def needs(self) -> Mapping[str, object]:
        """What it needs."""


class Walk(NamedTuple):
    """The nodes that some outputs need, dependencies first; or the cycle that keeps them from being computed."""

    order: tuple[str, ...]
    cycle: tuple[str, ...] = ()


def walk(nodes: Mapping[str, HasNeeds], outputs: Iterable[str], given: Collection[str] = ()) -> Walk:
    """Return the nodes that *outputs* need when those *given* are not computed; a graph may be deep."""
    done: dict[str, None] = {}
    on_path: dict[str, Iterator[str]] = {}
    for output in outputs:
        waiting: list[str] = [] if output in done else [output]
        if waiting:
            on_path[output] = _needs(nodes, output, given)
        while waiting:
            name = waiting[-1]
            following = next(on_path[name], None)
            if following is None:
                waiting.pop()
                del on_path[name]
                done[name] = None
            elif following in on_path:
                return Walk(tuple(done), (*waiting[waiting.index(following) :], following))
            elif following not in done:
                waiting.append(following)
                on_path[following] = _needs(nodes, following, given)
    return Walk(tuple(done))


def circle(names: Sequence[str]) -> str:
    """Return a cycle as `a -> b -> a`; of a long one the beginning and the end."""
    if len(names) > _LONGEST:
        left_out = len(names) - _LONGEST + 1
        names = [*names[: _LONGEST - 3], f"... {left_out} more ...", *names[-2:]]
    return " -> ".join(names)


def _needs(nodes: Mapping[str, HasNeeds], name: str, given: Collection[str]) -> Iterator[str]:
    node = nodes.get(name)
    return iter(()) if node is None or name in given else iter(node.needs)
