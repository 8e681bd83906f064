"""What a plan says of the graphs of the pipelines it changes: two projects in, names out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from support.states import KEYS, SOURCE

from flowerpower.dataflow.reader import code_digest
from flowerpower.planning import graphs
from flowerpower.planning.dataflow import GraphChange
from flowerpower.planning.diff import make_plan
from flowerpower.planning.digest import plan_hash
from flowerpower.planning.graphs import graph_changes
from flowerpower.planning.guards import Allowed
from flowerpower.planning.plan import Plan
from flowerpower.render.plan_json import plan_dict
from flowerpower.render.plan_markdown import plan_markdown
from flowerpower.render.plan_text import plan_text
from flowerpower.specs.loader import load
from flowerpower.state.desired import desired_state
from flowerpower.state.models import Desired, Head, Reading, Record, State

FLOW = """\
from common import clean
from hamilton.function_modifiers import config


def raw(path: str) -> str:
    return path


def rows(raw: str) -> list:
    return [clean(raw)]


@config.when(engine="polars")
def frame__polars(rows: list) -> str:
    return "polars"


@config.when_not(engine="polars")
def frame__pandas(rows: list) -> str:
    return "pandas"


def total(frame: str, days: int) -> int:
    return days


def unused(raw: str) -> int:
    return 1
