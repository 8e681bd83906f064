"""Warm workers, several processes under one parent, and how each of them ends."""

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
from support.projects import FLOW, PIPELINE, Worker, running_worker, wanted, write_project
from support.redis_state import SHIFTED_CLOCK, shift_clock, start_at_half_past
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.jobs.by_hand.stopping import stop_run
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.jobs.workers import heartbeats
from flowerpower.jobs.workers.worker import make_worker
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
OBEDIENT = FLOW.replace(
    "    return number * 2",
    """    import os, pathlib, time
    os.environ["LEFT_BEHIND"] = os.environ.get("LEFT_BEHIND", "") + "x"
    with pathlib.Path(ROOT, "seen.txt").open("a") as seen:
        seen.write(f"{os.getpid()} {os.getcwd()} {os.environ['LEFT_BEHIND']}\\n")
    os.chdir("/")
    exec(pathlib.Path(ROOT, "order.txt").read_text())
    return number * 2""",
)


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    start_at_half_past(redis_connection)  # an hourly tick that real time brings would be one run too many
    return Store(redis_connection, KEYS, SHIFTED_CLOCK)


def obedient_project(store: Store, folder: Path, schedule: str = "every: 1h") -> None:
    """Apply a project whose runs do what its file `order.txt` says."""
    flow = f"ROOT = {str(folder)!r}\n{OBEDIENT}"
    write_project(folder, flow=flow, schedule=schedule, pipeline=f"{PIPELINE}timeout: 5\n")
    apply_plan(make_plan(store.keys, wanted(folder), store.read(), SOURCE), store, "apply")
    order(folder, "pass")


def order(folder: Path, text: str) -> None:
    (folder / "order.txt").write_text(text, encoding="utf-8")


def seen(folder: Path) -> list[list[str]]:
    file = folder / "seen.txt"
    return [line.split() for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def fire(store: Store) -> None:
    shift_clock(store.connection, 3600)
    Scheduler(store, "one").step()


def outcomes(store: Store) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes("often"), 0, -1)]


def run_one(store: Store, worker: Worker, folder: Path, text: str) -> dict[str, Any]:
    """Run what *text* says and return its outcome."""
    order(folder, text)
    count = len(outcomes(store))
    fire(store)
    worker.wait_for(lambda: len(outcomes(store)) > count)
    return outcomes(store)[-1]


def test_warm_runs_share_a_process_until_one_of_them_ends_it(store: Store, redis_url: str, tmp_path: Path) -> None:
    obedient_project(store, tmp_path)
    with running_worker(redis_url, KEYS, tmp_path, "warm") as worker:
        ends = [run_one(store, worker, tmp_path, text) for text in ("pass", "1 / 0", "pass")]
        ends += [run_one(store, worker, tmp_path, f"os.{text}") for text in ("kill(os.getpid(), 9)", "_exit(0)")]
        order(tmp_path, "time.sleep(60)")
        fire(store)
        worker.wait_for(lambda: len(seen(tmp_path)) == 6)
        (run_id,) = store.read().active
        assert stop_run(store, run_id, "by hand").word == "stopping"
        worker.wait_for(lambda: len(outcomes(store)) == 6)
        ends += [outcomes(store)[-1], run_one(store, worker, tmp_path, "pass")]
        assert worker.stop() == 0

    status = ["succeeded", "failed", "succeeded", "failed", "failed", "cancelled", "succeeded"]
    assert [end["status"] for end in ends] == status
    reasons = ["", "ZeroDivisionError", "", "signal 9", "without a word", "by hand", ""]
    assert all(reason in end["reason"] for reason, end in zip(reasons, ends, strict=True))
    processes, folders, left_behind = zip(*seen(tmp_path), strict=True)
    assert [processes.index(one) for one in processes] == [0, 0, 0, 0, 4, 5, 6]
    assert len(set(folders)) == 1
    assert set(left_behind) == {"x"}


def test_what_odd_runs_do_to_their_process_is_neither_done_twice_nor_met_by_the_next_run(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    obedient_project(store, tmp_path)
    odd = {
        "if (child := os.fork()) == 0: time.sleep(90)\npathlib.Path(ROOT, 'child').write_text(str(child))": "",
        "os.fork()": "",
        "if os.fork() == 0: 1 / 0\ntime.sleep(0.5)": "",
        "if (child := os.fork()) == 0: raise SystemExit(3)\nassert os.waitpid(child, 0)[1] == 3 << 8": "",
        "raise ValueError(chr(0xd800))": "ValueError: \\ud800",
        "raise ExceptionGroup('many', [KeyError('first'), OSError('second')])": "many (2 sub-exceptions): KeyError",
        "import logging\nlogging.disable(50)\nos.umask(0o037)\nos.environ['TZ'] = 'XYZ-5'\ntime.tzset()": "",
        "import logging\nassert not logging.root.manager.disable\nassert os.umask(0o22) != 0o037": "",
        "assert time.tzname[0] != 'XYZ'": "",
        "os._exit(0)": "without a word",
    }
    with running_worker(redis_url, KEYS, tmp_path, "warm") as worker:
        ends = [run_one(store, worker, tmp_path, text) for text in odd]
        assert worker.stop() == 0
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)

    assert [end["status"] for end in ends] == ["failed" if reason else "succeeded" for reason in odd.values()]
    assert all(reason in end["reason"] for reason, end in zip(odd.values(), ends, strict=True))
    assert len(outcomes(store)) == len(seen(tmp_path)) == len(odd)
    assert len({process for process, *_ in seen(tmp_path)}) == 1
    assert worker.output().count("terminated unexpectedly") == 1


