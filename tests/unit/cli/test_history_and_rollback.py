"""History and rollback as a user types them, in a real repository."""

from __future__ import annotations

import json
import re

import pytest
import redis
from support.command_line import CommandLine

from flowerpower import FlowerPowerProject
from flowerpower.state.keys import Keys

KEYS = Keys("acme", "default")
WEEKLY = 'pipeline: report\ncron: "@weekly"\n'


@pytest.fixture
def broken(applied: CommandLine) -> CommandLine:
    """Three commits applied, the third one bad: it stops `nightly` and changes the code."""
    applied.write("schedules/weekly.yaml", WEEKLY)
    applied.commit("second")
    assert applied("apply", "--auto-approve").code == 0
    applied.write("schedules/nightly.yaml", 'pipeline: report\ncron: "0 2 * * *"\npaused: true\n')
    applied.write("flows/flow.py", "def doubled(number: int) -> int:\n    return number\n")
    applied.commit("bad")
    assert applied("apply", "--auto-approve").code == 0
    return applied


def ids(line: CommandLine) -> list[str]:
    return [past["apply_id"] for past in line("history", "--json").document["applies"]]


def test_a_bad_commit_is_rolled_back_refused_and_passed_by_its_revert(broken: CommandLine) -> None:
    bad, good = broken.git("rev-parse", "HEAD"), broken.git("rev-parse", "HEAD~1")
    start = broken.git("rev-parse", "HEAD~2")

    back = broken("rollback", ids(broken)[0][:8], "--auto-approve")

    assert (back.code, back.last) == (0, "Apply complete: 0 added, 4 changed, 0 destroyed.")
    assert f"-> back to {good[:7]}, undoing apply {ids(broken)[1][:8]}" in back.out
    assert f"Refused from now on: commit {bad[:7]}" in back.err
    assert broken("plan", "--ref", good).last == "No changes."

    again = broken("apply", "--auto-approve")
    assert again.code == 3
    assert f"older: {bad[:12]} was rolled back" in again.err
    older = broken("apply", "--auto-approve", "--ref", start)
    assert older.code == 3
    restored = broken("apply", "--auto-approve", "--ref", good)
    assert restored.code == 0
    assert broken("apply", "--auto-approve").code == 3, "the restored commit lifts nothing"

    broken.git("revert", "--no-edit", "HEAD")
    reverted = broken("apply", "--auto-approve")
    assert (reverted.code, reverted.last) == (0, "Apply complete: 0 added, 0 changed, 0 destroyed.")
    assert broken("history", "--json").document["rolled_back"] == []


def back_again(line: CommandLine) -> list[str]:
    """Return what a plan says of changes that a rollback had undone."""
    return [one["message"] for one in line("plan", "--json").document["checks"] if one["name"] == "rolled back"]


def test_a_merge_that_brings_back_what_was_rolled_back_says_so(
    broken: CommandLine, redis_connection: redis.Redis
) -> None:
    bad = broken.git("rev-parse", "HEAD")[:12]
    broken("rollback", ids(broken)[0], "--auto-approve")
    assert back_again(broken) == [], "the commit itself is refused"
    broken.write("schedules/daily.yaml", 'pipeline: report\ncron: "@daily"\n')
    broken.write("schedules/weekly.yaml", WEEKLY + "timeout: 9m\n")
    broken.commit("of somebody who knows nothing of it")

    shown = broken("plan")

    told = f"what the rollback of {bad} had undone comes back: pipeline.report, schedule.hourly, schedule.nightly"
    assert back_again(broken) == [told]
    assert f"! rolled back: {told}"[:70] in shown.out
    history = redis_connection.dump(KEYS.history)
    redis_connection.set(KEYS.history, "of another kind")
    assert broken("plan").last == shown.last
    redis_connection.restore(KEYS.history, 0, history, replace=True)
    assert broken("apply", "--auto-approve").code == 0
    broken.write("schedules/more.yaml", WEEKLY)
    broken.commit("more")
    assert back_again(broken) == []


def test_what_a_rollback_had_deleted_renamed_or_brought_back_is_known_where_it_happens_again(
    applied: CommandLine,
) -> None:
    (applied.folder / "schedules/hourly.yaml").unlink()
    (applied.folder / "schedules/nightly.yaml").unlink()
    applied.write("schedules/late.yaml", 'pipeline: report\ncron: "0 2 * * *"\nprevious_names: [nightly]\n')
    applied.write("schedules/weekly.yaml", WEEKLY)
    applied.commit("bad")
    assert applied("apply", "--auto-approve", "--allow-deletes", "1").code == 0
    applied("rollback", ids(applied)[0], "--auto-approve")
    applied.write("schedules/other.yaml", WEEKLY)
    applied.commit("other")

    (told,) = back_again(applied)

    assert told.endswith(" comes back: schedule.hourly, schedule.late, schedule.weekly")