"""
PROJECT = {
    "flowerpower.yaml": "name: acme\nmodules: [flows]\nenvironments: {test: {}}\n",
    "pipelines/sales.yaml": "modules: [flow]\noutputs: [total]\ninputs: {path: a, days: 1}\n",
    "schedules/nightly.yaml": "pipeline: sales\nevery: 1h\n",
    "flows/flow.py": FLOW,
    "flows/common.py": "def clean(text):\n    return text\n",
}
POLARS = {"schedules/fast.yaml": "pipeline: sales\nevery: 1h\nconfig: {engine: polars}\n"}
Files = Mapping[str, str]


def code_of(project: Files) -> dict[str, bytes]:
    return {path: text.encode() for path, text in project.items() if path.endswith(".py")}


def wanted(project: Files) -> Desired:
    texts = {path: text.encode() for path, text in project.items() if path.endswith("yaml")}
    loaded = load(texts, env=KEYS.env, variables={})
    assert loaded.project is not None, loaded.problems
    code = {
        name: code_digest(spec.modules, code_of(project), ["flows"]) for name, spec in loaded.project.pipelines.items()
    }
    return desired_state(loaded.project, code)


def planned(before: Files, after: Files) -> Plan:
    """Return the plan from one project to another, the first of which a commit holds."""
    empty = Reading(now=0, head=Head(), state=State(), records={}, cursors={})
    live = make_plan(KEYS, wanted(before), empty, SOURCE).after
    names = [*(f"schedule.{name}" for name in live.schedules), *(f"pipeline.{name}" for name in live.pipelines)]
    records = {address: Record(1, "seal", commit="a" * 40) for address in names}
    reading = replace(empty, head=Head(generation=1, commit="a" * 40), state=live, records=records)
    plan = make_plan(KEYS, wanted(after), reading, SOURCE)
    found = graph_changes(plan, reading, code_of(after), lambda commits, _: dict.fromkeys(commits, code_of(before)))
    return replace(plan, graphs=found)


def edited(changes: Mapping[str, tuple[str, str]], project: Files = PROJECT) -> dict[str, str]:
    """Return the project with one text replaced in each of some files."""
    assert all(old in project[path] for path, (old, _) in changes.items())
    return {**project, **{path: project[path].replace(old, new) for path, (old, new) in changes.items()}}


def change_of(before: Files, after: Files) -> GraphChange | None:
    change = planned(before, after).graphs.get("sales")
    return change and replace(change, sketch=GraphChange("").sketch)


ALL = {"pipeline": "sales", "schedules": ("nightly",)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"flows/flow.py": ("return days", "return days + 1")},
            GraphChange(**ALL, changed=("total",), outputs=("total",)),
        ),
        (
            {"flows/flow.py": ("return path", "return path + path")},
            GraphChange(**ALL, changed=("raw",), downstream=("frame", "rows", "total", "unused"), outputs=("total",)),
        ),
        (
            {"flows/flow.py": ("return 1", "return 2")},
            GraphChange(**ALL, changed=("unused",)),
        ),
        (
            {"flows/flow.py": ("def unused(", "def used(")},
            GraphChange(**ALL, added=("used",), removed=("unused",)),
        ),
        (
            {"flows/flow.py": ('return "polars"', 'return "polars!"')},
            GraphChange(**ALL, files=("flows/flow.py",)),
        ),
        (
            {"flows/common.py": ("return text", "return text[1:]")},
            GraphChange(
                **ALL,
                touched=("rows",),
                downstream=("frame", "total"),
                outputs=("total",),
                files=("flows/common.py",),
            ),
        ),
        (
            {"flows/flow.py": ("import clean\n", "import clean\nimport common\n# note\n")},
            GraphChange(**ALL, files=("flows/flow.py",)),
        ),
        (
            {"pipelines/sales.yaml": ("days: 1", "days: 2")},
            GraphChange(**ALL, values=("days",), downstream=("total",), outputs=("total",)),
        ),
        (
            {"pipelines/sales.yaml": ("inputs: {", "overrides: {raw: x}\ninputs: {")},
            GraphChange(**ALL, values=("raw",), downstream=("frame", "rows", "total", "unused"), outputs=("total",)),
        ),
        (
            {"pipelines/sales.yaml": ("inputs: {", "config: {engine: polars}\ninputs: {")},
            GraphChange(**ALL, changed=("frame",), downstream=("total",), outputs=("total",)),
        ),
        ({"pipelines/sales.yaml": ("inputs: {", "timeout: 10m\ninputs: {")}, None),
        ({"pipelines/sales.yaml": ("outputs: [total]", "outputs: [total, raw]")}, None),
        ({"schedules/nightly.yaml": ("1h", "2h")}, None),
        ({}, None),
    ],
)
def test_a_change_and_how_far_it_reaches(changes: Mapping[str, tuple[str, str]], expected: GraphChange | None) -> None:
    assert change_of(PROJECT, edited(changes)) == expected


def test_a_node_that_differs_itself_is_not_told_again_for_what_it_uses() -> None:
    after = edited({"flows/common.py": ("return text", "return 1"), "flows/flow.py": ("[clean(raw)]", "clean(raw)")})

    change = change_of(PROJECT, after)

    assert change is not None
    assert (change.changed, change.touched, change.files) == (("rows",), (), ("flows/common.py",))


def test_code_that_runs_on_import_is_not_hidden_behind_a_node_of_its_file() -> None:
    head = "LIMITS: dict = {}\nLIMITS['x'] = 1\n"
    before = {**PROJECT, "flows/flow.py": f"{head}{FLOW}"}
    node = ("return 1", "return 2")

    with_node = change_of(before, edited({"flows/flow.py": node}, before))
    with_both = change_of(before, edited({"flows/flow.py": ("= 1", "= 2")}, edited({"flows/flow.py": node}, before)))

    assert with_node == GraphChange(**ALL, changed=("unused",))
    assert with_both == GraphChange(**ALL, changed=("unused",), files=("flows/flow.py",))


MORE = ("more(total: int)", "most()")


def test_a_node_may_use_a_module_of_which_only_a_node_changed() -> None:
    more = "from flow import total\n\n\n" + "".join(f"def {name} -> int:\n    return total\n\n\n" for name in MORE)
    specs = PROJECT["pipelines/sales.yaml"].replace("[flow]", "[flow, more]").replace("[total]", "[total, most]")
    before = {**PROJECT, "flows/more.py": more, "pipelines/sales.yaml": specs}

    change = change_of(before, edited({"flows/flow.py": ("return days", "return 0")}, before))

    assert change is not None
    assert (change.touched, change.files, change.outputs) == (("most",), (), ("total", "most"))


def test_saved_nodes_count_as_outputs() -> None:
    save = {
        "pipelines/sales.yaml": PROJECT["pipelines/sales.yaml"] + "save: [{outputs: [unused], format: json, path: x}]\n"
    }
    project = {**PROJECT, **save}

    change = change_of(project, edited({"flows/flow.py": ("return 1", "return 2")}, project))

    assert change is not None
    assert change.outputs == ("unused",)


def test_the_graph_under_the_config_of_a_schedule_counts_too() -> None:
    project = {**PROJECT, **POLARS}

    change = change_of(project, edited({"flows/flow.py": ('return "polars"', 'return "polars!"')}, project))

    assert change is not None
    assert (change.changed, change.files, change.schedules) == (("frame",), (), ("fast", "nightly"))


def test_a_new_schedule_has_no_graph_to_compare_with() -> None:
    after = edited({"flows/flow.py": ("return days", "return 2 * days")}, {**PROJECT, **POLARS})

    change = change_of(PROJECT, after)

    assert change is not None
    assert (change.changed, change.schedules) == (("total",), ("fast", "nightly"))


def test_a_node_of_one_variant_only_is_changed_and_not_new() -> None:
    text = FLOW.replace("def unused(", "@config.when(engine='polars')\ndef unused(")
    before = {**PROJECT, **POLARS, "flows/flow.py": text}

    change = change_of(before, {**before, "flows/flow.py": FLOW})

    assert change is not None
    assert (change.added, change.changed, change.removed) == ((), ("unused",), ())


def test_another_module_may_hold_a_node_without_changing_it() -> None:
    head, tail = FLOW.split("\n\n\ndef unused(")
    after = {
        **PROJECT,
        "flows/flow.py": f"{head}\n",
        "flows/more.py": f"def unused({tail}",
        "pipelines/sales.yaml": PROJECT["pipelines/sales.yaml"].replace("[flow]", "[flow, more]"),
    }

    change = change_of(PROJECT, after)

    assert change == GraphChange(**ALL, files=("flows/flow.py", "flows/more.py"))


def test_a_graph_known_in_part_is_said_to_be_so_and_no_node_goes_for_it() -> None:
    timed = FLOW.replace("def unused(", "@timed\ndef unused(").replace("return days", "return 0")

    change = change_of(PROJECT, {**PROJECT, "flows/flow.py": timed})

    assert change is not None
    assert (change.changed, change.removed, change.unsure) == (("total",), (), ("unused",))
    assert change.undecided == "flows/flow.py:28: `@timed` is not one of Hamilton's decorators"


def test_pipelines_beyond_a_limit_are_said_not_to_be_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MOST_PIPELINES", 1)
    project = {**PROJECT, "pipelines/zeta.yaml": PROJECT["pipelines/sales.yaml"]}

    plan = planned(project, edited({"flows/flow.py": ("return days", "return 0")}, project))

    assert plan.graphs["sales"].changed == ("total",)
    assert plan.graphs["zeta"].unknown == "only the first 200 changed pipelines are looked into"


def test_a_graph_changes_no_hash() -> None:
    plan = planned(PROJECT, edited({"flows/flow.py": ("return days", "return 0")}))

    assert plan.graphs
    assert plan_hash(plan, Allowed()) == plan_hash(replace(plan, graphs={}), Allowed())


def test_values_of_config_and_inputs_are_not_repeated_with_the_graph() -> None:
    before = edited({"pipelines/sales.yaml": ("days: 1", "days: hush")})
    plan = planned(before, edited({"pipelines/sales.yaml": ("days: 1", "days: hush2")}))
    bare = replace(plan, graphs={})

    assert plan.graphs["sales"].values == ("days",)
    for render in (plan_text, plan_markdown, lambda plan: json.dumps(plan_dict(plan))):
        assert render(plan) != render(bare)
        assert render(plan).count("hush") == render(bare).count("hush")
