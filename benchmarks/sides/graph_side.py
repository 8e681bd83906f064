"""The graph of one module, read or built. Usage: read|build MODULE."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from benchmarks.samples import Sample, print_samples, watch


def read(module: Path) -> dict[str, Sample]:
    """Read the graph without running the module, and check a run of its last node."""
    from flowerpower.dataflow.check import Wanted, check_run
    from flowerpower.dataflow.conditions import Config
    from flowerpower.dataflow.graph import build_graph
    from flowerpower.dataflow.modules import ModuleFile
    from flowerpower.dataflow.parse import read_module
    from flowerpower.settings import look_for_no_cycles

    look_for_no_cycles()
    with watch() as reading:
        graph = build_graph([ModuleFile(module.stem, module.name, read_module(module.read_bytes()))], Config({}))
        found = check_run(graph, Wanted({("outputs", 0): next(reversed(graph.nodes))}, {}, ("start",)))
    assert graph.decided, graph.reasons
    assert found == []
    return {"graph": reading.sample(len(graph.nodes))}


def build(module: Path) -> dict[str, Sample]:
    """Import the module, and let Hamilton build its graph."""
    from hamilton import driver

    spec = spec_from_file_location(module.stem, module)
    assert spec is not None
    assert spec.loader is not None
    with watch() as building:
        loaded = module_from_spec(spec)
        sys.modules[module.stem] = loaded
        spec.loader.exec_module(loaded)
        nodes = driver.Builder().with_modules(loaded).build().graph.nodes
    return {"graph": building.sample(sum(not node.user_defined for node in nodes.values()))}


if __name__ == "__main__":
    print_samples({"read": read, "build": build}[sys.argv[1]](Path(sys.argv[2])))