def test_a_repair_does_not_bring_back_what_it_repairs(broken: CommandLine) -> None:
    broken("rollback", ids(broken)[0], "--auto-approve")
    broken.write("schedules/nightly.yaml", 'pipeline: report\ncron: "0 2 * * *"\n')
    broken.write("flows/flow.py", "def doubled(number: int) -> int:\n    return number + number\n")
    broken.commit("repaired")

    assert back_again(broken) == []


def test_what_was_rolled_back_can_be_applied_on_purpose(broken: CommandLine) -> None:
    broken("rollback", ids(broken)[0], "--auto-approve")

    assert broken("apply", "--auto-approve", "--allow-older-commit").code == 0
    assert broken("history", "--json").document["rolled_back"] == []
    assert broken("apply", "--auto-approve").code == 0


def test_a_commit_that_git_does_not_know_any_more_is_not_guessed_about(broken: CommandLine) -> None:
    broken("rollback", ids(broken)[0], "--auto-approve")
    broken.git("reset", "--quiet", "--hard", "HEAD~1")
    broken.commit("another way")
    broken.git("reflog", "expire", "--expire=now", "--all")
    broken.git("gc", "--quiet", "--prune=now")

    refused = broken("apply", "--auto-approve")

    assert refused.code == 3
    assert "cannot be told" in refused.err
    assert broken("apply", "--auto-approve", "--allow-older-commit").code == 0
    assert broken("apply", "--auto-approve").code == 0


def test_a_rollback_works_while_specs_are_broken_and_changes_are_not_committed(broken: CommandLine) -> None:
    broken.write("schedules/nightly.yaml", "pipeline: [report\n")
    broken.write("pipelines/report.yaml", "modules: 3\n")

    answer = broken("rollback", ids(broken)[0], "--auto-approve", "--env", "default")

    assert answer.code == 0, answer.err


def test_a_preview_of_a_rollback_writes_nothing(broken: CommandLine, redis_connection: redis.Redis) -> None:
    newest, before, first = ids(broken)
    live = redis_connection.hgetall("flowerpower:acme.default:schedules")

    text = broken("rollback", before, "--plan", "--detailed-exitcode")
    document = broken("rollback", before, "--plan", "--json").document
    comment = broken("rollback", before, "--plan", "--format", "markdown")

    assert (text.code, text.last) == (2, "Plan: 0 to add, 3 to change, 1 to destroy.")
    assert f"- schedule.weekly  came with apply {before[:8]}" in text.out
    assert "code: other code belongs to pipeline report" in text.out
    assert f"undoing apply {newest[:8]}, {before[:8]}" in text.out
    assert document["rollback"]["undoes"] == [newest, before]
    assert document["summary"] == {"add": 0, "change": 3, "import": 0, "remove": 1, "operation": "plan"}
    assert "## Plan (acme.default): 0 to add, 3 to change, 1 to destroy." in comment.out
    assert redis_connection.hgetall("flowerpower:acme.default:schedules") == live
    assert ids(broken) == [newest, before, first]


def test_a_rollback_is_guarded_and_rolled_back_itself(broken: CommandLine) -> None:
    first = ids(broken)[-1]

    refused = broken("rollback", first, "--auto-approve")
    assert refused.code == 3
    assert re.search(r"empty: nothing was live before that apply, \d+ schedules? .*: all would be deleted", refused.err)

    emptied = broken("rollback", first, "--auto-approve", "--allow-empty", "--json")
    assert emptied.document["summary"] == {"add": 0, "change": 0, "import": 0, "remove": 4, "operation": "apply"}
    redo = broken("rollback", emptied.document["apply_id"], "--auto-approve")
    assert redo.last == "Apply complete: 4 added, 0 changed, 0 destroyed."
    assert broken("plan").last == "No changes."


def test_history_tells_the_newest_first_and_what_one_apply_changed(broken: CommandLine) -> None:
    newest, before, first = ids(broken)
    broken("rollback", newest, "--auto-approve")

    lines = broken("history").out.splitlines()
    few = broken("history", "-n", "1").out.splitlines()
    one = broken("history", newest[:6])
    document = broken("history", newest, "--json").document

    assert [line.split()[0] for line in lines[2:]] == [ids(broken)[0][:8], newest[:8], before[:8], first[:8]]
    assert lines[2].endswith(f"(rollback of {newest[:8]})")
    assert lines[0].endswith("; times in Europe/Berlin (UTC)")
    assert "+1 ~0 -0" in lines[4]
    assert len(few) == 3
    assert "~ paused: false -> true" in one.out
    assert "~ code: " in one.out
    assert {change["address"] for change in document["resource_changes"]} == {
        "pipeline.report",
        "schedule.hourly",
        "schedule.nightly",
        "schedule.weekly",
    }
    assert document["complete"] is True


