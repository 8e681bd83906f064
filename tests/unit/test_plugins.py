"""Plug-ins by entry point, from distributions that really lie on the path."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.case_plans import CASES, plan_of_case

from flowerpower.checking import Finding, check_by_plugins, verdicts_by_plugins
from flowerpower.pipelines.adapters.named import BUILT_IN
from flowerpower.pipelines.formats import FORMATS
from flowerpower.plugins import (
    GROUPS,
    OWN,
    PluginWarning,
    installed_plugins,
    load_plugin,
    load_plugins,
    plugin_names,
)
from flowerpower.render.plugins import plugins_dict, plugins_text
from flowerpower.specs.loader import load

GROUP = "flowerpower.test"


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for distribution, points in {
        "good_one": "hello = fp_good_plugin:hello",
        "broken-one": "broken = fp_broken_plugin:nothing\nhalf = fp_good_plugin:absent",
    }.items():
        folder = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{points}\n")
    (tmp_path / "fp_good_plugin.py").write_text("def hello():\n    return 'hello'\n")
    (tmp_path / "fp_broken_plugin.py").write_text("raise RuntimeError('boom')\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_plugin_is_loaded_by_name() -> None:
    hello = load_plugin(GROUP, "hello")

    assert hello is not None
    assert hello() == "hello"


def test_names_are_listed_without_loading_anything() -> None:
    assert plugin_names(GROUP) == ("broken", "half", "hello")


@pytest.mark.parametrize("name", ["broken", "half"])
def test_a_broken_plugin_is_a_warning_that_names_its_distribution(name: str) -> None:
    with pytest.warns(PluginWarning, match=f"'{name}' of broken-one could not be loaded"):
        assert load_plugin(GROUP, name) is None


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("exits", "import sys\nsys.exit('no licence')\n", "SystemExit: no licence"),
        ("empty", "nothing = None\n", "TypeError: it is None"),
    ],
)
def test_a_plugin_that_ends_the_process_or_is_none_is_a_warning_too(
    tmp_path: Path, name: str, text: str, wrong: str
) -> None:
    (tmp_path / f"fp_{name}_plugin.py").write_text(text)
    (tmp_path / "broken_one-1.0.dist-info/entry_points.txt").write_text(
        f"[{GROUP}]\n{name} = fp_{name}_plugin:nothing\n"
    )

    with pytest.warns(PluginWarning, match=f"{name!r} of broken-one could not be loaded: {wrong}"):
        assert load_plugin(GROUP, name) is None


def test_a_plugin_that_nobody_has_is_none() -> None:
    assert load_plugin(GROUP, "other") is None


def test_only_named_distributions_are_looked_at() -> None:
    assert load_plugin(GROUP, "hello", distributions=["broken-one"]) is None
    assert load_plugin(GROUP, "hello", distributions=["Good.One"]) is not None
    assert plugin_names(GROUP, distributions=[]) == ()


@pytest.mark.parametrize("group", GROUPS)
def test_a_broken_plugin_of_any_kind_is_a_warning_and_the_rest_works(
    group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for distribution, points in {"aa-broken": "a = fp_broken_plugin:x", "bb-good": "b = fp_good_plugin:hello"}.items():
        folder = tmp_path / "more" / f"{distribution}-2.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.0\n")
        (folder / "entry_points.txt").write_text(f"[{group}]\n{points}\n")
    monkeypatch.syspath_prepend(str(tmp_path / "more"))

    with pytest.warns(PluginWarning, match="'a' of aa-broken could not be loaded: RuntimeError: boom"):
        found = list(load_plugins(group, ["aa-broken", "bb-good", "absent"]))

    assert [(plugin.name, plugin.distribution) for plugin, _ in found] == [("b", "bb-good")]
    listed = [plugin for plugin in installed_plugins(["aa-broken"]) if plugin.version == "2.0"]
    assert [(one.allowed, one.loaded, bool(one.wrong)) for one in listed] == [
        (True, False, True),
        (False, False, False),
    ]
    table = plugins_text(listed, ["aa-broken", "zz"], ["zz"])
    assert "aa-broken 2.0  the plug-in 'a' of aa-broken could not be loaded: RuntimeError: boom" in table
    assert "bb-good 2.0    not named by the project, so not loaded" in table
    assert "not installed: zz" in table


def test_a_plugin_whose_name_is_taken_is_said_to_be_never_used(tmp_path: Path) -> None:
    (tmp_path / "fp_taken_plugin.py").write_text("def first(): ...\ndef second(): ...\n")
    for distribution, function, names in (("broken_one", "first", ["lines"]), ("good_one", "second", ["csv", "lines"])):
        points = "".join(f"{name} = fp_taken_plugin:{function}\n" for name in names)
        text = f"[flowerpower.io]\n{points}[flowerpower.secrets]\nv = fp_taken_plugin:{function}\n"
        (tmp_path / f"{distribution}-1.0.dist-info/entry_points.txt").write_text(text)

    found = [one for one in installed_plugins(["good-one", "broken-one"]) if "one" in one.distribution]

    told = {(one.name, one.distribution): one.hidden for one in found}
    assert told == {
        ("csv", "good_one"): "flowerpower's own",
        ("lines", "broken-one"): "",
        ("lines", "good_one"): "that of broken-one",
        ("v", "broken-one"): "",
        ("v", "good_one"): "",
    }
    text = plugins_text(found, ["good-one", "broken-one"], ())
    assert "never used: flowerpower's own has this name" in text
    assert "never used: that of broken-one has this name" in text
    documents = plugins_dict(found, ["good-one", "broken-one"], ())["plugins"]
    assert [one["problem"] for one in documents if one["name"] == "csv"] == [
        "never used: flowerpower's own has this name"
    ]


def test_the_names_that_are_taken_are_those_of_flowerpower() -> None:
    assert set(OWN["flowerpower.io"]) == set(FORMATS)
    assert set(OWN["flowerpower.adapters"]) == set(BUILT_IN)


def test_all_plugins_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWERPOWER_DISABLE_PLUGINS", "1")

    assert plugin_names(GROUP) == ()
    assert load_plugin(GROUP, "hello") is None
    monkeypatch.setenv("FLOWERPOWER_DISABLE_PLUGINS", "0")
    assert load_plugin(GROUP, "hello") is not None


CHECKS = """
from flowerpower.checking import Finding
def raises(specs): raise ValueError("boom")
def odd(specs): return [1, Finding("FP101", "x"), Finding("A1", "x", address="schedule.none"), Finding("AB1", "good")]
def meddles(specs):
    specs.project.clear()
    return None
