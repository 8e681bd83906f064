"""Questions about a built Hamilton graph that Hamilton itself does not answer, or only by failing."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from flowerpower.dataflow.check import suggest
from flowerpower.dataflow.walk import circle
from flowerpower.errors import PipelineError

__all__ = ["config_variants", "is_optional", "is_required", "suggest", "users_of", "variants_of", "walk"]

Nodes = Mapping[str, Any]  # name -> hamilton.node.Node, as in FunctionGraph.nodes


@dataclass(frozen=True, slots=True)
class Walk:
    """What has to be there for some outputs: nodes, dependencies first, and how deep they lie."""

    order: tuple[str, ...]
    depth: int


def walk(nodes: Nodes, outputs: Sequence[str], given: Collection[str]) -> Walk:
    """Return the nodes that *outputs* need when those *given* are not computed.

    Raises PipelineError for a cycle, which Hamilton would meet as endless recursion.
    """
    depths: dict[str, int] = {}
    on_path: dict[str, None] = {}  # a dict keeps the order, for the message
    for output in outputs:
        stack: list[tuple[str, Iterator[str]]] = []
        _enter(output, nodes, given, stack, on_path, depths)
        while stack:
            name, waiting = stack[-1]
            following = next(waiting, None)
            if following is None:
                stack.pop()
                on_path.pop(name)
                depths[name] = 1 + max((depths[needed] for needed in _needs(nodes[name], given)), default=0)
            else:
                _enter(following, nodes, given, stack, on_path, depths)
    return Walk(tuple(depths), max(depths.values(), default=0))


def _enter(
    name: str,
    nodes: Nodes,
    given: Collection[str],
    stack: list[tuple[str, Iterator[str]]],
    on_path: dict[str, None],
    depths: Mapping[str, int],
) -> None:
    if name in on_path:
        path = list(on_path)
        names = [*path[path.index(name) :], name]
        raise PipelineError(
            f"the graph has a cycle: {circle(names)}", hint="a node cannot need itself, even by way of others"
        )
    if name not in depths:
        on_path[name] = None
        stack.append((name, iter(_needs(nodes[name], given))))


def _needs(node: Any, given: Collection[str]) -> list[str]:
    return [] if node.name in given else [dependency.name for dependency in node.dependencies]


def count_computed(nodes: Nodes, outputs: Sequence[str], given: Collection[str]) -> int:
    """Return how many nodes are computed for *outputs* when those *given* are not."""
    return sum(not nodes[name].user_defined for name in walk(nodes, outputs, given).order if name not in given)


def is_required(node: Any, order: Collection[str], nodes: Nodes, given: Collection[str]) -> bool:
    """Return whether some node of *order* cannot do without the external input *node*."""
    return any(
        not is_optional(nodes[name].input_types[node.name][1])
        for name in order
        if name not in given and node.name in nodes[name].input_types
    )


def is_optional(dependency: Any) -> bool:
    """Return whether a node can do without a dependency of this kind."""
    from hamilton.node import DependencyType

    return bool(dependency == DependencyType.OPTIONAL)


def users_of(name: str, order: Collection[str], nodes: Nodes) -> list[str]:
    """Return the nodes of *order* that take *name* as an argument."""
    return [other for other in order if name in nodes[other].input_types]


def config_variants(name: str, modules: Sequence[ModuleType]) -> tuple[str, ...] | None:
    """Return the config keys that the `@config` variants of node *name* look at, or None when it has no variants.

    Hamilton turns a node of which no variant matches into an external input without a word.
    """
    return variants_of(modules).get(name)


def variants_of(modules: Sequence[ModuleType]) -> Mapping[str, tuple[str, ...]]:
    """Return the nodes that have `@config` variants, with the config keys that those look at."""
    found: dict[str, dict[str, None]] = {}
    for module in modules:
        for _, function in inspect.getmembers(module, inspect.isfunction):
            for resolver in getattr(function, "resolve", ()):
                if not hasattr(resolver, "does_resolve"):
                    continue  # another decorator of the same stage, such as the one that hides a function
                target = resolver.target_name or function.__name__.rpartition("__")[0] or function.__name__
                found.setdefault(target, {}).update(dict.fromkeys(resolver.optional_config() or {}))
    return {name: tuple(keys) for name, keys in found.items()}
