"""`flowerpower run` against the same driver in a script of plain Hamilton: whole processes, from start to result."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.children import run_command
from benchmarks.context import Context, Table
from benchmarks.measure import Run, Side
from benchmarks.samples import Sample

_NODE = "def node_{n}(node_{before}: int) -> int:\n{body}    return node_{before} + {n}\n"
_BUSY = "    end = time.process_time() + 0.1\n    while time.process_time() < end:\n        pass\n"
_PLAIN = """\
import sys

sys.path.insert(0, "flows")
import {name}
from hamilton import driver

built = driver.Builder().with_modules({name}).build()
print(built.execute(["node_10"], inputs={{"node_0": 1}})["node_10"])
"""
_SPARING = "from hamilton import registry\n\nregistry.disable_autoload()\n"
_NOTE = (
    "Ten nodes: sums alone, and sums that need a second of CPU. flowerpower also checks the project and shows "
    "where time went. Hamilton loads an extension for every library that is installed, unless the script tells it not "
    "to; flowerpower loads those that the modules can need."
)


def run(context: Context) -> Iterator[Table]:
    """Yield a table for each of the two pipelines."""
    for name, body in (("quick", ""), ("busy", _BUSY)):
        folder = write_project(context.folder / name, name, body)
        hamilton = version("apache-hamilton")
        sides = [
            Side("flowerpower run", context.version, _runner(folder, "-m", "flowerpower", "run", name), 10),
            Side("plain Hamilton", hamilton, _runner(folder, "plain.py"), 10),
            Side("plain Hamilton, no extensions", hamilton, _runner(folder, "sparing.py"), 10),
        ]
        yield context.compare(f"one command that runs ten nodes, {name}", sides, _NOTE)


def write_project(folder: Path, name: str, body: str) -> Path:
    """Write a project with one pipeline, and the scripts that do the same."""
    nodes = [_NODE.format(n=n, before=n - 1, body=body) for n in range(1, 11)]
    files = {
        "flowerpower.yaml": "name: bench\nredis: embedded\nmodules: [flows]\n",
        f"pipelines/{name}.yaml": f"modules: [{name}]\noutputs: [node_10]\ninputs: {{node_0: 1}}\n",
        f"flows/{name}.py": "\n\n".join(["import time\n", *nodes]),
        "plain.py": _PLAIN.format(name=name),
        "sparing.py": _SPARING + _PLAIN.format(name=name),
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def _runner(folder: Path, *command: str) -> Run:
    def run_once() -> Mapping[str, Sample]:
        sample, (printed,) = run_command([[sys.executable, *command]], folder)
        return {"command": sample._replace(count=10 if "56" in printed else 0)}

    return run_once
