"""Runs of real Hamilton pipelines from modules on disk."""

import json
import logging
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowerpower.errors import PipelineError
from flowerpower.pipelines.failures import UserCodeError, user_traceback

from .conftest import TICK, Project

SUM = """
    def doubled(x: int) -> int:
        return x * 2

    def total(doubled: int, y: float = 0.5) -> float:
        return doubled + y
"""


def message_of(project: Project, *outputs: str, **fields: object) -> str:
    with pytest.raises(PipelineError) as caught:
        project.run(*outputs, **fields)
    return str(caught.value) + caught.value.hint


def test_a_run_computes_its_outputs_and_says_what_it_did(project: Project) -> None:
    result = project.module("flow", SUM).run("total", "doubled", inputs={"x": 3})

    assert dict(result.values) == {"total": 6.5, "doubled": 6}
    assert [time.node for time in result.nodes] == ["doubled", "total"]
    assert all(time.succeeded and time.seconds >= 0 for time in result.nodes)
    summary = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert summary["outputs"] == {"total": {"value": 6.5}, "doubled": {"value": 6}}
    assert summary["tick"] == TICK.isoformat()
    assert (summary["pipeline"], summary["run_id"], summary["schedule"]) == ("p", "run-1", "nightly")
    assert set(summary["phases"]) == {"import", "build", "load", "execute", "save"}


def test_placeholders_are_filled_and_the_tick_stays_a_datetime(project: Project) -> None:
    project.module(
        "flow",
        """
        import datetime
        def out(day: datetime.date, moment: datetime.datetime, text: str) -> str:
            return f"{day} {moment.isoformat()} {text}"
        """,
    )

    result = project.run("out", inputs={"day": "${tick}", "moment": "${tick}", "text": "${tick:%d} $${x}"})

    assert result.values["out"] == "2026-11-22 2026-11-22T02:00:00+00:00 22 ${x}"


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        ("tuple[int, str]", [1, "a"], "(1, 'a')"),
        ("Mapping[str, int]", {"a": 1}, "{'a': 1}"),
        ("Settings", {"a": 1}, "{'a': 1}"),
        ("Iterable[int]", [1], "[1]"),
        ("float", 1, "1.0"),
    ],
)
def test_inputs_reach_nodes_as_their_types(project: Project, annotation: str, value: object, expected: str) -> None:
    project.module(
        "flow",
        f"""
        from collections.abc import Iterable, Mapping
        from typing import TypedDict

        class Settings(TypedDict):
            a: int

        def out(x: {annotation}) -> str:
            return repr(x)
        """,
    )

    assert project.run("out", inputs={"x": value}).values["out"] == expected


def test_overrides_stand_in_for_nodes(project: Project) -> None:
    assert project.module("flow", SUM).run("total", overrides={"doubled": 10}).values["total"] == 10.5


def test_config_chooses_a_variant(project: Project) -> None:
    project.module(
        "flow",
        """
        from hamilton.function_modifiers import config

        @config.when(engine="a")
        def value__a(only_a: int) -> str:
            return f"a{only_a}"

        @config.when(engine="b")
        def value__b() -> str:
            return "b"
        """,
    )

    assert project.run("value", config={"engine": "b"}, inputs={"only_a": 1}).values["value"] == "b"
    assert project.run("value", config={"engine": "a"}, inputs={"only_a": 1}).values["value"] == "a1"
    assert "no variant of the node 'value' matches the config (engine='c')" in message_of(
        project, "value", config={"engine": "c"}
    )
    assert "(engine is not set)" in message_of(project, "value")


def test_a_variant_that_matches_nothing_is_found_below_the_outputs_too(project: Project) -> None:
    project.module(
        "flow",
        """
        from hamilton.function_modifiers import config

        @config.when(engine="a")
        def value() -> int:
            return 1

        def out(value: int) -> int:
            return value
        """,
    )

    assert message_of(project, "out", config={"engine": "x"}) == (
        "no variant of the node 'value' matches the config (engine='x')"
    )


