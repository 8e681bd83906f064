"""`doctor` on real servers that are not well, and for users that may not ask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from redis import Redis
from support.command_line import Answer, CommandLine

READER = ["reset", "on", ">hunter2", "~*", "&*", "-@all", "+@read", "+@connection", "+time", "+info"]
PREFIX = "flowerpower:acme.default:"


def verdicts(answer: Answer) -> dict[str, str]:
    return {f"{check['area']} {check['name']}": check["verdict"] for check in answer.document["checks"]}


def check(answer: Answer, name: str) -> dict[str, Any]:
    (found,) = (one for one in answer.document["checks"] if f"{one['area']} {one['name']}" == name)
    return dict(found)


@pytest.fixture
def as_user(redis_connection: Redis, redis_url: str) -> Iterator[Any]:
    """Make a user with these rules and return the URL with its name and password."""

    def make(*rules: str) -> str:
        redis_connection.execute_command("ACL", "SETUSER", "doc", *rules)
        return f"unix://doc:hunter2@{unquote(redis_url.removeprefix('unix://'))}"

    yield make
    redis_connection.execute_command("ACL", "DELUSER", "doc")


@pytest.fixture
def tells_rights(redis_connection: Redis) -> bool:
    """Tell whether the server of the tests knows what a script may do: Redis 7.0 is the first that does."""
    return int(redis_connection.info("server")["redis_version"].split(".")[0]) >= 7


def test_an_applied_project_is_looked_at_whole(applied: CommandLine, tells_rights: bool) -> None:
    answer = applied("doctor", "--json")

    found = verdicts(answer)
    assert (answer.code, answer.document["ok"], answer.err) == (1, False, "")  # the server of the tests keeps nothing
    assert [name for name, verdict in found.items() if verdict == "fail"] == ["redis persistence"]
    assert {name for name, verdict in found.items() if verdict == "warn"} == {"live scheduler", "live workers"}
    assert check(answer, "live records")["message"] == "2 schedules, 1 pipeline"
    assert check(answer, "redis rights")["verdict"] == ("ok" if tells_rights else "unknown")


def test_an_environment_that_was_taken_out_of_the_project_file_is_named(applied: CommandLine) -> None:
    file = applied.folder / "flowerpower.yaml"
    before = file.read_text()
    file.write_text(before.replace("{prod: {}}", "{prod: {}, staging: {}}"))
    for env in ("staging", "prod"):
        assert applied("apply", "--auto-approve", "--allow-dirty", "--env", env).code == 0
    assert "live environments" not in verdicts(applied("doctor", "--json"))

    file.write_text(before)
    found = check(applied("doctor", "--json"), "live environments")

    assert found["verdict"] == "warn"
    assert found["message"] == "live in this Redis, and not in the project file: staging (2 schedules)"


def test_with_a_key_it_is_told_what_workers_that_have_it_refuse(applied: CommandLine) -> None:
    key = {"FLOWERPOWER_SIGNING_KEY": "0123456789abcdef" * 2}

    before, signed = applied("doctor", "--json", **key), applied("apply", "--resign", "--auto-approve", **key)
    after, another = applied("doctor", "--json", **key), applied("doctor", "--json", FLOWERPOWER_SIGNING_KEY="x" * 32)

    assert signed.code == 0, signed.err
    found = check(before, "live run specs")
    assert (found["verdict"], found["hint"]) == ("fail", "flowerpower apply --resign")
    assert found["message"].endswith("workers that have it do not run: hourly, nightly")
    assert [verdicts(one)["live run specs"] for one in (after, another)] == ["ok", "fail"]
    assert verdicts(applied("doctor", "--json"))["live run specs"] == "ok"


def test_a_key_that_is_none_is_told_as_that(applied: CommandLine) -> None:
    found = check(applied("doctor", "--json", FLOWERPOWER_SIGNING_KEY="short"), "machine signing key")

    assert (found["verdict"], found["hint"]) == ("fail", "make one: openssl rand -hex 32")


def test_a_user_that_may_only_read_learns_what_it_may(applied: CommandLine, as_user: Any) -> None:
    answer = applied("doctor", "--json", "--redis", as_user(*READER))

    found = verdicts(answer)
    assert (found["redis rights"], found["redis persistence"]) == ("warn", "warn")
    assert (found["redis version"], found["redis clock"], found["live records"]) == ("ok", "ok", "ok")
    assert "fail" not in found.values()
    assert answer.code == 0
    assert "hunter2" not in answer.out + answer.err


def test_the_user_of_another_project_is_not_taken_for_one_that_may_read(applied: CommandLine, as_user: Any) -> None:
    rules = ["reset", "on", ">hunter2", "~flowerpower:other.prod:*", "~rq:*", "allchannels", "+@all"]

    answer = applied("doctor", "--json", "--redis", as_user(*rules))

    assert (answer.code, check(answer, "redis rights")["verdict"]) == (1, "fail")


def test_a_user_that_may_hardly_do_anything_makes_no_traceback(applied: CommandLine, as_user: Any) -> None:
    answer = applied("doctor", "--json", "--redis", as_user("reset", "on", ">hunter2", "-@all", "+ping", "+hello"))

    assert {name for name, verdict in verdicts(answer).items() if verdict == "unknown"} >= {
        "redis info",
        "redis clock",
        "live records",
    }


def test_a_user_that_may_not_write_what_scripts_write_is_found(
    applied: CommandLine, as_user: Any, tells_rights: bool
) -> None:
    if not tells_rights:
        pytest.skip("this Redis cannot tell what a script may do")
    rules = ["reset", "on", ">hunter2", "allkeys", "allchannels", "+@all", "-xadd", "-zadd"]

    found = check(applied("doctor", "--json", "--redis", as_user(*rules)), "redis rights")

    assert found["verdict"] == "fail"
    assert f"XADD {PREFIX}runs" in found["message"]


def test_a_replica_is_found(applied: CommandLine, redis_connection: Redis) -> None:
    redis_connection.replicaof("127.0.0.1", "1")
    try:
        found = check(applied("doctor", "--json"), "redis role")
    finally:
        redis_connection.replicaof("NO", "ONE")

    assert (found["verdict"], "replica of 127.0.0.1:1" in found["message"]) == ("fail", True)


@pytest.mark.parametrize(
    ("spoil", "name", "verdict", "words"),
    [
        (lambda c: c.delete(f"{PREFIX}head"), "live head", "fail", "looks reset"),
        (lambda c: c.hset(f"{PREFIX}head", "format", "9"), "live head", "fail", "format '9'"),
        (lambda c: c.hset(f"{PREFIX}head", "tzdata", "1999.1"), "live tzdata", "warn", "1999.1"),
        (lambda c: c.hset(f"{PREFIX}schedules", "hourly", "{"), "live records", "fail", "'hourly' in Redis is damaged"),
        (
            lambda c: c.hset(f"{PREFIX}cursors", "hourly", "x"),
            "live records",
            "fail",
            "the cursor of schedule 'hourly'",
        ),
        (lambda c: c.hset(f"{PREFIX}schedules", b"\xff", "{"), "live records", "fail", "no name"),
        (
            lambda c: c.hset(f"{PREFIX}schedules", "hourly", c.hget(f"{PREFIX}schedules", "hourly") + b" "),
            "live records",
            "warn",
            "schedule.hourly",
        ),
        (
            lambda c: (c.delete(f"{PREFIX}holds"), c.set(f"{PREFIX}holds", "x")),
            "live records",
            "fail",
            "a string and should be a hash",
        ),
    ],
)
def test_what_lies_wrong_in_redis_is_found(
    applied: CommandLine, redis_connection: Redis, spoil: Any, name: str, verdict: str, words: str
) -> None:
    spoil(redis_connection)

    found = check(applied("doctor", "--json"), name)

    assert (found["verdict"], words in found["message"]) == (verdict, True), found


def test_without_redis_the_rest_is_looked_at(flowerpower: CommandLine) -> None:
    answer = flowerpower("doctor", "--redis", "redis://ana:hunter2@127.0.0.1:1/0")

    first = answer.out.split("\n\n")[1]
    assert answer.code == 1
    assert first.startswith("fail     redis reachable")
    assert "ok       project specs" in answer.out
    assert "hunter2" not in answer.out + answer.err


def test_broken_specs_hide_nothing_of_redis(applied: CommandLine) -> None:
    applied.write("schedules/hourly.yaml", "pipeline: nope\nevery: 1h\n")
    specs = applied("doctor", "--json")
    applied.write("flowerpower.yaml", "name: [\n")
    whole = applied("doctor", "--json")

    assert check(specs, "project specs")["verdict"] == "fail"
    assert check(specs, "live records")["verdict"] == "ok"
    assert (check(whole, "project specs")["verdict"], check(whole, "redis reachable")["verdict"]) == ("fail", "ok")


def test_a_broken_project_file_is_told_once(flowerpower: CommandLine) -> None:
    flowerpower.write("flowerpower.yaml", "name: acme\nredis: embedded\nquueues: {}\n")

    answer = flowerpower("doctor", "--json", FLOWERPOWER_REDIS="")

    reachable = check(answer, "redis reachable")
    assert check(answer, "project specs")["verdict"] == "fail"
    assert (reachable["verdict"], reachable["message"]) == ("unknown", "the project file names it, and is wrong")
    assert answer.out.count("quueues") == 1


def test_a_plugin_that_is_broken_is_found(applied: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "site" / "acme_io-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-io\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[flowerpower.io]\nlake = acme_io:lake\n")
    (tmp_path / "site" / "acme_io.py").write_text("print('hello')\nimport nowhere\n")
    paths = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    home = applied.folder / "flowerpower.yaml"
    home.write_text(f"{home.read_text(encoding='utf-8')}plugins: [acme-io]\n", encoding="utf-8")

    found = check(applied("doctor", "--json", PYTHONPATH=paths), "plug-ins loaded")

    assert found["verdict"] == "fail"
    assert "'lake' of acme-io could not be loaded: ModuleNotFoundError" in found["message"]


def test_without_a_project_the_machine_is_looked_at(tmp_path: Path, redis_url: str) -> None:
    alone = CommandLine(tmp_path)

    assert verdicts(alone("doctor", "--json")).keys() == {
        "project folder",
        "machine python",
        "machine libraries",
        "plug-ins loaded",
        "git version",
    }
    assert "redis version" in verdicts(alone("doctor", "--json", "--redis", redis_url))
    assert alone("doctor", "--project", "nowhere").code == 1


def test_a_shallow_clone_is_found(applied: CommandLine, tmp_path: Path) -> None:
    applied.commit("second")
    applied.git("clone", "--quiet", "--depth=1", f"file://{applied.folder}", str(tmp_path / "clone"))

    answer = CommandLine(tmp_path / "clone", applied.environment)("doctor", "--json")

    assert check(answer, "git depth")["verdict"] == "warn"


def test_a_late_schedule_fails_and_a_dead_worker_is_no_worker(applied: CommandLine, redis_connection: Redis) -> None:
    (pending,) = (
        run for run in redis_connection.zrange("rq:scheduled:acme--default--default", 0, -1) if b"hourly" in run
    )
    redis_connection.zadd("rq:scheduled:acme--default--default", {pending: 1_700_000_000})
    redis_connection.sadd("rq:workers:acme--default--default", "rq:worker:gone")

    answer = applied("doctor", "--json")

    assert "hourly (" in check(answer, "live late")["message"]
    assert "1 worker died" in check(answer, "live workers")["message"]


def test_a_worker_that_is_only_remembered_is_no_worker_anywhere(applied: CommandLine, redis_connection: Redis) -> None:
    """RQ's sets keep workers that were killed, and bring back with a backup those of then."""
    remembered = "rq:workers:acme--default--default"
    redis_connection.sadd(remembered, "rq:worker:gone", "rq:worker:killed")
    applied.write("schedules/weekly.yaml", 'pipeline: report\ncron: "@weekly"\n')

    def seen() -> tuple[dict[str, int], int, bool, bool]:
        found = applied("status", "--json").document
        alarmed = any(alarm["code"] == "no_worker" for alarm in found["alarms"])
        return found["workers"], found["queues"][0]["workers"], alarmed, "no live worker" in applied("plan").out

    nobody = seen()
    redis_connection.hset(
        "rq:worker:here", mapping={"birth": "2026-11-26T00:00:00Z", "queues": "acme--default--default"}
    )
    redis_connection.sadd(remembered, "rq:worker:here")

    assert nobody == ({"default": 0}, 0, True, True)
    assert seen() == ({"default": 1}, 1, False, False)


