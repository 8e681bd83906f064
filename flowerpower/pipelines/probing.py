"""The real graphs of pipelines, built by importing their modules in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flowerpower.dataflow.graph import Build, Graph, Node, Unbuilt, Variants, make_graph
from flowerpower.errors import Place


def real_graphs(builds: Sequence[Build], root: Path, folders: Sequence[str]) -> list[Graph | Unbuilt]:
    """Return for each build the graph that Hamilton makes of it, or why it makes none.

    The process may end under it, by `os._exit` or a crash of a library: then another one goes on behind that build.
    """
    answers: dict[int, Mapping[str, Any]] = {}
    while len(answers) < len(builds):
        waiting = [number for number in range(len(builds)) if number not in answers]
        begun, code = waiting[0], 0
        for answer in _ask(builds, waiting, root, folders):
            if "code" in answer:
                code = answer["code"]
            elif "begun" in answer:
                begun = answer["begun"]
            else:
                answers[answer["number"]] = answer
        if begun not in answers:
            answers[begun] = {"error": f"the process that imported the modules ended ({_ending(code)})"}
    return [_read(answers[number], build) for number, build in enumerate(builds)]


def _ask(
    builds: Sequence[Build], numbers: Sequence[int], root: Path, folders: Sequence[str]
) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of one process, and at last how it ended."""
    wanted = [
        {"number": number, "modules": build.modules, "config": build.config.values, "values": build.values}
        for number, build in ((number, builds[number]) for number in numbers)
    ]
    asked = json.dumps({"root": str(root), "folders": list(folders), "builds": wanted})
    command = [sys.executable, "-m", "flowerpower.pipelines.probe"]
    done = subprocess.run(command, input=asked, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False)
    for line in done.stdout.splitlines():
        yield json.loads(line)
    yield {"code": done.returncode}


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    known = {int(entry): entry.name for entry in signal.Signals}
    return known.get(-code, f"signal {-code}")


def _read(answer: Mapping[str, Any], build: Build) -> Graph | Unbuilt:
    if "error" in answer:
        file, _, line = str(answer.get("place", "")).rpartition(":")
        place = Place(file, int(line)) if file else None
        return Unbuilt(answer["error"], answer.get("hint", ""), place)
    found = answer["graph"]
    nodes = {
        name: Node(name, node["needs"], node["function"], Place(node["file"], node["line"]))
        for name, node in found["nodes"].items()
    }
    parameters = {**dict.fromkeys(found["parameters"], ""), **found["inputs"]}
    variants = {name: Variants(tuple(keys), ()) for name, keys in found["variants"].items()}
    refused = {build.values[number].key: why for number, why in found["refused"]}
    return make_graph(nodes, build.config, parameters, variants)._replace(refused=refused)
