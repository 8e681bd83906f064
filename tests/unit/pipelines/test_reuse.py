"""Drivers that a process uses again."""

from collections.abc import Iterator

import pytest

from flowerpower.errors import PipelineError
from flowerpower.pipelines import reuse
from flowerpower.pipelines.watch import NodeTime

from .conftest import Project

FLOW = """
    from hamilton.function_modifiers import config

    @config.when(kind="a")
    def shown__a(x: int) -> str:
        return f"a{x}"

    @config.when_not(kind="a")
    def shown__other(x: int) -> str:
        if x < 0:
            raise ValueError("less than nothing")
        return f"other {x}"
"""


@pytest.fixture(autouse=True)
def keeping(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(reuse, "_kept", None)
    reuse.keep_drivers()
    yield
    reuse._kept = None


def drivers() -> list[int]:
    return [id(driver) for driver, _ in (reuse._kept or {}).values()]


def names(times: tuple[NodeTime, ...]) -> list[str]:
    return [time.node for time in times]


def test_a_graph_is_built_once_for_each_config_and_every_run_has_its_own_inputs_and_times(project: Project) -> None:
    project.module("flow", FLOW)
    first = project.run("shown", inputs={"x": 1}, config={"kind": "a"})
    kept = drivers()

    second = project.run("shown", inputs={"x": 2}, config={"kind": "a"})
    other = project.run("shown", inputs={"x": 2}, config={"kind": "b"})

    assert [result.values["shown"] for result in (first, second, other)] == ["a1", "a2", "other 2"]
    assert [names(result.nodes) for result in (first, second, other)] == [["shown"]] * 3
    assert len(drivers()) == 2
    assert kept[0] in drivers()


def test_values_that_python_takes_for_the_same_make_graphs_of_their_own(project: Project) -> None:
    project.module(
        "flow",
        """
        def out(kind: object) -> str:
            return repr(kind)
        """,
    )

    shown = [project.run("out", config={"kind": value}).values["out"] for value in (1, True, 1.0)]

    assert shown == ["1", "True", "1.0"]


def test_a_driver_whose_run_failed_is_not_used_again(project: Project) -> None:
    project.module("flow", FLOW).run("shown", inputs={"x": 1})
    assert len(drivers()) == 1

    with pytest.raises(PipelineError, match="less than nothing"):
        project.run("shown", inputs={"x": -1})

    assert drivers() == []
    assert project.run("shown", inputs={"x": 3}).values["shown"] == "other 3"


def test_only_so_many_are_kept(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse, "_MOST", 2)
    project.module("flow", FLOW)

    for kind in ("b", "c", "d", "c"):
        project.run("shown", inputs={"x": 1}, config={"kind": kind})

    assert [key[-1] for key in reuse._kept or {}] == ['{"kind": "d"}', '{"kind": "c"}']


def test_graphs_are_built_before_their_runs_where_that_can_be(project: Project) -> None:
    project.module("flow", FLOW).module("bad", "def out(x: int) -> (: pass")
    recipes = [(["flow"], {"kind": "a"}), (["bad"], {}), (["gone"], {}), (["flow"], {"kind": "${var:KIND}"})]

    reuse.build_first(recipes, project.root, ["flows"])

    before = drivers()
    assert len(before) == 2
    assert project.run("shown", inputs={"x": 1}, config={"kind": "a"}).values["shown"] == "a1"
    assert sorted(drivers()) == sorted(before)
