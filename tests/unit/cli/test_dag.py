"""`dag`: what is drawn, how little is run for it, and what large graphs look like."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import command_line
from support.in_process import Here

from flowerpower.errors import FlowerPowerError, PipelineError
from flowerpower.pipelines.graphviz import picture
from flowerpower.pipelines.manager import PipelineManager
from flowerpower.specs.models import PipelineSpec

SECRET = "hunter2-hunter2"
FLOW = f"""
import nothing_of_that_name
from hamilton.function_modifiers import config


def raw(path: str, key: str) -> int:
    return 1


@config.when(engine="fast")
def cleaned__fast(raw: int) -> int:
    return raw


@config.when(engine="slow")
def cleaned__slow(raw: int, patience: int) -> int:
    return raw


def report(cleaned: int, rates: dict[str, float]) -> str:
    return "{SECRET}"
"""
PIPELINE = f"""
modules: [flow]
outputs: [report]
config: {{engine: slow}}
inputs: {{path: "{SECRET}", key: "{SECRET}"}}
load: {{rates: {{format: json, path: "{SECRET}.json"}}}}
"""


@pytest.fixture
def line(tmp_path: Path) -> Here:
    many = "".join(f"def n{number}(n{number - 1}: int) -> int:\n    return 1\n\n\n" for number in range(1, 1000))
    command_line(
        tmp_path / "acme",
        "",
        {
            "flowerpower.yaml": "name: acme\nmodules: [flows]\n",
            "flows/flow.py": FLOW,
            "flows/many.py": many,
            "pipelines/report.yaml": PIPELINE,
            "pipelines/many.yaml": "modules: [many]\noutputs: [n999]\ninputs: {n0: 1}\n",
        },
    )
    return Here(tmp_path / "acme", "redis://nowhere.invalid:1")


def test_a_graph_is_drawn_without_running_its_modules_and_without_a_value(line: Here) -> None:
    drawn = line("dag", "report")

    assert (drawn.code, drawn.err) == (0, "")
    assert drawn.out == (
        "flowchart TD\n"
        '    n0["cleaned: int"]\n'
        '    n1(["key: str"])\n'
        '    n2(["path: str"])\n'
        '    n3(["patience: int"])\n'
        '    n4(["rates: dict[str, float]"])\n'
        '    n5["raw: int"]\n'
        '    n6["report"]:::output\n'
        "    n0 --> n6\n"
        "    n1 --> n5\n"
        "    n2 --> n5\n"
        "    n3 --> n0\n"
        "    n4 --> n6\n"
        "    n5 --> n0\n"
        "    classDef output stroke-width:3px\n"
    )
    imported = line("dag", "report", "--import")
    assert imported.code == 1
    assert "nothing_of_that_name" in imported.err


def test_a_thousand_nodes_are_one_screen(line: Here) -> None:
    drawn = line("dag", "many", "--json")

    document = drawn.document
    boxes = [text for text in document["graph"].splitlines() if "[" in text]
    assert (document["nodes"], document["format"]) == (1000, "mermaid")
    assert 10 < len(boxes) <= 60
    assert "1,000 nodes, drawn as at most 60 boxes" in drawn.err
    assert line("dag", "many", "--all", "--format", "dot").out.count("->") == 999


@pytest.mark.parametrize("name", ["report.md", "report.markdown"])
def test_a_page_of_markdown_shows_the_drawing(line: Here, name: str) -> None:
    drawing = line("dag", "report").out

    assert line("dag", "report", "--out", name).code == 0
    assert (line.folder / name).read_text(encoding="utf-8") == f"```mermaid\n{drawing}```\n"

    assert line("dag", "report", "--out", "report.mmd").code == 0
    assert (line.folder / "report.mmd").read_text(encoding="utf-8") == drawing


def test_pictures_need_graphviz_and_say_so(line: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FlowerPowerError, match="svg needs Graphviz") as raised:
        picture("digraph {}", "svg")
    assert "apt install graphviz" in raised.value.hint

    dot = tmp_path / "bin" / "dot"
    dot.parent.mkdir()
    dot.write_text("#!/bin/sh\necho 'syntax error in line 1' >&2; exit 1\n", encoding="utf-8")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", f"{dot.parent}:/usr/bin:/bin")
    with pytest.raises(PipelineError, match="syntax error in line 1"):
        picture("digraph {}", "png")

    dot.write_text('#!/bin/sh\necho "<svg $1>"; cat\n', encoding="utf-8")
    drawn = line("dag", "report", "--out", "report.svg")
    assert (drawn.code, drawn.err) == (0, "Wrote report.svg\n")
    assert (line.folder / "report.svg").read_text(encoding="utf-8").startswith("<svg -Tsvg>\ndigraph")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("dag", "reprot"), "did you mean 'report'?"),
        (("dag", "report", "--format", "gif"), "mermaid, dot, svg, png"),
        (("dag", "report", "--format", "png", "--json"), "a png is no text"),
    ],
)
def test_what_cannot_be_drawn_says_why(line: Here, arguments: tuple[str, ...], what: str) -> None:
    answer = line(*arguments)

    assert answer.code == 1
    assert what in answer.err + answer.out


def test_a_graph_that_is_read_is_the_one_that_hamilton_builds(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    text = FLOW.replace("import nothing_of_that_name\n", "")
    (tmp_path / "flows/flow_read.py").write_text(text, encoding="utf-8")
    spec = PipelineSpec.model_validate(
        {
            "name": "p",
            "modules": ["flow_read"],
            "outputs": ["report"],
            "config": {"engine": "slow"},
            "load": {"rates": {"format": "json", "path": "rates.json"}},
        }
    )
    manager = PipelineManager({"p": spec}, tmp_path, ["flows"])

    read = manager.graph_as_read("p", {"flows/flow_read.py": text.encode()})
    built = manager.graph("p")

    assert not isinstance(read, str)
    assert (read.needs, set(read.inputs), read.outputs) == (built.needs, set(built.inputs), built.outputs)
    assert {name: kind for name, kind in built.types.items() if name in read.types} == read.types
