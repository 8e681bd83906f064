"""Adopting as a user types it: what RQ, its cron and rq-scheduler wrote themselves becomes specs that are valid."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Repeat, Retry
from support.command_line import Answer, CommandLine
from support.foreign import DAY, enqueue, function, replay_rq_scheduler, run_cron
from support.redis_state import dump_keys

from flowerpower.specs.text.yaml import parse


def spec(flowerpower: CommandLine, file: str) -> Any:
    [document] = parse(file, (flowerpower.folder / file).read_bytes()).documents
    return document.data


def files(flowerpower: CommandLine) -> dict[str, bytes]:
    found = (path for path in flowerpower.folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(flowerpower.folder).as_posix(): path.read_bytes() for path in found}


def adopted(flowerpower: CommandLine, *flags: str) -> dict[str, Any]:
    """Adopt, and return what the document says of each thing found, by its id."""
    answer = flowerpower("adopt", "--json", *flags)
    assert answer.code == 0, answer.err
    return {one["id"]: one for one in answer.document["found"]}


def is_good(flowerpower: CommandLine) -> Answer:
    """Check that the project is valid, and return its plan."""
    checked = flowerpower("validate")
    assert checked.code == 0, checked.err
    planned = flowerpower("plan")
    assert planned.code == 0, planned.err
    return planned


def test_what_rq_scheduler_wrote_becomes_specs(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    replay_rq_scheduler(redis_connection)

    found = adopted(flowerpower, "--from", "rq-scheduler")

    assert found.keys() == {"nightly", "local", "every", "four-times", "once"}
    nightly = spec(flowerpower, f"schedules/{found['nightly']['schedule']}.yaml")
    assert nightly == {
        "pipeline": "nightly",
        "paused": True,
        "cron": "0 2 * * *",
        "timezone": "Europe/Berlin",  # the recorder's zone, and the project's
        "queue": "default",
        "overlap": "allow",
        "inputs": {"args": [1, "two"], "kwargs": {"deep": {"a": [1, None]}}},
        "timeout": "10m",
        "labels": {"adopted-from": "rq-scheduler:nightly"},
    }
    assert spec(flowerpower, f"schedules/{found['every']['schedule']}.yaml") == {
        "pipeline": "every",
        "paused": True,
        "every": "15m",
        "start": "2099-01-01T06:30:00Z",
        "queue": "emails",
        "overlap": "allow",
        "inputs": {"args": ["x"], "kwargs": {}},
        "timeout": "3m",
        "labels": {"adopted-from": "rq-scheduler:every"},
    }
    four = spec(flowerpower, f"schedules/{found['four-times']['schedule']}.yaml")
    assert (four["start"], four["end"]) == ("2099-01-01T06:00:00Z", "2099-01-01T09:00:00Z")
    assert (four["result_ttl"], found["four-times"]["notes"][-1]) == ("1m", "not carried over: its meta (team)")
    once = spec(flowerpower, "schedules/once-20990101-0700.yaml")
    assert (once["at"], once["start_deadline"]) == ("2099-01-01T07:00:00Z", "30s")
    assert once["inputs"] == {"args": ["FILL IN: datetime.date", "FILL IN: bytes"], "kwargs": {"plain": True}}
    assert "nothing: it is paused" in is_good(flowerpower).out


def test_what_rq_scheduler_wrote_and_no_schedule_can_say_is_told(
    flowerpower: CommandLine, redis_connection: redis.Redis
) -> None:
    replay_rq_scheduler(redis_connection)

    answer = flowerpower("adopt")

    assert "rq-scheduler friday-13th: cron '0 0 13 * 5' fires on days that match both of its day fields" in answer.out
    assert "rq-scheduler overdue: it was due at 2001-01-01T00:00:00Z" in answer.out


def test_what_rq_itself_has_pending_becomes_specs(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    queue = Queue("High Priority", connection=redis_connection)
    in_json = Queue("default", connection=redis_connection, serializer="json")
    jobs = {
        "retried": queue.enqueue_in(
            DAY, "acme_tasks.Mailer.send", retry=Retry(3, [10, 60]), job_timeout=-1, result_ttl=-1, failure_ttl=90
        ),
        "json": in_json.enqueue_in(DAY, "acme_tasks.nightly", "${tick}", deep={"a": [1]}),
        "repeated": queue.enqueue_in(
            DAY, "acme_tasks.nightly", repeat=Repeat(4, 3600), on_success=Callback("acme_tasks.done"), meta={"x": 1}
        ),
    }

    found = {name: adopted(flowerpower, "--limit", "9").get(job.id) or {} for name, job in list(jobs.items())[:1]}
    specs = {
        spec(flowerpower, str(path.relative_to(flowerpower.folder)))["labels"]["adopted-from"]: path
        for path in new_schedules(flowerpower)
    }
    values = {
        name: spec(flowerpower, str(specs[f"rq:{job.id}"].relative_to(flowerpower.folder)))
        for name, job in jobs.items()
    }

    assert found["retried"]["notes"] == [
        "the queue 'High Priority' is called high_priority here",
        "the old one has no timeout; here it is the longest",
    ]
    retried = values["retried"]
    assert (retried["timeout"], retried["result_ttl"], retried["failure_ttl"]) == ("3650d", "3650d", "1m30s")
    assert retried["retry"] == {"max": 3, "intervals": ["10s", "10s", "1m"]}
    assert values["json"]["inputs"] == {"args": ["$${tick}"], "kwargs": {"deep": {"a": [1]}}}
    assert values["repeated"]["every"] == "1h"
    first, last = (datetime.fromisoformat(values["repeated"][name]) for name in ("start", "end"))
    assert (last - first).total_seconds() == 4 * 3600
    is_good(flowerpower)


def new_schedules(flowerpower: CommandLine) -> list[Path]:
    return [path for path in (flowerpower.folder / "schedules").iterdir() if "adopted-from" in path.read_text()]


def test_what_rqs_cron_runs_becomes_specs(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    nightly = {"func": function("nightly"), "args": (3,), "cron": "30 4 * * 1-5", "job_timeout": 600}
    run_cron(redis_connection, nightly, {"func": function("beat"), "interval": 60, "name": "Heart beat", "ttl": 5})
    run_cron(redis_connection, nightly, {"func": function("odd"), "args": (DAY,), "interval": 5}, name="host:2:def")

    found = {one["schedule"]: one for one in adopted(flowerpower).values()}

    assert found.keys() == {"nightly-2", "heart_beat", "odd"}  # the project has a nightly
    assert "2 processes run it, so it fires 2 times there; here it fires once" in found["nightly-2"]["notes"]
    written = spec(flowerpower, "schedules/nightly-2.yaml")
    assert (written["cron"], written["inputs"], written["timeout"]) == (
        "30 4 * * 1-5",
        {"args": [3], "kwargs": {}},
        "10m",
    )
    assert spec(flowerpower, "schedules/heart_beat.yaml")["start_deadline"] == "5s"
    assert spec(flowerpower, "schedules/odd.yaml")["inputs"]["args"][0].startswith("FILL IN: not written down by RQ")
    text = (flowerpower.folder / "schedules/nightly-2.yaml").read_text()
    assert "take acme_tasks.nightly out of acme_cron.py" in text
    is_good(flowerpower)


def test_adopting_twice_writes_nothing_new_and_changes_nothing(
    flowerpower: CommandLine, redis_connection: redis.Redis
) -> None:
    replay_rq_scheduler(redis_connection)
    run_cron(redis_connection, {"func": function("nightly"), "cron": "0 5 * * *"})
    enqueue(redis_connection, 2)
    assert len(adopted(flowerpower)) == 8
    flowerpower.write("schedules/every.yaml", "# by hand\n" + (flowerpower.folder / "schedules/every.yaml").read_text())
    before = files(flowerpower)

    again = flowerpower("adopt")

    assert (again.code, files(flowerpower)) == (0, before)
    assert "Adopted before: 8" in again.out
    enqueue(redis_connection)
    assert len(adopted(flowerpower)) == 1
    assert before.items() <= files(flowerpower).items()
    assert "pipelines/send_mail-2.yaml" not in files(flowerpower)  # the pipeline for that function is there


def test_a_dry_run_writes_nothing(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    enqueue(redis_connection)
    before, keys = files(flowerpower), dump_keys(redis_connection)

    answer = flowerpower("adopt", "--dry-run")

    assert (answer.code, files(flowerpower)) == (0, before)
    assert "Would write 3 files:" in answer.out
    assert dump_keys(redis_connection) == keys


def test_files_that_are_there_are_left_alone(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    enqueue(redis_connection, called="acme_tasks.report")
    flowerpower.write("flows/adopted_report_2.py", "mine = 1\n")
    before = files(flowerpower)

    [one] = adopted(flowerpower).values()

    assert one["pipeline"] == "report-3"  # the project has a report, and a module for a second
    assert before.items() <= files(flowerpower).items()
    is_good(flowerpower)


def test_jobs_of_flowerpower_are_left_out(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    assert flowerpower("apply", "--auto-approve").code == 0
    enqueue(redis_connection, queue="other--prod--default")
    enqueue(redis_connection, called="flowerpower.jobs.run.run_scheduled")
    [mine] = enqueue(redis_connection, queue="with--dashes")

    assert adopted(flowerpower).keys() == {mine}


def test_a_queue_and_a_tool_can_be_chosen(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    [one], [other] = enqueue(redis_connection), enqueue(redis_connection, queue="emails")
    replay_rq_scheduler(redis_connection)

    assert adopted(flowerpower, "--dry-run", "--from", "rq").keys() == {one, other}
    assert adopted(flowerpower, "--dry-run", "--queue", "default").keys() == {one, "nightly"}
    assert adopted(flowerpower, "--dry-run", "--queue", "default", "--queue", "emails", "--from", "rq").keys() == {
        one,
        other,
    }
    assert adopted(flowerpower, "--dry-run", "--queue", "nothing") == {}


def test_arguments_can_be_left_out_and_are_then_in_no_file(
    flowerpower: CommandLine, redis_connection: redis.Redis
) -> None:
    Queue("default", connection=redis_connection).enqueue_in(DAY, "acme_tasks.f", "s3cret-1", token="s3cret-2")

    answer = flowerpower("adopt", "--no-arguments")

    assert not any(b"s3cret" in text for text in files(flowerpower).values())
    assert "s3cret" not in answer.out + answer.err
    [path] = new_schedules(flowerpower)
    assert spec(flowerpower, f"schedules/{path.name}")["inputs"] == {
        "args": ["FILL IN"],
        "kwargs": {"token": "FILL IN"},
    }
    is_good(flowerpower)


def test_it_is_said_that_files_hold_arguments(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    enqueue(redis_connection)

    answer = flowerpower("adopt")

    assert "look for secrets before you commit them" in answer.err
    assert answer.err.rstrip().endswith("Next: flowerpower validate && flowerpower plan")


def test_only_plain_reads_are_needed(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    replay_rq_scheduler(redis_connection)
    run_cron(redis_connection, {"func": function("nightly"), "cron": "0 5 * * *"})
    enqueue(redis_connection)
    redis_connection.acl_setuser(
        "reader",
        enabled=True,
        passwords=["+secret"],
        keys=["*"],
        categories=["+@read", "+@connection"],
        commands=["+time", "+info"],
        reset=True,
    )
    path = redis_connection.connection_pool.connection_kwargs["path"]
    before = dump_keys(redis_connection)
    try:
        answer = flowerpower("adopt", "--json", FLOWERPOWER_REDIS=f"unix://reader:secret@{path}")
    finally:
        redis_connection.acl_deluser("reader")

    assert answer.code == 0, answer.err
    assert len(answer.document["found"]) == 7
    assert dump_keys(redis_connection) == before


def test_damaged_entries_are_counted_and_stop_nothing(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    [good, gone, bad, evil, *_] = enqueue(redis_connection, 4)
    redis_connection.delete(f"rq:job:{gone}")
    redis_connection.hset(f"rq:job:{bad}", "data", b"\x80\x05broken")
    redis_connection.delete(f"rq:job:{evil}")
    redis_connection.set(f"rq:job:{evil}", "no hash")
    redis_connection.zadd("rq:scheduled:default", {b"\xff\x1b[31m\n": 1e18})
    redis_connection.zadd("rq:cron_schedulers", {"gone:1": 1, "bad": 2})
    redis_connection.hset("rq:cron_scheduler:bad", "cron_jobs", "[{]")
    redis_connection.zadd("rq:cron_schedulers", {"old": 3})
    redis_connection.hset("rq:cron_scheduler:old", "config_file", "cron.py")  # all that RQ 2.6 writes
    redis_connection.set("rq:scheduler:scheduled_jobs", "no sorted set")

    answer = flowerpower("adopt", "--json")
    shown = flowerpower("adopt")

    assert answer.code == 0, answer.err
    assert [one["id"] for one in answer.document["found"]] == [good]
    reasons = {one["id"]: one["why"] for one in answer.document["left_alone"]}
    assert reasons[gone] == "its job is gone"
    assert reasons[bad] == "its data is neither pickle nor JSON that can be read"
    assert "WRONGTYPE" in reasons[evil]
    assert "WRONGTYPE" in reasons["rq:scheduler:scheduled_jobs"]
    assert "this scheduler is gone" in reasons["gone:1"]
    assert reasons["bad"] == "its list of cron jobs is damaged"
    assert reasons["old"].startswith("an RQ before 2.7 does not write its cron jobs down")
    assert len(reasons) == 8
    assert "Left alone: 8" in shown.out
    assert "\x1b" not in shown.out


def test_hostile_names_cannot_break_out_of_a_comment_or_a_file(
    flowerpower: CommandLine, redis_connection: redis.Redis
) -> None:
    evil = "x\ncron: '* * * * *'\npaused: false\u2028- \x1b[31m"
    run_cron(redis_connection, {"func": function("f"), "interval": 60, "name": evil, "queue_name": evil}, config=evil)
    run_cron(redis_connection, {"func": function("g", "os.path\nimport os"), "interval": 60}, name="host:2:abc")

    [one] = adopted(flowerpower).values()

    written = spec(flowerpower, f"schedules/{one['schedule']}.yaml")
    assert (written["every"], written["paused"]) == ("1m", True)
    assert is_good(flowerpower).code == 0


def test_a_declared_queue_stands_in_for_one_that_is_not_declared(
    flowerpower: CommandLine, redis_connection: redis.Redis
) -> None:
    project = (flowerpower.folder / "flowerpower.yaml").read_text()
    flowerpower.write("flowerpower.yaml", project + "queues: {default: {}, heavy: {}}\n")
    enqueue(redis_connection, queue="emails")

    [one] = adopted(flowerpower).values()

    assert one["notes"] == ["the queue 'emails' is not among the project's queues: default stands in for it"]
    is_good(flowerpower)


def test_a_house_rule_that_does_not_take_it_is_told(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    project = (flowerpower.folder / "flowerpower.yaml").read_text()
    flowerpower.write("flowerpower.yaml", project + "policies: {enforce: {require: [owner]}}\n")
    enqueue(redis_connection)

    answer = flowerpower("adopt")

    assert answer.code == 0
    assert "This project does not take it as it is: pipelines/send_mail.yaml" in answer.err


def test_many_are_adopted_a_limit_at_a_time(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    enqueue(redis_connection, 30)

    first = flowerpower("adopt", "--json", "--limit", "20").document
    second = flowerpower("adopt", "--json", "--limit", "20").document

    assert (len(first["found"]), first["not_looked_at"], len(first["files"])) == (20, 10, 22)
    assert (len(second["found"]), second["adopted_before"], len(second["files"])) == (10, 20, 10)
    assert not {one["id"] for one in first["found"]} & {one["id"] for one in second["found"]}


def test_an_empty_redis_is_told(flowerpower: CommandLine) -> None:
    answer = flowerpower("adopt")

    assert (answer.code, answer.out) == (0, "Nothing of other tools is scheduled here.\n")


@pytest.mark.parametrize("flags", [("--from", "celery"), ("--limit", "0"), ("--timezone", "Mars/Olympus")])
def test_a_wrong_flag_is_told(flowerpower: CommandLine, flags: tuple[str, str]) -> None:
    answer = flowerpower("adopt", *flags)

    assert answer.code == 1
    assert "hint:" in answer.err


def test_a_zone_that_is_given_is_taken(flowerpower: CommandLine, redis_connection: redis.Redis) -> None:
    run_cron(redis_connection, {"func": function("f"), "cron": "0 2 * * *"})
    [raw] = json.loads(redis_connection.hget("rq:cron_scheduler:host:1:abc", "cron_jobs") or "")
    raw["next_enqueue_time"] = datetime(2026, 11, 26, 7, tzinfo=UTC).isoformat()
    redis_connection.hset("rq:cron_scheduler:host:1:abc", "cron_jobs", json.dumps([raw]))

    [guessed] = adopted(flowerpower, "--dry-run").values()
    [given] = adopted(flowerpower, "--timezone", "America/New_York").values()

    assert guessed["when"]["timezone"] == "Etc/GMT+5"
    assert (given["when"]["timezone"], [note for note in given["notes"] if "zone" in note]) == ("America/New_York", [])
