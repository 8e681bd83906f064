"""An environment that is ended: `schedules: deleted` takes down what is live there, before its name goes."""

from __future__ import annotations

import pytest
from support.command_line import CommandLine

DECLARED = "{prod: {}}"


@pytest.fixture
def ended(applied: CommandLine) -> CommandLine:
    """A project whose `prod` is live and is to end."""
    assert applied("apply", "--auto-approve", "--env", "prod").code == 0
    declare(applied, "{prod: {schedules: deleted}}")
    return applied


def declare(line: CommandLine, environments: str) -> None:
    file = line.folder / "flowerpower.yaml"
    before, _, after = file.read_text().partition("environments: ")
    file.write_text(f"{before}environments: {environments}\n{after.partition(chr(10))[2]}")
    line.commit("another declaration")


def test_it_ends_when_that_is_said_twice(ended: CommandLine) -> None:
    plan, refused = ended("plan", "--env", "prod", "--json"), ended("apply", "--auto-approve", "--env", "prod")

    gone = {one["address"]: one["change"]["actions"] for one in plan.document["resource_changes"]}
    assert gone == {name: ["delete"] for name in ("schedule.hourly", "schedule.nightly", "pipeline.report")}
    assert refused.code == 3
    assert "empty: the project file says `schedules: deleted`; 2 schedules and 1 pipeline are live" in refused.err

    done = ended("apply", "--auto-approve", "--env", "prod", "--allow-empty")

    assert done.last == "Apply complete: 0 added, 0 changed, 3 destroyed."
    assert "No changes." in ended("plan", "--env", "prod").out
    assert "No changes." in ended("plan").out  # the others are as they were
    declare(ended, "{}")
    assert "live environments" not in ended("doctor", "--json").out


@pytest.mark.parametrize("back", [["rollback", "2"], ["apply"]])
def test_it_comes_back(ended: CommandLine, back: list[str]) -> None:
    assert ended("apply", "--auto-approve", "--env", "prod", "--allow-empty").code == 0
    if back == ["apply"]:
        declare(ended, DECLARED)

    answer = ended(*back, "--auto-approve", "--env", "prod")

    assert answer.code == 0, answer.err
    assert "hourly" in ended("status", "--env", "prod").out


def test_what_is_still_live_can_be_exported(ended: CommandLine) -> None:
    answer = ended("export", "--env", "prod")

    assert answer.code == 0, answer.err
    assert "# schedules/hourly.yaml" in answer.out


def test_its_schedules_have_no_next_tick(ended: CommandLine) -> None:
    all_of_it, one = ended("next", "--specs", "--env", "prod"), ended("next", "hourly", "--specs", "--env", "prod")

    assert all_of_it.out == "Nothing fires.\n"
    assert one.code == 1
    assert "no schedule 'hourly' is in the specs: the project file says `schedules: deleted`" in one.err
