"""A Redis without memory refuses every write: what reads says so, and not that nobody is there."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ReadOnlyError, ResponseError
from support.mortal_server import mortal_server
from support.projects import running_worker, write_project
from support.redis_state import SHIFTED_CLOCK
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower import FlowerPowerProject
from flowerpower.apply import apply_plan
from flowerpower.doctor.live import read_live
from flowerpower.doctor.live_checks import live_findings
from flowerpower.errors import StoreError
from flowerpower.jobs.logs import read_log
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.jobs.workers.worker import make_worker
from flowerpower.planning.diff import make_plan
from flowerpower.render.alarms import alarms_of
from flowerpower.render.plan_text import plan_text
from flowerpower.render.status import status_text
from flowerpower.render.status_html import status_html
from flowerpower.state.connection import connect, connect_for_rq
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store


@pytest.fixture
def full(redis_connection: Redis) -> Iterator[Store]:
    """A namespace with a schedule, whose scheduler cannot write that it lives."""
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    apply_plan(make_plan(KEYS, desired([schedule("hourly", every=3600)]), store.read(), SOURCE), store, "apply")
    redis_connection.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(StoreError):
            Scheduler(store, "one").step()
        yield store
    finally:
        redis_connection.config_set("maxmemory", "0")


def test_status_doctor_and_plan_say_that_redis_is_full(full: Store) -> None:
    status = read_status(full)
    plan = make_plan(KEYS, desired([schedule("hourly", every=7200)]), full.read(), SOURCE)

    text = " ".join(status_text(status).split())
    assert "Trouble: Redis is full (" in text
    assert "of 1 MiB, noeviction), so it refuses every write" in text
    assert "redis-cli CONFIG SET maxmemory" in text
    assert "Scheduler: not known, since it cannot write that it is alive while Redis is full" in text
    assert "it cannot write that it is alive while Redis is full" in status_html(status)
    assert [alarm.message for alarm in alarms_of(status) if alarm.code == "no_scheduler"] == [
        "whether a scheduler is alive cannot be told: Redis is full"
    ]
    told = " ".join(plan_text(plan).split())
    assert "Note: Redis is full (" in told
    assert "no scheduler is alive" not in told
    found = {finding.name: finding.verdict for finding in live_findings(read_live(full, ""))}
    assert (found["troubles"], found["scheduler"]) == ("fail", "unknown")


def test_a_user_who_may_not_ask_for_memory_sees_all_the_rest(full: Store) -> None:
    connection = full.connection
    connection.execute_command(
        "ACL", "SETUSER", "reader", "on", ">secret", f"~{KEYS.prefix}*", "~rq:*", "+@read", "+@connection", "+time"
    )
    try:
        with Redis(
            connection_pool=connection.connection_pool.__class__(
                connection_class=connection.connection_pool.connection_class,
                **{**connection.connection_pool.connection_kwargs, "username": "reader", "password": "secret"},
            )
        ) as reader:
            status = read_status(Store(reader, KEYS))
    finally:
        connection.execute_command("ACL", "DELUSER", "reader")

    assert [one.name for one in status.schedules] == ["hourly"]
    assert status.troubles == ()
    assert "Scheduler: none alive, nothing fires" in status_text(status)


def test_status_doctor_and_plan_say_that_redis_cannot_write_to_its_disk(tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    with mortal_server(folder) as url, Redis.from_url(url) as connection:
        store = Store(connection, KEYS, SHIFTED_CLOCK)
        apply_plan(make_plan(KEYS, desired([schedule("hourly", every=3600)]), store.read(), SOURCE), store, "apply")
        assert read_status(store).troubles == ()
        (folder / "dump.rdb").mkdir()
        connection.config_set("save", "3600 1")
        connection.bgsave()
        end = time.monotonic() + 10
        while connection.info("persistence")["rdb_last_bgsave_status"] == "ok":
            assert time.monotonic() < end
            time.sleep(0.02)
        with pytest.raises(StoreError, match="MISCONF"):
            Scheduler(store, "one").step()

        status = read_status(store)
        plan = make_plan(KEYS, desired([schedule("hourly", every=7200)]), store.read(), SOURCE)
        found = {finding.name: finding for finding in live_findings(read_live(store, ""))}

    text = " ".join(status_text(status).split())
    assert "Trouble: Redis cannot write to its disk (rdb_last_bgsave_status), so, unless stop-writes" in text
    assert "Scheduler: not known, since it cannot write that it is alive while Redis cannot write to its disk" in text
    told = " ".join(plan_text(plan).split())
    assert "Note: Redis cannot write to its disk (" in told
    assert "no scheduler is alive" not in told
    assert (found["troubles"].verdict, found["scheduler"].verdict) == ("fail", "unknown")
    assert found["scheduler"].message.endswith("while Redis cannot write to its disk")


def test_a_redis_that_throws_away_what_is_old_is_never_full(full: Store) -> None:
    full.connection.config_set("maxmemory-policy", "volatile-ttl")
    try:
        assert read_status(full).troubles == ()
    finally:
        full.connection.config_set("maxmemory-policy", "noeviction")


_IDLE = """
import logging, sys
from flowerpower.jobs.workers import heartbeats
from flowerpower.jobs.workers.worker import make_worker
from flowerpower.state.connection import connect_for_rq
from flowerpower.state.keys import Keys

