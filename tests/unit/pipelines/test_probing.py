"""Real graphs from a process of its own, whatever the imported code does to it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.dataflow import configs_of, differences, needs_of, static_graph

from flowerpower.dataflow.conditions import Config
from flowerpower.dataflow.graph import Build, Graph, Unbuilt, Value
from flowerpower.errors import Place
from flowerpower.pipelines.probing import real_graphs

EXAMPLES = Path(__file__).parents[2] / "cases" / "dataflow"
GOOD = "def total(amount: int, rate: float = 1.0) -> int:\n    return amount\n"
MODULES = {
    "good": GOOD,
    "noisy": f"import sys\nprint('hello')\nsys.stdout.write('{{}}')\n{GOOD}",
    "raises": f"{GOOD}\nVALUE = 1 / 0\n",
    "leaves": f"import sys\nsys.exit(3)\n{GOOD}",
    "ends": "import os\nos._exit(5)\n",
    "killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "lingers": f"import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n{GOOD}",
    "untyped": "def total(amount):\n    return amount\n",
    "variants": (
        "from hamilton.function_modifiers import config\n\n"
        "@config.when(engine='a')\ndef total__a(amount: int) -> int:\n    return 1\n"
    ),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    for name, text in MODULES.items():
        (tmp_path / "flows" / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


def probed(project: Path, *modules: str, **config: object) -> list[Graph | Unbuilt]:
    return real_graphs([Build((module,), Config(config)) for module in modules], project, ["flows"])


def test_a_graph_comes_back_with_its_needs_and_places(project: Path) -> None:
    (graph,) = probed(project, "good")

    assert isinstance(graph, Graph)
    assert {name: (node.needs, node.place) for name, node in graph.nodes.items()} == {
        "total": ({"amount": True, "rate": False}, Place("flows/good.py", 1))
    }
    assert (graph.inputs, graph.required) == ({"amount": ("total",), "rate": ("total",)}, {"amount"})
    assert graph.parameters == {"amount": "int", "rate": "float"}


def test_each_build_has_its_own_config(project: Path) -> None:
    builds = [Build(("variants",), Config({"engine": engine})) for engine in ("a", "b", "a")]

    graphs = [graph for graph in real_graphs(builds, project, ["flows"]) if isinstance(graph, Graph)]

    assert [list(graph.nodes) for graph in graphs] == [["total"], [], ["total"]]
    assert graphs[1].variants["total"].keys == ("engine",)


def test_code_that_fails_or_ends_the_process_spoils_only_its_own_build(project: Path) -> None:
    found = probed(project, "raises", "ends", "good", "killed", "leaves", "untyped", "lingers", "noisy", "missing")

    raises, ends, good, killed, leaves, untyped, lingers, noisy, missing = found
    assert raises == Unbuilt(
        "module 'raises' cannot be imported: flows/raises.py:4: ZeroDivisionError: division by zero",
        "",
        Place("flows/raises.py", 4),
    )
    assert ends == Unbuilt("the process that imported the modules ended (exit code 5)")
    assert killed == Unbuilt("the process that imported the modules ended (SIGKILL)")
    assert isinstance(leaves, Unbuilt)
    assert leaves.what == "module 'leaves' cannot be imported: flows/leaves.py:2: SystemExit: 3"
    assert isinstance(untyped, Unbuilt)
    assert "Missing type hint" in untyped.what
    assert isinstance(missing, Unbuilt)
    assert "there is no module 'missing'" in missing.what
    assert all(isinstance(graph, Graph) and list(graph.nodes) == ["total"] for graph in (good, lingers, noisy))


def test_a_validator_that_fails_refuses_its_value_and_nothing_else(project: Path) -> None:
    text = (
        "from pydantic import BaseModel, field_validator\n\n\nclass Limit(BaseModel):\n    most: int\n\n"
        "    @field_validator('most')\n    @classmethod\n    def fails(cls, value):\n        return {}[value]\n\n\n"
        "def total(limit: Limit) -> int:\n    return 1\n"
    )
    (project / "flows" / "strict.py").write_text(text, encoding="utf-8")
    value = Value("inputs", "limit", {"most": 3})

    (graph,) = real_graphs([Build(("strict",), Config({}), (value,))], project, ["flows"])

    assert isinstance(graph, Graph)
    assert graph.refused[value.key].startswith("{most: 3} is not a Limit: ")
    assert "KeyError" in graph.refused[value.key]


def test_nothing_is_imported_into_this_process(project: Path) -> None:
    probed(project, "good")

    assert "good" not in sys.modules


def test_what_is_imported_agrees_with_what_is_read_on_every_example(tmp_path: Path) -> None:
    files = {f"{file.stem}.py": file.read_text(encoding="utf-8") for file in EXAMPLES.glob("*.py")}
    for name, text in files.items():
        (tmp_path / "flows").mkdir(exist_ok=True)
        (tmp_path / "flows" / name).write_text(text, encoding="utf-8")
    builds = [
        Build((name.removesuffix(".py"),), Config(config)) for name in files for config in configs_of(files[name])
    ]

    real = real_graphs(builds, tmp_path, ["flows"])

    for build, graph in zip(builds, real, strict=True):
        read = static_graph(files, build.modules, build.config.values)
        if read.decided and not read.faults:
            assert isinstance(graph, Graph), graph
            assert differences(needs_of(read), needs_of(graph)) == {}
