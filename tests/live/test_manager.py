"""The public way to the job queue: enqueue now, at, in; wait; cancel; status."""

from __future__ import annotations

import gc
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from redis import Redis
from rq.job import JobStatus
from rq.results import Result
from support.mortal_server import mortal_server
from support.projects import FLOW, wanted, work_until_empty, write_project
from support.proxy import Proxy, proxy_before, running
from support.redis_state import SHIFTED_CLOCK, shift_clock
from support.states import SOURCE

from flowerpower import FlowerPowerProject, JobQueueManager, RQManager
from flowerpower.apply import apply_plan
from flowerpower.errors import FlowerPowerError, FormatError, PipelineError, StoreError, UsageError
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.jobs.workers.restricted import RestrictedJob
from flowerpower.planning.diff import make_plan
from flowerpower.state.connection import connect, is_away
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")


def test_a_pipeline_is_enqueued_run_and_waited_for(manager: RQManager, redis_url: str, tmp_path: Path) -> None:
    run = manager.enqueue("report", inputs={"number": 4})
    working = threading.Thread(target=work_until_empty, args=(redis_url, KEYS, tmp_path))
    working.start()

    summary = run.wait(timeout=60)
    working.join()

    assert summary["status"] == "succeeded"
    assert summary["outputs"]["doubled"] == {"value": 8}
    assert run.status() == "finished"


def test_a_schedule_is_enqueued_with_its_own_spec_and_counts_as_active(manager: RQManager) -> None:
    run = manager.enqueue("often")

    assert run.id.startswith("acme--default--often--m")
    (status,) = manager.schedules()
    assert (status.name, status.active) == ("often", 1)


def test_a_pipeline_by_hand_stands_in_no_schedules_way(redis_connection: Redis, redis_url: str, tmp_path: Path) -> None:
    folder = write_project(tmp_path)
    (folder / "schedules/often.yaml").rename(folder / "schedules/report.yaml")
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    apply_plan(make_plan(KEYS, wanted(folder), store.read(), SOURCE), store, "apply")
    JobQueueManager.create("rq", store=store, url=redis_url).enqueue("report")
    shift_clock(redis_connection, 3600)

    Scheduler(store, "one").step()

    assert len(redis_connection.lrange(KEYS.queue_list(KEYS.queue("default")), 0, -1)) == 2


def test_a_run_whose_result_is_not_kept_has_succeeded_all_the_same(
    redis_connection: Redis, redis_url: str, tmp_path: Path
) -> None:
    write_project(tmp_path, schedule="every: 1h\nresult_ttl: 0")
    store = Store(redis_connection, KEYS)
    apply_plan(make_plan(KEYS, wanted(tmp_path), store.read(), SOURCE), store, "apply")
    job = JobQueueManager.create("rq", store=store, url=redis_url).enqueue("often")
    work_until_empty(redis_url, KEYS, tmp_path)

    assert not redis_connection.exists(KEYS.job(job.id))
    assert job.wait(timeout=10) == {"status": "succeeded", "run": job.id}


def test_a_run_that_fails_says_why(manager: RQManager, redis_url: str, tmp_path: Path) -> None:
    run = manager.enqueue("report", inputs={"number": "many"})
    work_until_empty(redis_url, KEYS, tmp_path)

    with pytest.raises(PipelineError, match="number"):
        run.wait(timeout=5)


def test_a_failure_that_rq_alone_knows_of_is_told_in_its_own_words(manager: RQManager) -> None:
    run = manager.enqueue("report")
    job = RestrictedJob.fetch(run.id, connection=manager.store.connection, serializer="json")
    Result.create_failure(job, 60, "Traceback ...\nflowerpower.errors.StoreError: Redis is away\nhint: start it")
    job.set_status(JobStatus.FAILED)

    with pytest.raises(PipelineError, match=r"failed: flowerpower\.errors\.StoreError: Redis is away$"):
        run.wait(timeout=5)


def test_who_waits_too_short_may_wait_again(manager: RQManager) -> None:
    run = manager.enqueue("report")

    with pytest.raises(TimeoutError, match=r"is still queued after 0\.1 s") as raised:
        run.wait(timeout=0.1)

    assert isinstance(raised.value, FlowerPowerError)
    assert "wait again" in raised.value.hint


def test_a_wait_outlives_a_restart_of_redis(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_project(tmp_path / "acme")
    with mortal_server(tmp_path / "r") as url, FlowerPowerProject.load(folder, redis=url) as project:
        project.apply(project.plan())
        run = project.jobs.enqueue("report")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run.wait, 60)
        while not caplog.messages and not waiting.done():
            time.sleep(0.05)
        with mortal_server(tmp_path / "r"):
            work_until_empty(url, KEYS, folder)
            assert waiting.result(timeout=60)["outputs"]["doubled"] == {"value": 42}
    assert [message for message in caplog.messages if "waiting for it" in message] == caplog.messages[:1]


