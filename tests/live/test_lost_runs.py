"""A worker on two queues is killed where RQ loses a run: each run is delivered again, and runs once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis
from support.players import Player, reference
from support.projects import wanted, work_until_empty, write_project
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.doctor.live import read_live
from flowerpower.doctor.live_checks import live_findings
from flowerpower.jobs.details import read_run
from flowerpower.jobs.ledger import Ledger, run_ref
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.scheduling.scheduler import RECONCILE_SECONDS, Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.render.status import status_text
from flowerpower.render.status_json import status_dict
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
QUEUE = KEYS.queue("default")
DESCRIBED = 90  # seconds: queued for 60 s, and then seen in no list in two passes

_DIE = """
import os, signal, sys
from flowerpower.jobs.workers.worker import FlowerPowerWorker, make_worker
from flowerpower.state.connection import connect_for_rq
from flowerpower.state.keys import Keys

url, where, queues = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Dying(FlowerPowerWorker):
    def execute_job(self, job, queue):
        if where == "between pop and start":
            die()
        super().execute_job(job, queue)

    def fork_work_horse(self, job, queue, *more):
        if where == "before the fork":
            die()
        super().fork_work_horse(job, queue, *more)

    def perform_job(self, job, queue, *more):
        self.prepare_job_execution(job)
        os.kill(os.getppid(), signal.SIGKILL)
        die()

