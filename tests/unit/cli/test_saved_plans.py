"""What was looked at is what is applied: plan files, approved hashes and files, comparisons of two revisions."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from redis import Redis
from support.command_line import CommandLine, command_line
from support.redis_state import dump_keys

from flowerpower.cli.planfiles import write_whole

NIGHTLY = 'pipeline: report\ncron: "0 4 * * *"\n'


@pytest.fixture
def line(tmp_path: Path, redis_url: str) -> CommandLine:
    return command_line(tmp_path / "project", redis_url)


@pytest.fixture
def live(line: CommandLine) -> CommandLine:
    assert line("apply", "--env", "prod", "--auto-approve").code == 0
    line.write("schedules/nightly.yaml", NIGHTLY)
    line.commit("later at night")
    return line


def save(line: CommandLine, file: Path, *more: str) -> None:
    answer = line("plan", "--env", "prod", "--out", str(file), *more)
    assert answer.code == 0, answer.err
    assert f"flowerpower apply {file}" in answer.err


def test_a_saved_plan_is_applied_as_it_was_whatever_the_specs_say_by_then(live: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    save(live, file)
    live.write("schedules/nightly.yaml", "{{{ broken")

    answer = live("apply", str(file))

    assert (answer.code, answer.last) == (0, "Apply complete: 0 added, 1 changed, 0 destroyed.")
    assert "0 4 * * *" in live("status", "--env", "prod", "--json").out
    again = live("apply", str(file))
    assert again.code == 4
    assert "1 apply came in between" in again.err


def test_a_saved_plan_of_what_was_renamed_since_says_so(live: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    save(live, file)
    (live.folder / "schedules/nightly.yaml").unlink()
    live.write("schedules/late.yaml", NIGHTLY + "previous_names: [nightly]\n")
    live.commit("a better name")
    assert live("apply", "--env", "prod", "--auto-approve").code == 0

    stale = live("apply", str(file))

    assert stale.code == 4
    assert "  schedule.nightly was renamed to late since\n" in stale.err


def test_show_tells_the_same_as_plan_did_and_needs_no_redis(live: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    planned = live("plan", "--env", "prod", "--out", str(file))
    elsewhere = CommandLine(tmp_path, {"FLOWERPOWER_REDIS": "redis://127.0.0.1:1"})

    assert elsewhere("show", "plan.json").out == planned.out
    assert elsewhere("show", "plan.json", "--json").document["summary"]["change"] == 1
    assert elsewhere("show", "plan.json", "--format", "markdown").out.startswith("<!-- flowerpower {")


@pytest.mark.parametrize(
    ("text", "told"),
    [("{}", "no plan file"), ("", "no plan file"), ('{"plan": {}, "format_version": "9.0"}', "format '9.0'")],
)
def test_a_file_that_is_no_plan_is_refused(live: CommandLine, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "plan.json").write_text(text)

    for command in ("apply", "show"):
        answer = live(command, str(tmp_path / "plan.json"))
        assert answer.code == 1
        assert told in answer.err


def test_a_plan_for_another_environment_project_or_redis_is_refused(
    live: CommandLine, tmp_path: Path, redis_connection: Redis
) -> None:
    file = tmp_path / "plan.json"
    save(live, file)

    other_env = live("apply", str(file), "--env", "default")
    redis_connection.hset("flowerpower:acme.prod:head", "first_apply", "f" * 32)
    other_redis = live("apply", str(file))
    live.write("flowerpower.yaml", "name: other\nmodules: [flows]\nenvironments: {prod: {}}\n")
    other_project = live("apply", str(file))

    assert {answer.code for answer in (other_env, other_redis, other_project)} == {1}
    assert "the plan is for acme.prod, this is acme.default" in other_env.err
    assert "made for another Redis" in other_redis.err
    assert "the plan is for acme.prod, this is other.prod" in other_project.err


def test_a_stale_plan_writes_nothing_and_says_what_has_changed_since(
    live: CommandLine, tmp_path: Path, redis_connection: Redis
) -> None:
    file = tmp_path / "plan.json"
    save(live, file)
    live.write("schedules/nightly.yaml", 'pipeline: report\ncron: "0 5 * * *"\n')
    live.commit("even later")
    assert live("apply", "--env", "prod", "--auto-approve").code == 0
    before = dump_keys(redis_connection)

    answer = live("apply", str(file), "--json")

    assert answer.code == 4
    assert answer.document["error"]["details"].splitlines()[1] == "schedule.nightly was changed since"
    assert dump_keys(redis_connection) == before


def test_nothing_else_is_asked_of_a_saved_plan(live: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    save(live, file)

    for flag in (["--allow-empty"], ["--ref", "HEAD"], ["--approved", "0" * 64]):
        answer = live("apply", str(file), *flag)
        assert answer.code == 1
        assert "applied as it was made" in answer.err


def test_what_a_guard_refused_in_the_plan_is_refused_at_the_apply(live: CommandLine, tmp_path: Path) -> None:
    for name in ("nightly", "hourly"):
        (live.folder / f"schedules/{name}.yaml").unlink()
    live.commit("gone")
    file = tmp_path / "plan.json"

    save(live, file)
    refused = live("apply", str(file))
    save(live, file, "--allow-empty")

    assert refused.code == 3
    assert live("apply", str(file)).code == 0


def test_an_approved_hash_applies_that_plan_from_a_later_commit_and_no_other(live: CommandLine) -> None:
    approved = live("plan", "--env", "prod", "--json").document["plan_hash"]
    live.commit("squashed")

    other = live("apply", "--env", "prod", "--approved", "sha256:" + "0" * 64)
    same = live("apply", "--env", "prod", "--approved", approved)
    nothing_left = live("apply", "--env", "prod", "--approved", approved)

    assert (other.code, same.code, nothing_left.code) == (4, 0, 0)
    assert approved in other.err


def test_an_approved_file_allows_a_part_of_its_changes_and_nothing_more(live: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    live.write("schedules/weekly.yaml", 'pipeline: report\ncron: "0 4 * * 1"\n')
    live.commit("weekly")
    save(live, file)
    (live.folder / "schedules/weekly.yaml").unlink()
    live.commit("without the weekly one")

    part = live("apply", "--env", "prod", "--approved", str(file))
    live.write("schedules/hourly.yaml", "pipeline: report\nevery: 2h\n")
    live.commit("more")
    more = live("apply", "--env", "prod", "--approved", str(file))

    assert (part.code, part.last) == (0, "Apply complete: 0 added, 1 changed, 0 destroyed.")
    assert more.code == 4
    assert "1 of 1 changes are not in the approved plan" in more.err
    assert "~ schedule.hourly" in more.err


def test_an_approval_covers_the_overrides_it_was_given_with(live: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    save(live, file)

    answer = live("apply", "--env", "prod", "--approved", str(file), "--allow-deletes", "9")

    assert answer.code == 4
    assert "guard overrides" in answer.err


def test_two_revisions_are_compared_without_redis(live: CommandLine) -> None:
    answer = live("plan", "--env", "prod", "--against", "HEAD~1", "--json", FLOWERPOWER_REDIS="redis://127.0.0.1:1")

    assert answer.code == 0
    (change,) = answer.document["resource_changes"]
    assert change["change"]["fields"]["cron"] == {
        "old": "0 2 * * *",
        "new": "0 4 * * *",
        "remote": "0 2 * * *",
        "reason": "git",
    }
    assert change["schedule_effect"]["at_cutover"] in ("moved", "skipped", "twice")
    assert answer.document["applyable"] is False
    assert live("plan", "--against", "HEAD~1", "--out", "x").code == 1
    assert live("plan", "--against", "no-such-revision").code == 1


def test_a_revision_before_there_was_a_project_has_nothing(live: CommandLine) -> None:
    live.git("checkout", "--quiet", "--orphan", "empty")
    live.git("rm", "-r", "--quiet", "--cached", ".")
    live.git("commit", "--quiet", "--allow-empty", "--message=nothing")
    live.git("checkout", "--quiet", "--force", "main")

    answer = live("plan", "--env", "prod", "--against", "empty")

    assert answer.last == "Plan: 3 to add, 0 to change, 0 to destroy."
    assert "not with Redis" in answer.out


def test_a_plan_file_is_written_whole_or_not_at_all(live: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    answer = live("plan", "--env", "prod", "--out", str(folder))

    assert answer.code == 1
    assert "Traceback" not in answer.err
    assert list(folder.iterdir()) == []
    assert f"{folder}: Is a directory" in answer.err
    assert json.loads(live("plan", "--env", "prod", "--json").out)["summary"]["change"] == 1


def test_what_is_no_file_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"before")
    (tmp_path / "file").chmod(0o600)
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")

    with (tmp_path / "pipe").open("r+b", buffering=0) as pipe:
        write_whole(tmp_path / "pipe", b"after")
        assert (tmp_path / "pipe").is_fifo()
        assert pipe.read(5) == b"after"
    write_whole(tmp_path / "link", b"after")
    with pytest.raises(FileNotFoundError, match=f"'{tmp_path}/gone/file'"):
        write_whole(tmp_path / "gone" / "file", b"after")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"after"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