def test_a_wait_for_a_redis_that_stays_away_ends_in_time(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "acme")
    with mortal_server(tmp_path / "r") as url, FlowerPowerProject.load(folder, redis=url) as project:
        project.apply(project.plan())
        run = project.jobs.enqueue("report")
    began = time.monotonic()

    with pytest.raises(StoreError, match="reading the run's status"):
        run.wait(timeout=0.5)

    assert 0.4 < time.monotonic() - began < 30


class GoneAfterwards(Proxy):
    """Drops the reply to a marked command, and takes no connection from then on."""

    def forward(self, client: socket.socket, server: socket.socket) -> None:
        super().forward(client, server)
        if self.dropped:
            self.close()


def test_a_run_whose_reply_was_lost_is_enqueued_once(manager: RQManager, redis_url: str, tmp_path: Path) -> None:
    with (
        proxy_before(unquote(redis_url.removeprefix("unix://")), tmp_path / "p") as proxy,
        connect(proxy.url) as connection,
    ):
        proxy.cut = b'"run_spec"'

        run = JobQueueManager.create("rq", store=Store(connection, KEYS), url=proxy.url).enqueue("report")

        assert (proxy.dropped, run.status()) == (1, "queued")
    assert [record.run for record in manager.runs().runs] == [run.id]


def test_who_cannot_know_whether_a_run_is_enqueued_is_told_so(
    manager: RQManager, redis_url: str, tmp_path: Path
) -> None:
    proxy = GoneAfterwards(unquote(redis_url.removeprefix("unix://")), tmp_path / "p")
    with running(proxy), connect(proxy.url) as connection:
        proxy.cut = b'"run_spec"'
        with pytest.raises(StoreError, match=r"whether report--m.* is enqueued is not known") as raised:
            JobQueueManager.create("rq", store=Store(connection, KEYS), url=proxy.url).enqueue("report")

    (run,) = manager.runs().runs
    assert raised.value.hint == f"look before you enqueue another: flowerpower runs --job {KEYS.short_run_id(run.run)}"
    assert is_away(raised.value)


def test_a_later_run_waits_and_is_pushed_when_due(manager: RQManager) -> None:
    later = manager.enqueue_at("report", datetime.now(UTC) + timedelta(hours=1))
    soon = manager.enqueue_in("report", "1s")
    assert (later.status(), soon.status()) == ("scheduled", "scheduled")
    manager.store.connection.zadd(KEYS.scheduled(KEYS.queue("default")), {soon.id: 1})

    Scheduler(manager.store, "one").step()

    assert (later.status(), soon.status()) == ("scheduled", "queued")


def test_a_waiting_run_is_dropped(manager: RQManager) -> None:
    run = manager.enqueue("report")

    assert manager.cancel(run.id) == "dropped"

    assert run.status() == "canceled"
    assert manager.store.read().active == {}


@pytest.mark.parametrize("name", ["repotr", "nothing-like-it"])
def test_what_is_not_applied_is_not_enqueued(manager: RQManager, name: str) -> None:
    manager.store.connection.hset(manager.store.keys.pipelines, b"\xff", "a stranger's")

    with pytest.raises(UsageError, match=name) as raised:
        manager.enqueue(name)

    assert raised.value.hint == ("did you mean 'report'?" if name == "repotr" else "apply it first: flowerpower apply")


def test_inputs_that_are_no_json_are_refused(manager: RQManager) -> None:
    with pytest.raises(UsageError, match="'number' is of the type object"):
        manager.enqueue("report", inputs={"number": object()})
    plan = manager.plan_backfill("often", "2h")
    with pytest.raises(UsageError, match="'weights' has the key 1"):
        next(manager.backfill(plan, inputs={"weights": {1: 0.5}}))


def test_what_is_no_text_no_name_or_no_delay_is_refused_as_such(manager: RQManager) -> None:
    with pytest.raises(UsageError, match="the inputs cannot be written as JSON"):
        manager.enqueue("report", {"number": "\ud800"})
    with pytest.raises(UsageError, match="a name is a text"):
        manager.enqueue(["report"])  # type: ignore[arg-type]
    for delay in ("soon", "-1m", -5, -0.1, timedelta(seconds=-1), float("nan"), float("inf"), 10**30, timedelta.max):
        with pytest.raises(UsageError, match="is no delay"):
            manager.enqueue_in("report", delay)


def test_a_list_of_runs_begins_at_the_earliest_with_the_first_second(manager: RQManager) -> None:
    run = manager.enqueue("report")

    assert [record.run for record in manager.runs(since=timedelta.max).runs] == [run.id]
    assert manager.runs(limit=-1).runs == ()


