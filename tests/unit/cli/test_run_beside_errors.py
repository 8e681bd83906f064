"""`run` and `dag` of one pipeline while other specs of the project are being written."""

from __future__ import annotations

import pytest
from support.command_line import CommandLine

from flowerpower import FlowerPowerProject
from flowerpower.errors import SpecError, UsageError

_REPORT = "modules: [flow]\noutputs: [doubled]\ninputs: {number: 21}\n"
_OTHERS = {
    "yaml": {"pipelines/other.yaml": "modules: [\n"},
    "schedule": {"schedules/nightly.yaml": "pipeline: report\ncron: nope\n"},
    "field": {"pipelines/other.yaml": "modules: [flow]\noutputs: [doubled]\ntimeout: nope\n"},
    "environment": {"pipelines/other.yaml": f"{_REPORT}environments: {{staging: {{}}}}\n"},
    "names of others": {"pipelines/a/b.yaml": _REPORT, "pipelines/c/b.yaml": _REPORT},
    "the same file": {"pipelines/report.yaml": f"name: report\n{_REPORT}---\nname: later\nmodules: [flow]\n"},
    "no pipeline": {"schedules/nightly.yaml": "pipeline: nope\nevery: 1h\n"},
    "no text": {"pipelines/other.yaml": "#" * 2_000_000},
}
_OWN = {
    "yaml": {"pipelines/report.yaml": f"{_REPORT}load: [\n"},
    "field": {"pipelines/report.yaml": f"{_REPORT}timeout: nope\n"},
    "environment": {"pipelines/report.yaml": f"{_REPORT}environments: {{staging: {{}}}}\n"},
    "variable": {"pipelines/report.yaml": f"{_REPORT}description: ${{var:NOPE}}\n"},
    "project file": {"flowerpower.yaml": "name: acme\nmodules: [flows]\ntimezone: Mars\n"},
    "defaults": {"flowerpower.yaml": "name: acme\nmodules: [flows]\ndefaults: {pipeline: {timeout: nope}}\n"},
    "the same name": {"pipelines/other.yaml": f"name: report\n{_REPORT}"},
    "the same name, elsewhere": {"pipelines/a/report.yaml": _REPORT},
    "the same name, broken": {"pipelines/other.yaml": "name: report\nmodules: [\n"},
    "the same name, twice in a file": {"pipelines/report.yaml": f"name: report\n{_REPORT}---\nname: report\nload: 1\n"},
    "the same file, no YAML": {"pipelines/report.yaml": f"name: report\n{_REPORT}---\nname: later\nmodules: [\n"},
    "house rule": {"flowerpower.yaml": "name: acme\nmodules: [flows]\npolicies: {enforce: {max_timeout: 1m}}\n"},
    "no text": {"pipelines/report.yaml": "#" * 2_000_000},
}


@pytest.mark.parametrize("files", _OTHERS.values(), ids=_OTHERS)
def test_a_pipeline_runs_while_another_spec_is_broken_and_a_line_says_so(
    flowerpower: CommandLine, files: dict[str, str]
) -> None:
    for path, text in files.items():
        flowerpower.write(path, text)

    answer = flowerpower("run", "report", "--json", "--var", "X=1")

    assert (answer.code, answer.document["outputs"]["doubled"]["value"]) == (0, 42)
    assert answer.err == "Other specs have 1 error; `flowerpower validate` shows it\n"


@pytest.mark.parametrize("files", _OWN.values(), ids=_OWN)
def test_a_pipeline_does_not_run_when_something_is_wrong_that_concerns_it(
    flowerpower: CommandLine, files: dict[str, str]
) -> None:
    for path, text in files.items():
        flowerpower.write(path, text)

    answer = flowerpower("run", "report")

    assert (answer.code, answer.out) == (1, "")
    assert "the specs are invalid" in answer.err
    assert "Other specs" not in answer.err


def test_an_environment_that_is_not_declared_is_refused_beside_other_errors(flowerpower: CommandLine) -> None:
    flowerpower.write("pipelines/other.yaml", "modules: [\n")

    answer = flowerpower("run", "report", "--env", "nope")

    assert answer.code == 1
    assert "FP201: no environment 'nope'" in answer.err


def test_the_line_says_nothing_when_all_is_right_or_talk_is_not_wanted(flowerpower: CommandLine) -> None:
    assert flowerpower("run", "report").err == ""
    flowerpower.write("pipelines/other.yaml", "modules: [\n")
    assert flowerpower("run", "report", "--quiet").err == ""
    assert "`flowerpower validate --env prod` shows it" in flowerpower("run", "report", "--env", "prod").err


def test_a_name_that_no_spec_has_is_refused_by_what_may_be_the_reason(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/nightly.yaml", "pipeline: report\ncron: nope\n")
    answer = flowerpower("run", "reprot")
    assert (answer.code, answer.err.splitlines()[-2:]) == (
        1,
        ["Error: there is no pipeline 'reprot'", "hint: did you mean 'report'?"],
    )

    flowerpower.write("pipelines/many.yaml", "name: later\nmodules: [\n")
    assert "the specs are invalid" in flowerpower("run", "later").err


@pytest.mark.parametrize("command", ["run", "dag"])
def test_who_names_a_schedule_is_told_its_pipeline(flowerpower: CommandLine, command: str) -> None:
    flowerpower.write("schedules/hourly.yaml", "name: once-an-hour\npipeline: report\ncron: '@hourly'\n")

    answer = flowerpower(command, "once-an-hour")

    assert (answer.code, answer.err.splitlines()[-2:]) == (
        1,
        [
            "Error: there is no pipeline 'once-an-hour'",
            "hint: it is a schedule, which runs the pipeline 'report'",
        ],
    )


def test_a_graph_is_drawn_while_another_spec_is_broken(flowerpower: CommandLine) -> None:
    flowerpower.write("pipelines/other.yaml", "modules: [\n")

    answer = flowerpower("dag", "report")

    assert (answer.code, "doubled" in answer.out) == (0, True)
    assert "Other specs have 1 error" in answer.err


def test_python_runs_what_is_right_and_refuses_what_is_not(flowerpower: CommandLine) -> None:
    flowerpower.write("pipelines/other.yaml", f"{_REPORT}timeout: nope\n")

    with FlowerPowerProject.load(flowerpower.folder) as project:
        pipelines = project.pipelines
        assert pipelines.names() == ("other", "report")
        assert pipelines.run("report").values["doubled"] == 42
        with pytest.raises(SpecError, match="FP10"):
            pipelines.run("other")
        with pytest.raises(UsageError, match="there is no pipeline 'reprot'"):
            pipelines.get("reprot")
        with pytest.raises(SpecError):
            project.plan()