def test_a_variant_that_no_node_has_to_have_may_match_nothing(project: Project) -> None:
    project.module(
        "flow",
        """
        from hamilton.function_modifiers import config

        @config.when(engine="a")
        def value() -> int:
            return 1

        def out(value: int = 7) -> int:
            return value
        """,
    )

    assert project.run("out").values["out"] == 7
    assert project.run("out", config={"engine": "a"}).values["out"] == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"outputs": ["totl"]}, "there is no node for the output 'totl' (did you mean 'total'?)"),
        ({"inputs": {"z": 1}}, "there is no node for the input 'z'"),
        ({"inputs": {"doubled": 1}}, "'doubled' is no input, the graph computes it"),
        ({"overrides": {"dubled": 1}}, "there is no node for the override 'dubled' (did you mean 'doubled'?)"),
        ({"load": {"nope": {"format": "csv", "path": "x"}}}, "there is no node for the load 'nope'"),
        ({}, "missing input: x (int, needed by doubled)"),
        ({"inputs": {"x": "three"}}, "input 'x': 'three' is not an int"),
        ({"inputs": {"x": None}}, "input 'x': null is not an int"),
        ({"inputs": {"x": True}}, "true and false are no numbers"),
        ({"inputs": {"x": 1.5}}, "input 'x': 1.5 is not an int"),
        ({"inputs": {"x": 1}, "overrides": {"doubled": "many"}}, "override 'doubled': 'many' is not an int"),
        ({"inputs": {"x": 1}, "config": {"x": 2}}, "'x' is given by both `inputs` and `config`"),
        ({"config": {"x": "2"}}, "config 'x': '2' is not an int"),
        ({"inputs": {"x": "${nope}"}}, "inputs.x: there is no placeholder ${nope}"),
        ({"modules": ["flo"]}, "there is no module 'flo' in flowsdid you mean 'flow'?"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(project: Project, fields: dict, expected: str) -> None:
    project.module("flow", SUM.replace("return x * 2", "open(__file__ + '.ran', 'w').close()"))

    assert expected in message_of(
        project,
        *fields.get("outputs", ["total"]),
        **{name: field for name, field in fields.items() if name != "outputs"},
    )
    assert not list(project.root.rglob("*.ran"))


def test_everything_wrong_is_said_at_once(project: Project) -> None:
    project.module("flow", "def out(a: int, b: float, c: str) -> str:\n    return c\n")

    assert message_of(project, "out") == (
        "missing inputs: a (int, needed by out), b (float, needed by out), c (str, needed by out)"
        "an input is given under `inputs` or `load`, or with --set NAME=VALUE"
    )
    both = message_of(project, "out", inputs={"a": "x", "b": "y", "c": "z"})
    assert "input 'a'" in both
    assert "input 'b'" in both


def test_a_cycle_is_named(project: Project) -> None:
    project.module("flow", "def a(c: int) -> int: ...\ndef b(a: int) -> int: ...\ndef c(b: int) -> int: ...\n")

    assert "the graph has a cycle: a -> c -> b -> a" in message_of(project, "a")


def test_a_cycle_that_an_override_cuts_is_none(project: Project) -> None:
    project.module("flow", "def a(b: int) -> int:\n    return b + 1\ndef b(a: int) -> int:\n    return a + 1\n")

    assert project.run("a", overrides={"b": 1}).values["a"] == 2


def test_a_graph_too_deep_for_recursion_is_refused_and_a_deep_one_runs(project: Project) -> None:
    def chain(length: int) -> str:
        return "def n0(x: int) -> int:\n    return x\n" + "".join(
            f"def n{i}(n{i - 1}: int) -> int:\n    return n{i - 1} + 1\n" for i in range(1, length)
        )

    project.module("flow", chain(2000)).module("deep", chain(700))

    assert "the graph is 2001 nodes deep" in message_of(project, "n1999", inputs={"x": 0})
    assert project.run("n699", inputs={"x": 0}, modules=["deep"]).values["n699"] == 699


def test_a_graph_that_cannot_be_built_says_why(project: Project) -> None:
    project.module("flow", "def a() -> int:\n    return 1\ndef b(a: str) -> int:\n    return 1\n")
    assert "the graph cannot be built: ValueError" in message_of(project, "b")

    project.module("one", "def a() -> int:\n    return 1\n").module("two", "def a() -> int:\n    return 2\n")
    assert "the graph cannot be built" in message_of(project, "a", modules=["one", "two"])


def test_an_error_in_a_node_shows_the_users_frames_first(project: Project) -> None:
    project.module("helper", "def divide(a, b):\n    return a / b\n")
    project.module("flow", "import helper\n\ndef out(x: int) -> float:\n    return helper.divide(x, 0)\n")

    with pytest.raises(UserCodeError) as caught:
        project.run("out", inputs={"x": 1})

    assert str(caught.value) == "node 'out' failed at flows/helper.py:2: ZeroDivisionError: division by zero"
    assert caught.value.node == "out"
    assert user_traceback(caught.value, project.root).splitlines() == [
        "ZeroDivisionError: division by zero",
        "  flows/flow.py:4, in out",
        "      return helper.divide(x, 0)",
        "  flows/helper.py:2, in divide",
        "      return a / b",
    ]


def test_an_error_below_a_library_call_shows_its_last_frames_after_the_users(project: Project) -> None:
    project.module("flow", "import json\n\ndef out() -> dict:\n    return json.loads('{')\n")

    with pytest.raises(UserCodeError) as caught:
        project.run("out")

    lines = caught.value.details.splitlines()
    assert lines[1] == "  flows/flow.py:4, in out"
    assert lines[3] == "  in a library:"
    assert len(lines) <= 10
    assert not any("hamilton" in line for line in lines)


def test_a_chain_of_errors_is_shown_with_its_causes(project: Project) -> None:
    project.module(
        "flow",
        """
        def out() -> int:
            try:
                return {}["gone"]
            except KeyError as error:
                raise RuntimeError("no luck") from error
        """,
    )

    with pytest.raises(UserCodeError) as caught:
        project.run("out")

    outer, inner = caught.value.details.split("\ncaused by\n")
    assert outer.startswith("RuntimeError: no luck")
    assert inner.startswith("KeyError: 'gone'")


def test_an_error_that_is_its_own_cause_is_told_once(project: Project) -> None:
    project.module(
        "flow",
        """
        def out() -> int:
            error, other = ValueError("round"), KeyError("and round")
            error.__cause__, other.__cause__ = other, error
            raise error
        """,
    )

    with pytest.raises(UserCodeError, match=r"node 'out' failed at .*: ValueError: round") as caught:
        project.run("out", executor={"type": "threads"})

    assert caught.value.details.count("ValueError: round") == 1


@pytest.mark.parametrize(
    "leave", ["import sys; sys.exit(3)", "raise SystemExit('bye')", "raise BaseException('SystemExit')"]
)
def test_a_node_that_leaves_python_fails_its_run_only(project: Project, leave: str) -> None:
    project.module("flow", f"def before() -> int:\n    return 1\n\ndef out(before: int) -> int:\n    {leave}\n")

    try:
        raise KeyError("who runs a pipeline may be handling an error")
    except KeyError:
        assert project.run("before").nodes[0].succeeded
        with pytest.raises(UserCodeError, match=r"node 'out' failed at flows/flow\.py:5: .*SystemExit"):
            project.run("out")


def test_secrets_reach_nodes_and_nothing_else(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    project.module(
        "flow",
        """
        def echo(token: str) -> str:
            return "Bearer " + token

        def failing(token: str) -> str:
            raise ValueError(f"401 for {token}")
        """,
    )
    secrets = {"TOKEN": "hunter2-hunter2"}.__getitem__
    inputs = {"token": "${secret:TOKEN}"}

    result = project.run("echo", inputs=inputs, secrets=secrets)
    with pytest.raises(UserCodeError) as caught:
        project.run("failing", inputs=inputs, secrets=secrets)

    assert result.values["echo"] == "Bearer hunter2-hunter2"
    assert result.to_dict()["outputs"]["echo"] == {"value": "Bearer ***"}
    everything = "".join(
        [
            json.dumps(result.to_dict()),
            repr(result),
            str(caught.value),
            caught.value.details,
            traceback.format_exc(),
            "".join(traceback.format_exception(caught.value)),
            caplog.text,
        ]
    )
    assert "401 for ***" in caught.value.details
    assert "hunter2" not in everything


def test_a_wrong_type_does_not_show_a_secret(project: Project) -> None:
    lookup = {"TOKEN": "hunter2-hunter2"}.__getitem__  # apart: a traceback shows the lines of the call

    with pytest.raises(PipelineError) as caught:
        project.module("flow", SUM).run("total", inputs={"x": "${secret:TOKEN}"}, secrets=lookup)

    assert "hunter2" not in str(caught.value) + "".join(traceback.format_exception(caught.value))


def test_hamilton_advertises_nothing_and_logs_no_inputs(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    project.module("flow", "def out(x: int) -> int:\n    return x / 0\n")

    with pytest.raises(UserCodeError):
        project.run("out", inputs={"x": 424242})

    assert "slack" not in caplog.text.lower()
    assert "424242" not in caplog.text


def test_a_secret_that_became_a_number_is_masked_too(project: Project) -> None:
    project.module("flow", "def out(pin: int) -> int:\n    return pin\n")

    result = project.run("out", inputs={"pin": "${secret:PIN}"}, secrets={"PIN": "483920"}.__getitem__)

    assert result.values["out"] == 483920
    assert result.to_dict()["outputs"]["out"] == {"value": "***"}


def test_runs_of_two_projects_may_go_on_side_by_side(tmp_path: Path) -> None:
    projects = [Project(tmp_path / str(number)) for number in range(2)]
    for number, project in enumerate(projects):
        project.module(
            f"flow_{number}",
            f"""
            import time
            def out() -> int:
                time.sleep(0.05)
                import late_{number}
                return late_{number}.VALUE
            """,
        ).module(f"late_{number}", f"VALUE = {number}\n")

    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(projects[n % 2].run, "out", modules=[f"flow_{n % 2}"]) for n in range(8)]

    assert [run.result().values["out"] for run in runs] == [0, 1] * 4
