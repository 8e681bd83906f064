"""Everything that can be known to be wrong with a run of a graph, without running user code.

It says what `pipelines.arrange` would say when the run starts, in the same words; and only what is certain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from flowerpower.dataflow.graph import Graph, Variants
from flowerpower.dataflow.walk import Walk, circle, walk
from flowerpower.nearest import ALIKE, SURE, nearest

Kind = Literal[
    "no node",
    "no input",
    "not an input",
    "given twice",
    "missing",
    "no variant",
    "cycle",
    "wrong type",
    "not held",
    "unused",
]
Path = tuple[str | int, ...]
MOST_SUGGESTED = 20
_MOST_PLACES = 5
_OF_HAMILTON = "hamilton."  # what its own settings begin with


class Wanted(NamedTuple):
    """What a run asks for and brings along; outputs and nodes to save come with where the spec names them.

    Of its *config* a graph may know only the part that shapes it; every key is a value for an input of its name.
    """

    outputs: Mapping[Path, str]
    config: Mapping[str, object]
    inputs: Collection[str] = ()
    overrides: Collection[str] = ()
    loads: Collection[str] = ()


class Finding(NamedTuple):
    """One mistake: its kind, where in the spec it is, what is wrong, what to do, and which name one means."""

    kind: Kind
    path: Path
    what: str
    hint: str = ""
    meant: str = ""


def check_run(graph: Graph, wanted: Wanted) -> list[Finding]:
    """Return what is wrong with a run, of an undecided graph only what is certain anyway."""
    return [] if is_plainly_right(graph, wanted) else look_closely(graph, wanted)


def look_closely(graph: Graph, wanted: Wanted) -> list[Finding]:
    """Return what `check_run` does, however long it takes."""
    found = [*_wrong_inputs(graph, wanted), *_unused(graph, wanted)]
    if graph.decided:
        found += _unknown(graph, wanted)
    cut = {*wanted.overrides, *(name for name in wanted.loads if name not in wanted.inputs)}
    there = {*wanted.inputs, *cut, *wanted.config}
    names = wanted.outputs.values()
    if graph.acyclic and graph.required <= there and all(name in graph.nodes or name in there for name in names):
        return found  # whatever the outputs need, it is there
    outputs = [name for name in names if graph.knows(name) or name in wanted.config]
    way = walk(graph.nodes, outputs, cut)
    if way.cycle:
        return [*found, _cycle(graph, way.cycle)]
    if graph.decided:
        meant = {finding.meant for finding in found}  # these are there, misspelt
        found += _missing(graph, way, wanted._replace(inputs={*wanted.inputs, *meant}), cut)
    return found


def is_plainly_right(graph: Graph, wanted: Wanted) -> bool:
    """Tell whether nothing can be wrong, in a fraction of the time that a closer look takes; most runs are so."""
    if graph.reasons or not graph.acyclic:
        return False
    nodes, inputs, replaced = graph.nodes.keys(), {*wanted.inputs}, {*wanted.overrides, *wanted.loads}
    return (
        inputs.isdisjoint(nodes)
        and inputs.isdisjoint(wanted.config)
        and inputs <= graph.parameters.keys()
        and (graph.used is None or wanted.config.keys() - graph.parameters.keys() <= graph.used)
        and replaced <= nodes
        and {*wanted.outputs.values()} <= nodes
        and graph.required <= {*inputs, *replaced, *wanted.config}
    )


def suggest(name: str, known: Collection[str], otherwise: str = "there are", cutoff: float = ALIKE) -> str:
    """Return a hint for a name that is not one of *known*."""
    if close := nearest(name, known, cutoff=cutoff):
        return f"did you mean {close!r}?"
    if not known:
        return ""
    more = f" and {len(known) - MOST_SUGGESTED} more" if len(known) > MOST_SUGGESTED else ""
    return f"{otherwise}: {', '.join(sorted(known)[:MOST_SUGGESTED])}{more}"


def _wrong_inputs(graph: Graph, wanted: Wanted) -> Iterator[Finding]:
    for name in wanted.inputs:
        path: Path = ("inputs", name)
        if name in wanted.config:
            what = f"{name!r} is given by both `inputs` and `config`"
            yield Finding("given twice", path, what, "keep one of the two")
        elif name in graph.nodes:
            what = f"{name!r} is no input, the graph computes it"
            yield Finding("not an input", path, what, "to replace it, put it under `overrides`")
        elif graph.decided and name not in graph.inputs and name not in graph.parameters:
            yield _no_input(path, name, {*graph.inputs, *graph.parameters} - graph.nodes.keys(), wanted.inputs)


def _no_input(path: Path, name: str, known: Collection[str], given: Collection[str]) -> Finding:
    meant = nearest(name, [one for one in known if one not in given])
    twin = "" if meant else nearest(name, [one for one in known if one in given])
    hint = f"did you mean {twin!r}? It is given already" if twin else suggest(meant or name, known, "the inputs are")
    return Finding("no input", path, f"there is no node for the input {name!r}", hint, meant or twin)


def _unused(graph: Graph, wanted: Wanted) -> Iterator[Finding]:
    """Yield the config keys that make no difference, which Hamilton takes without a word."""
    if graph.used is None or not graph.decided:
        return
    known = graph.used | graph.parameters.keys() - graph.nodes.keys()
    for name in wanted.config:
        if name not in known and name not in graph.parameters and not name.startswith(_OF_HAMILTON):
            what = f"the config key {name!r} makes no difference: no node takes it, none is chosen by it"
            yield Finding("unused", ("config", name), what, suggest(name, known, "the keys are", SURE))


def _unknown(graph: Graph, wanted: Wanted) -> Iterator[Finding]:
    named = [("output", path, name) for path, name in wanted.outputs.items()]
    named += [("override", ("overrides", name), name) for name in wanted.overrides]
    named += [("load", ("load", name), name) for name in wanted.loads]
    for what, path, name in named:
        if graph.knows(name) or name in wanted.config:
            continue
        if (variants := graph.variants.get(name)) is not None:
            yield _no_variant(wanted.config, name, variants)
        else:
            known = graph.nodes if what == "output" else {**graph.nodes, **graph.inputs}
            said = f"there is no node for the {what} {name!r}"
            yield Finding("no node", path, said, suggest(name, known), nearest(name, known))


def _no_variant(config: Mapping[str, object], name: str, variants: Variants) -> Finding:
    values = [f"{key}={config[key]!r}" if key in config else f"{key} is not set" for key in variants.keys]
    what = f"no variant of the node {name!r} matches the config ({', '.join(values)})"
    given = [key for key in variants.keys if key in config][:1]
    near = nearest(str(config[given[0]]), variants.choices) if given else ""
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(variants.choices)}"
    return Finding("no variant", ("config", *given), what, hint)


def _cycle(graph: Graph, names: Sequence[str]) -> Finding:
    places = [f"{place.file}:{place.line}" for place in dict.fromkeys(graph.nodes[name].place for name in names)]
    some = f"{', '.join(places[:_MOST_PLACES])}{' and more' if len(places) > _MOST_PLACES else ''}"
    hint = f"a node cannot need itself, even by way of others; look at {some}"
    return Finding("cycle", ("outputs",), f"the graph has a cycle: {circle(names)}", hint)


def _missing(graph: Graph, way: Walk, wanted: Wanted, cut: Collection[str]) -> Iterator[Finding]:
    users, required = _users(graph, way, cut)
    there = {*wanted.inputs, *cut, *wanted.config}
    for name in way.order:
        if name in graph.nodes or name in there:
            continue
        if (variants := graph.variants.get(name)) is not None:
            yield _no_variant(wanted.config, name, variants)
        elif name in required or name not in users:
            yield Finding("missing", ("inputs",), _missing_words(graph, name, users.get(name, [])))


def _users(graph: Graph, way: Walk, cut: Collection[str]) -> tuple[dict[str, list[str]], set[str]]:
    """Return who needs each node, and the nodes that someone cannot do without."""
    users: dict[str, list[str]] = {}
    required: set[str] = set()
    for name in way.order:
        if name in graph.nodes and name not in cut:
            for need, how in graph.nodes[name].needs.items():
                users.setdefault(need, []).append(name)
                if how:
                    required.add(need)
    return users, required


def _missing_words(graph: Graph, name: str, users: Sequence[str]) -> str:
    kind = graph.parameters.get(name, "")
    needed = f"needed by {', '.join(users[:3])}{' and more' if len(users) > 3 else ''}" if users else ""
    about = ", ".join(part for part in (kind, needed) if part)
    return f"missing input: {name}{f' ({about})' if about else ''}"
