"""Runs through real forked workers: what was applied is what runs, and every end is recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.projects import FLOW, PIPELINE, running_worker, wanted, work_until_empty, write_project
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    start_at_half_past(redis_connection)  # an hourly tick that real time brings would be one run too many
    return Store(redis_connection, KEYS, SHIFTED_CLOCK)


def apply(store: Store, folder: Path) -> None:
    apply_plan(make_plan(store.keys, wanted(folder), store.read(), SOURCE), store, "apply")


def fire(store: Store) -> str:
    """Let an hour pass, fire, and return the run that was pushed."""
    shift_clock(store.connection, 3600)
    Scheduler(store, "one").step()
    return max(store.read().active, default="")


def outcomes(store: Store, name: str = "often") -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes(name), 0, -1)]


def events(store: Store) -> list[str]:
    return [fields[b"event"].decode() for _, fields in store.connection.xrange(KEYS.runs)]


def test_a_fired_run_is_run_with_hamilton_and_recorded(store: Store, redis_url: str, tmp_path: Path) -> None:
    apply(store, write_project(tmp_path))
    run_id = fire(store)
    tick = int(run_id.rpartition("--")[2])

    work_until_empty(redis_url, KEYS, tmp_path)

    (outcome,) = outcomes(store)
    assert (outcome["status"], outcome["run"], outcome["attempt"]) == ("succeeded", run_id, 1)
    (saved,) = (tmp_path / "out").iterdir()
    assert saved.read_text(encoding="utf-8") == time.strftime("%Y-%m-%d: 42", time.gmtime(tick))
    assert saved.name == time.strftime("often-%H%M%S.txt", time.gmtime(tick))
    assert store.read().active == {}
    assert events(store) == ["started", "succeeded"]


def test_a_failing_run_is_tried_again_as_the_spec_says_and_each_attempt_is_recorded(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    apply(
        store,
        write_project(
            tmp_path, flow=flow_that("raise ValueError('no bread')"), pipeline=PIPELINE + "retry: {max: 2}\n"
        ),
    )
    run_id = fire(store)

    said = work_until_empty(redis_url, KEYS, tmp_path)

    assert "raise ValueError('no bread')" in said, "the author's line"
    assert "flowerpower/pipelines" not in said, "frames that help nobody"
    (outcome,) = outcomes(store)
    assert (outcome["status"], outcome["attempt"], outcome["run"]) == ("failed", 3, run_id)
    assert "no bread" in outcome["reason"]
    assert events(store) == ["started", "attempt_failed"] * 2 + ["started", "failed"]
    assert store.connection.hget(KEYS.job(run_id), "status") == b"failed"


def test_a_run_that_succeeded_is_never_run_again(store: Store, redis_url: str, tmp_path: Path) -> None:
    apply(store, write_project(tmp_path))
    run_id = fire(store)
    work_until_empty(redis_url, KEYS, tmp_path)
    store.connection.rpush(KEYS.queue_list(KEYS.queue("default")), run_id)

    work_until_empty(redis_url, KEYS, tmp_path)

    assert events(store) == ["started", "succeeded", "refused"]
    assert [outcome["status"] for outcome in outcomes(store)] == ["succeeded"]


def test_a_killed_run_is_recorded_as_such(store: Store, redis_url: str, tmp_path: Path) -> None:
    apply(store, write_project(tmp_path, flow=flow_that("__import__('os').kill(__import__('os').getpid(), 9)")))
    fire(store)

    work_until_empty(redis_url, KEYS, tmp_path)

    (outcome,) = outcomes(store)
    assert outcome["status"] == "failed"
    assert outcome["reason"].startswith("its process was killed by signal 9 (SIGKILL)")


def test_a_stock_rq_worker_runs_our_jobs_too(store: Store, redis_url: str, tmp_path: Path) -> None:
    apply(store, write_project(tmp_path))
    fire(store)

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "rq.cli",
            "worker",
            "--burst",
            "--serializer",
            "json",
            "-u",
            redis_url,
            KEYS.queue("default"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert [outcome["status"] for outcome in outcomes(store)] == ["succeeded"], done.stderr


def test_a_stock_scheduler_that_moves_our_occurrence_does_no_harm(store: Store, redis_url: str, tmp_path: Path) -> None:
    apply(store, write_project(tmp_path))
    pending = str(store.read().cursors["often"].pending)
    queue = KEYS.queue("default")
    store.connection.zrem(KEYS.scheduled(queue), pending)
    store.connection.hset(KEYS.job(pending), "status", "queued")
    store.connection.rpush(KEYS.queue_list(queue), pending)

    work_until_empty(redis_url, KEYS, tmp_path)

    (outcome,) = outcomes(store)
    assert (outcome["status"], outcome["run"]) == ("succeeded", pending)
    after = store.read()
    assert after.cursors["often"].pending not in (None, pending)
    assert after.cursors["often"].tick == int(pending.rpartition("--")[2])
    assert after.state.schedules["often"].occurrence is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data", '["os.system", null, ["touch harm"], {}]'),
        ("data", "[\"builtins.eval\", null, [\"open('harm', 'w')\"], {}]"),
        ("data", "gASVIQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAp0b3VjaCBoYXJtlIWUUpQu"),
        ("success_callback_name", "os.getcwd"),
    ],
)
def test_a_worker_runs_no_function_but_ours(
    store: Store, redis_url: str, tmp_path: Path, field: str, value: str
) -> None:
    apply(store, write_project(tmp_path))
    run_id = fire(store)
    store.connection.hset(KEYS.job(run_id), field, value)

    work_until_empty(redis_url, KEYS, tmp_path)

    assert not (tmp_path / "harm").exists()
    if field == "data":
        assert store.connection.hget(KEYS.job(run_id), "status") == b"failed"


def test_an_altered_run_spec_is_refused(store: Store, redis_url: str, tmp_path: Path) -> None:
    apply(store, write_project(tmp_path))
    fire(store)
    for digest, spec in store.connection.hgetall(KEYS.specs).items():
        store.connection.hset(KEYS.specs, digest, spec.replace(b"21", b"99"))

    output = work_until_empty(redis_url, KEYS, tmp_path)

    assert "was altered in Redis" in output
    assert not (tmp_path / "out").exists()
    (outcome,) = outcomes(store)
    assert outcome["status"] == "failed"
    assert outcome["reason"].endswith("was altered in Redis (apply again)")
    assert store.read().active == {}
    plan = make_plan(KEYS, wanted(tmp_path), store.read(), SOURCE)
    assert [field.name for change in plan.changes for field in change.fields] == ["run_spec"]  # so apply mends it


def test_an_edit_between_two_runs_counts_and_a_broken_one_fails_its_run_and_not_the_worker(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    apply(store, write_project(tmp_path))
    with running_worker(redis_url, KEYS, tmp_path) as worker:
        for count, does in enumerate(["return 1", "return this is no Python", "return 3"], start=1):
            write_project(tmp_path, flow=flow_that(does))
            fire(store)
            worker.wait_for(lambda count=count: len(outcomes(store)) == count)
        worker.stop()

    assert [outcome["status"] for outcome in outcomes(store)] == ["succeeded", "failed", "succeeded"]
    assert "flow.py" in outcomes(store)[1]["reason"]
    assert len({outcome["other_code"] for outcome in outcomes(store)}) == 3, "each is marked: it was never applied"
    saved = sorted(file.read_text(encoding="utf-8")[-3:] for file in (tmp_path / "out").iterdir())
    assert saved == [": 1", ": 3"]


def test_a_worker_can_refuse_to_run_other_code_than_was_applied(store: Store, redis_url: str, tmp_path: Path) -> None:
    apply(store, write_project(tmp_path))
    with running_worker(redis_url, KEYS, tmp_path, "require_commit") as worker:
        for flow in (FLOW, f"{FLOW}# edited\n"):
            write_project(tmp_path, flow=flow)
            count = len(outcomes(store))
            fire(store)
            worker.wait_for(lambda count=count: len(outcomes(store)) > count)

    same, other = outcomes(store)
    assert (same["status"], other["status"]) == ("succeeded", "failed")
    assert other["reason"].startswith("OtherCodeError: this worker has other code (")
    assert "other_code" not in same


def test_a_worker_carries_a_scheduler_and_drains_on_sigterm(store: Store, redis_url: str, tmp_path: Path) -> None:
    real = Store(store.connection, KEYS)  # the worker's own scheduler knows no shifted clock
    apply(real, write_project(tmp_path, schedule="every: 1s\noverlap: allow"))
    with running_worker(redis_url, KEYS, tmp_path, "scheduler") as worker:
        worker.wait_for(lambda: sum(outcome["status"] == "succeeded" for outcome in outcomes(store)) >= 2)

        assert worker.stop() == 0

    assert len({outcome["first"] for outcome in outcomes(store)}) == len(outcomes(store))
    assert not store.connection.exists(KEYS.lease)


def test_the_scheduler_process_ends_when_its_worker_is_killed(store: Store, redis_url: str, tmp_path: Path) -> None:
    apply(store, write_project(tmp_path))
    with running_worker(redis_url, KEYS, tmp_path, "scheduler") as worker:
        worker.wait_for(lambda: store.connection.exists(KEYS.lease))
        scheduler = int(store.connection.get(KEYS.lease).decode().split(".")[-2])
        worker.process.kill()
        worker.process.wait()

    end = time.monotonic() + 20
    while alive(scheduler):
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize(("retry", "ending"), [("", ["failed"]), ("retry: {max: 1}\n", [])])
def test_a_run_whose_machine_died_is_retried_or_gets_its_outcome(
    store: Store, redis_url: str, tmp_path: Path, retry: str, ending: list[str]
) -> None:
    sleeping = flow_that("__import__('time').sleep(60)")
    apply(store, write_project(tmp_path, flow=sleeping, pipeline=PIPELINE + retry))
    run_id = fire(store)
    with running_worker(redis_url, KEYS, tmp_path) as worker:
        worker.wait_for(lambda: events(store) == ["started"])
        kill_family(worker.process.pid)
    expire_execution(store, run_id)

    scheduler = Scheduler(store, "two")
    scheduler.step()

    assert [outcome["status"] for outcome in outcomes(store)] == ending
    assert (run_id in store.read().active) == (not ending)
    if not ending:
        assert store.connection.lrange(KEYS.queue_list(KEYS.queue("default")), 0, -1) == [run_id.encode()]


def kill_family(process: int) -> None:
    """Kill a process and its children at once, as a power cut would."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8").split()
    for number in [process, *map(int, children)]:
        os.kill(number, signal.SIGKILL)


def expire_execution(store: Store, run_id: str) -> None:
    """Let the heartbeats of a dead worker run out, and the lease with them, without waiting for it."""
    registry = f"rq:wip:{KEYS.queue('default')}"
    for member in store.connection.zrange(registry, 0, -1):
        store.connection.zadd(registry, {member: 1})
        store.connection.delete(f"rq:execution:{member.decode()}")
    store.connection.delete(KEYS.lease)
    assert store.connection.hget(KEYS.job(run_id), "status") == b"started"


def flow_that(does: str) -> str:
    """Return a module whose first node does something."""
    return FLOW.replace("return number * 2", does)


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