def test_a_warm_run_out_of_time_fails_and_the_next_finds_edited_code(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    obedient_project(store, tmp_path)
    write_project(tmp_path, flow=(tmp_path / "flows/flow.py").read_text(), pipeline=f"{PIPELINE}timeout: 1\n")
    apply_plan(make_plan(store.keys, wanted(tmp_path), store.read(), SOURCE), store, "apply")
    with running_worker(redis_url, KEYS, tmp_path, "warm") as worker:
        late = run_one(store, worker, tmp_path, "time.sleep(60)")
        write_project(tmp_path, flow=FLOW)
        shift_clock(store.connection, 3600)
        Scheduler(store, "one").step()
        worker.wait_for(lambda: len(outcomes(store)) == 2)
        worker.stop()

    assert (late["status"], outcomes(store)[-1]["status"]) == ("failed", "succeeded")
    assert "Timeout" in late["reason"]
    assert len(seen(tmp_path)) == 1


def test_two_processes_run_side_by_side_and_one_that_dies_is_started_again(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    obedient_project(store, tmp_path, "every: 1h\noverlap: allow\ntimeout: 2m")
    order(tmp_path, "while not pathlib.Path(ROOT, 'go').exists(): time.sleep(0.05)")
    with running_worker(redis_url, KEYS, tmp_path, "two") as worker:
        worker.wait_for(lambda: len(workers(store)) == 2)
        fire(store)
        fire(store)
        worker.wait_for(lambda: len(seen(tmp_path)) == 2)
        victim = workers(store)[0]
        os.kill(victim, signal.SIGKILL)
        worker.wait_for(lambda: len(set(workers(store)) - {victim}) == 2)
        worker.process.terminate()
        (tmp_path / "go").touch()
        assert worker.process.wait(timeout=30) == 0, worker.output()

    ends = [end for end in outcomes(store) if "its worker was gone" not in end["reason"]]  # which may be told by now
    assert [end["status"] for end in ends] == ["succeeded"]
    assert "was killed by signal 9; starting it again" in worker.output()


@pytest.mark.parametrize("how", ["forked", "warm", "two"])
def test_a_worker_drains_and_a_second_signal_ends_its_run_which_is_recorded(
    store: Store, redis_url: str, tmp_path: Path, how: str
) -> None:
    obedient_project(store, tmp_path)
    order(tmp_path, "time.sleep(60)")
    with running_worker(redis_url, KEYS, tmp_path, how) as worker:
        fire(store)
        worker.wait_for(lambda: seen(tmp_path))
        run = int(seen(tmp_path)[0][0])
        for process in (worker.process.pid, run):  # as a service manager does
            os.kill(process, signal.SIGTERM)
        time.sleep(1.1)  # RQ takes what comes sooner for the same signal
        assert alive(run)
        worker.process.terminate()
        worker.process.wait(timeout=30)

    assert not alive(run)
    assert "Traceback" not in worker.output()  # it ended as it was asked to
    (outcome,) = outcomes(store)
    assert (outcome["status"], outcome["reason"]) == ("failed", "its worker was stopped while it ran")


def test_processes_end_when_their_parent_is_killed(store: Store, redis_url: str, tmp_path: Path) -> None:
    obedient_project(store, tmp_path)
    with running_worker(redis_url, KEYS, tmp_path, "two") as worker:
        worker.wait_for(lambda: len(workers(store)) == 2)
        children = workers(store)
        worker.process.kill()

        end = time.monotonic() + 20
        while any(alive(child) for child in children):
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_worker_hears_a_request_to_stop_that_was_lost_where_the_signal_met_it(store: Store, redis_url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", _DEAF, redis_url]) as worker:
        while not workers(store):
            assert worker.poll() is None
            time.sleep(0.05)
        time.sleep(0.3)  # now it waits for a job
        worker.terminate()
        try:
            assert worker.wait(timeout=30) == 0
        finally:
            worker.kill()


_DEAF = """
import sys
from contextlib import suppress
from rq.exceptions import StopRequested
from flowerpower.jobs.workers.worker import FlowerPowerWorker, make_worker
from flowerpower.state.connection import connect_for_rq
from flowerpower.state.keys import Keys

class Deaf(FlowerPowerWorker):
    def request_stop(self, signum, frame):
        with suppress(StopRequested):  # as in a `__del__`, which Redis' client runs at each connection
            super().request_stop(signum, frame)

import os
worker = make_worker(connect_for_rq(sys.argv[1]), Keys("acme", "default"), ["default"], name=f"x.{os.getpid()}.x")
worker.__class__ = Deaf
worker.work(logging_level="WARNING")
"""


def test_a_worker_that_ends_by_itself_hears_a_request_to_stop_while_it_does(store: Store, redis_url: str) -> None:
    done = subprocess.run([sys.executable, "-c", _LATE, redis_url], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "stop: True\n", "")
    assert workers(store) == []


_LATE = """
import os, signal, sys
from flowerpower.jobs.workers.worker import FlowerPowerWorker, make_worker
from flowerpower.state.connection import connect_for_rq
from flowerpower.state.keys import Keys

class Late(FlowerPowerWorker):
    def unsubscribe(self):
        os.kill(os.getpid(), signal.SIGTERM)  # as a service that is restarted when its code has changed
        super().unsubscribe()

worker = make_worker(connect_for_rq(sys.argv[1]), Keys("acme", "default"), ["default"], name=f"x.{os.getpid()}.x")
worker.__class__ = Late
worker.work(burst=True, logging_level="WARNING")
print("stop:", worker.stop.is_set())
"""


def workers(store: Store) -> list[int]:
    """Return the processes of the workers that RQ knows, by their names."""
    found = [key.decode().split(".")[-2] for key in store.connection.smembers("rq:workers")]
    return [int(number) for number in found]


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_a_worker_counts_that_waits_for_the_first_schedule_of_its_queue(store: Store) -> None:
    worker = make_worker(store.connection, KEYS, ["default", "heavy"])
    worker.register_birth()
    worker.heartbeat()

    found = store.read().consumers.workers

    assert found == {KEYS.queue("default"): 1, KEYS.queue("heavy"): 1}


def test_a_worker_that_redis_has_forgotten_is_known_again_at_its_next_sign_of_life(redis_connection: Redis) -> None:
    keys = Keys("acme", "default")
    worker = make_worker(redis_connection, keys, ["default"])
    worker.register_birth()
    worker.heartbeat()
    before = redis_connection.hgetall(worker.key)
    redis_connection.flushall()

    worker.heartbeat(30)

    assert redis_connection.sismember(keys.workers(keys.queue("default")), worker.key)
    assert redis_connection.sismember("rq:workers", worker.key)
    assert redis_connection.sismember(keys.queues, keys.queue_list(keys.queue("default")))
    after = redis_connection.hgetall(worker.key)
    assert (after[b"queues"], after[b"birth"]) == (before[b"queues"], before[b"birth"])
    assert 0 < redis_connection.ttl(worker.key) <= 30


def test_an_idle_worker_that_is_killed_does_not_count_as_alive_for_long(redis_connection: Redis) -> None:
    worker = make_worker(redis_connection, Keys("acme", "default"), ["default"])
    worker.register_birth()

    worker.heartbeat()

    assert 2 * heartbeats.LOOK_EVERY < redis_connection.ttl(worker.key) <= 90


def test_a_worker_that_a_list_of_rq_has_lost_is_in_it_again_at_its_next_sign_of_life(redis_connection: Redis) -> None:
    keys = Keys("acme", "default")
    lost = keys.workers(keys.queue("default"))
    worker = make_worker(redis_connection, keys, ["default"])
    worker.register_birth()
    redis_connection.set(lost, "?")
    worker.heartbeat(30)
    assert redis_connection.exists(worker.key)
    redis_connection.delete(lost)

    worker.heartbeat(30)

    assert redis_connection.sismember(lost, worker.key)


def test_an_idle_worker_is_known_again_soon_after_redis_was_emptied(store: Store, redis_url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", _IDLE, redis_url]) as worker:
        for _ in range(2):
            end = time.monotonic() + 40
            while not workers(store):
                assert worker.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)
            time.sleep(0.3)  # now it waits for a job
            store.connection.flushall()
        worker.kill()


_IDLE = """
import sys
from flowerpower.jobs.workers import heartbeats
from flowerpower.jobs.workers.worker import make_worker
from flowerpower.state.connection import connect_for_rq
from flowerpower.state.keys import Keys

assert heartbeats.LOOK_EVERY <= 20
heartbeats.LOOK_EVERY, heartbeats._FRESH_SECONDS = 1, 0
worker = make_worker(connect_for_rq(sys.argv[1]), Keys("acme", "default"), ["default"], name="x.1.x")
assert worker.connection_timeout > 400
worker.work(logging_level="WARNING")
"""