def test_a_session_goes_on_as_it_was_after_its_worker(manager: RQManager, request: pytest.FixtureRequest) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    usual = gc.get_threshold()
    request.addfinalizer(lambda: gc.set_threshold(*usual))
    gc.set_threshold(701, 11, 11)
    manager.start_worker(burst=True, with_scheduler=False)  # what is opened once may stay open
    before = [*map(signal.getsignal, numbers), len(list(Path("/dev/fd").iterdir())), (701, 11, 11)]
    raised: list[Exception] = []

    def work_in_thread() -> None:
        try:
            manager.start_worker(burst=True)
        except UsageError as error:
            raised.append(error)

    for _ in range(3):
        manager.start_worker(burst=True, with_scheduler=False)
    after = [*map(signal.getsignal, numbers), len(list(Path("/dev/fd").iterdir())), gc.get_threshold()]
    thread = threading.Thread(target=work_in_thread)
    thread.start()
    thread.join(timeout=30)

    assert after == before
    assert [str(error) for error in raised] == ["only the main thread can listen for signals"]


def test_a_session_can_be_interrupted_after_a_worker_that_ended_for_new_code(
    redis_connection: Redis, redis_url: str, tmp_path: Path
) -> None:
    folder = write_project(tmp_path)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with FlowerPowerProject.load(folder, redis=redis_url) as project:
        project.apply(project.plan())
        run = project.jobs.enqueue("report")

        def edit() -> None:
            run.wait(timeout=60)
            (folder / "flows/flow.py").write_text(f"{FLOW}\n# edited\n")
            project.jobs.enqueue("report")

        with ThreadPoolExecutor(1) as pool:
            edited = pool.submit(edit)
            try:
                is_outdated = project.jobs.start_worker(with_scheduler=False)
                mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            edited.result()

    assert (is_outdated, mask) == (True, before)


def test_a_session_goes_on_after_a_worker_that_was_stopped_at_once(
    redis_connection: Redis, redis_url: str, tmp_path: Path
) -> None:
    slow = FLOW.replace("return number * 2", "__import__('time').sleep(60)")
    folder = write_project(tmp_path, flow=slow)
    with FlowerPowerProject.load(folder, redis=redis_url) as project:
        project.apply(project.plan())
        run = project.jobs.enqueue("report")

        def interrupt() -> None:
            while run.status() != "started":
                time.sleep(0.05)
            time.sleep(0.5)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        with ThreadPoolExecutor(1) as pool:
            interrupted = pool.submit(interrupt)
            assert project.jobs.start_worker(with_scheduler=False, grace=0.5) is False
            interrupted.result()

        assert project.jobs.schedules()[0].name == "often"


def test_a_damaged_run_spec_is_said_to_be_damaged(manager: RQManager, redis_connection: Redis) -> None:
    for digest in redis_connection.hkeys(manager.store.keys.specs):
        redis_connection.hset(manager.store.keys.specs, digest, "{")

    with pytest.raises(FormatError, match="the run spec of 'often' is damaged"):
        manager.enqueue("often")


def test_an_unknown_back_end_names_the_known(manager: RQManager) -> None:
    with pytest.raises(UsageError, match="celery") as raised:
        JobQueueManager.create("celery")

    assert raised.value.hint == "known: rq"


def test_status_says_what_is_next_and_who_works(redis_connection: Redis, redis_url: str, tmp_path: Path) -> None:
    store = Store(redis_connection, KEYS)
    folder = write_project(tmp_path, schedule="every: 1h\nstart: 2099-01-01T00:30:00")  # whatever the time is now
    apply_plan(make_plan(KEYS, wanted(folder), store.read(), SOURCE), store, "apply")

    status = JobQueueManager.create("rq", store=store, url=redis_url).status()

    (schedule,) = status.schedules
    assert schedule.next_tick == datetime(2099, 1, 1, 0, 30, tzinfo=UTC).timestamp()
    assert (schedule.trigger, schedule.late, schedule.last) == ("every 3600", 0, None)
    assert status.workers == {"default": 0}
    assert status.head.generation == 1


def test_a_worker_in_a_session_runs_the_code_that_was_applied_last(
    redis_connection: Redis, redis_url: str, tmp_path: Path
) -> None:
    folder = write_project(tmp_path)

    def doubled_after_apply() -> Any:
        with FlowerPowerProject.load(folder, redis=redis_url) as project:
            project.apply(project.plan())
            run = project.jobs.enqueue("report")
            project.jobs.start_worker(burst=True, with_scheduler=False)
            return run.wait(timeout=10)["outputs"]["doubled"]["value"]

    before = doubled_after_apply()
    flow = folder / "flows/flow.py"
    flow.write_text(flow.read_text().replace("number * 2", "number * 2000"))

    assert (before, doubled_after_apply()) == (42, 42_000)
