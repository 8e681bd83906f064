"""`validate` looks at every environment that a project declares, unless one is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.command_line import FILES, CommandLine

from flowerpower.project import FlowerPowerProject

BAD = "modules: [flow]\noutputs: [doubled]\ninputs: {number: 21}\nenvironments: {prod: {retry: {maxx: 3}}}\n"
PLACE = "pipelines/report.yaml:4:31"
PROJECT = "name: acme\nmodules: [flows]\nenvironments: {prod: {}, dev: {}}\n"


@pytest.fixture
def acme(tmp_path: Path) -> CommandLine:
    found = CommandLine(tmp_path, {"FLOWERPOWER_CACHE_DIR": str(tmp_path / ".cache")})
    for path, text in {**FILES, "flowerpower.yaml": PROJECT, "pipelines/report.yaml": BAD}.items():
        found.write(path, text)
    return found


def test_a_mistake_in_a_patch_is_found_without_naming_its_environment(acme: CommandLine) -> None:
    answer = acme("validate")

    assert answer.code == 1
    assert (
        f"{PLACE}: error FP101: unknown key 'maxx' (in environment 'prod')\n  hint: did you mean 'max'?" in answer.out
    )
    assert answer.err == "1 error in 1 file; 3 environments checked.\n"
    assert acme("validate") == answer, "it is remembered as it was told"
    assert acme("validate", "--no-cache") == answer


@pytest.mark.parametrize(
    ("flags", "variables", "code"),
    [
        (["--env", "prod"], {}, 1),
        (["--env", "dev"], {}, 0),
        (["--env", "default"], {}, 0),
        ([], {"FLOWERPOWER_ENV": "prod"}, 1),
        ([], {"FLOWERPOWER_ENV": "dev"}, 0),
    ],
)
def test_an_environment_that_is_named_is_looked_at_alone(
    acme: CommandLine, flags: list[str], variables: Mapping[str, str], code: int
) -> None:
    answer = acme("validate", *flags, **variables)

    assert (answer.code, "environment" in answer.out + answer.err) == (code, False)
    assert f"{PLACE}: error FP101: unknown key 'maxx'\n" in answer.out or not code


def test_every_format_says_in_which_environment(acme: CommandLine) -> None:
    for format in ("text", "json", "github", "gitlab", "sarif", "junit"):
        answer = acme("validate", "--format", format)

        words = answer.out.replace("&#x27;", "'")
        assert (answer.code, "unknown key 'maxx' (in environment 'prod')" in words) == (1, True), format
    assert [one["environments"] for one in acme("validate", "--json").document["diagnostics"]] == [["prod"]]


def test_a_revision_files_and_folders_are_looked_at_as_the_project_is(acme: CommandLine) -> None:
    acme.git("init", "--quiet")
    acme.write(".gitignore", ".cache\n")
    acme.commit()
    whole = acme("validate")

    for arguments in (["--ref", "HEAD"], ["schedules/hourly.yaml"], ["--all"], ["."], ["--import"]):
        assert acme("validate", *arguments) == whole, arguments


def test_after_an_edit_each_environment_is_told_of(acme: CommandLine) -> None:
    acme.write("pipelines/report.yaml", BAD.replace("maxx", "max"))
    good = acme("validate")
    acme.write("schedules/hourly.yaml", "pipeline: report\nevery: 1h\nenvironments: {dev: {every: soon}, prod: null}\n")
    bad = acme("validate")
    acme.write("schedules/hourly.yaml", "pipeline: report\nevery: 1h\nenvironments: {dev: {every: 2h}}\n")

    assert (good.code, good.out) == (0, "acme is valid in 3 environments: 1 pipeline, 2 schedules.\n")
    assert bad.out.startswith("schedules/hourly.yaml:3:29: error FP106: the text 'soon' is not a duration (in environ")
    assert acme("validate") == good


def test_importing_decides_for_every_environment(acme: CommandLine) -> None:
    """In prod the graph is another one, which only Hamilton can tell."""
    acme.write(
        "flows/flow.py",
        "import os\nfrom hamilton.function_modifiers import resolve\n\n\n"
        "def doubled(number: int) -> int:\n    return number * 2\n\n\n"
        "if os.sep:\n    def tripled(number: int) -> int:\n        return number * 3\n",
    )
    acme.write("pipelines/report.yaml", BAD.replace("retry: {maxx: 3}", "outputs: [tripled, quartered]"))

    answer = acme("validate", "--import")

    assert answer.code == 1
    assert [line for line in answer.out.splitlines() if " error " in line] == [
        "pipelines/report.yaml:4:42: error FP320: there is no node for the output 'quartered' (in environment 'prod')"
    ]


def test_python_looks_at_every_environment_unless_one_is_named(acme: CommandLine) -> None:
    every = FlowerPowerProject.load(acme.folder).validate()

    assert [(problem.code, problem.environments) for problem in every] == [("FP101", ("prod",))]
    assert FlowerPowerProject.load(acme.folder, "default").validate() == []
    assert [problem.environments for problem in FlowerPowerProject.load(acme.folder, "prod").validate()] == [()]


def test_a_project_of_one_environment_says_what_it_said(acme: CommandLine) -> None:
    acme.write("flowerpower.yaml", "name: acme\n# environments: {prod: {}}\n")
    acme.write("pipelines/report.yaml", FILES["pipelines/report.yaml"])
    answer = acme("validate")

    assert (answer.code, answer.out, answer.err) == (0, "acme.default is valid: 1 pipeline, 2 schedules.\n", "")


def test_other_commands_look_at_one_environment(acme: CommandLine) -> None:
    assert acme("render", "report").code == 0
    assert acme("render", "report", "--env", "prod").code == 1


def test_a_fingerprint_stays_while_other_environments_come(acme: CommandLine) -> None:
    def marks() -> set[str]:
        return {one["fingerprint"] for one in json.loads(acme("validate", "--format", "gitlab").out)}

    before = marks()
    both = BAD.replace("}}}", "}}, dev: {retry: {maxx: 3}}}").replace("max: ", "maxx: ")
    acme.write("pipelines/report.yaml", both)

    assert (len(before), len(marks()), before < marks()) == (1, 2, True)
