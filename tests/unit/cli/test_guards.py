"""Every guard as a user meets it: refused with exit 3, shown by `plan` in every format, and its way past."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from support.command_line import CommandLine
from support.redis_state import dump_keys

PROJECT = "name: acme\nmodules: [flows]\nenvironments: {prod: {}}\n"
SCHEDULES = "acme.default:schedules"


def live_schedules(connection: redis.Redis) -> set[str]:
    return {name.decode() for name in connection.hkeys(f"flowerpower:{SCHEDULES}")}  # type: ignore[union-attr]


def delete_two(line: CommandLine) -> None:
    for name in ("a", "b", "c"):
        line.write(f"schedules/{name}.yaml", "pipeline: report\nevery: 1h\n")
    assert line("apply", "--auto-approve").code == 0
    for name in ("a", "b"):
        (line.folder / f"schedules/{name}.yaml").unlink()


def loosen_the_limit(line: CommandLine) -> None:
    line.write("flowerpower.yaml", f"{PROJECT}guards: {{max_deletes: 1}}\n")
    delete_two(line)
    line.write("flowerpower.yaml", f"{PROJECT}guards: {{max_deletes: 100%}}\n")


def loosen_a_house_rule(line: CommandLine) -> None:
    line.write("flowerpower.yaml", f"{PROJECT}policies: {{enforce: {{min_interval: 1m}}}}\n")
    assert line("apply", "--auto-approve").code == 0
    line.write("flowerpower.yaml", PROJECT)
    line.write("schedules/hourly.yaml", "pipeline: report\nevery: 30s\n")


def stop_a_running_run(line: CommandLine) -> None:
    cancelling = "pipeline: report\nevery: 1h\non_inflight: cancel\n"
    line.write("schedules/hourly.yaml", cancelling)
    assert line("apply", "--auto-approve").code == 0
    with redis.Redis.from_url(line.environment["FLOWERPOWER_REDIS"]) as connection:
        run = "acme--default--hourly--1800000000"
        entry = {"name": "hourly", "tick": 1800000000, "attempt": 1, "since": 0, "execution": "x"}
        connection.hset("flowerpower:acme.default:active", run, json.dumps(entry))
        connection.zadd("flowerpower:acme.default:active_index", {"hourly--1800000000": 0})
        connection.hset(f"rq:job:{run}", mapping={"status": "started", "worker_name": "w"})
    line.write("schedules/hourly.yaml", f"{cancelling}timeout: 99s\n")


def leave_files_out(line: CommandLine) -> None:
    line.git("sparse-checkout", "set", "--no-cone", "/*", "!/schedules/hourly.yaml")


def delete_everything(line: CommandLine) -> None:
    for name in ("nightly", "hourly"):
        (line.folder / f"schedules/{name}.yaml").unlink()


def delete_a_protected_one(line: CommandLine) -> None:
    line.write("schedules/nightly.yaml", 'pipeline: report\ncron: "0 2 * * *"\nprotected: true\n')
    assert line("apply", "--auto-approve").code == 0
    (line.folder / "schedules/nightly.yaml").unlink()


def go_back(line: CommandLine) -> None:
    line.commit("newer")
    assert line("apply", "--auto-approve").code == 0
    line.git("reset", "--quiet", "--hard", "HEAD~1")


def move_to_another_repository(line: CommandLine) -> None:
    line.git("remote", "add", "origin", "https://git.example/one.git")
    assert line("apply", "--auto-approve").code == 0
    line.git("remote", "set-url", "origin", "https://git.example/other.git")


def delete_the_pipelines_too(line: CommandLine) -> None:
    for folder in ("schedules", "pipelines"):
        for file in (line.folder / folder).iterdir():
            file.unlink()


def damage_what_was_recorded(line: CommandLine) -> None:
    with redis.Redis.from_url(line.environment["FLOWERPOWER_REDIS"]) as connection:
        connection.hset("flowerpower:acme.default:head", "policies", "no JSON")


@pytest.mark.parametrize(
    ("accident", "guard", "words", "way_past"),
    [
        (delete_everything, "empty", "all would be deleted", ["--allow-empty"]),
        (delete_a_protected_one, "protected", "1 protected schedule would be deleted: nightly", []),
        (go_back, "older", "which was applied last", ["--allow-older-commit"]),
        (
            move_to_another_repository,
            "foreign",
            "from git.example/one, this is git.example/other",
            ["--allow-takeover"],
        ),
        (delete_two, "deletes", "2 of 5 schedules would be deleted; 1 may be (25%)", ["--allow-deletes", "2"]),
        (loosen_the_limit, "deletes", "100% counts from the next apply on", ["--allow-deletes", "2"]),
        (loosen_a_house_rule, "policy", "schedules/hourly.yaml:2 schedule.hourly: it fires 30s apart", []),
        (damage_what_was_recorded, "policy", "cannot be read", []),
        (stop_a_running_run, "in flight", "1 running run of hourly", ["--allow-cancel"]),
        (leave_files_out, "incomplete", "schedules/hourly.yaml", ["--ref", "HEAD"]),
        (
            delete_the_pipelines_too,
            "empty",
            "no schedule and no pipeline; 2 schedules and 1 pipeline",
            ["--allow-empty"],
        ),
    ],
)
def test_a_guard_refuses_with_exit_3_in_every_format_and_says_the_way_past(
    applied: CommandLine,
    redis_connection: redis.Redis,
    accident: Callable[[CommandLine], None],
    guard: str,
    words: str,
    way_past: list[str],
) -> None:
    accident(applied)
    before = dump_keys(redis_connection)

    text, document, comment = applied("plan"), applied("plan", "--json"), applied("plan", "--format", "markdown")
    refused = applied("apply", "--auto-approve")

    assert (text.code, document.code, refused.code) == (0, 0, 3)
    assert f"x {guard}: " in text.out
    assert words in " ".join(text.out.split())
    assert guard in [check["name"] for check in document.document["checks"] if check["status"] == "fail"]
    assert document.document["applyable"] is False
    assert f"**{guard}**: " in comment.out
    assert f"Error: {guard}:" in refused.err
    assert "hint: " in refused.err
    assert dump_keys(redis_connection) == before
    if way_past:
        assert way_past[0] in refused.err
        assert applied("apply", "--auto-approve", *way_past).code == 0


def test_loosened_rules_alone_are_applied_and_count_from_then_on(
    applied: CommandLine, redis_connection: redis.Redis
) -> None:
    loosen_a_house_rule(applied)
    assert applied("apply", "--auto-approve").code == 3

    applied.write("schedules/hourly.yaml", "pipeline: report\nevery: 1h\n")
    alone = applied("plan")
    assert alone.last == "No changes."
    assert "house rules change with this apply" in alone.out
    assert applied("apply", "--auto-approve").last == "Apply complete: 0 added, 0 changed, 0 destroyed."
    assert redis_connection.hget("flowerpower:acme.default:head", "policies") == b"{}"

    applied.write("schedules/hourly.yaml", "pipeline: report\nevery: 30s\n")
    assert applied("apply", "--auto-approve").code == 0


def test_a_house_rule_that_a_comment_silences_with_a_reason_does_not_refuse(applied: CommandLine) -> None:
    loosen_a_house_rule(applied)
    applied.write(
        "schedules/hourly.yaml", "pipeline: report\n# flowerpower: ignore FP311 it is a heartbeat\nevery: 30s\n"
    )

    assert applied("apply", "--auto-approve").code == 0


def test_house_rules_that_the_specs_enforce_stay_errors(applied: CommandLine) -> None:
    applied.write("flowerpower.yaml", f"{PROJECT}policies: {{enforce: {{min_interval: 2h}}}}\n")

    assert "error FP311" in applied("validate").out
    answer = applied("plan")
    assert (answer.code, "error FP311" in answer.err) == (1, True)


def test_many_changes_at_once_want_a_word(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    documents = [f"name: s{number}\npipeline: report\nevery: 1d\n" for number in range(20_001)]
    for start in range(0, len(documents), 4_000):
        flowerpower.write(f"schedules/many{start}.yaml", "---\n".join(documents[start : start + 4_000]))
    refused = flowerpower("apply", "--auto-approve", "--concise")

    assert refused.code == 3
    assert "Error: long commit: 20,004 changes are written in one step" in refused.err
    assert redis_connection.keys() == []


def lfs_pointer(folder: Path) -> None:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 12345\n"
    (folder / "schedules/hourly.yaml").write_text(text)


def link_to_nowhere(folder: Path) -> None:
    (folder / "schedules/hourly.yaml").unlink()
    (folder / "schedules/hourly.yaml").symlink_to("nowhere.yaml")


def submodule(folder: Path) -> None:
    (folder / "schedules/crm").mkdir()
    (folder / ".gitmodules").write_text('[submodule "crm"]\n\tpath = schedules/crm\n')


def unknown_key(folder: Path) -> None:
    (folder / "schedules/hourly.yaml").write_text("pipeline: report\nevry: 1h\n")


@pytest.mark.parametrize(
    ("accident", "code"),
    [(lfs_pointer, "FP006"), (link_to_nowhere, "FP001"), (submodule, "FP023"), (unknown_key, "FP101")],
)
def test_a_spec_that_failed_to_load_stops_every_apply_and_is_shown_by_plan(
    applied: CommandLine, redis_connection: redis.Redis, accident: Callable[[Path], None], code: str
) -> None:
    accident(applied.folder)
    before = dump_keys(redis_connection)

    for arguments in (["plan"], ["apply", "--auto-approve"], ["apply", "--auto-approve", "--allow-empty"]):
        answer = applied(*arguments)
        assert answer.code == 1
        assert code in answer.err
    assert [found["code"] for found in applied("plan", "--json").document["diagnostics"]].count(code) == 1
    assert dump_keys(redis_connection) == before


def test_a_revision_whose_objects_are_not_all_here_stops_every_apply(
    applied: CommandLine, redis_connection: redis.Redis
) -> None:
    blob = applied.git("rev-parse", "HEAD:schedules/hourly.yaml")
    (applied.folder / f".git/objects/{blob[:2]}/{blob[2:]}").unlink()

    answer = applied("apply", "--auto-approve", "--ref", "HEAD")

    assert (answer.code, "FP001" in answer.err) == (1, True)
    assert live_schedules(redis_connection) == {"nightly", "hourly"}


def test_a_git_status_that_fails_refuses_outside_the_default_environment(flowerpower: CommandLine) -> None:
    (flowerpower.folder / ".git/index").write_bytes(b"damaged")

    plan = flowerpower("plan", "--env", "prod")
    assert (plan.code, "it cannot be told whether there are uncommitted changes" in plan.out) == (0, True)
    assert flowerpower("apply", "--env", "prod", "--auto-approve").code == 3
    assert flowerpower("apply", "--env", "prod", "--auto-approve", "--allow-dirty").code == 0
