"""Inputs that somebody gives to one run of what is applied, against the code that it was applied with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flowerpower.dataflow.check import Finding, Path, Wanted, check_run
from flowerpower.dataflow.modules import Files
from flowerpower.dataflow.reader import code_digest
from flowerpower.specs.dataflow_graphs import Graphs
from flowerpower.specs.dataflow_values import wrong_values


def wrong_inputs(run_spec: Mapping[str, Any], names: Collection[str], files: Files) -> list[Finding]:
    """Return what the run will refuse of the inputs of these *names*, and that it lacks some; only what is certain.

    Nothing where *files* are not those that were applied, or the record is odd.
    """
    try:
        return _found(run_spec, names, files)
    except (AttributeError, KeyError, TypeError, ValueError):  # an altered record: the worker says so
        return []


def _found(run_spec: Mapping[str, Any], names: Collection[str], files: Files) -> list[Finding]:
    spec, folders = run_spec["spec"], tuple(run_spec["folders"])
    modules = tuple(spec["modules"])
    if code_digest(modules, files, folders) != run_spec["code"]:
        return []
    graphs = Graphs(files, folders)
    if None in graphs.locate(modules) or graphs.mistakes(modules):
        return []
    given = {section: spec.get(section) or {} for section in ("inputs", "config", "overrides")}
    graph = graphs.read(modules, given["config"])
    if graph.faults:
        return []
    saved = [name for save in spec.get("save") or () for name in save["outputs"]]
    outputs: dict[Path, str] = {("outputs", position): name for position, name in enumerate([*spec["outputs"], *saved])}
    wanted = Wanted(outputs, given["config"], given["inputs"], given["overrides"], spec.get("load") or {})
    found = [*check_run(graph, wanted), *wrong_values(graph, wanted, given)]
    return [finding for finding in found if finding.path[0] == "inputs" and {*finding.path[1:]} <= {*names}]
