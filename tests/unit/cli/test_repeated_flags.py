"""What says which project and which Redis is meant is repeated in the commands that are proposed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.command_line import FILES, Answer, command_line
from support.in_process import Here

from flowerpower.cli.options import General, repeated_flags
from flowerpower.proposed import with_flags

_CALLS = """
plan
plan --json
runs
validate
validate --json
validate --out report.txt
plan --out a.json
apply --auto-approve
doctor
trigger report
runs
status nobody
"""
_PROPOSED = re.compile(r"(?:`|\(|:\s+\"?)(flowerpower [a-z]+[^`\n]*)")


@pytest.mark.parametrize("call", ["trigger nobody", "rerun nightly", "runs nobody", "show nothing.json"])
def test_a_project_that_was_named_is_named_again(call: str, redis_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "a project"
    folder.mkdir()
    command_line(folder, redis_url, FILES)
    elsewhere = Here(tmp_path, redis_url)

    told = elsewhere(*shlex.split(call), "--env", "prod", "--project", "a project").err

    assert "flowerpower " in told
    assert told.count("flowerpower ") == told.count(" --project 'a project'") == told.count(" --env prod")
    assert "--project" not in Here(folder, redis_url)(*shlex.split(call), "--env", "prod").err


@pytest.fixture(scope="module")
def results(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What was said to somebody who named project, environment and Redis, before and after an apply."""
    with Redis.from_url(redis_server) as connection:
        connection.flushall()
    root = tmp_path_factory.mktemp("elsewhere")
    (root / "a project").mkdir()
    files = FILES | {
        "flows/open.py": "import os\n\nif os.environ.get('X'):\n    def made() -> int:\n        return 1\n",
        "pipelines/undecided.yaml": "modules: [open]\noutputs: [made]\n",
    }
    command_line(root / "a project", redis_server, files)
    here = Here(root, "redis://127.0.0.1:1")

    def told(call: str) -> Answer:
        return here(*shlex.split(call), "--env", "prod", "--project", "a project", "--redis", redis_server)

    answers = {call: told(call) for call in _CALLS.strip().splitlines()}
    answers["the report"] = Answer(0, (root / "report.txt").read_text(), "")
    queued = told("trigger nightly --json").document["run"]
    return answers | {"runs --job QUEUED": told(f"runs --job {queued}")}


def test_results_name_project_and_redis_in_what_they_propose(results: dict[str, Answer], redis_server: str) -> None:
    wanted = ("--env prod", "--project 'a project'", f"--redis {redis_server}")
    texts = {call: answer.out + answer.err for call, answer in results.items()}
    lines = {call: _PROPOSED.findall(text) for call, text in texts.items()}

    assert [call for call, found in lines.items() if not found] == []
    lacking = {
        call: [line for line in found if not all(flag in line for flag in wanted)] for call, found in lines.items()
    }
    assert not {call: found for call, found in lacking.items() if found}


@pytest.mark.parametrize(
    ("flags", "variables", "repeated"),
    [
        ({"project": Path("a b")}, {}, {"--project": "'a b'"}),
        (
            {"project": Path("acme"), "redis": "redis://db:1"},
            {"FLOWERPOWER_PROJECT": "acme"},
            {"--redis": "redis://db:1"},
        ),
        ({"project": Path()}, {}, {}),
        ({"redis": "redis://user:secret@db:1"}, {}, {"--redis": "'redis://***@db:1'"}),
        ({"redis": "unix:///s?password=secret&db=2"}, {}, {"--redis": "'unix:///s?password=***&db=2'"}),
        ({"redis": "redis://db?password=sec@ret"}, {}, {}),
        ({"redis": "user:secret@db"}, {}, {}),
        ({"redis": "embedded"}, {"FLOWERPOWER_REDIS": "redis://db"}, {"--redis": "embedded"}),
    ],
)
def test_what_a_variable_says_or_is_secret_is_not_repeated(
    flags: Mapping[str, Any], variables: Mapping[str, str], repeated: Mapping[str, str]
) -> None:
    assert repeated_flags(General(**flags), variables) == repeated


def test_a_flag_that_a_command_has_is_not_given_twice() -> None:
    given = {"--project": "acme", "--redis": "embedded"}

    assert with_flags("`flowerpower plan --project b`; flowerpower apply", given) == (
        "`flowerpower plan --redis embedded --project b`; flowerpower apply --project acme --redis embedded"
    )


def test_calls_of_redis_are_whole_and_name_the_server_without_its_password(
    redis_url: str, redis_connection: Redis, tmp_path: Path
) -> None:
    path = redis_url.removeprefix("unix://")
    here, prefix = Here(tmp_path, f"unix://eve:secret@{path}?db=3"), "flowerpower:acme.default"
    redis_connection.execute_command("ACL", "SETUSER", "eve", "on", ">secret", "~*", "&*", "+@all")
    command_line(tmp_path, redis_url)
    server = f"redis-cli -s {path} -n 3"

    with Redis.from_url(f"{redis_url}?db=3") as live:
        assert here("apply", "--auto-approve").code == 0
        live.hset(f"{prefix}:schedules", b"\xff'", "{}")
        assert f"remove it: {server} HDEL {prefix}:schedules $'\\xff\\x27'; nothing" in here("status").out
        live.hset(f"{prefix}:head", "when", "x")
        calls = ("status", "plan", "drift", "apply --auto-approve", "doctor", "status --json", "status --format html")
        told = {call: here(*call.split()) for call in calls}
        live.delete(f"{prefix}:head")
        live.set(f"{prefix}:head", "x")
        moved = here("plan").err
    redis_connection.execute_command("ACL", "DELUSER", "eve")

    for call, answer in told.items():
        said = " ".join((answer.out + answer.err).split())
        assert f"look at it: {server} HGETALL {prefix}:head;" in said, call
        assert f"remove it: {server} DEL {prefix}:head; and apply." in said, call
        assert "secret" not in said
    assert f": {server} RENAME {prefix}:head {prefix}:head.bad;" in moved


def test_a_document_proposes_what_the_text_does_and_a_page_for_others_names_no_folder_of_this_machine(
    redis_url: str, redis_connection: Redis, tmp_path: Path
) -> None:
    (tmp_path / "acme").mkdir()
    command_line(tmp_path / "acme", redis_url)
    here, flags = Here(tmp_path, "redis://127.0.0.1:1"), ("--project", "acme", "--redis", redis_url)
    assert here("apply", "--auto-approve", *flags).code == 0
    redis_connection.hset("flowerpower:acme.default:cursors", "nightly", "x")
    proposed = f"`flowerpower apply --project acme --redis {redis_url}`"

    damaged = here("status", *flags, "--json").document["damaged"]
    page = here("status", *flags, "--format", "html").out
    alarms = here("status", *flags, "--json").document["alarms"]
    (tmp_path / "acme/schedules/nightly.yaml").write_text("cron: never")
    broken = here("plan", *flags, "--json").document

    assert proposed in here("status", *flags).out
    assert proposed in damaged[0]["hint"]
    assert [proposed in one["message"] for one in alarms if one["code"] == "damaged"] == [True]
    assert f"`flowerpower apply --redis {redis_url}`" in page
    assert "--project" not in page
    assert broken["error"]["hint"].startswith("run `flowerpower validate --project acme")
