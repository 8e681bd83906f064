"""`drift` tells what a stranger's hand changed in Redis from what git changed since."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis
from support.command_line import CommandLine, command_line

from flowerpower.state.keys import Keys

KEYS = Keys("acme", "prod")


@pytest.fixture
def line(tmp_path: Path, redis_url: str) -> CommandLine:
    found = command_line(tmp_path, redis_url)
    assert found("apply", "--env", "prod", "--auto-approve").code == 0
    return found


def alter(connection: Redis, name: str, old: bytes, new: bytes) -> None:
    record = connection.hget(KEYS.schedules, name) or b""
    assert old in record
    connection.hset(KEYS.schedules, name, record.replace(old, new))


def test_without_a_strangers_hand_there_is_no_drift_whatever_git_says(line: CommandLine) -> None:
    line.write("schedules/nightly.yaml", 'pipeline: report\ncron: "0 4 * * *"\n')

    answer = line("drift", "--env", "prod")

    assert (answer.code, answer.last) == (0, "No drift.")


def test_a_field_of_an_altered_record_is_told_three_ways(line: CommandLine, redis_connection: Redis) -> None:
    alter(redis_connection, "nightly", b'"queue":"default"', b'"queue":"other"')
    line.write("schedules/nightly.yaml", 'pipeline: report\ncron: "0 4 * * *"\n')

    answer = line("drift", "--env", "prod")
    plan = line("plan", "--env", "prod", "--allow-dirty", "--json").document

    assert answer.code == 2
    assert "! queue: other -> default  drift: put back" in answer.out
    assert "cron" not in answer.out
    assert answer.last == "Drift: 1 object changed in Redis behind git's back; apply puts it back."
    fields = plan["resource_changes"][0]["change"]["fields"]
    assert {name: (field["old"], field["new"], field["remote"], field["reason"]) for name, field in fields.items()} == {
        "cron": ("0 2 * * *", "0 4 * * *", "0 2 * * *", "git"),
        "queue": ("default", "default", "other", "drift"),
    }


def test_a_field_changed_on_both_sides_is_told_as_both(line: CommandLine, redis_connection: Redis) -> None:
    alter(redis_connection, "nightly", b'"cron":"0 2 * * *"', b'"cron":"0 3 * * *"')
    line.write("schedules/nightly.yaml", 'pipeline: report\ncron: "0 4 * * *"\n')

    (entry,) = line("drift", "--env", "prod", "--json").document["resource_drift"]

    assert entry["change"]["fields"]["cron"] == {
        "old": "0 2 * * *",
        "new": "0 4 * * *",
        "remote": "0 3 * * *",
        "reason": "both",
    }


def test_what_git_does_not_know_to_the_letter_is_not_guessed(line: CommandLine, redis_connection: Redis) -> None:
    line.write("schedules/nightly.yaml", 'pipeline: report\ncron: "0 4 * * *"\n')
    assert line("apply", "--env", "prod", "--auto-approve", "--allow-dirty").code == 0
    alter(redis_connection, "nightly", b'"queue":"default"', b'"queue":"other"')

    answer = line("drift", "--env", "prod")

    assert answer.code == 2
    assert "! queue: other -> default  drift: changed in Redis" in answer.out


@pytest.mark.parametrize(("kind", "name"), [("schedules", "nightly"), ("pipelines", "report")])
def test_a_record_that_vanished_is_drift_and_no_new_object_of_git(
    line: CommandLine, redis_connection: Redis, kind: str, name: str
) -> None:
    redis_connection.hdel(f"{KEYS.prefix}{kind}", name)

    answer = line("drift", "--env", "prod")

    assert answer.code == 2
    assert "! record: missing from Redis -> as written in git" in answer.out
    assert line("apply", "--env", "prod", "--auto-approve").code == 0
    assert line("drift", "--env", "prod").code == 0


def test_a_job_that_somebody_moved_is_drift(line: CommandLine, redis_connection: Redis) -> None:
    (job,) = redis_connection.keys(KEYS.job(KEYS.run_id("nightly", "*")))
    redis_connection.hset(job, "timeout", "5")

    answer = line("drift", "--env", "prod", "-q")

    assert (answer.code, answer.err) == (2, "")
    assert "job.timeout" in answer.out


@pytest.mark.parametrize("edited", [False, True])
def test_a_run_spec_that_vanished_is_drift_and_apply_brings_it_back(
    line: CommandLine, redis_connection: Redis, edited: bool
) -> None:
    redis_connection.delete(KEYS.specs)
    if edited:  # then the specs are compared field by field
        line.write("schedules/weekly.yaml", 'pipeline: report\ncron: "0 4 * * 1"\n')

    answer = line("drift", "--env", "prod")

    assert (answer.code, answer.out.count("! run spec: missing from Redis -> as written in git")) == (2, 2)
    assert line("apply", "--env", "prod", "--auto-approve", "--allow-dirty").code == 0
    assert redis_connection.hlen(KEYS.specs) == 2 + edited
    assert line("drift", "--env", "prod").code == 0