def sees(specs):
    print("hello")
    yield Finding("SEES1", f"{specs.namespace} {specs.project['name']} {sorted(specs.pipelines)}", "note")
"""


def test_checks_that_go_wrong_do_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "more" / "rules-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: rules\nVersion: 1.0\n")
    points = "".join(f"{name} = fp_checks_of_test:{name}\n" for name in ("meddles", "odd", "raises", "sees"))
    (folder / "entry_points.txt").write_text(f"[flowerpower.checks]\n{points}")
    (tmp_path / "more" / "fp_checks_of_test.py").write_text(CHECKS)
    monkeypatch.syspath_prepend(str(tmp_path / "more"))
    texts = {"flowerpower.yaml": b"name: acme\nplugins: [rules]\n"}
    project = load(texts, env="default", variables={}).project
    assert project is not None

    with pytest.warns(PluginWarning) as caught:
        problems = check_by_plugins(project)

    assert [(problem.code, problem.what) for problem in problems] == [
        ("AB1", "good"),
        ("SEES1", "acme.default acme []"),
    ]
    assert problems[0].hint == "a rule of rules"
    assert [str(warning.message) for warning in caught] == [
        "the check 'odd' of rules found something that is no finding: 1",
        "the check 'odd' of rules has the code 'FP101', which is none of its own, as ACME12 would be",
        "the check 'odd' of rules has the code 'A1', which is none of its own, as ACME12 would be",
        "the check 'raises' of rules failed: ValueError: boom",
    ]
    assert Finding("AB1", "x").severity == "error"
    assert capsys.readouterr() == ("", "hello\n")


PLAN_CHECKS = """
from flowerpower.checking import Finding, PlanCheck
def friday(plan):
    for change in plan["resource_changes"]:
        if change["change"]["actions"] == ["delete"]:
            yield Finding("DAY1", "nothing is deleted on a Friday", address=change["address"])
        plan["resource_changes"] = None
    yield Finding("DAY2", f"{plan['target']['env']} is looked at", "note", hint="it is")
FRIDAY = PlanCheck(friday)
RAISES = PlanCheck(lambda plan: plan["nothing"])
def of_specs(specs): return [Finding("SPEC1", "not of a plan")]
"""


def test_a_check_of_plans_refuses_as_a_guard_and_is_none_of_specs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "more" / "days-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: days\nVersion: 1.0\n")
    points = "".join(f"{name} = fp_plan_checks_of_test:{name}\n" for name in ("FRIDAY", "RAISES", "of_specs"))
    (folder / "entry_points.txt").write_text(f"[flowerpower.checks]\n{points}")
    (tmp_path / "more" / "fp_plan_checks_of_test.py").write_text(PLAN_CHECKS)
    monkeypatch.syspath_prepend(str(tmp_path / "more"))
    plan = plan_of_case(CASES / "everything")

    with pytest.warns(PluginWarning, match=r"the check 'RAISES' of days failed: KeyError: 'nothing'"):
        found = verdicts_by_plugins(["days"], plan)
    with pytest.warns(PluginWarning):
        again = verdicts_by_plugins(["days"], replace(plan, checks=found))

    assert [(one.name, one.verdict, one.message, one.hint) for one in found] == [
        (
            "DAY1",
            "refuse",
            "schedule.legacy_export: nothing is deleted on a Friday",
            "a rule of days; if it is meant: --allow-check DAY1",
        ),
        ("DAY2", "warn", "prod is looked at", "it is"),
    ]
    assert again == (), "a saved plan says it already"
    project = load({"flowerpower.yaml": b"name: acme\nplugins: [days]\n"}, env="default", variables={}).project
    assert project is not None
    assert [problem.code for problem in check_by_plugins(project)] == ["SPEC1"]
