"""What older versions left in Redis, in files and in caches is read by this one; what is kept is never made anew."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support import old_data
from support.command_line import CommandLine
from support.old_data import KEYS, PLAN, SHOWN

from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.state.connection import connect
from flowerpower.state.store import Store

VERSIONS = old_data.versions()


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def line(version: str, tmp_path: Path, redis_url: str, redis_connection: Redis) -> CommandLine:
    old_data.restore(version, redis_connection)
    return old_data.checkout(version, tmp_path, redis_url)


def test_what_was_kept_is_as_it_was_and_nothing_is_missing() -> None:
    written = old_data.HASHES.read_text(encoding="utf-8").splitlines()
    there = [old_data.line_of(file) for version in VERSIONS for file in old_data.files_of(version)]

    assert sorted(there) == sorted(written)
    assert "0.1.0" in VERSIONS


def test_no_commit_ever_changed_what_was_kept(checkout: Path) -> None:
    """The list of hashes could be changed along with the files; the past cannot."""
    inside = subprocess.run(
        ["git", "rev-parse", "--is-inside-work-tree"], cwd=checkout, capture_output=True, check=False
    )
    if inside.returncode:
        pytest.skip("this is no git checkout")
    asked = ["git", "log", "--no-renames", "--diff-filter=DM", "--format=", "--name-only", "--", "tests/data/[0-9]*"]
    changed = subprocess.run(asked, cwd=checkout, capture_output=True, text=True, check=True)

    assert changed.stdout.split() == []


def test_a_version_is_kept_once(redis_url: str, redis_connection: Redis) -> None:
    from flowerpower import __version__

    if __version__ not in VERSIONS:
        pytest.skip(f"nothing is kept of {__version__} so far: make keep-data")
    with pytest.raises(SystemExit, match="never made anew"):
        old_data.keep(__version__, redis_url, redis_connection)


def test_the_same_specs_change_nothing(line: CommandLine) -> None:
    plan = line("plan", "--json", "--detailed-exitcode")

    assert plan.code == 0, plan
    assert plan.document["resource_changes"] == plan.document["resource_drift"] == []
    assert line("validate").code == 0
    assert line("drift").code == 0


def test_status_runs_and_history_tell_what_the_old_version_told(line: CommandLine, version: str) -> None:
    expected = old_data.expected(version)
    status, runs, history = (line(name, "--json").document for name in ("status", "runs", "history"))

    then = _names(expected["status"]["schedules"], "trigger", "held", "waiting", "last", "commit")
    assert _as_far_as(then, _names(status["schedules"], "trigger", "held", "waiting", "last", "commit")) == then
    assert _known(runs["runs"], "run", "status", "tick", "reason") == _known(
        expected["runs"]["runs"], "run", "status", "tick", "reason"
    )
    assert _known(history["applies"], "apply_id", "commit") == _known(
        expected["history"]["applies"], "apply_id", "commit"
    )
    failed = next(run["run"] for run in runs["runs"] if run["status"] == "failed" and "--bad--" in run["run"])
    assert "no bread" in line("runs", "--job", failed).out
    assert line("runs", "--job", failed, "--log").out.startswith("so far so good")


def test_an_old_apply_can_be_undone(line: CommandLine, redis_connection: Redis) -> None:
    second = line("history", "--json").document["applies"][1]["apply_id"]

    undone = line("rollback", second, "--auto-approve", "--allow-deletes", "100%")

    assert undone.code == 0, undone
    names = {name.decode() for name in redis_connection.hkeys(KEYS.schedules)}
    assert "hourly" in names
    assert not names & {"new", "newer"}


def test_an_old_queue_and_an_old_schedule_run(line: CommandLine, version: str, redis_connection: Redis) -> None:
    queue = KEYS.queue_list(KEYS.queue("default"))
    old = [run for run in old_data.expected(version)["queued"] if "--often--" in run]

    worked = line.process("worker", "--burst", "--no-scheduler", "--queue", "default")
    with connect(line.environment["FLOWERPOWER_REDIS"]) as connection:
        Scheduler(Store(connection, KEYS), "new").step()

    assert worked.code == 0, worked
    assert [redis_connection.hget(KEYS.job(run), "status") for run in old] == [b"finished"], worked.err
    new = [run.decode() for run in redis_connection.lrange(queue, 0, -1) if b"--often--" in run]
    assert len(new) == 1
    assert new > old
    assert redis_connection.hget(KEYS.cursors, "often").split()[0].decode() == new[0].split("--")[-1]


def test_an_old_plan_is_shown_and_applied(
    line: CommandLine, version: str, tmp_path: Path, checkout: Path, redis_connection: Redis
) -> None:
    from jsonschema import Draft202012Validator

    kept = old_data.FOLDER / version
    schema = json.loads((checkout / "schemas/plan.schema.json").read_text(encoding="utf-8"))
    line.git("fetch", "--quiet", str(kept / "planned.bundle"), "main")
    line.git("reset", "--quiet", "--hard", "FETCH_HEAD")

    shown = line("show", str(kept / PLAN), "--json")
    applied = line("apply", str(kept / PLAN), "--auto-approve", "--accept-cutover")  # ticks have passed since then

    Draft202012Validator(schema).validate(json.loads((kept / SHOWN).read_bytes()))
    assert [change["address"] for change in shown.document["resource_changes"]] == ["schedule.newer"]
    assert applied.code == 0, applied
    assert line("plan", "--detailed-exitcode").code == 0


def _as_far_as(then: Any, now: Any) -> Any:
    """Return what is said now, without what nobody said then."""
    if isinstance(then, dict) and isinstance(now, dict):
        return {name: _as_far_as(value, now.get(name)) for name, value in then.items()}
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        return [_as_far_as(one, other) for one, other in zip(then, now, strict=True)]
    return now


def _names(rows: list[Any], *fields: str) -> dict[str, list[Any]]:
    return {row["name"]: [row[field] for field in fields] for row in rows}


def _known(rows: list[Any], *fields: str) -> list[list[Any]]:
    return sorted(([row[field] for field in fields] for row in rows), key=str)