@pytest.mark.parametrize(
    "key", ["kept_of:report", "outcomes:report", "kept:acme--default--report--m1", "kept_of:hourly"]
)
def test_what_runs_left_behind_is_looked_at_too(applied: CommandLine, redis_connection: Redis, key: str) -> None:
    """A pipeline has runs by hand and no schedule; what cannot be shown of a run says that doctor names the key."""
    prefix = "flowerpower:acme.default:"
    redis_connection.zadd(f"{prefix}kept_of:report", {"acme--default--report--m1": 1})
    redis_connection.hset(f"{prefix}kept:acme--default--report--m1", "log:1", "said")
    assert check(applied("doctor", "--json"), "live records")["verdict"] == "ok"
    redis_connection.delete(f"{prefix}{key}")
    redis_connection.set(f"{prefix}{key}", "?")

    found = check(applied("doctor", "--json"), "live records")

    assert (found["verdict"], f"the key {prefix}{key} is a string" in found["message"]) == ("fail", True)
    assert f"RENAME {prefix}{key} {prefix}{key}.bad; " in found["hint"]


def test_a_variable_of_redis_that_is_not_set_is_named_with_its_place(applied: CommandLine) -> None:
    applied.write("flowerpower.yaml", "name: acme\nmodules: [flows]\nredis: redis://${env:NO_HOST}:6379/0\n")

    answer = applied("doctor", "--json", FLOWERPOWER_REDIS="")
    status = applied("status", FLOWERPOWER_REDIS="")

    reachable = check(answer, "redis reachable")
    assert (reachable["verdict"], reachable["message"], reachable["hint"]) == (
        "fail",
        "flowerpower.yaml:3:8: redis: the environment variable NO_HOST is not set",
        "set NO_HOST in the environment of this command",
    )
    assert "flowerpower.yaml:3:8: error FP202" in status.err
