"""Exporting as a user types it: what is live becomes files again, and files that are there keep what is in them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import redis
from support.command_line import CommandLine

from flowerpower.specs.text.yaml import parse

COMMENTED = """\
# Before the shops open.
pipeline: report # what
cron: "0 2 * * *" # and when

inputs: {number: 3} # few
retry:
  max: 2 # twice
  intervals: [10s, 1m]
labels:
  # why it is gold
  tier: gold
"""


def elsewhere(flowerpower: CommandLine, tmp_path: Path) -> CommandLine:
    """Return the command line in a folder with the same project file, and nothing else."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(flowerpower.folder / "flowerpower.yaml", folder)
    shutil.copytree(flowerpower.folder / "flows", folder / "flows")
    return CommandLine(folder, flowerpower.environment)


def apply(flowerpower: CommandLine) -> None:
    answer = flowerpower("apply", "--auto-approve")
    assert answer.code == 0, answer.err


def read(flowerpower: CommandLine, file: str) -> str:
    return (flowerpower.folder / file).read_text(encoding="utf-8")


def fates(flowerpower: CommandLine, *flags: str) -> dict[str, str]:
    answer = flowerpower("export", "--json", *flags)
    assert answer.code == 0, answer.err
    return {one["address"]: one["fate"] for one in answer.document["files"]}


def test_what_is_exported_into_an_empty_folder_needs_no_change(applied: CommandLine, tmp_path: Path) -> None:
    applied.write("schedules/commented.yaml", COMMENTED)
    apply(applied)
    other = elsewhere(applied, tmp_path)

    answer = applied("export", "--out", str(other.folder))

    assert answer.code == 0, answer.err
    assert answer.out.splitlines() == [
        "+ pipelines/report.yaml",
        "+ schedules/commented.yaml",
        "+ schedules/hourly.yaml",
        "+ schedules/nightly.yaml",
    ]
    assert other("plan", "--detailed-exitcode").last == "No changes."
    assert read(other, "schedules/nightly.yaml") == 'pipeline: report\ncron: "0 2 * * *"\n'


def test_without_a_folder_it_is_one_stream_of_documents(applied: CommandLine) -> None:
    answer = applied("export")

    documents = parse("stream.yaml", answer.out.encode()).documents
    assert [document.data.get("pipeline") for document in documents] == [None, "report", "report"]
    assert answer.out.startswith("# pipelines/report.yaml\nmodules: [flow]\n")
    assert answer.err == ""


def test_names_choose_and_a_name_that_is_not_live_is_told(applied: CommandLine) -> None:
    assert applied("export", "nightly").out == '# schedules/nightly.yaml\npipeline: report\ncron: "0 2 * * *"\n'
    assert applied("export", "pipeline.report").out.startswith("# pipelines/report.yaml\n")
    wrong = applied("export", "nigthly")
    assert (wrong.code, wrong.out) == (1, "")
    assert "nothing named 'nigthly' is live" in wrong.err


def test_files_that_mean_the_same_are_left_alone(applied: CommandLine) -> None:
    applied.write("schedules/nightly.yaml", "pipeline:   report\ncron: 0 2 * * *\njitter: 0s # none\n")
    before = read(applied, "schedules/nightly.yaml")

    assert set(fates(applied, "--out", ".").values()) == {"same"}
    assert read(applied, "schedules/nightly.yaml") == before
    assert applied("export", "--out", ".").out == "3 files said the same already.\n"


def test_only_the_values_that_differ_change(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/nightly.yaml", COMMENTED)
    apply(flowerpower)
    changed = COMMENTED.replace("0 2 * * *", "30 3 * * *").replace("max: 2 #", "max: 5 #").replace("gold\n", "lead\n")
    flowerpower.write(
        "schedules/nightly.yaml", changed.replace("few", "many").replace("number: 3", "number: 4") + "timeout: 9m\n"
    )

    answer = flowerpower("export", "--out", ".")

    assert read(flowerpower, "schedules/nightly.yaml") == COMMENTED.replace("few", "many").replace(
        "is gold\n", "is lead\n"
    )
    assert '    cron: "30 3 * * *" in the file, "0 2 * * *" live' in answer.out.splitlines()
    assert "    timeout: 9m in the file, 1h live" in answer.out.splitlines()
    assert flowerpower("plan").last == "No changes."


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("environments: {prod: {queue: heavy}}\n", "it says something else for other environments"),
        ("---\nname: second\npipeline: report\nevery: 1d\n", "it holds several documents"),
        ('description: "${var:WHAT:-x}"\n', "its values come from variables"),
    ],
)
def test_a_file_that_says_more_than_one_thing_is_left_and_what_differs_is_told(
    applied: CommandLine, more: str, why: str
) -> None:
    text = f'name: nightly\npipeline: report\ncron: "5 5 * * *"\n{more}'
    applied.write("schedules/nightly.yaml", text)

    answer = applied("export", "--out", ".")

    assert read(applied, "schedules/nightly.yaml") == text
    lines = answer.out.splitlines()
    assert f"! schedules/nightly.yaml  left as it is: {why}" in lines
    assert '    cron: "5 5 * * *" in the file, "0 2 * * *" live' in lines


