"""The whole way: other tools schedule it, it is adopted, handed over by the written steps, and runs on a worker."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from rq.job import Job
from support.command_line import CommandLine, command_line
from support.foreign import DAY, RECORDED, TASKS, function, run_cron

FILES = {"flowerpower.yaml": "name: acme\n", "flows/acme_tasks.py": TASKS}


@pytest.fixture
def flowerpower(tmp_path: Path, redis_url: str) -> CommandLine:
    folder = tmp_path / "acme"
    folder.mkdir()
    return command_line(folder, redis_url, FILES)


def steps(flowerpower: CommandLine, schedule: str) -> list[str]:
    """Return the redis-cli commands in the comments of a schedule, each of which names this server."""
    text = (flowerpower.folder / f"schedules/{schedule}.yaml").read_text(encoding="utf-8")
    lines = re.findall(r"^# +redis-cli (.*)$", text, re.MULTILINE)
    server = f"-s {flowerpower.environment['FLOWERPOWER_REDIS'].removeprefix('unix://')} "
    assert all(line.startswith(server) for line in lines)
    return [line.removeprefix(server) for line in lines]


def resume(flowerpower: CommandLine, schedule: str) -> None:
    path = f"schedules/{schedule}.yaml"
    text = (flowerpower.folder / path).read_text(encoding="utf-8")
    assert "\npaused: true\n" in text
    flowerpower.write(path, text.replace("\npaused: true\n", "\npaused: false\n"))


def apply(flowerpower: CommandLine) -> None:
    answer = flowerpower("apply", "--auto-approve")
    assert answer.code == 0, answer.err


@contextmanager
def worker(flowerpower: CommandLine) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "flowerpower", "worker"],
        cwd=flowerpower.folder,
        env={**os.environ, **flowerpower.environment},
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
    return found


def test_what_rqs_cron_ran_runs_on_our_worker_after_the_hand_over(
    flowerpower: CommandLine, redis_connection: redis.Redis
) -> None:
    cron = {"func": function("nightly"), "args": (3, "x"), "kwargs": {"deep": [1]}, "interval": 2}
    run_cron(redis_connection, cron)
    assert flowerpower("adopt").code == 0
    apply(flowerpower)
    assert redis_connection.zcard("rq:scheduled:acme--default--default") == 0  # it is paused
    resume(flowerpower, "nightly")
    apply(flowerpower)

    def ended() -> list[dict[str, Any]]:
        """Return the outcomes of runs; ticks while it was paused, or before the worker was up, have none."""
        found = redis_connection.zrange("flowerpower:acme.default:outcomes:nightly", 0, -1)
        return [outcome for outcome in map(json.loads, found) if outcome["status"] not in ("skipped", "missed")]

    with worker(flowerpower):
        outcome = wait_for(ended)[0]

    assert outcome["status"] == "succeeded", outcome
    job = Job.fetch(outcome["run"], redis_connection, serializer="json")
    assert job.return_value()["outputs"]["result"]["value"] == [[3, "x"], {"deep": [1]}]


def test_the_written_commands_stop_the_old_one_and_ours_takes_over(
    flowerpower: CommandLine, redis_connection: redis.Redis
) -> None:
    job = Queue("High Priority", connection=redis_connection).enqueue_in(
        DAY, "acme_tasks.send_mail", "ann", subject="hi"
    )
    [found] = flowerpower("adopt", "--json").document["found"]
    apply(flowerpower)

    answers = [redis_connection.execute_command(*shlex.split(line)) for line in steps(flowerpower, found["schedule"])]
    resume(flowerpower, found["schedule"])
    apply(flowerpower)

    assert answers == [1, 1]
    assert redis_connection.zcard("rq:scheduled:High Priority") == 0
    assert not redis_connection.exists(f"rq:job:{job.id}")
    assert redis_connection.zcard("rq:scheduled:acme--default--high_priority") == 1
    assert flowerpower("status", "--json").document["schedules"][0]["next"] == found["next"]


def test_an_argument_that_nobody_filled_in_stops_the_run(
    flowerpower: CommandLine, redis_connection: redis.Redis
) -> None:
    run_cron(redis_connection, {"func": function("nightly"), "args": (DAY,), "interval": 60})
    assert flowerpower("adopt").code == 0

    answer = flowerpower("run", "nightly", "--set", 'args=["FILL IN: it"]', "--set", "kwargs={}")

    assert answer.code == 1
    assert "an argument of the schedule says FILL IN" in answer.err


@pytest.mark.slow
def test_rq_scheduler_itself_still_writes_what_was_recorded(
    flowerpower: CommandLine, redis_connection: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    packages = install(tmp_path / "packages", "rq-scheduler==0.14.0", "crontab==1.0.5")
    recorder = tmp_path / "record.py"
    recorder.write_bytes(RECORDED.with_name("record.py").read_bytes())
    path = os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "TZ": "Europe/Berlin"}
    subprocess.run([sys.executable, str(recorder), redis_url], env=environment, check=True, timeout=100)

    found = flowerpower("adopt", "--json", "--timezone", "Europe/Berlin").document

    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert json.loads((tmp_path / "rq-scheduler.json").read_text(encoding="utf-8")).keys() == recorded.keys()
    assert {one["id"] for one in found["found"]} == {"nightly", "local", "every", "four-times", "once"}
    assert not [note for one in found["found"] for note in one["notes"] if "zone" in note]
    [schedule] = [one["schedule"] for one in found["found"] if one["id"] == "nightly"]
    assert redis_connection.execute_command(*shlex.split(steps(flowerpower, schedule)[0])) == 1
    assert flowerpower("validate").code == 0


def install(target: Path, *names: str) -> Path:
    """Install packages from PyPI into a folder of their own, without what they need: the tests have that."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode:
        pytest.skip(f"pip cannot install {', '.join(names)} here: {done.stderr.strip()[-300:]}")
    return target
