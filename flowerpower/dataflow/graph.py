"""The graph of a pipeline: what its modules make under a config, as Hamilton would build it.

A claim of a graph is certain or not made. What only running the code would tell is a doubt, with its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flowerpower.dataflow.conditions import Config, UndecidedError, target_name, words
from flowerpower.dataflow.edges import Edges, Want
from flowerpower.dataflow.expand import conditions_of, expand
from flowerpower.dataflow.modules import Function, ModuleFile, Spot, Taken
from flowerpower.dataflow.walk import walk
from flowerpower.errors import Place


class Node(NamedTuple):
    """Something a function computes; `needs` says of each dependency whether it is required (None: not known)."""

    name: str
    needs: Mapping[str, bool | None]
    function: str
    place: Place


class Fault(NamedTuple):
    """A certain mistake in the code, such as two nodes of one name or a missing type: Hamilton builds no graph then."""

    kind: str  # "duplicate", "untyped", "unfit" or "stranded"
    place: Place
    name: str
    detail: str


class Reason(NamedTuple):
    """Why a graph is not decided; `key` is that of a config value which is only known when a run starts."""

    why: str
    place: Place
    key: str = ""


class Variants(NamedTuple):
    """The `@config` variants of one node: the keys they look at, and the values they ask for, in words."""

    keys: tuple[str, ...]
    choices: tuple[str, ...]


class Graph(NamedTuple):
    """All nodes of some modules under a config. `inputs` maps each external input to the nodes that need it.

    `required` are the inputs that some node cannot do without. A graph that was read has `edges`, for what is known of
    types, and the config keys that are `used`: they choose a variant, or take the place of a node. One that Hamilton
    built knows which values are `refused`, by their keys, and why. Make one by `make_graph`.
    """

    nodes: Mapping[str, Node]
    inputs: Mapping[str, tuple[str, ...]]
    config: Config
    parameters: Mapping[str, str]  # of every function, whatever the config; with the type as written
    variants: Mapping[str, Variants]
    faults: tuple[Fault, ...] = ()
    reasons: tuple[Reason, ...] = ()
    required: frozenset[str] = frozenset()
    acyclic: bool = False
    edges: Edges | None = None
    used: frozenset[str] | None = None
    refused: Mapping[tuple[str, ...], str] = {}

    @property
    def decided(self) -> bool:
        """Whether the graph is exactly the one that Hamilton would build, if it builds one."""
        return not self.reasons

    @property
    def kinds(self) -> Mapping[str, Any]:
        """The types of the inputs that every node wants as one and the same of Python's own."""
        return self.edges.kinds if self.edges else {}

    def knows(self, name: str) -> bool:
        """Return whether *name* is a node, computed or external."""
        return name in self.nodes or name in self.inputs


class Value(NamedTuple):
    """What a run gives to a node: under which key of a spec, the name of the node, and the value."""

    section: str  # "inputs", "config" or "overrides"
    name: str
    value: Any

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from others."""
        return self.section, self.name, repr(self.value)


class Build(NamedTuple):
    """What a graph is made of: modules, by name and in order, under a config; and the values that runs of it give."""

    modules: tuple[str, ...]
    config: Config
    values: tuple[Value, ...] = ()

    @property
    def key(self) -> tuple[tuple[str, ...], str]:
        """What decides the graph."""
        values = self.config.values
        return self.modules, json.dumps(values, sort_keys=True) if values else ""


class Unbuilt(NamedTuple):
    """Why Hamilton built no graph, and where in the project's code that is, as far as it is known."""

    what: str
    hint: str = ""
    place: Place | None = None


