"""`validate` looks into the modules without running them, and with `--import` by running them elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import FILES, Answer, CommandLine

SURE = "def doubled(number: int) -> int:\n    return number * 2\n"
DOUBTFUL = f"""\
print("imported")


def _plain(function):
    return function


@_plain
{SURE}"""


@pytest.fixture
def acme(tmp_path: Path) -> CommandLine:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return CommandLine(tmp_path)


def test_a_mistake_in_a_module_is_shown_with_its_line(acme: CommandLine) -> None:
    (acme.folder / "flows" / "flow.py").write_text("def doubled(number: int) -> int:\n    return (number\n")

    answer = acme("validate")

    assert answer.code == 1
    assert answer.out.startswith("flows/flow.py:2:12: error FP326: Python cannot read this: '(' was never closed\n")
    snippet = acme("validate", "--json").document["diagnostics"][0]["snippet"]
    assert snippet == {"code": "    return (number", "start_line": 2}


def test_what_reading_leaves_open_is_a_note_and_importing_decides_it(acme: CommandLine) -> None:
    (acme.folder / "flows" / "flow.py").write_text(DOUBTFUL)
    (acme.folder / "pipelines" / "report.yaml").write_text("modules: [flow]\noutputs: [dubbled]\ninputs: {number: 1}\n")

    read, imported = acme("validate"), acme("validate", "--import")

    assert read.code == 0
    assert read.out == (
        "flows/flow.py:9:1: note FP328: only running the code tells the dataflow of the pipeline 'report': "
        "`@_plain` is not one of Hamilton's decorators\n"
        "  hint: Run `flowerpower validate --import`.\n"
        "acme is valid in 2 environments: 1 pipeline, 2 schedules.\n"
    )
    assert imported.code == 1
    assert imported.out == (
        "pipelines/report.yaml:2:11: error FP320: there is no node for the output 'dubbled'\n"
        "  hint: did you mean 'doubled'?\n"
    )


def test_what_modules_print_does_not_mix_with_the_document(acme: CommandLine) -> None:
    (acme.folder / "flows" / "flow.py").write_text(DOUBTFUL)

    answer = acme("validate", "--import", "--json")

    assert (answer.code, answer.document["diagnostics"]) == (0, [])
    assert "imported" in answer.err


def test_importing_finds_what_only_a_run_would(acme: CommandLine) -> None:
    (acme.folder / "flows" / "flow.py").write_text(f"import no_such_library\n\n\n{SURE}")

    read, imported = acme("validate"), acme("validate", "--import")

    assert (read.code, imported.code) == (0, 1)
    assert imported.out.startswith("flows/flow.py:1:1: error FP332: module 'flow' cannot be imported")


def test_another_revision_is_not_imported(acme: CommandLine) -> None:
    answer = acme("validate", "--import", "--ref", "HEAD")

    assert (answer.code, answer.out) == (1, "")
    assert "Error: modules of another revision cannot be imported" in answer.err


def test_a_run_refuses_what_validate_refuses_in_the_same_words(acme: CommandLine) -> None:
    (acme.folder / "pipelines" / "report.yaml").write_text("modules: [flow]\noutputs: [doubled]\n")
    (acme.folder / "schedules" / "nightly.yaml").unlink()
    (acme.folder / "schedules" / "hourly.yaml").unlink()

    validated, run = acme("validate"), acme("run", "report")

    assert validated.code == 0  # the input may still come by hand
    assert "warning FP322: missing input: number (int, needed by doubled)" in validated.out
    assert run.err.splitlines() == [
        "Error: missing input: number (int, needed by doubled)",
        "hint: an input is given under `inputs` or `load`, or with --set NAME=VALUE",
    ]
    assert acme("run", "report", "--set", "number=4").code == 0


def test_a_mistake_in_the_dataflow_stops_a_plan_and_not_a_run_that_is_given_what_lacks(acme: CommandLine) -> None:
    (acme.folder / "pipelines" / "report.yaml").write_text("modules: [flow]\noutputs: [doubled]\n")
    (acme.folder / "flows" / "other.py").write_text("def f(:\n")
    (acme.folder / "pipelines" / "other.yaml").write_text("modules: [other]\noutputs: [x]\n")

    validated, planned, run = acme("validate"), acme("plan"), acme("run", "report", "--set", "number=4")

    assert (validated.code, planned.code, run.code) == (1, 1, 0)
    assert "FP322: missing input: number" in validated.out
    assert "FP322: missing input: number" in planned.err
    assert acme("render").code == 0


TYPED = """\
from datetime import date
from enum import Enum

import pandas as pd
from pydantic import BaseModel


class Region(Enum):
    EU = "EU"


class Limits(BaseModel):
    most: int


def doubled(number: int, day: date, region: Region, limits: Limits, since: pd.Timestamp) -> int:
    return number * 2


def report(doubled: int) -> str:
    return str(doubled)
"""
VALUES = """\
modules: [flow]
outputs: [report]
inputs:
  number: 1.5
  day: "2026-11-27"
  region: EN
  limits: {most: few}
  since: "${tick}"
"""


def test_importing_tells_the_values_of_any_type_that_a_run_would_refuse(acme: CommandLine) -> None:
    (acme.folder / "flows" / "flow.py").write_text(TYPED)
    (acme.folder / "pipelines" / "report.yaml").write_text(VALUES)
    (acme.folder / "schedules" / "nightly.yaml").write_text(
        "pipeline: report\nevery: 1h\ninputs: {number: 3, region: EU, limits: {most: 3}}\noverrides: {doubled: many}\n"
    )

    read, imported = acme("validate"), acme("validate", "--import")

    assert told(read) == [
        "pipelines/report.yaml:4:11: error FP335: input 'number': 1.5 is not an int, as the schedule 'hourly' runs it"
    ]
    assert told(imported) == [
        *told(read),
        "pipelines/report.yaml:6:11: error FP335: input 'region': 'EN' is not a Region",
        "pipelines/report.yaml:7:11: error FP335: input 'limits': {most: 'few'} is not a Limits",
        "schedules/nightly.yaml:4:22: error FP335: override 'doubled': 'many' is not an int",
    ]


def told(answer: Answer) -> list[str]:
    return [line.partition(" (")[0] for line in answer.out.splitlines() if "FP335" in line]


def test_a_format_that_is_nowhere_is_told_once_and_beside_an_unknown_key(acme: CommandLine) -> None:
    (acme.folder / "pipelines" / "report.yaml").write_text(
        "modules: [flow]\noutputs: [dubbled]\ninputs: {number: 1}\nxyzzy: 1\n"
        "save: [{outputs: [doubled], format: jsn, path: out.json, pth: x}]\n"
    )

    read, imported = acme("validate"), acme("validate", "--import")

    codes = [line.split()[2] for line in read.out.splitlines() if " error " in line]
    assert codes == ["FP320:", "FP101:", "FP351:", "FP101:"]
    assert imported.out == read.out
