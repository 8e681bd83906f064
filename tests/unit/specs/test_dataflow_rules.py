"""The dataflow of whole projects; the single mistakes are in tests/cases/specs."""

from __future__ import annotations

from pathlib import Path

from support.dataflow import differences, needs_of, real_graph, static_graph

from flowerpower.specs.dataflow_rules import builds_of, check_dataflow
from flowerpower.specs.loader import load
from flowerpower.specs.project import Project

FLOW = b"def total(amount: int) -> int:\n    return amount\n"


def loaded(**texts: str) -> Project:
    files = {f"{name.replace('__', '/')}.yaml": text.encode() for name, text in texts.items()}
    found = load({"flowerpower.yaml": b"name: acme\n", **files}, env="default", variables={})
    assert found.project is not None, found.problems
    return found.project


def schedules(count: int, more: str = "") -> str:
    return "\n---\n".join(f"name: s{number}\npipeline: p\nevery: 1h\n{more}" for number in range(count))


def test_a_mistake_that_many_schedules_share_is_told_once() -> None:
    project = loaded(pipelines__p="modules: [flow]\noutputs: [totl]\n", schedules__all=schedules(50))

    problems = check_dataflow(project, {"flows/flow.py": FLOW})

    assert [(problem.code, str(problem.place)) for problem in problems] == [("FP320", "pipelines/p.yaml:2:11")]


def test_an_input_that_every_schedule_gives_is_not_missing() -> None:
    pipeline = "modules: [flow]\noutputs: [total]\n"

    given = loaded(pipelines__p=pipeline, schedules__all=schedules(2, "inputs: {amount: 1}\n"))

    assert check_dataflow(given, {"flows/flow.py": FLOW}) == []


def test_one_graph_is_enough_for_all_that_share_it() -> None:
    pipelines = {
        f"pipelines__p{number}": f"modules: [flow]\noutputs: [total]\nconfig: {{n: {number}}}\n" for number in range(9)
    }

    builds = builds_of(loaded(**pipelines), {"flows/flow.py": FLOW})

    assert [(build.modules, build.config.values) for build in builds] == [(("flow",), {})]


def test_the_project_that_init_makes_is_read_as_hamilton_builds_it(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "project_template" / "flows" / "licences.py").read_text(encoding="utf-8")
    graph = static_graph({"licences.py": text}, ["licences"], {})

    real = real_graph(tmp_path, {"licences.py": text}, ["licences"], {})

    assert graph.decided
    assert not isinstance(real, Exception)
    assert differences(needs_of(graph), real) == {}
