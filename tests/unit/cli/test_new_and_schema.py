"""`new` and `schema`: what they write, what they say, what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flowerpower.cli.main import run
from flowerpower.cli.schema import text_of
from flowerpower.render.spec_reference import spec_reference
from flowerpower.scaffold import init
from flowerpower.specs.schema.schema import KINDS

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command in a new project; return its exit code, and what it printed and said."""
    init(tmp_path / "acme")
    monkeypatch.chdir(tmp_path / "acme")

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_a_new_pipeline_says_how_to_try_it(say: Say) -> None:
    assert say("new", "pipeline", "eu/daily-sales") == (
        0,
        "+ flows/daily_sales.py\n+ pipelines/eu/daily-sales.yaml\n+ tests/test_daily_sales.py\n",
        "\nNext: flowerpower run daily-sales\n",
    )
    assert say("validate")[0] == 0


def test_a_new_schedule_says_when_it_fires_first(say: Say) -> None:
    assert say("new", "schedule", "once", "--at", "2100-01-01T06:00", "--timezone", "Asia/Tokyo") == (
        0,
        "+ schedules/once.yaml\n",
        "\nFirst fire: Fri  1 Jan 2100 06:00 (Asia/Tokyo). Next: flowerpower plan\n",
    )
    assert Path("schedules/once.yaml").read_text() == (
        "# yaml-language-server: $schema=../schemas/schedule.schema.json\n\n"
        "pipeline: licences\nat: 2100-01-01T06:00\ntimezone: Asia/Tokyo\n"
    )
    assert say("validate")[0] == 0


def test_a_new_schedule_fires_in_the_zone_that_the_defaults_give(say: Say) -> None:
    with Path("flowerpower.yaml").open("a") as file:
        file.write("defaults: {schedule: {timezone: Asia/Tokyo}}\n")

    said = say("new", "schedule", "once", "--at", "2100-01-01T06:00")[2]

    assert "First fire: Fri  1 Jan 2100 06:00 (Asia/Tokyo)." in said


def test_mistakes_in_other_specs_keep_nobody_from_adding_one(say: Say) -> None:
    Path("schedules/broken.yaml").write_text("pipeline: licences\nevery: soon\n")
    with Path("pipelines/licences.yaml").open("a") as file:
        file.write("timeout: soon\n")

    assert say("new", "schedule", "weekly", "--pipeline", "licences")[:2] == (0, "+ schedules/weekly.yaml\n")
    assert say("new", "pipeline", "sales")[0] == 0
    assert "there is a schedule 'broken' already" in say("new", "schedule", "broken", "--pipeline", "sales")[2]


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (
            "schedule licences_hourly",
            "there is a schedule 'licences_hourly' already, in schedules/several.yaml:1:1",
            "name",
        ),
        ("pipeline licences", "there is a pipeline 'licences' already, in pipelines/licences.yaml:3:1", "another name"),
        ("pipeline Licences", "'Licences' cannot be a pipeline's name", "for example licences"),
        ("schedule a/../b", "'a/../b' cannot be a schedule's name", "for example"),
        ("schedule x --pipeline licenses", "there is no pipeline 'licenses'", "did you mean 'licences'?"),
        ("schedule x --cron @daily --every 1h", "a schedule needs exactly one of `cron`, `every` and `at`", "keep one"),
        ("schedule x --cron 61_*_*_*_*", "61", "minute"),
        ("schedule x --every soon", "'soon' is not a duration", "15m"),
        ("schedule x --every 90min", "'90min' is not a duration", "did you mean 1h30m?"),
        ("schedule x --at 2020-01-01", "the schedule would never fire: its time is over", "to come"),
        ("schedule x --timezone Europe/Berln", "there is no time zone 'Europe/Berln'", "Europe/Berlin"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(say: Say, arguments: str, error: str, hint: str) -> None:
    Path("schedules/licences_hourly.yaml").rename("schedules/several.yaml")
    Path("schedules/several.yaml").write_text("name: licences_hourly\npipeline: licences\nevery: 1h\n")
    before = sorted(Path().rglob("*"))

    code, out, said = say("new", *(argument.replace("_*", " *") for argument in arguments.split()))

    assert (code, out) == (1, "")
    assert error in said.splitlines()[0]
    assert hint in said
    assert sorted(Path().rglob("*")) == before


def test_with_several_pipelines_a_schedule_wants_to_know_which(say: Say) -> None:
    say("new", "pipeline", "sales")

    code, _, said = say("new", "schedule", "often")

    assert code == 1
    assert said == "Error: which pipeline shall it run?\nhint: give --pipeline NAME; there are licences, sales\n"


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_printed_as_it_is_written(say: Say, kind: str) -> None:
    assert say("schema", kind) == (0, text_of(kind), "")
    assert say("schema", kind, "--out", "new")[1] == f"new/{kind}.schema.json\n"
    assert Path(f"new/{kind}.schema.json").read_text(encoding="utf-8") == text_of(kind)


def test_the_reference_can_be_read_where_flowerpower_is_installed(say: Say) -> None:
    assert say("schema", "--format", "markdown") == (0, spec_reference(), "")
    assert say("schema", "--format", "markdown", "--out", "docs")[0] == 1
    assert say("schema", "pipeline", "--format", "markdown") == (0, spec_reference(("pipeline",)), "")


def test_schemas_of_another_version_are_found(say: Say) -> None:
    assert say("schema", "--out", "schemas", "--check") == (0, "The schemas in schemas are current.\n", "")
    Path("schemas/project.schema.json").write_text("{}")
    Path("schemas/schedule.schema.json").unlink()

    code, out, said = say("schema", "--out", "schemas", "--check")

    assert code == 1
    assert out == "schemas/project.schema.json is not current\nschemas/schedule.schema.json is not current\n"
    assert said == "hint: flowerpower schema --out schemas\n"
    document = json.loads(say("schema", "--out", "schemas", "--check", "--json")[1])
    assert document == {"current": False, "stale": ["schemas/project.schema.json", "schemas/schedule.schema.json"]}
    assert say("schema", "pipeline", "--out", "schemas", "--check")[0] == 0
    assert say("schema", "--check")[0] == 1


def test_line_ends_of_windows_do_not_make_a_schema_stale(say: Say) -> None:
    for file in Path("schemas").iterdir():
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    assert say("schema", "--out", "schemas", "--check")[0] == 0