class _Draft:
    """A graph that is being put together."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.makers: dict[str, tuple[ModuleFile, Function]] = {}
        self.parameters: dict[str, str] = {}
        self.variants: dict[str, Variants] = {}
        self.faults: list[Fault] = []
        self.reasons: list[Reason] = []
        self.used: set[str] = set()


def build_graph(modules: Sequence[ModuleFile], config: Config) -> Graph:
    """Return the graph of *modules*, in order, under a config."""
    draft = _Draft()
    for file in modules:
        draft.faults += _stranded(file)
        reasons = list(module_doubts(file))
        draft.reasons += reasons
        for function in file.module.functions:
            _add(draft, file, function, config, certain=not reasons)
    graph = make_graph(draft.nodes, config, draft.parameters, draft.variants)
    edges = Edges(draft.makers, graph.inputs)
    draft.faults += [_unfit(*found) for found in edges.unfit()]
    if not draft.reasons:
        draft.faults += [_unfit(*found) for found in edges.unlike()]
    used = frozenset(draft.used.union(*(found.keys for found in draft.variants.values())))
    return graph._replace(faults=tuple(draft.faults), reasons=tuple(draft.reasons), edges=edges, used=used)


def make_graph(
    nodes: Mapping[str, Node], config: Config, parameters: Mapping[str, str], variants: Mapping[str, Variants]
) -> Graph:
    """Return the graph of nodes, with its external inputs found."""
    inputs: dict[str, list[str]] = {}
    required: set[str] = set()
    for node in nodes.values():
        for need, how in node.needs.items():
            if need not in nodes:
                inputs.setdefault(need, []).append(node.name)
                if how:
                    required.add(need)
    users = {name: tuple(some) for name, some in inputs.items()}
    acyclic = not walk(nodes, nodes).cycle
    return Graph(nodes, users, config, parameters, variants, required=frozenset(required), acyclic=acyclic)


def condition_keys(modules: Sequence[ModuleFile]) -> tuple[str, ...]:
    """Return the keys of the config that choose between variants of nodes, as far as they are written out."""
    found: dict[str, None] = {}
    for file in modules:
        for function in file.module.functions:
            try:
                found |= {key: None for condition in conditions_of(function) for key, _ in condition.pairs}
            except UndecidedError:
                continue  # it makes the graph undecided whatever the config
    return tuple(found)


def module_doubts(file: ModuleFile) -> Iterator[Reason]:
    """Yield why the functions of a module are not known for certain."""
    for doubt in file.module.doubts:
        yield Reason(doubt.why, _place(file, doubt.spot))
    if file.path.endswith("/__init__.py"):
        for taken in file.module.taken:
            if _is_own_part(taken, file.name):
                yield Reason("a package takes functions from its own modules", _place(file, taken.spot))


def _is_own_part(taken: Taken, package: str) -> bool:
    """Hamilton counts functions of `sales.core` as those of `sales` where they are imported into it."""
    level, module = taken.source.level, taken.source.module
    if level:
        parts = package.split(".")
        module = ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])
    return module == package or module.startswith(f"{package}.")


def _stranded(file: ModuleFile) -> Iterator[Fault]:
    """Yield the relative imports that lead out of all packages: Python refuses them wherever the module lies."""
    depth = file.name.count(".") + file.path.endswith("/__init__.py")
    for taken in file.module.taken:
        if taken.sure and taken.source.level > depth:
            start = f"from {'.' * taken.source.level}{taken.source.module} import"
            yield Fault("stranded", _place(file, taken.spot), file.name, start)


def _add(draft: _Draft, file: ModuleFile, function: Function, config: Config, *, certain: bool) -> None:
    for parameter in function.parameters:
        draft.parameters.setdefault(parameter.name, parameter.annotation or "")
    place = _place(file, function.spot)
    try:
        _add_variant(draft, function)
        expansion = expand(function, config)
    except UndecidedError as error:
        draft.reasons.append(Reason(str(error), place, error.key))
        return
    if not certain:
        return
    if expansion.untyped:
        draft.faults.append(Fault("untyped", place, function.name, _words(expansion.untyped)))
    for node in expansion.nodes:
        if node.name in config.values:
            draft.used.add(node.name)
            continue
        if (first := draft.nodes.get(node.name)) is not None:
            draft.faults.append(Fault("duplicate", max(place, first.place), node.name, str(min(place, first.place))))
        else:
            draft.nodes[node.name] = Node(node.name, node.needs, function.name, place)
            draft.makers[node.name] = file, function


def _add_variant(draft: _Draft, function: Function) -> None:
    conditions = conditions_of(function)
    if conditions:
        name = target_name(function, conditions)
        before = draft.variants.get(name, Variants((), ()))
        keys = dict.fromkeys([*before.keys, *(key for condition in conditions for key, _ in condition.pairs)])
        choice = " and ".join(words(condition) for condition in conditions)
        draft.variants[name] = Variants(tuple(keys), (*before.choices, choice))


def _unfit(want: Want, why: str) -> Fault:
    name, parameter = want.function.name, want.parameter
    detail = f"`{name}` wants '{parameter.name}' as `{parameter.annotation}`, but {why}"
    return Fault("unfit", _place(want.file, parameter.spot), name, detail)


def _words(untyped: Sequence[str]) -> str:
    """Return `'a', 'b' and its result` for the parts of a function that lack a type."""
    words = ["its result" if name == "return" else f"'{name}'" for name in untyped]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _place(file: ModuleFile, spot: Spot) -> Place:
    return Place(file.path, spot.line, spot.column)
