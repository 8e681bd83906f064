"""Everything that can be known to be wrong with a run before a single node is computed."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from flowerpower.errors import PipelineError
from flowerpower.pipelines.graph import Nodes, Walk, config_variants, is_required, suggest, users_of, walk
from flowerpower.pipelines.values import coerce
from flowerpower.specs.parts import CacheSpec
from flowerpower.specs.refusals import refusal
from flowerpower.specs.typed import is_written
from flowerpower.specs.wording import type_name

_FRAMES_LEFT_FOR_NODES = 100
_WAYS_TO_GIVE = "an input is given under `inputs` or `load`, or with --set NAME=VALUE"


@dataclass(frozen=True, slots=True)
class Graph:
    """A built graph with what it was built from."""

    nodes: Nodes
    modules: Sequence[ModuleType]
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """What a run brings along: inputs, overrides, and the names of the nodes that `load:` fills."""

    inputs: Mapping[str, Any]
    overrides: Mapping[str, Any]
    loads: Collection[str] = ()


def arrange(graph: Graph, outputs: Sequence[str], given: Given) -> Given:
    """Return what to hand to Hamilton, of the types its nodes want, for computing *outputs*.

    Only loads that are needed and not given otherwise are left. Raises one PipelineError that names all that is wrong.
    """
    _raise(_unknown(graph, outputs, given))
    known = {name: value for name, value in given.inputs.items() if name in graph.nodes}
    loads = [name for name in given.loads if name not in known and name not in given.overrides]
    way = walk(graph.nodes, outputs, {*given.overrides, *loads})
    _refuse_depth(way)
    there = {*known, *given.overrides, *loads, *graph.config}
    missing = list(_missing(graph, way, there, {*given.overrides, *loads}))
    _raise(missing, hint=_WAYS_TO_GIVE if missing and missing[-1].startswith("missing input") else None)
    problems: list[str] = []
    inputs = _coerced(known, graph.nodes, "input", problems)
    overrides = _coerced(given.overrides, graph.nodes, "override", problems)
    problems.extend(_wrong_config(graph, way))
    _raise(problems)
    return Given(inputs, overrides, tuple(name for name in loads if name in way.order))


def check_cache(cache: bool | CacheSpec, nodes: Nodes) -> None:
    """Raise PipelineError for nodes that the settings of the cache name and the graph has not."""
    keys = ("recompute", "ignore", "disable") if isinstance(cache, CacheSpec) else ()
    for key in keys:
        for name in getattr(cache, key):
            if name not in nodes:
                raise PipelineError(f"cache.{key}: there is no node {name!r}", hint=suggest(name, nodes))


def _raise(problems: Iterable[str], hint: str | None = None) -> None:
    found = list(problems)
    if found:
        raise PipelineError("\n".join(found), hint=hint)


def _unknown(graph: Graph, outputs: Sequence[str], given: Given) -> list[str]:
    found = [_no_node("output", name, graph, graph.nodes) for name in outputs if name not in graph.nodes]
    found += [_no_node("override", name, graph, graph.nodes) for name in given.overrides if name not in graph.nodes]
    found += [_no_node("load", name, graph, graph.nodes) for name in given.loads if name not in graph.nodes]
    external = [name for name, node in graph.nodes.items() if node.user_defined]
    parameters = parameters_of(graph.modules)
    for name in given.inputs:
        if name in graph.config:
            found.append(f"{name!r} is given by both `inputs` and `config`")
        elif name not in graph.nodes:
            if name not in parameters:  # else it is of a variant that this config leaves out
                found.append(_no_node("input", name, graph, external))
        elif not graph.nodes[name].user_defined:
            found.append(f"{name!r} is no input, the graph computes it; to replace it, put it under `overrides`")
    return found


def _no_node(what: str, name: str, graph: Graph, known: Collection[str]) -> str:
    if what != "input" and (variants := config_variants(name, graph.modules)) is not None:
        return _no_variant(name, variants, graph.config)
    hint = suggest(name, known)
    return f"there is no node for the {what} {name!r}{f' ({hint})' if hint else ''}"


def _no_variant(name: str, keys: Sequence[str], config: Mapping[str, Any]) -> str:
    values = ", ".join(f"{key}={config[key]!r}" if key in config else f"{key} is not set" for key in keys)
    return f"no variant of the node {name!r} matches the config{f' ({values})' if values else ''}"


def _missing(graph: Graph, way: Walk, there: Collection[str], cut: Collection[str]) -> Iterator[str]:
    missing = []
    for name in way.order:
        node = graph.nodes[name]
        if not node.user_defined or name in there:
            continue
        users = users_of(name, way.order, graph.nodes)
        if users and not is_required(node, way.order, graph.nodes, cut):
            continue  # a node that takes it as an optional input has its default
        if (variants := config_variants(name, graph.modules)) is not None:
            yield _no_variant(name, variants, graph.config)
        else:
            needed = f", needed by {', '.join(users[:3])}{' and more' if len(users) > 3 else ''}" if users else ""
            missing.append(f"{name} ({type_name(node.type)}{needed})")
    if missing:
        yield f"missing input{'s' if len(missing) > 1 else ''}: {', '.join(missing)}"


def _coerced(values: Mapping[str, Any], nodes: Nodes, what: str, problems: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if what == "override" and not is_written(value):
            found[name] = value  # an object made by a program may stand in for anything, as with plain Hamilton
            continue
        try:
            found[name] = coerce(value, nodes[name].type)
        except ValueError as error:
            problems.append(f"{what} {name!r}: {error}")
    return found


def why_not_given(value: Any, kind: Any, *, converted: bool) -> str:
    """Return why a node of a type cannot be given a value; one of the config is not *converted*, it made the graph."""
    from hamilton import htypes

    if not converted:
        return "" if value is None or htypes.check_input_type(kind, value) else refusal(value, kind)
    try:
        coerce(value, kind)
    except ValueError as error:
        return str(error)
    return ""


def _wrong_config(graph: Graph, way: Walk) -> Iterator[str]:
    """Name config values that feed an input of another type; they shaped the graph and cannot be converted any more."""
    for name in way.order:
        node = graph.nodes[name]
        given = node.user_defined and name in graph.config
        if given and (why := why_not_given(graph.config[name], node.type, converted=False)):
            yield f"config {name!r}: {why}"


def parameters_of(modules: Sequence[ModuleType]) -> set[str]:
    """Return the parameters of every function of the modules, whatever the config."""
    found: set[str] = set()
    for module in modules:
        for _, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__:
                found.update(inspect.signature(function).parameters)
    return found


def _refuse_depth(way: Walk) -> None:
    """Hamilton walks a graph by recursion; say so before Python does."""
    frame, used = sys._getframe(), 0
    while frame := frame.f_back:  # type: ignore[assignment]
        used += 1
    limit = sys.getrecursionlimit() - used - _FRAMES_LEFT_FOR_NODES
    if way.depth > limit:
        raise PipelineError(
            f"the graph is {way.depth} nodes deep, Hamilton can follow {limit} here",
            hint="split the pipeline, or compute the chain in one node",
        )
