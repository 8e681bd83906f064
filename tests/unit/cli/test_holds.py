"""`pause` and `resume` on the real command line."""

from __future__ import annotations

import re

import pytest
from support.command_line import CommandLine

BY_ANA = {"GITHUB_ACTOR": "ana"}


def test_a_pause_says_what_it_did_and_status_and_plan_show_it(applied: CommandLine) -> None:
    answer = applied("pause", "hourly", "--reason", "vendor outage", "--until", "2099-01-01T09:00", **BY_ANA)

    assert answer.code == 0, answer.err
    first, effect = answer.out.splitlines()
    assert first == 'Held hourly by ana "vendor outage" until Thu  1 Jan 2099 09:00 (08:00 UTC)'
    assert effect.startswith("  its run of ")
    assert 'held by ana "vendor outage" until Thu  1 Jan 2099' in applied("status").out
    assert "apply leaves it held" in applied("plan").out


def test_pause_and_resume_as_json(applied: CommandLine) -> None:
    paused = applied("pause", "*ly", "--reason", "x", "--json", **BY_ANA).document
    again = applied("pause", "hourly", "--reason", "y", "--json").document
    status = applied("status", "hourly", "--json").document
    resumed = applied("resume", "hourly", "nightly", "--json").document

    assert [one["name"] for one in paused["held"]] == ["hourly", "nightly"]
    assert (again["held"], [one["who"] for one in again["already_held"]]) == ([], ["ana"])
    assert status["schedules"][0]["held"].keys() == {"who", "why", "since", "until"}
    assert [(one["name"], one["skipped"], one["paused"]) for one in resumed["resumed"]] == [
        ("hourly", 0, False),
        ("nightly", 0, False),
    ]
    assert all(one["next"] for one in resumed["resumed"])


def test_pause_says_how_to_stop_what_goes_on(applied: CommandLine) -> None:
    assert applied("trigger", "hourly").code == 0

    paused = applied("pause", "hourly", "--reason", "x")

    assert "1 active run goes on" in paused.out
    assert paused.err == "To stop what is under way: flowerpower cancel hourly\n"


def test_pausing_and_resuming_twice_is_no_error(applied: CommandLine) -> None:
    applied("pause", "hourly", "--reason", "first", **BY_ANA)

    again = applied("pause", "hourly", "--reason", "second")
    resumed, not_held = applied("resume", "hourly"), applied("resume", "hourly")

    assert again.code == 0
    assert re.fullmatch(r'hourly is held already, for \d+s, by ana "first"; left as it is\n', again.out)
    assert (resumed.code, resumed.out.startswith("Resumed hourly: next ")) == (0, True)
    assert (not_held.code, not_held.out) == (0, "hourly is not held: nothing to resume\n")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["pause", "hourly"], "a hold needs a reason", "--reason"),
        (["pause", "hourly", "--reason", " "], "a hold needs a reason", "--reason"),
        (["pause", "hourli", "--reason", "x"], "no schedule 'hourli' is live", "did you mean 'hourly'?"),
        (["pause", "report", "--reason", "x"], "no schedule 'report' is live", "report is a pipeline"),
        (["pause", "x*", "--reason", "x"], "no schedule 'x*' is live", "`flowerpower status`"),
        (["resume", "hourli"], "no schedule 'hourli' is live", "did you mean 'hourly'?"),
        (["pause", "hourly", "--reason", "x", "--until", "2001-01-01"], "past for hourly", "still to come"),
        (["pause", "hourly", "--reason", "x", "--until", "soon"], "names no moment", "such as 2h"),
        (["pause", "hourly", "--reason", "x", "--until", "2027"], "names no moment", "write a duration such as 2h"),
        (["pause", "hourly", "--reason", "x", "--until", "2 days"], "names no moment", "did you mean --until 2d?"),
        (["pause", "hourly", "--reason", "x", "--until", "2027-02-30"], "names no moment", "February 2027 has 28 days"),
        (["pause"], "Missing argument", "--help"),
    ],
)
def test_a_wrong_call_holds_nothing(applied: CommandLine, arguments: list[str], message: str, hint: str) -> None:
    answer = applied(*arguments)

    assert (answer.code, answer.out) == (1, "")
    assert message in answer.err
    assert hint in answer.err
    assert "held by" not in applied("status").out


def test_before_the_first_apply_the_hint_is_apply(flowerpower: CommandLine) -> None:
    answer = flowerpower("pause", "hourly", "--reason", "x")

    assert answer.code == 1
    assert "nothing is applied here yet: flowerpower apply" in answer.err


def test_a_resume_says_that_the_spec_pauses_it_too(flowerpower: CommandLine) -> None:
    flowerpower.write("schedules/hourly.yaml", "pipeline: report\nevery: 1h\npaused: true\n")
    flowerpower("apply", "--auto-approve")
    flowerpower("pause", "hourly", "--reason", "x")

    answer = flowerpower("resume", "hourly")

    assert answer.code == 0
    assert "its spec says `paused: true`" in answer.out
