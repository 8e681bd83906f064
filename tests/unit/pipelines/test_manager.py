"""The manager: look up, run, build, draw."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flowerpower import PipelineManager
from flowerpower.errors import FlowerPowerError, PipelineError, UsageError
from flowerpower.specs.models import PipelineSpec

from .conftest import Project

FLOW = """
    import datetime
    from hamilton.function_modifiers import config

    @config.when(engine="a")
    def value__a(x: int) -> int:
        return x

    @config.when(engine="b")
    def value__b(x: int) -> int:
        return -x

    def end(value: int, when: datetime.datetime) -> str:
        return f"{value} {when.isoformat()}"
"""


@pytest.fixture
def manager(project: Project) -> PipelineManager:
    project.module("flow", FLOW)
    fields: dict[str, Any] = {"modules": ["flow"], "outputs": ["end"]}
    given = {"inputs": {"x": 1, "when": "${tick}"}, "config": {"engine": "a"}}
    specs = {name: PipelineSpec.model_validate({"name": name, **fields, **given}) for name in ("two", "one")}
    return PipelineManager(specs, project.root, ["flows"], "Europe/Berlin")


TICK = datetime(2026, 1, 1, tzinfo=UTC)


def test_pipelines_are_found_by_name(manager: PipelineManager) -> None:
    assert manager.names() == ("one", "two")
    assert manager.get("one").name == "one"
    with pytest.raises(UsageError) as caught:
        manager.get("oen")
    assert caught.value.hint == "did you mean 'one'?"


def test_a_run_lays_its_values_over_the_specs(manager: PipelineManager) -> None:
    assert manager.run("one", tick=TICK).values["end"] == f"1 {TICK.isoformat()}"
    assert manager.run("one", inputs={"x": 5}, tick=TICK).values["end"] == f"5 {TICK.isoformat()}"
    assert manager.run("one", config={"engine": "b"}, outputs=["value"]).values == {"value": -1}
    assert manager.run("one", overrides={"value": 9}, tick=TICK, executor="threads").values["end"].startswith("9 ")
    assert manager.get("one").inputs["x"] == 1


def test_a_run_without_a_tick_gets_now_in_the_projects_zone(manager: PipelineManager) -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    result = manager.run("one")

    assert before <= result.tick <= datetime.now(UTC)
    assert str(result.tick.tzinfo) == "Europe/Berlin"
    assert result.tick.microsecond == 0


def test_wrong_calls_are_usage_errors(manager: PipelineManager) -> None:
    wrong: dict[str, list[Any]] = {
        "tick": [datetime(2026, 1, 1), date(2026, 1, 1), 1_767_225_600, "yesterday"],
        "executor": ["cloud"],
        "outputs": [[], "end", 3, [3]],
        "inputs": [["x"], {1: 1}],
        "config": ["engine"],
        "overrides": [["x"]],
    }
    for argument, values in wrong.items():
        for value in values:
            with pytest.raises(UsageError, match=argument):
                manager.run("one", **{argument: value})
    for name in (None, ["one"]):
        with pytest.raises(UsageError, match="a name is a text"):
            manager.run(name)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="there is no graph format 'png'") as raised:
        manager.visualize("one", format="png")  # type: ignore[arg-type]
    assert "`flowerpower dag` draws png too" in raised.value.advice
    with pytest.raises(UsageError, match="at least one box, not 0"):
        manager.visualize("one", most=0)


def test_svg_is_drawn_by_graphviz_or_says_what_to_install(
    manager: PipelineManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FlowerPowerError, match="svg needs Graphviz") as raised:
        manager.visualize("one", format="svg")
    assert "apt install graphviz" in raised.value.advice
    assert 'format="mermaid"' in raised.value.advice

    dot = tmp_path / "bin" / "dot"
    dot.parent.mkdir()
    dot.write_text('#!/bin/sh\necho "<svg $1>"; cat\n', encoding="utf-8")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", f"{dot.parent}:/usr/bin:/bin")
    assert manager.visualize("one", format="svg").startswith("<svg -Tsvg>\ndigraph")


def test_inputs_may_be_objects_of_a_program(project: Project) -> None:
    project.module("flow", "import pandas as pd\ndef rows(frame: pd.DataFrame) -> int:\n    return len(frame)\n")
    spec = PipelineSpec.model_validate({"name": "p", "modules": ["flow"], "outputs": ["rows"]})

    result = PipelineManager({"p": spec}, project.root, ["flows"]).run("p", inputs={"frame": pd.DataFrame({"a": [1]})})

    assert result.values["rows"] == 1


def test_the_driver_is_hamiltons_own(manager: PipelineManager) -> None:
    from hamilton.driver import Driver

    driver = manager.build("one")

    assert isinstance(driver, Driver)
    assert driver.execute(["value"], inputs={"x": 4}) == {"value": 4}


def test_a_graph_is_drawn_as_mermaid(manager: PipelineManager) -> None:
    assert manager.visualize("one") == (
        "flowchart TD\n"
        '    n0["end: str"]:::output\n'
        '    n1["value: int"]\n'
        '    n2(["when: datetime"])\n'
        '    n3(["x: int"])\n'
        "    n1 --> n0\n"
        "    n2 --> n0\n"
        "    n3 --> n1\n"
        "    classDef output stroke-width:3px\n"
    )


def test_a_graph_is_drawn_as_dot(manager: PipelineManager) -> None:
    text = manager.visualize("one", format="dot")

    assert text.startswith("digraph pipeline {\n")
    assert '    n0 [label="end: str", penwidth=3];\n' in text
    assert "    n1 -> n0;\n" in text


def test_labels_are_escaped_and_hold_no_config(project: Project) -> None:
    project.module("flow", "def out(a: 'dict[str, list[\"int\"]]', key: str) -> dict[str, int]:\n    return {}\n")
    spec = PipelineSpec.model_validate(
        {"name": "p", "modules": ["flow"], "outputs": ["out"], "config": {"key": "hunter2"}}
    )
    manager = PipelineManager({"p": spec}, project.root, ["flows"])

    for format in ("mermaid", "dot"):
        assert "hunter2" not in manager.visualize("p", format)
    labels = [line.split('"', 1)[1].rsplit('"', 1)[0] for line in manager.visualize("p").splitlines() if '"' in line]
    assert not any(character in label for label in labels for character in "\"'`<>&(){}")


def test_an_unknown_output_cannot_be_drawn(project: Project) -> None:
    project.module("flow", "def out() -> int:\n    return 1\n")
    spec = PipelineSpec.model_validate({"name": "p", "modules": ["flow"], "outputs": ["ot"]})

    with pytest.raises(PipelineError) as caught:
        PipelineManager({"p": spec}, project.root, ["flows"]).visualize("p")

    assert caught.value.hint == "did you mean 'out'?"


def test_a_tick_may_be_a_text_on_the_clocks_of_the_project(manager: PipelineManager) -> None:
    assert manager.run("one", tick=TICK.isoformat()).values["end"] == f"1 {TICK.isoformat()}"
    assert manager.run("one", tick="2026-01-01").values["end"] == "1 2026-01-01T00:00:00+01:00"
    with pytest.raises(UsageError, match="no ISO 8601 time") as caught:
        manager.run("one", tick="soon")
    assert "2026-11-22T02:00" in caught.value.hint


def test_a_module_that_was_edited_is_run_as_it_is_now(project: Project) -> None:
    project.module("helper", "WORD = 'old'\n")
    project.module("flow", "import helper\ndef end() -> str:\n    return helper.WORD\n")
    spec = PipelineSpec.model_validate({"name": "one", "modules": ["flow"], "outputs": ["end"]})
    manager = PipelineManager({"one": spec}, project.root, ["flows"])
    before = manager.run("one").values["end"]

    project.module("helper", "WORD = 'edited'\n")
    after = manager.run("one").values["end"]
    project.module("flow", "def end(number: int = 1) -> int:\n    return number\n")

    assert (before, after, manager.run("one").values["end"]) == ("old", "edited", 1)
    assert "number: int" in manager.visualize("one")


def test_a_module_that_is_broken_by_an_edit_is_not_run_as_it_was(manager: PipelineManager, project: Project) -> None:
    manager.run("one")
    project.module("flow", "def end(\n")

    with pytest.raises(PipelineError, match=r"flows/flow.py:1: SyntaxError"):
        manager.run("one")


def test_after_an_edit_libraries_below_the_module_folders_stay_as_they_are(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = project.root / "venv/lib/site-packages"
    library.mkdir(parents=True)
    (library / "once_alone.py").write_text("")
    monkeypatch.syspath_prepend(library)
    project.module("flow", "import once_alone\ndef end() -> int:\n    return id(once_alone)\n")
    spec = PipelineSpec.model_validate({"name": "one", "modules": ["flows.flow"], "outputs": ["end"]})
    manager = PipelineManager({"one": spec}, project.root, ["."])
    before = manager.run("one").values["end"]

    project.module("flow", "import once_alone\ndef end() -> float:\n    return id(once_alone) + 0.5\n")

    assert manager.run("one").values["end"] == before + 0.5
