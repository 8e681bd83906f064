"""What Redis is told of a worker that died: what it ran is given up, and what is not its is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
from rq.executions import Execution
from rq.job import Job
from support.holds import QUEUE, events, outcomes, queued, taken
from support.mortal_server import mortal_server
from support.players import Player, begin
from support.proxy import proxy_before
from support.redis_state import SHIFTED_CLOCK, shift_clock
from support.states import KEYS

from flowerpower.errors import StoreError
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.records import WORKER_GONE
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.jobs.workers import deaths
from flowerpower.jobs.workers.deaths import Undertaker, tell_redis
from flowerpower.jobs.workers.traces import Left, Traces, began, end_run
from flowerpower.jobs.workers.worker import FlowerPowerWorker, make_worker
from flowerpower.state.connection import connect
from flowerpower.state.store import Store

PROCESS = os.getpid()
WIP = KEYS.registry("wip", QUEUE)
LOOK = f"{KEYS.prefix}look"


@pytest.fixture
def scheduler(store: Store) -> Scheduler:
    return Scheduler(store, "one")


@pytest.fixture
def worker(store: Store) -> FlowerPowerWorker:
    """A worker of this process that has told Redis of itself."""
    worker = make_worker(store.connection, KEYS, ["default"], name="one")
    worker.register_birth()
    return worker


def running(store: Store, scheduler: Scheduler, **more: object) -> str:
    """Let the worker `one` run a tick, and the scheduler be done with all that it looks after now and then."""
    run = taken(store, scheduler, **more)
    begin(store, run, "one")
    scheduler.step()
    return run


def test_a_run_whose_worker_was_buried_is_looked_after_in_the_next_pass(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker
) -> None:
    running(store, scheduler)
    scheduler.step()
    assert outcomes(store) == []

    tell_redis(Left("one", PROCESS), store)
    scheduler.step()

    assert outcomes(store)[0][3:] == ("failed", WORKER_GONE)
    assert store.read().active == {}


def test_it_is_looked_after_also_while_others_are_given_time_to_be_heard_of(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker
) -> None:
    running(store, scheduler)
    scheduler._reconciler.spare_workers()

    tell_redis(Left("one", PROCESS), store)
    scheduler.step()

    assert outcomes(store)[0][3:] == ("failed", WORKER_GONE)


def test_a_scheduler_that_stands_by_leaves_that_to_the_one_that_works(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker
) -> None:
    running(store, scheduler)
    tell_redis(Left("one", PROCESS), store)

    Scheduler(store, "two").step()
    scheduler.step()

    assert outcomes(store)[0][3] == "failed"


def test_to_bury_a_worker_twice_does_not_harm_the_attempt_that_follows(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker
) -> None:
    run = running(store, scheduler, retry={"max": 1, "intervals": []})
    tell_redis(Left("one", PROCESS), store)
    scheduler.step()
    assert queued(store) == [run]
    second = Player(store, QUEUE, count=1)
    assert second.take() == run
    store.connection.hset(KEYS.execution(run, "execution-2"), "worker_name", "player")

    tell_redis(Left("one", PROCESS), store)
    scheduler.step()

    assert store.connection.exists(KEYS.execution(run, "execution-2"))
    second.end()
    assert outcomes(store)[0][3] == "succeeded"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_sign_of_life_that_arrives_late_hinders_no_other_attempt(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker, when: str
) -> None:
    run = running(store, scheduler, retry={"max": 1, "intervals": []})
    execution = next(iter(worker.get_current_executions()))
    job = Job.fetch(run, connection=store.connection, serializer="json")
    tell_redis(Left("one", PROCESS), store)
    if when == "after":
        scheduler.step()

    with store.connection.pipeline() as pipe:
        execution.heartbeat(job.started_job_registry, 70, pipe)
        pipe.execute()
    scheduler.step()

    if when == "before":  # the worker is taken for alive until that has run out
        assert queued(store) == []
        assert store.connection.zscore(WIP, execution.composite_key) > time.time()
    else:
        assert Player(store, QUEUE, count=1).take() == run


def test_another_worker_that_has_got_its_name_is_left_alone(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker
) -> None:
    running(store, scheduler)

    tell_redis(Left("one", PROCESS + 1), store)
    scheduler.step()

    assert outcomes(store) == []
    assert [one.name for one in read_status(store).listening] == ["one"]


def test_an_execution_that_names_another_worker_is_left_alone(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker
) -> None:
    run = running(store, scheduler)
    (member,) = store.connection.zrange(WIP, 0, -1)
    store.connection.hset(f"rq:execution:{member.decode()}", "worker_name", "two")

    tell_redis(Left("one", PROCESS), store)
    scheduler.step()

    assert list(store.read().active) == [run]
    assert read_status(store).listening == ()


def test_the_name_of_a_worker_that_was_buried_may_be_taken_at_once(store: Store, worker: FlowerPowerWorker) -> None:
    tell_redis(Left("one", PROCESS), store)

    make_worker(store.connection, KEYS, ["default"], name="one").register_birth()

    assert store.connection.smembers(KEYS.workers(QUEUE)) == {b"rq:worker:one"}


def test_a_key_of_another_type_in_its_way_is_told_and_nothing_is_written(
    store: Store, worker: FlowerPowerWorker
) -> None:
    store.connection.delete("rq:workers")
    store.connection.set("rq:workers", "?")

    with pytest.raises(StoreError, match="another type"):
        tell_redis(Left("one", PROCESS), store)

    assert not store.connection.hexists(worker.key, "death")


def test_redis_is_told_when_it_is_back(tmp_path: Path) -> None:
    with mortal_server(tmp_path / "redis") as url:
        store = Store(connect(url), KEYS)
        make_worker(store.connection, KEYS, ["default"], name="one").register_birth()
    undertaker = Undertaker(url, KEYS, None, Traces())
    thread = threading.Thread(target=undertaker.bury, args=(Left("one", PROCESS),))
    thread.start()
    time.sleep(1.5)
    with mortal_server(tmp_path / "redis") as url:
        assert store.connection.sismember("rq:workers", "rq:worker:one")
        thread.join(timeout=30)
        assert not store.connection.sismember("rq:workers", "rq:worker:one")


def test_redis_is_not_asked_about_a_worker_that_it_has_not_heard_of(tmp_path: Path) -> None:
    assert Undertaker(f"unix://{tmp_path}/none", KEYS, None, Traces()).bury(Left("", PROCESS))


def test_nobody_who_is_asked_to_stop_waits_long_for_a_redis_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deaths, "LAST_TRIES", 0.5)
    undertaker = Undertaker(f"unix://{tmp_path}/none", KEYS, None, Traces())
    undertaker.stop.set()
    start = time.monotonic()

    assert not undertaker.bury(Left("one", PROCESS))

    assert time.monotonic() - start < 10


def child(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, start_new_session=True)


def test_what_is_left_of_a_run_is_killed_also_where_its_first_process_is_gone() -> None:
    shell = child("sh", "-c", "sleep 300 & exec sleep 300")
    time.sleep(0.3)
    left = Left("one", PROCESS, shell.pid, began(shell.pid))
    shell.kill()
    shell.wait()
    os.killpg(shell.pid, 0)  # the other one lives

    end = time.monotonic() + 20
    while not end_run(left):
        assert time.monotonic() < end
        time.sleep(0.05)

    assert end_run(left)


def test_a_later_process_of_the_same_number_is_not_killed() -> None:
    other = child("sleep", "300")
    try:
        assert end_run(Left("one", PROCESS, other.pid, began(other.pid) - 1))
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_process_that_nobody_waits_for_runs_nothing_any_more() -> None:
    other = child(sys.executable, "-c", "pass")
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)

    assert end_run(Left("one", PROCESS, other.pid, began(other.pid)))

    assert other.wait() == 0


def test_traces_are_read_once_and_make_room_for_those_of_the_next_worker() -> None:
    traces = Traces()
    traces.note_worker("wörker")
    with subprocess.Popen(["sleep", "300"], preexec_fn=traces.begin_run) as run:  # noqa: PLW1509 - it forks, as a worker does
        left, since = traces.take(7), began(run.pid)
        run.kill()

    assert left == Left("wörker", 7, run.pid, since)
    assert traces.take(8) == Left("", 8)


def test_a_name_that_is_too_long_is_that_of_nobody(store: Store) -> None:
    traces = Traces()
    traces.note_worker("n" * 5000)
    left = traces.take(PROCESS)
    make_worker(store.connection, KEYS, ["default"], name="n" * 5000).register_birth()

    tell_redis(left, store)

    assert store.connection.scard(KEYS.workers(QUEUE)) == 1


@pytest.mark.parametrize("lost", [b"scheduler", b"rq:wip"], ids=["the reply that told of it", "one while it looks"])
def test_a_burial_is_not_forgotten_with_a_reply_that_a_scheduler_lost(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker, redis_server: str, tmp_path: Path, lost: bytes
) -> None:
    running(store, scheduler)
    with proxy_before(unquote(redis_server.removeprefix("unix://")), tmp_path / "proxy") as proxy:
        scheduler = Scheduler(Store(connect(proxy.url), KEYS, SHIFTED_CLOCK), "one")
        scheduler.step()
        tell_redis(Left("one", PROCESS), store)
        proxy.cut = lost
        with pytest.raises(StoreError):
            scheduler.step()
        assert outcomes(store) == []
        scheduler.step()

    assert proxy.dropped == 1
    assert outcomes(store)[0][3:] == ("failed", WORKER_GONE)


def test_a_burial_is_not_forgotten_with_the_scheduler_that_was_asked_to_look(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker
) -> None:
    running(store, scheduler)
    other = Scheduler(store, "two")
    store.connection.delete(KEYS.lease)
    other.step()  # it has looked after all runs just now, and would not again for a while
    store.connection.delete(KEYS.lease)
    tell_redis(Left("one", PROCESS), store)
    assert scheduler._lease()[0]  # it is asked, and then held up until its lease is over
    store.connection.delete(KEYS.lease)

    other.step()

    assert outcomes(store)[0][3:] == ("failed", WORKER_GONE)


def test_what_was_looked_after_is_not_looked_after_again(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker
) -> None:
    running(store, scheduler)
    tell_redis(Left("one", PROCESS), store)
    assert store.connection.exists(LOOK)

    scheduler.step()

    assert not store.connection.exists(LOOK)


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_run_that_a_dead_worker_had_taken_and_not_noted_is_delivered_again_within_seconds(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker, monkeypatch: pytest.MonkeyPatch, attempt: int
) -> None:
    run = taken(store, scheduler, retry={"max": 1, "intervals": []})
    if attempt == 2:
        player = Player(store, QUEUE)
        player.claim(run)
        player.end("failed", final=False)
        store.connection.delete(KEYS.queue_list(QUEUE))
    tell_redis(Left("one", PROCESS), store)
    scheduler.step()
    assert queued(store) == []  # another worker may be about to begin it

    began = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: began + 6.0)
    shift_clock(store.connection, 6)
    tell_redis(Left("one", PROCESS), store)  # it is looked after once more in between, which puts nothing off
    scheduler.step()
    assert queued(store) == []

    monkeypatch.setattr(time, "monotonic", lambda: began + 12.0)
    shift_clock(store.connection, 6)
    scheduler.step()

    assert queued(store) == [run]
    assert len(events(store, "redelivered")) == 1


def test_a_second_attempt_that_a_dead_worker_had_in_hand_and_not_begun_is_delivered_again_at_once(
    store: Store, scheduler: Scheduler, worker: FlowerPowerWorker
) -> None:
    run = taken(store, scheduler, retry={"max": 1, "intervals": []})
    player = Player(store, QUEUE)
    player.claim(run)
    player.end("failed", final=False)
    store.connection.delete(KEYS.queue_list(QUEUE))
    job = Job.fetch(run, connection=store.connection, serializer="json")
    with store.connection.pipeline() as pipe:  # all that a worker has said when it forks
        Execution.create(job, 70, pipe, "one")
        pipe.execute()

    tell_redis(Left("one", PROCESS), store)

    assert queued(store) == [run]
    assert store.connection.zcard(WIP) == 0