def test_history_before_the_first_apply_and_in_a_damaged_namespace(
    flowerpower: CommandLine, redis_connection: redis.Redis
) -> None:
    assert flowerpower("history").out == "acme.default: nothing was applied yet.\n"
    assert "none changed a schedule or pipeline 'nightly'" in flowerpower("history", "nightly").err
    redis_connection.xadd("flowerpower:acme.default:history", {"apply_id": "dead\x1b[2Jbeef", "when": "soon"})

    answer = flowerpower("history")

    assert answer.code == 0
    assert "damaged: entry" in answer.out
    assert "\x1b" not in answer.out
    assert flowerpower("history", "--json").document["applies"][0]["damaged"] is True
    assert "is damaged" in flowerpower("history", "dead").out
    assert flowerpower("rollback", "dead", "--auto-approve").code == 1


def test_history_needs_a_user_who_may_only_read(broken: CommandLine, redis_connection: redis.Redis) -> None:
    url = broken.environment["FLOWERPOWER_REDIS"]
    rules = ["+@read", "+@connection", "+time", "+info"]
    redis_connection.execute_command("ACL", "SETUSER", "reader", "on", ">secret", "~*", *rules)
    newest = ids(broken)[0]
    try:
        reader = {"FLOWERPOWER_REDIS": url.replace("unix://", "unix://reader:secret@")}
        assert broken("history", **reader).code == 0
        assert broken("history", newest, **reader).code == 0
        assert broken("rollback", newest, "--plan", **reader).code == 0
        assert broken("rollback", newest, "--auto-approve", **reader).code == 1
    finally:
        redis_connection.execute_command("ACL", "DELUSER", "reader")


@pytest.mark.parametrize("arguments", [["nope-at-all"], ["9"], [], ["nope-at-all", "--plan"]])
def test_a_wrong_id_is_exit_1_with_a_hint(broken: CommandLine, arguments: list[str]) -> None:
    answer = broken("rollback", *arguments, "--auto-approve", "--json")

    assert answer.code == 1
    assert answer.document["errored"] is True
    assert "hint: " in answer.err


def test_the_number_that_history_shows_names_an_apply(broken: CommandLine) -> None:
    newest, *_ = ids(broken)

    for asked in ("3", "#3"):
        assert broken("history", asked, "--json").document["apply_id"] == newest
        assert broken("rollback", asked, "--plan").out == broken("rollback", newest, "--plan").out
    assert "no apply in the history has the number 9; and none changed" in broken("history", "9").err


def test_without_a_terminal_a_rollback_wants_auto_approve(broken: CommandLine) -> None:
    answer, as_document = broken("rollback", ids(broken)[0]), broken("rollback", ids(broken)[0], "--json")

    assert answer.code == 1
    assert "--auto-approve" in answer.err
    assert answer.last == "Plan: 0 to add, 4 to change, 0 to destroy.", "what is asked about is shown"
    assert as_document.document["error"]["message"] == "nobody can be asked here: there is no terminal"
    assert len(ids(broken)) == 3


def test_what_is_wrong_with_a_rollback_is_told_before_that_nobody_can_be_asked(broken: CommandLine) -> None:
    unknown, guarded = broken("rollback", "zzzz"), broken("rollback", "1")

    assert (unknown.code, "no apply in the history has an id that starts with 'zzzz'" in unknown.err) == (1, True)
    assert (guarded.code, "empty: " in guarded.err) == (3, True)


def test_outside_git_the_very_files_that_were_rolled_back_are_refused(applied: CommandLine) -> None:
    plain = CommandLine(applied.folder.parent / "plain", applied.environment)
    applied.git("checkout-index", "--all", f"--prefix={plain.folder}/")
    plain("apply", "--auto-approve")
    plain.write("schedules/weekly.yaml", WEEKLY)
    assert plain("apply", "--auto-approve").code == 0

    assert plain("rollback", ids(plain)[0], "--auto-approve").code == 0

    assert plain("apply", "--auto-approve").code == 3
    plain.write("schedules/weekly.yaml", f"{WEEKLY}description: repaired\n")
    assert plain("apply", "--auto-approve").code == 0


def test_python_sees_history_and_rolls_back(broken: CommandLine) -> None:
    with FlowerPowerProject.load(broken.folder, redis=broken.environment["FLOWERPOWER_REDIS"]) as project:
        newest = project.history().applies[0]
        planned = project.rollback_plan(newest.apply_id)
        applied = project.apply(planned)
        changed = project.past_apply(applied.apply_id)

    assert json.dumps(planned.to_dict())
    assert applied.changed == 4
    assert changed.past.rollback_of == newest.apply_id
    assert len(changed.changes) == 4
