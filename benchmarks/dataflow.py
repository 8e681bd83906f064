"""The graph of a module of 1,000 nodes: read without running it, and built by Hamilton."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.children import run_command
from benchmarks.context import Context, Table
from benchmarks.measure import Run, Side
from benchmarks.peers import CHECKOUT
from benchmarks.samples import Sample

_NOTE = (
    "`process` is measured from outside: the start of Python, the libraries, the module and its graph, which is what "
    "checking it costs. `graph` is measured inside, the libraries already there. Neither side has byte code of the "
    "module, as in CI. flowerpower also checks that a run of the last node has all it needs, and loads no Hamilton."
)


def run(context: Context) -> Iterator[Table]:
    """Yield one table; the number of nodes is the same in a quick run."""
    nodes = 1_000
    module = context.folder / "chain.py"
    module.write_text(module_text(nodes), encoding="utf-8")
    sides = [
        Side("flowerpower", context.version, _runner("read", module), nodes),
        Side("Hamilton, import and build", version("apache-hamilton"), _runner("build", module), nodes),
    ]
    yield context.compare(f"the graph of {nodes:,} nodes", sides, _NOTE)


def module_text(nodes: int) -> str:
    """Return a module of functions of a few lines, each of which needs the one before."""
    first = "import pandas as pd\nfrom hamilton.function_modifiers import tag\n"
    functions = (
        f'@tag(step="{number}")\n'
        f"def n{number}({f'n{number - 1}' if number else 'start'}: float, factor: float = 2.0) -> float:\n"
        f'    """Return the value of step {number}."""\n'
        f"    total = {f'n{number - 1}' if number else 'start'} * factor\n"
        "    for part in range(3):\n"
        "        total += part\n"
        "    return total\n"
        for number in range(nodes)
    )
    return "\n\n".join([first, *functions])


def _runner(action: str, module: Path) -> Run:
    command = [sys.executable, "-B", "-m", "benchmarks.sides.graph_side", action, str(module)]

    def run_once() -> Mapping[str, Sample]:
        outside, printed = run_command([command], CHECKOUT)
        inside = Sample(**json.loads(printed[0])["graph"])
        return {"process": outside._replace(count=inside.count), "graph": inside}

    return run_once
