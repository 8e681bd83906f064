"""The graph of modules twice: as Hamilton builds it, and as it is read without running them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowerpower.dataflow.conditions import Config
from flowerpower.dataflow.graph import Graph, build_graph
from flowerpower.dataflow.locate import locate
from flowerpower.dataflow.modules import ModuleFile
from flowerpower.errors import PipelineError
from flowerpower.pipelines.arrange import Given, arrange
from flowerpower.pipelines.arrange import Graph as BuiltGraph
from flowerpower.pipelines.driver import Parts, build
from flowerpower.pipelines.extensions import load_hamilton
from flowerpower.pipelines.graph import is_optional
from flowerpower.pipelines.modules import import_modules, importable

_WRONG_TYPE = re.compile(r"(config|input|override) '\w+': .* is not an? ")
Needs = dict[str, dict[str, bool | None] | None]  # node -> what it needs, None for an external input


def configs_of(text: str) -> list[dict[str, Any]]:
    """Return the configs that an example names: `# config: {...}`, one line for each; without any it is empty."""
    marked = [line.removeprefix("# config:") for line in text.splitlines() if line.startswith("# config:")]
    return [json.loads(line) for line in marked] or [{}]


def static_graph(files: Mapping[str, str], modules: Sequence[str], config: Mapping[str, Any]) -> Graph:
    """Return the graph as it is read; *files* maps module names to their texts."""
    contents = {f"flows/{path}": text.encode() for path, text in files.items()}
    located = [locate(module, contents, ["flows"]) for module in modules]
    return build_graph([found for found in located if isinstance(found, ModuleFile)], Config(config))


def needs_of(graph: Graph) -> Needs:
    """Return the nodes of a graph that was read, with what each needs."""
    external: Needs = dict.fromkeys([*graph.inputs, *graph.config.values])
    return external | {name: dict(node.needs) for name, node in graph.nodes.items()}


def real_graph(
    folder: Path, files: Mapping[str, str], modules: Sequence[str], config: Mapping[str, Any]
) -> Needs | PipelineError:
    """Return the graph that Hamilton builds from the same modules, or why it builds none."""
    try:
        nodes = _built(folder, files, modules, config).nodes
    except PipelineError as error:
        return error
    return {
        name: None if node.user_defined else {need: not is_optional(how) for need, (_, how) in node.input_types.items()}
        for name, node in nodes.items()
    }


def refusal_of(
    folder: Path,
    files: Mapping[str, str],
    modules: Sequence[str],
    config: Mapping[str, Any],
    run: tuple[Sequence[str], ...],
) -> list[str]:
    """Return what a run of outputs, inputs, overrides and loads would refuse before it computes anything.

    Types of values are left out: the values here are objects of a program.
    """
    outputs, inputs, overrides, loads = run
    given = Given(dict.fromkeys(inputs), dict.fromkeys(overrides), loads)
    said = _said(_built(folder, files, modules, config), outputs, given)
    return [line for line in said if not _WRONG_TYPE.match(line)]


def wrong_types_of(
    folder: Path, text: str, config: Mapping[str, Any], outputs: Sequence[str], inputs: Mapping[str, Any]
) -> list[str]:
    """Return which inputs and config values a run of one module would refuse for their types."""
    said = _said(_built(folder, {"m0.py": text}, ["m0"], config), outputs, Given(inputs, {}))
    assert all(_WRONG_TYPE.match(line) for line in said), said
    return said


def _said(graph: BuiltGraph, outputs: Sequence[str], given: Given) -> list[str]:
    try:
        arrange(graph, outputs, given)
    except PipelineError as error:
        return str(error).splitlines()
    return []


def _built(folder: Path, files: Mapping[str, str], modules: Sequence[str], config: Mapping[str, Any]) -> BuiltGraph:
    for path, text in files.items():
        file = folder / "flows" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    logging.getLogger("hamilton").setLevel(logging.CRITICAL)  # a refusal is expected here
    load_hamilton(tuple(modules), folder, ("flows",))
    with importable(folder, ["flows"]):
        imported = import_modules(modules, folder, ["flows"])
        return BuiltGraph(build(Parts(imported, config)).graph.nodes, imported, config)


def differences(read: Needs, real: Needs) -> dict[str, tuple[object, object]]:
    """Return the nodes that differ; a need that the reading leaves open agrees with both."""
    return {
        name: (read.get(name, "none"), real.get(name, "none"))
        for name in read.keys() | real.keys()
        if name not in read or name not in real or not _agree(read[name], real[name])
    }


def _agree(read: Mapping[str, bool | None] | None, real: Mapping[str, bool | None] | None) -> bool:
    if read is None or real is None:
        return read is real
    return read.keys() == real.keys() and all(read[need] in (None, real[need]) for need in read)