def test_what_a_schedule_has_from_its_pipeline_is_changed_there_alone(applied: CommandLine) -> None:
    applied.write("pipelines/report.yaml", "modules: [flow]\noutputs: [doubled]\ninputs: {number: 21}\ntimeout: 5m\n")

    found = fates(applied, "--out", ".")

    assert found == {"pipeline.report": "changed", "schedule.hourly": "same", "schedule.nightly": "same"}
    assert "timeout" not in read(applied, "pipelines/report.yaml")
    assert applied("plan").last == "No changes."


def test_specs_that_are_not_valid_are_not_rewritten(applied: CommandLine) -> None:
    applied.write("schedules/nightly.yaml", "pipeline: [report\n")

    answer = applied("export", "--out", ".")

    assert read(applied, "schedules/nightly.yaml") == "pipeline: [report\n"
    assert "left as it is" in answer.out


def test_a_file_of_that_name_that_holds_something_else_is_left(applied: CommandLine) -> None:
    applied.write("schedules/nightly.yaml", "name: other\npipeline: report\nevery: 1d\n")

    answer = applied("export", "--out", ".")

    assert (
        "! schedules/nightly.yaml  left as it is: a file of that name is there, and holds something else" in answer.out
    )
    assert read(applied, "schedules/nightly.yaml").startswith("name: other")


def altered(connection: redis.Redis, name: str, **values: Any) -> None:
    """Change a schedule's record behind the back of the last apply."""
    raw = json.loads(connection.hget("flowerpower:acme.default:schedules", name) or "")
    raw["spec"] |= values
    connection.hset("flowerpower:acme.default:schedules", name, json.dumps(raw))


def test_an_altered_record_is_exported_as_it_is_and_told(
    applied: CommandLine, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    altered(redis_connection, "nightly", cron="7 7 * * *")

    answer = applied("export", "--out", str(tmp_path / "new" / "folder"))

    text = (tmp_path / "new/folder/schedules/nightly.yaml").read_text()
    assert text.splitlines()[1:] == ["pipeline: report", 'cron: "7 7 * * *"']
    assert text.startswith("# Altered in Redis")
    assert "Note: altered in Redis since the last apply, and exported as found there: schedule.nightly" in answer.err


def test_a_hostile_record_writes_no_file_elsewhere_and_no_escape(
    applied: CommandLine, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    raw = redis_connection.hget("flowerpower:acme.default:schedules", "nightly") or b""
    redis_connection.hset("flowerpower:acme.default:schedules", "../../evil\x1b[31m", raw)
    altered(redis_connection, "nightly", cron=5, odd={"a": [None, "\x1b[31m\n${x}"]}, queue="a\n\x1b[0m")

    answer = applied("export", "--out", str(tmp_path / "new"))
    shown = applied("export")

    assert answer.code == 0, answer.err
    assert not list(tmp_path.rglob("evil*"))
    assert "names that no spec can have" in answer.err
    assert "not valid" in answer.err
    assert "\x1b" not in answer.out + answer.err + shown.out + shown.err
    assert (tmp_path / "new/schedules/nightly.yaml").is_file()


def test_what_was_forgotten_is_exported_and_told(applied: CommandLine, tmp_path: Path) -> None:
    assert applied("forget", "nightly").code == 0

    whole, other = (applied("export", "--out", str(tmp_path / "new"), *names) for names in ((), ("hourly",)))

    assert "schedules/nightly.yaml" in whole.out
    assert "Note: forgotten, and taken back by an apply of these specs: nightly\n" in whole.err
    assert "forgotten" not in other.err


def test_nothing_live_and_a_file_in_the_place_of_the_folder_are_told(flowerpower: CommandLine) -> None:
    assert flowerpower("export").err == "Nothing is live in acme.default.\n"
    wrong = flowerpower("export", "--out", "flowerpower.yaml")
    assert wrong.code == 1
    assert "flowerpower.yaml is not a folder" in wrong.err


def test_exporting_writes_nothing_to_redis(applied: CommandLine, redis_connection: redis.Redis, tmp_path: Path) -> None:
    from support.redis_state import dump_keys

    before = dump_keys(redis_connection)

    applied("export", "--out", str(tmp_path / "new"))

    assert dump_keys(redis_connection) == before
