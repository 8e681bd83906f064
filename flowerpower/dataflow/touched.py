"""Which nodes a change in other modules may touch: those whose code uses something of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flowerpower.dataflow.compare import Version, code_of_functions
from flowerpower.dataflow.locate import package_of
from flowerpower.dataflow.modules import Import
from flowerpower.dataflow.reader import import_closure


def users_of(version: Version, changed: Collection[str], folders: Sequence[str]) -> tuple[str, ...]:
    """Return the nodes, sorted, whose code uses something of a module that is made of one of the *changed* files.

    That is more than the nodes which really differ, and less than all: importing a module may do anything.
    """
    reaches: dict[tuple[str, Import], bool] = {}
    found = []
    for node in version.graph.nodes.values():
        function = code_of_functions(version.files.get(node.place.file, b"")).get(node.function)
        package = package_of(node.place.file, folders)
        for wanted in function.imports if function else ():
            if (package, wanted) not in reaches:
                closure = import_closure((wanted,), package, version.files, folders)
                reaches[package, wanted] = not set(changed).isdisjoint(closure)
            if reaches[package, wanted]:
                found.append(node.name)
                break
    return tuple(sorted(found))
