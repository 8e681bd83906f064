"""What can be said of graphs that are known only in part: never more than is certain."""

from __future__ import annotations

from collections.abc import Iterator

from flowerpower.dataflow.compare import Version, code_of_functions
from flowerpower.dataflow.parse import read_module
from flowerpower.errors import Place


def new_nodes(before: Version, after: Version) -> set[str]:
    """Return the nodes of *after* that *before* lacks for certain.

    Where only running the code tells what some functions of *before* make, those count that a function makes which was
    not there at all; where a whole module is in doubt, none.
    """
    missing = after.graph.nodes.keys() - before.graph.nodes.keys()
    if before.graph.decided:
        return set(missing)
    places = {reason.place for reason in before.graph.reasons}
    if places - {Place(file, *spot) for file, _, spot in _doubted(before, whole=False)}:
        return set()
    files = {place.file for place in places} | {node.place.file for node in before.graph.nodes.values()}
    known = {name for file in files for name in code_of_functions(before.files.get(file, b""))}
    return {name for name in missing if after.graph.nodes[name].function not in known}


def unsure_functions(before: Version, after: Version) -> tuple[str, ...]:
    """Return the functions, sorted, whose nodes are not known in one of the graphs, and whose code differs."""
    found = {(file, name) for version in (before, after) for file, name, _ in _doubted(version, whole=True)}
    return tuple(sorted({name for file, name in found if _code(before, file, name) != _code(after, file, name)}))


def _doubted(version: Version, *, whole: bool) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Yield file, name and spot of the functions that a graph leaves out; *whole* adds those of doubted modules."""
    places = {reason.place for reason in version.graph.reasons}
    for file in {place.file for place in places} & version.files.keys():
        module = read_module(version.files[file])
        for function in module.functions:
            spot = function.spot.line, function.spot.column
            if Place(file, *spot) in places or (whole and module.doubts):
                yield file, function.name, spot


def _code(version: Version, file: str, function: str) -> str:
    code = code_of_functions(version.files.get(file, b"")).get(function)
    return code.digest if code else ""