logging.basicConfig(level="WARNING")
heartbeats.LOOK_EVERY, heartbeats._FRESH_SECONDS = 1, 0
make_worker(connect_for_rq(sys.argv[1]), Keys("acme", "test"), ["default"]).work(logging_level="WARNING")
"""


def fill(connection: Redis, *, full: bool) -> None:
    connection.config_set("maxmemory", "1mb" if full else "0")


def demote(connection: Redis, *, full: bool) -> None:
    connection.execute_command("REPLICAOF", *(("127.0.0.1", "1") if full else ("NO", "ONE")))


def is_idle(connection: Redis, worker: bytes) -> bool:
    return connection.hget(worker, "state") == b"idle"


@pytest.mark.parametrize("refuse", [fill, demote])
def test_a_worker_waits_until_redis_takes_writes_and_says_so_once(
    redis_connection: Redis, redis_url: str, tmp_path: Path, refuse: Callable[..., None]
) -> None:
    log = tmp_path / "log"

    def said() -> str:
        return log.read_text(encoding="utf-8")

    def wait_for(condition: Callable[[], object]) -> None:
        end = time.monotonic() + 40
        while not condition():
            assert worker.poll() is None, said()
            assert time.monotonic() < end, said()
            time.sleep(0.05)

    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen([sys.executable, "-c", _IDLE, redis_url], stdout=file, stderr=file) as worker,
    ):
        try:
            wait_for(lambda: [one for one in redis_connection.smembers("rq:workers") if is_idle(redis_connection, one)])
            refuse(redis_connection, full=True)
            wait_for(lambda: "takes no write" in said())
            time.sleep(1.1)  # it tries again each second
            refuse(redis_connection, full=False)
            wait_for(lambda: "works again, after" in said())
        finally:
            refuse(redis_connection, full=False)
            worker.kill()

    assert said().count("takes no write") == 1, said()
    assert "Traceback" not in said()


FULL_AT_ITS_END = """
from redis import Redis


def doubled(number: int) -> int:
    with Redis.from_url({url!r}) as connection:
        connection.config_set("maxmemory", "1mb")
    print("last words")
    return number * 2


def day(moment: str, doubled: int) -> str:
    return moment
"""


def test_the_log_of_a_run_that_ends_while_redis_is_full_is_kept_when_it_is_not_any_more(
    redis_connection: Redis, redis_url: str, tmp_path: Path
) -> None:
    folder = write_project(tmp_path, flow=FULL_AT_ITS_END.format(url=redis_url))
    with FlowerPowerProject.load(folder, redis=redis_url) as project:
        project.apply(project.plan())
        run = project.jobs.enqueue("report")
        with running_worker(redis_url, project.store.keys, folder) as worker:
            try:
                worker.wait_for(lambda: "said is not kept yet" in worker.output())
            finally:
                redis_connection.config_set("maxmemory", "0")
            worker.wait_for(lambda: run.status() == "finished")

        assert read_log(project.store, run.id).text == "last words\n"


def test_a_worker_says_once_that_redis_takes_no_signs_of_life_of_what_it_runs(
    redis_connection: Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker = make_worker(connect_for_rq(redis_url), Keys("acme", "test"), ["default"])
    worker.register_birth()
    job = worker.queues[0].create_job("flowerpower.jobs.run.run_scheduled", args=["a", "b", "c"])
    job.save()
    execution = worker.prepare_execution(job)
    redis_connection.config_set("maxmemory", "1")
    try:
        for _ in range(3):
            worker.maintain_heartbeats(job, execution)
    finally:
        redis_connection.config_set("maxmemory", "0")
    worker.maintain_heartbeats(job, execution)

    first, last = (text for text in caplog.messages if "Redis" in text)
    assert ("takes no write" in first, "works again" in last) == (True, True)


def test_a_worker_that_ends_while_redis_refuses_leaves_no_thread_that_listens(
    redis_connection: Redis, redis_url: str
) -> None:
    worker = make_worker(connect_for_rq(redis_url), Keys("acme", "test"), ["default"])
    worker.register_birth()
    worker.subscribe()
    demote(redis_connection, full=True)
    try:
        with pytest.raises(ReadOnlyError):
            worker.teardown()
    finally:
        demote(redis_connection, full=False)

    assert worker.pubsub_thread is not None
    assert not worker.pubsub_thread.is_alive()


def test_a_worker_does_not_end_where_redis_is_full_while_it_cleans_up(
    redis_connection: Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker = make_worker(connect_for_rq(redis_url), Keys("acme", "test"), ["default"])
    redis_connection.config_set("maxmemory", "1")
    try:
        worker.clean_registries()
    finally:
        redis_connection.config_set("maxmemory", "0")

    assert worker.absence.lasts
    assert [text for text in caplog.messages if "takes no write" in text and "Redis is full" in text]


def write_some(connection: Redis) -> None:
    with connection.pipeline(transaction=False) as pipe:
        pipe.set("a", 1).get("a").set("b", 2).execute()


def write_by_script(connection: Redis) -> None:
    connection.eval("return redis.call('SET', 'a', 1)", 0)


@pytest.mark.parametrize("write", [write_some, write_by_script])
def test_a_client_that_has_met_a_replica_connects_anew(
    redis_connection: Redis, redis_url: str, write: Callable[[Redis], None]
) -> None:
    with connect(redis_url) as connection:
        first = connection.client_id()
        demote(redis_connection, full=True)
        try:
            with pytest.raises(ResponseError):
                write(connection)
            assert connection.get("a") is None
        finally:
            demote(redis_connection, full=False)

        assert connection.client_id() != first
