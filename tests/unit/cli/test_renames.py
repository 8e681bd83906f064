"""Schedules that get another name, as a user does it and undoes it."""

from __future__ import annotations

import pytest
from support.command_line import CommandLine


def rename(flowerpower: CommandLine, old: str, new: str) -> None:
    """Give a schedule another name, and commit that."""
    file = flowerpower.folder / f"schedules/{old}.yaml"
    text = file.read_text(encoding="utf-8")
    file.unlink()
    flowerpower.write(f"schedules/{new}.yaml", f"{text}previous_names: [{old}]\n")
    flowerpower.commit(f"{old} is {new} now")


def test_a_revert_of_a_rename_keeps_the_hold_and_the_past(applied: CommandLine) -> None:
    rename(applied, "hourly", "often")
    assert applied("apply", "--auto-approve").code == 0
    assert applied("pause", "often", "--reason", "vendor").code == 0
    applied.git("revert", "--no-edit", "HEAD")

    between = applied("plan", "--against", "HEAD~1")
    shown = applied("plan")
    done = applied("apply", "--auto-approve")

    assert "» schedule.hourly  was schedule.often" in between.out
    assert "» schedule.hourly  was schedule.often" in shown.out
    assert "hold is deleted" not in shown.out
    assert (done.code, done.last) == (0, "Apply complete: 0 added, 1 changed, 0 destroyed.")
    assert applied("plan").last == "No changes. 1 held."


def test_of_two_who_rename_the_second_one_renames_what_the_first_one_did(applied: CommandLine) -> None:
    applied.git("checkout", "--quiet", "-b", "theirs")
    rename(applied, "hourly", "often")
    assert applied("apply", "--auto-approve").code == 0
    applied.git("checkout", "--quiet", "main")
    rename(applied, "hourly", "stunde")
    applied.git("merge", "--quiet", "--strategy", "ours", "--no-edit", "theirs")

    for flags in ((), ("--against", "theirs")):
        assert "» schedule.stunde  was schedule.often" in applied("plan", *flags).out
    assert applied("apply", "--auto-approve").last == "Apply complete: 0 added, 1 changed, 0 destroyed."
    assert applied("plan").last == "No changes."


def test_a_name_that_is_taken_is_told(applied: CommandLine) -> None:
    rename(applied, "hourly", "nightly")  # there is one already

    for flags in ((), ("--against", "HEAD~1")):
        said = " ".join(applied("plan", *flags).out.split())
        assert "renames: schedule.hourly is deleted, not renamed: a schedule nightly is live already" in said
        assert "to go on with what hourly was, delete nightly in one apply and rename hourly in the next" in said


@pytest.mark.parametrize("command", ["next", "export"])
def test_a_former_name_is_told_the_new_one(applied: CommandLine, command: str) -> None:
    rename(applied, "hourly", "often")
    assert applied("apply", "--auto-approve").code == 0

    answer = applied(command, "hourly")

    assert (answer.code, answer.err.splitlines()[-1]) == (1, "hint: hourly was renamed to often")


def test_specs_tell_who_has_a_former_name(applied: CommandLine) -> None:
    rename(applied, "hourly", "often")

    assert applied("next", "--specs", "hourly").err.splitlines()[-1] == "hint: hourly was renamed to often"