worker = make_worker(connect_for_rq(url), Keys("acme", "default"), queues.split())
worker.__class__ = Dying
worker.work(burst=True, logging_level="WARNING")
"""


@pytest.fixture
def store(redis_connection: Redis, tmp_path: Path) -> Store:
    start_at_half_past(redis_connection)
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    apply_plan(make_plan(KEYS, wanted(write_project(tmp_path)), store.read(), SOURCE), store, "apply")
    shift_clock(redis_connection, 3600)
    return store


def killed_worker(url: str, where: str, queues: str = "default heavy") -> None:
    process = subprocess.run([sys.executable, "-c", _DIE, url, where, queues], timeout=60, check=False)
    assert process.returncode == -9


def let_executions_expire(store: Store) -> None:
    """Let the minute pass in which RQ takes a dead worker for alive."""
    for member in store.connection.zrange(f"rq:wip:{QUEUE}", 0, -1):
        store.connection.zadd(f"rq:wip:{QUEUE}", {member: 1})
        store.connection.delete(f"rq:execution:{member.decode()}")


def seconds_until_delivered(store: Store, scheduler: Scheduler) -> int:
    passed = 0
    while not store.connection.llen(KEYS.queue_list(QUEUE)):
        assert passed < 10 * DESCRIBED
        shift_clock(store.connection, RECONCILE_SECONDS)
        passed += RECONCILE_SECONDS
        scheduler.step()
    return passed


def events(store: Store) -> list[str]:
    return [fields[b"event"].decode() for _, fields in store.connection.xrange(KEYS.runs)]


@pytest.mark.parametrize(
    ("where", "queues"),
    [
        ("between pop and start", "default heavy"),
        ("between pop and start", "default"),  # RQ then leaves it in the intermediate queue
        ("before the fork", "default heavy"),
        ("before the claim", "default heavy"),
    ],
)
def test_a_run_that_no_worker_began_is_delivered_again_and_runs_once(
    store: Store, redis_url: str, tmp_path: Path, where: str, queues: str
) -> None:
    scheduler = Scheduler(store, "one")
    scheduler.step()
    (run_id,) = store.read().active
    killed_worker(redis_url, where, queues)
    assert store.connection.llen(KEYS.queue_list(QUEUE)) == 0
    let_executions_expire(store)

    assert seconds_until_delivered(store, scheduler) <= DESCRIBED
    if where == "before the fork":
        work_until_empty(redis_url, KEYS, tmp_path)
    else:  # the same, without the time that a real worker takes to start
        player = Player(store, QUEUE)
        assert player.take() == run_id
        player.end()

    assert events(store) == ["redelivered", "started", "succeeded"]
    (outcome,) = (json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes("often"), 0, -1))
    assert (outcome["run"], outcome["status"], outcome["attempt"]) == (run_id, "succeeded", 1)
    assert store.read().active == {}


def test_a_retry_that_rq_lost_before_it_waited_is_delivered_again(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    scheduler.step()
    player = Player(store, QUEUE)
    run_id = player.take()
    player.end("failed", final=False)
    store.connection.delete(KEYS.queue_list(QUEUE))
    store.connection.hset(KEYS.job(run_id), "status", "scheduled")  # RQ wrote that much, and its worker was killed

    assert seconds_until_delivered(store, scheduler) <= DESCRIBED


def test_a_retry_that_waits_is_left_alone(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    scheduler.step()
    player = Player(store, QUEUE)
    run_id = player.take()
    player.end("failed", final=False)
    store.connection.delete(KEYS.queue_list(QUEUE))
    store.connection.hset(KEYS.job(run_id), "status", "scheduled")
    store.connection.zadd(KEYS.scheduled(QUEUE), {run_id: store.time() + 5000})

    for _ in range(20):
        shift_clock(store.connection, RECONCILE_SECONDS)
        scheduler.step()

    assert "redelivered" not in events(store)


def test_status_tells_of_a_run_that_was_delivered_again(store: Store, redis_url: str) -> None:
    scheduler = Scheduler(store, "one")
    scheduler.step()
    (run_id,) = store.read().active
    killed_worker(redis_url, "between pop and start")
    seconds_until_delivered(store, scheduler)

    status = read_status(store)

    assert f"Healed in the last day: 1 lost run delivered again; newest: {run_id}" in status_text(status)
    (heal,) = status_dict(status)["heals"]
    assert (heal["event"], heal["schedule"], heal["run"]) == ("redelivered", "often", run_id)


def test_a_run_that_kills_each_worker_before_it_begins_fails_in_the_end(store: Store) -> None:
    scheduler = Scheduler(store, "one")
    scheduler.step()
    (run_id,) = store.read().active
    for _ in range(5):
        store.connection.delete(KEYS.queue_list(QUEUE))  # as a worker that pops it and dies
        seconds_until_delivered(store, scheduler)
    store.connection.delete(KEYS.queue_list(QUEUE))
    for _ in range(4):
        shift_clock(store.connection, RECONCILE_SECONDS)
        scheduler.step()

    assert run_id not in store.read().active
    (outcome,) = (json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes("often"), 0, -1))
    assert (outcome["status"], "no worker ever began it" in outcome["reason"]) == ("failed", True)


def test_a_run_is_not_ended_by_a_pass_that_saw_it_before_another_worker_claimed_it(store: Store) -> None:
    Scheduler(store, "one").step()
    (run_id,) = store.read().active
    run = run_ref(store, run_id, 0)
    assert run is not None
    active = json.loads(store.connection.hget(KEYS.active, run_id) or "")
    store.connection.hset(KEYS.active, run_id, json.dumps(active | {"execution": "newer"}))

    assert not Ledger(store).close(run, seen="older", status="failed", reason="its worker died")

    assert run_id in store.read().active


def test_a_run_whose_worker_was_killed_says_so(store: Store, redis_url: str) -> None:
    scheduler = Scheduler(store, "one")
    scheduler.step()
    (run_id,) = store.read().active
    killed_worker(redis_url, "before the claim")
    Player(store, QUEUE).claim(run_id)
    let_executions_expire(store)

    for _ in range(DESCRIBED // RECONCILE_SECONDS * 3):
        shift_clock(store.connection, RECONCILE_SECONDS)
        scheduler.step()

    (outcome,) = (json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes("often"), 0, -1))
    assert (outcome["status"], outcome["reason"]) == (
        "failed",
        "its worker was gone before it was done: it was killed, or its machine died",
    )


def killed_in_its_first_attempt(store: Store) -> tuple[Scheduler, str]:
    """Return a scheduler, and a run whose worker is gone and that RQ has let wait for its retry."""
    scheduler = Scheduler(store, "one")
    scheduler.step()
    run_id = Player(store, QUEUE).take()
    store.connection.hset(KEYS.job(run_id), "status", "scheduled")
    store.connection.zadd(KEYS.scheduled(QUEUE), {run_id: 2**31})
    return scheduler, run_id


def pass_twice(store: Store, scheduler: Scheduler) -> None:
    for _ in range(4):
        shift_clock(store.connection, RECONCILE_SECONDS)
        scheduler.step()


def test_a_run_that_waits_for_its_retry_after_its_worker_was_killed_is_not_shown_as_running(store: Store) -> None:
    scheduler, run_id = killed_in_its_first_attempt(store)
    store.connection.hset(KEYS.kept(run_id), "live", json.dumps({"attempt": 1, "nodes": [], "done": 0, "expected": 1}))

    pass_twice(store, scheduler)

    run = read_run(store, run_id)
    assert (run.record.status, run.live, run.next_at) == ("retrying", {}, 2**31)
    assert "its worker was gone" in run.record.reason
    (attempt,) = run.attempts
    assert (attempt.status, "its worker was gone" in attempt.reason) == ("failed", True)
    (often,) = (one for one in read_status(store).schedules if one.name == "often")
    assert (often.queued, often.retrying) == (1, 1)
    assert "1 run retrying for " in status_text(read_status(store))


def test_a_list_of_rq_that_is_of_another_type_hides_no_run_that_waits_for_its_retry(store: Store) -> None:
    scheduler, run_id = killed_in_its_first_attempt(store)
    pass_twice(store, scheduler)
    store.connection.set(KEYS.scheduled(QUEUE), "?")

    assert (read_run(store, run_id).record.status, read_run(store, run_id).next_at) == ("retrying", 0)


def test_status_and_doctor_tell_of_a_worker_that_was_killed_while_a_retry_follows(store: Store) -> None:
    scheduler, run_id = killed_in_its_first_attempt(store)

    pass_twice(store, scheduler)

    status = read_status(store)
    assert "1 attempt to be tried again whose worker was gone; newest: " + run_id in status_text(status)
    (found,) = (one for one in live_findings(read_live(store, "")) if one.name == "heals")
    assert (found.verdict, "1 run lost a worker, the last one " in found.message) == ("warn", True)


def test_a_worker_that_was_taken_for_dead_may_still_say_how_its_run_ended(store: Store) -> None:
    scheduler, run_id = killed_in_its_first_attempt(store)
    pass_twice(store, scheduler)

    execution = store.read().active[run_id].execution
    assert Ledger(store).finish(
        reference(store, run_id), execution=execution, status="succeeded", reason="", final=True, duration=1.0
    )

    assert run_id not in store.read().active


def test_a_worker_of_an_older_version_that_begins_the_next_attempt_is_seen_to_run_it(store: Store) -> None:
    scheduler, run_id = killed_in_its_first_attempt(store)
    pass_twice(store, scheduler)
    active = json.loads(store.connection.hget(KEYS.active, run_id) or "")
    store.connection.hset(KEYS.active, run_id, json.dumps(active | {"execution": "newer", "attempt": 2}))

    assert read_run(store, run_id).record.status == "running"


def test_an_attempt_whose_worker_was_killed_is_told_also_where_the_next_one_begins_at_once(store: Store) -> None:
    Scheduler(store, "one").step()
    run_id = Player(store, QUEUE).take()

    Player(store, QUEUE, count=1).claim(run_id)

    first, second = read_run(store, run_id).attempts[:2]
    assert (first.status, "its worker was gone" in first.reason) == ("failed", True)
    assert second.status == "running"
    assert [heal.event for heal in read_status(store).heals] == ["lost"]


def test_an_attempt_that_told_how_it_ended_is_no_lost_one(store: Store) -> None:
    Scheduler(store, "one").step()
    player = Player(store, QUEUE)
    player.take()
    player.end("failed", final=False)

    player.take()

    assert read_status(store).heals == ()


def test_an_attempt_that_another_one_followed_is_never_shown_as_running(store: Store) -> None:
    Scheduler(store, "one").step()
    run_id = Player(store, QUEUE).take()
    Player(store, QUEUE, count=1).claim(run_id)
    for entry, fields in store.connection.xrange(KEYS.runs):  # as an older flowerpower left it
        if fields[b"event"] == b"attempt_failed":
            store.connection.xdel(KEYS.runs, entry)

    first, second = read_run(store, run_id).attempts

    assert (first.status, first.reason, second.status) == ("failed", "nobody told how it ended", "running")
