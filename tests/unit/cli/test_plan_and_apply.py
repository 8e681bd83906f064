"""Plan and apply as a user types them: exit codes, last lines, guards, drift."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import redis
from support.command_line import CommandLine


def live_schedules(connection: redis.Redis, env: str = "default") -> set[str]:
    found = connection.hkeys(f"flowerpower:acme.{env}:schedules")
    return {name.decode() for name in found}  # type: ignore[union-attr]


def test_plan_apply_plan_ends_with_no_changes(flowerpower: CommandLine) -> None:
    first = flowerpower("plan", "--detailed-exitcode")
    assert (first.code, first.last) == (2, "Plan: 3 to add, 0 to change, 0 to destroy.")

    applied = flowerpower("apply", "--auto-approve")
    assert (applied.code, applied.last) == (0, "Apply complete: 3 added, 0 changed, 0 destroyed.")

    second = flowerpower("plan", "--detailed-exitcode")
    assert (second.code, second.last) == (0, "No changes.")


def test_a_plan_writes_nothing(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    answer = flowerpower("plan")

    assert answer.code == 0
    assert redis_connection.keys() == []


def test_applying_twice_changes_nothing(applied: CommandLine, redis_connection: redis.Redis) -> None:
    before = redis_connection.hgetall("flowerpower:acme.default:schedules")

    answer = applied("apply", "--auto-approve")

    assert (answer.code, answer.last) == (0, "Apply complete: 0 added, 0 changed, 0 destroyed.")
    assert redis_connection.hgetall("flowerpower:acme.default:schedules") == before


def test_broken_yaml_stops_apply_and_deletes_nothing(applied: CommandLine, redis_connection: redis.Redis) -> None:
    applied.write("schedules/nightly.yaml", "pipeline: [report\n")

    answer = applied("apply", "--auto-approve")

    assert answer.code == 1
    assert "schedules/nightly.yaml:1:11: error FP010" in answer.err
    assert live_schedules(redis_connection) == {"nightly", "hourly"}


def test_drift_is_shown_and_repaired(applied: CommandLine, redis_connection: redis.Redis) -> None:
    job = next(key for key in redis_connection.keys("rq:job:*nightly*"))  # type: ignore[union-attr]
    redis_connection.hset(job, "timeout", 5)

    plan = applied("plan", "--detailed-exitcode")
    assert plan.code == 2
    assert "! job.timeout: 5s -> 1h  drift: put back" in plan.out

    assert applied("apply", "--auto-approve").last == "Apply complete: 0 added, 1 changed, 0 destroyed."
    assert redis_connection.hget(job, "timeout") == b"3600"


def test_a_change_of_code_is_a_change(applied: CommandLine) -> None:
    applied.write("flows/flow.py", "def doubled(number: int) -> int:\n    return number + number\n")

    answer = applied("plan")

    assert answer.last == "Plan: 0 to add, 3 to change, 0 to destroy."
    assert "its modules changed" in answer.out


def test_a_revision_is_read_without_a_checkout(applied: CommandLine) -> None:
    start = applied.git("rev-parse", "HEAD")
    applied.write("schedules/weekly.yaml", 'pipeline: report\ncron: "@weekly"\n')
    applied.commit()

    assert applied("plan", "--ref", start).last == "No changes."
    assert applied("plan", "--ref", "main").last == "Plan: 1 to add, 0 to change, 0 to destroy."
    assert applied("plan", "--ref", "nowhere").code == 1


def test_without_a_terminal_apply_wants_auto_approve(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    answer = flowerpower("apply")

    assert (answer.code, redis_connection.keys()) == (1, [])
    assert "--auto-approve" in answer.err
    assert answer.last == "Plan: 3 to add, 0 to change, 0 to destroy.", "what is asked about is shown"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["apply", "--ref", "nowhere"], "nowhere"),
        (["apply", "--env", "elsewhere"], "elsewhere"),
        (["backfill", "nightli", "--from", "1d"], "did you mean 'nightly'?"),
        (["backfill", "nightly", "--from", "then"], "names no moment"),
        (["backfill", "nightly", "--from", "1d", "--set", "number"], "--set"),
        (["rerun", "nightli", "--status", "failed", "--since", "1d"], "did you mean 'nightly'?"),
        (["rerun", "--status", "failed", "--since", "then"], "names no moment"),
        (["pause", "nightli"], "did you mean 'nightly'?"),
    ],
)
def test_what_is_wrong_with_a_call_is_told_before_that_nobody_can_be_asked(
    applied: CommandLine, arguments: list[str], says: str
) -> None:
    answer = applied(*arguments)

    assert answer.code == 1
    assert says in answer.err
    assert "no terminal" not in answer.err


def test_uncommitted_changes_are_refused_outside_the_default_environment(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/hourly.yaml", "pipeline: report\nevery: 2h\n")

    assert flowerpower("apply", "--auto-approve", "--env", "prod").code == 3
    assert flowerpower("apply", "--auto-approve", FLOWERPOWER_ENV="prod", FLOWERPOWER_ALLOW_DIRTY="1").code == 0


def test_environments_do_not_meet(applied: CommandLine, redis_connection: redis.Redis) -> None:
    applied("apply", "--auto-approve", "--env", "prod")
    (applied.folder / "schedules/hourly.yaml").unlink()
    applied.commit()

    assert applied("apply", "--auto-approve", "--env", "prod").code == 0
    assert live_schedules(redis_connection, "prod") == {"nightly"}
    assert live_schedules(redis_connection) == {"nightly", "hourly"}


def test_a_project_outside_git_is_applied_as_a_tree(flowerpower: CommandLine, tmp_path: Path) -> None:
    flowerpower.git("checkout-index", "--all", f"--prefix={tmp_path}/plain/")
    plain = CommandLine(tmp_path / "plain", flowerpower.environment)

    answer = plain("plan")

    assert "tree:" in answer.out.splitlines()[0]
    assert "outside git" in answer.out
    for flag in ("--ref", "--against"):
        assert plain("plan", flag, "HEAD").err == (
            f"Error: {plain.folder} is not in a git repository\n"
            "hint: only a clone has revisions: leave this one away, or name the folder of a clone\n"
        )


def ask(line: CommandLine, answers: list[str], before_answer: Callable[[], object] = lambda: None) -> tuple[int, str]:
    """Run `apply` in a terminal and answer its questions; return exit code and what was shown."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "flowerpower", "apply", "--no-color"]
    environment = {**os.environ, **line.environment}
    process = subprocess.Popen(command, cwd=line.folder, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = ""
    questions = 0
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            shown += os.read(master, 4096).decode()
        except OSError:  # the other end is closed
            break
        if shown.count("[y/N]:") > questions:
            questions += 1
            before_answer()
            os.write(master, f"{answers.pop(0)}\n".encode())
    os.close(master)
    return process.wait(timeout=10), shown


def test_at_a_terminal_apply_asks(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    refused, _ = ask(flowerpower, ["n"])
    assert (refused, redis_connection.keys()) == (1, [])

    agreed, shown = ask(flowerpower, ["y"])
    assert agreed == 0
    assert "Apply complete: 3 added, 0 changed, 0 destroyed." in shown


def test_a_stale_plan_is_made_again_and_asked_again(flowerpower: CommandLine) -> None:
    others = [lambda: flowerpower("apply", "--auto-approve")]

    code, shown = ask(flowerpower, ["y"], before_answer=lambda: others.pop()() if others else None)

    assert code == 0
    assert "another apply came in between" in shown
    assert "No changes." in shown


def test_in_a_github_job_the_plan_goes_to_the_summary_and_its_counts_to_the_outputs(
    flowerpower: CommandLine, tmp_path: Path
) -> None:
    summary, outputs = tmp_path / "summary.md", tmp_path / "outputs"

    flowerpower("plan", GITHUB_STEP_SUMMARY=str(summary), GITHUB_OUTPUT=str(outputs))

    assert "## Plan (acme.default): 3 to add, 0 to change, 0 to destroy." in summary.read_text()
    assert {"add=3", "change=0", "destroy=0", "exitcode=2", "refused="} < set(outputs.read_text().splitlines())


def test_several_plans_of_one_job_stand_one_below_the_other(flowerpower: CommandLine, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("what was there")

    for _ in range(2):
        flowerpower("plan", GITHUB_STEP_SUMMARY=str(summary))

    assert summary.read_text().startswith("what was there\n<!-- flowerpower ")
    assert summary.read_text().count("\n## Plan (acme.default): ") == 2


def test_a_summary_that_is_full_or_no_file_is_told_and_stops_nothing(flowerpower: CommandLine, tmp_path: Path) -> None:
    full = tmp_path / "full.md"
    full.write_text("x" * 999_999)

    first = flowerpower("plan", GITHUB_STEP_SUMMARY=str(full))
    second = flowerpower("plan", GITHUB_STEP_SUMMARY=str(tmp_path / "none" / "summary.md"), GITHUB_OUTPUT=str(tmp_path))

    assert (first.code, second.code) == (0, 0)
    assert "the summary of this job is full" in first.err
    assert full.stat().st_size == 999_999
    assert "the summary of this job could not be written" in second.err
    assert "the outputs of this step could not be written" in second.err
    assert second.last == "Plan: 3 to add, 0 to change, 0 to destroy."


def test_a_plan_annotates_the_files_of_a_repository(applied: CommandLine) -> None:
    (applied.folder / "schedules" / "hourly.yaml").unlink()

    answer = applied("plan", "--format", "github", FLOWERPOWER_ALLOW_DIRTY="1")

    assert "::warning title=1 schedule deleted::1 schedule will be deleted: schedule.hourly\n" in answer.out
    assert answer.last == "Plan: 0 to add, 0 to change, 1 to destroy."


def test_a_part_of_a_plan_is_shown_and_never_saved(flowerpower: CommandLine) -> None:
    shown = flowerpower("plan", "--target", "schedule.*", "--json", "--detailed-exitcode")

    assert {change["type"] for change in shown.document["resource_changes"]} == {"schedule"}
    assert (shown.code, shown.document["plan_hash"], shown.document["complete"]) == (2, "", False)
    assert flowerpower("plan", "--exclude", "*").last == "No changes. 3 not shown."
    for flags in (["--target", "x", "--exclude", "y"], ["--target", "nightly", "--out", "f"], ["--target", "nigtly"]):
        assert flowerpower("plan", *flags).code == 1


def test_a_warning_of_the_specs_is_told_and_stops_nothing(flowerpower: CommandLine) -> None:
    flowerpower.write("flowerpower.yaml", "name: acme\npolicies: {warn: {require: [owner]}}\n")

    answer = flowerpower("plan")

    assert answer.code == 0
    assert "warning FP314" in answer.err


def test_a_moment_that_has_passed_does_not_fire_and_the_plan_says_so(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/once.yaml", "pipeline: report\nat: 2001-01-01T00:00:00\n")

    assert "fires   nothing: its moment has passed" in flowerpower("plan").out


def test_what_plan_and_show_print_as_json_fits_the_published_schema(flowerpower: CommandLine) -> None:
    schema = json.loads(flowerpower("schema", "plan").out)
    plan = flowerpower("plan", "--out", "plan.json", "--json").document
    shown = flowerpower("show", "plan.json", "--json").document
    flowerpower.write("schedules/bad.yaml", "pipeline: none\n")
    failed = flowerpower("plan", "--json")

    for document in (plan, shown, failed.document):
        jsonschema.validate(document, schema)
    assert (failed.code, failed.document["valid"]) == (1, False)
    jsonschema.validate(
        json.loads((flowerpower.folder / "plan.json").read_text()), json.loads(flowerpower("schema", "plan-file").out)
    )


def test_a_plan_has_no_reference_to_read(flowerpower: CommandLine) -> None:
    assert flowerpower("schema", "plan", "--format", "markdown").code == 1


def test_what_is_only_taken_back_is_no_change(applied: CommandLine) -> None:
    assert applied("forget", "hourly", "nightly").code == 0
    assert applied("plan", "--json").document["summary"] == {
        **{"add": 0, "change": 0, "import": 2, "remove": 0},
        "operation": "plan",
    }
    assert applied("plan").last == "Plan: 2 to import, 0 to add, 0 to change, 0 to destroy."
    hourly = (applied.folder / "schedules/hourly.yaml").read_text(encoding="utf-8")
    applied.write("schedules/hourly.yaml", hourly + "timeout: 9m\n")
    assert applied("plan").last == "Plan: 2 to import, 0 to add, 1 to change, 0 to destroy."

    done = applied("apply", "--auto-approve")

    assert done.last == "Apply complete: 2 imported, 0 added, 1 changed, 0 destroyed."
    assert applied("plan").last == "No changes."


def test_a_commit_that_was_overtaken_is_told_from_another_branch_and_from_one_that_is_gone(
    applied: CommandLine,
) -> None:
    applied.write("schedules/weekly.yaml", 'pipeline: report\ncron: "@weekly"\n')
    live = applied.commit("second")
    assert applied("apply", "--auto-approve").code == 0

    def refusal() -> str:
        (check,) = [one for one in applied("plan", "--json").document["checks"] if one["name"] == "older"]
        return f"{check['message']} / {check['hint']}"

    applied.git("checkout", "--quiet", "HEAD~1")
    first, going_back = applied.git("rev-parse", "HEAD")[:12], "going back is meant: --allow-older-commit"
    last = f"{live[:12]}, which was applied last"
    assert refusal() == f"{first} comes before {last} / leave it at that, or update this branch; if {going_back}"
    applied.write("schedules/other.yaml", 'pipeline: report\ncron: "@weekly"\n')
    other = applied.commit("another branch")[:12]
    assert refusal() == f"{other} does not descend from {last} / update this branch; if {going_back}"
    applied.git("branch", "--force", "main", "HEAD")
    applied.git("reflog", "expire", "--expire=now", "--all")
    applied.git("gc", "--quiet", "--prune=now")
    assert refusal() == (
        f"{other} does not descend from {last} and is not in this clone / git fetch, then update this branch; "
        f"if a forced push has taken that commit away, or {going_back}"
    )
