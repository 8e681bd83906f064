"""What a run leaves behind: its log, how it failed, where it was; through a real worker, and without its secrets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.projects import running_worker, wanted, work_until_empty, write_project
from support.redis_state import dump_keys
from support.states import SOURCE

from flowerpower import JobQueueManager, RQManager
from flowerpower.apply import apply_plan
from flowerpower.errors import PipelineError, UsageError
from flowerpower.jobs.by_hand.manual import RunHandle
from flowerpower.jobs.details import RunDetails
from flowerpower.jobs.logs import read_log
from flowerpower.jobs.running import keeping
from flowerpower.planning.diff import make_plan
from flowerpower.render.details import details_dict, details_text
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
SECRET = "s3cr3t-and-long"
FLOW = """
import logging
import time


def prepared(number: int, token: str) -> int:
    if number != 1:
        print(f"preparing with {token}")
        logging.getLogger("flows").info("number is %s", number)
    return number


def checked(prepared: int) -> int:
    if prepared < 0:
        raise ValueError(f"no {prepared} loaves")
    time.sleep(prepared / 1000)
    return prepared


def doubled(checked: int) -> int:
    return checked * 2
"""
PIPELINE = """
name: report
modules: [flow]
outputs: [doubled]
inputs: {number: 21, token: "${secret:TOKEN}", day: "${tick:%Y-%m-%d}"}
retry: {max: 1}
"""


@pytest.fixture
def manager(redis_connection: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RQManager:
    monkeypatch.setenv("TOKEN", SECRET)
    store = Store(redis_connection, KEYS)
    folder = write_project(
        tmp_path, flow=FLOW.replace("number: int, token", "number: int, day: str, token"), pipeline=PIPELINE
    )
    apply_plan(make_plan(KEYS, wanted(folder), store.read(), SOURCE), store, "apply")
    return JobQueueManager.create("rq", store=store, url=redis_url)


@pytest.fixture
def ran(manager: RQManager, redis_url: str, tmp_path: Path) -> dict[str, RunHandle]:
    """Runs that have ended: one failed twice, one succeeded, one succeeded without a word."""
    old = {KEYS.run_id("report", number): number for number in range(keeping.RUNS_KEPT)}
    manager.store.connection.zadd(KEYS.kept_of("report"), {**old, b"\xff": -1})  # and what is no id of a run
    manager.store.connection.hset(KEYS.kept(KEYS.run_id("report", 0)), "log:1", "old")
    numbers = {"bad": -4, "good": 21, "quiet": 1}
    runs = {name: manager.enqueue("report", {"number": number}) for name, number in numbers.items()}
    work_until_empty(redis_url, KEYS, tmp_path)
    return runs


def test_a_run_that_ended_tells_how_it_failed_or_what_it_made(manager: RQManager, ran: dict[str, RunHandle]) -> None:
    bad, good, quiet = (ran[name].id for name in ("bad", "good", "quiet"))
    redis = manager.store.connection

    failed = manager.run(bad)
    assert [(attempt.number, attempt.status) for attempt in failed.attempts] == [(1, "failed"), (2, "failed")]
    kept = failed.attempts[-1].kept
    first, second, *_ = kept["error"]["details"].splitlines()
    assert (first, second.partition(":")[0]) == ("ValueError: no -4 loaves", "  flows/flow.py")
    assert [(node["node"], node["succeeded"]) for node in kept["nodes"]] == [("checked", False), ("prepared", True)]
    day = time.strftime("%Y-%m-%d", time.gmtime(failed.record.last))
    assert (kept["error"]["node"], kept["inputs"]) == ("checked", {"number": -4, "token": "***", "day": day})
    with pytest.raises(PipelineError, match="no -4 loaves"):
        ran["bad"].wait()

    done = manager.run(good)
    assert (done.record.status, done.summary["outputs"]["doubled"]) == ("succeeded", {"value": 42})
    assert (done.summary["inputs"]["token"], done.attempts[-1].worker) == ("***", done.summary["worker"])
    for run in (bad, good):
        assert manager.log(run).splitlines()[0] == "preparing with ***"
        assert "INFO flows: number is" in manager.log(run)
    assert read_log(manager.store, bad, 1).attempt == 1
    assert 0 < redis.ttl(KEYS.kept(good)) <= 86_400 < redis.ttl(KEYS.kept(bad))

    assert manager.run(quiet).record.status == "succeeded"
    assert not redis.exists(KEYS.kept(quiet))
    assert (manager.log(quiet), manager.logged(quiet).silence) == ("", "wrote nothing")

    assert redis.zcard(KEYS.kept_of("report")) == keeping.RUNS_KEPT
    assert not redis.exists(KEYS.kept(KEYS.run_id("report", 0)))
    assert SECRET not in repr(dump_keys(redis))


def test_a_log_that_is_gone_is_not_taken_for_one_that_is_empty(manager: RQManager, ran: dict[str, RunHandle]) -> None:
    redis, bad, quiet = manager.store.connection, ran["bad"].id, ran["quiet"].id
    waiting, dropped = manager.enqueue("report").id, manager.enqueue("report").id
    manager.cancel(dropped)

    assert manager.logged(waiting).silence == "waits in its queue and has written nothing yet"
    assert manager.logged(dropped).silence == "was cancelled before it ran, so it wrote nothing"
    with pytest.raises(UsageError, match="has no attempt 3") as raised:
        manager.log(bad, 3)
    assert raised.value.hint == "it has had 2 so far: --attempt 1 to 2"
    redis.hdel(KEYS.kept(bad), "log:1")
    assert manager.logged(bad, 1).silence == "wrote nothing in attempt 1"

    redis.zadd(KEYS.kept_of("report"), dict.fromkeys(redis.zrange(KEYS.kept_of("report"), 0, -1), time.time() + 9))
    with pytest.raises(UsageError, match="no log any more"):
        manager.log(quiet)
    redis.delete(KEYS.kept_of("report"), KEYS.job(quiet))
    with pytest.raises(UsageError, match="no log any more"):
        manager.log(quiet)


def test_a_running_run_tells_where_it_is_and_a_killed_one_what_it_had_said(
    manager: RQManager, redis_url: str, tmp_path: Path
) -> None:
    run = manager.enqueue("report", {"number": 60_000})

    def live() -> Any:
        return manager.run(run.id).live

    with running_worker(redis_url, KEYS, tmp_path) as worker:
        worker.wait_for(live)
        assert (live()["done"], live()["expected"], live()["nodes"][0]["node"]) == (1, 3, "checked")
        manager.cancel(run.id, reason="wrong number")
        worker.wait_for(lambda: manager.run(run.id).is_over)
        worker.wait_for(lambda: run.status() == "stopped")

    ended: RunDetails = manager.run(run.id)
    assert (ended.record.status, ended.record.reason) == ("cancelled", "cancelled: wrong number")
    assert manager.log(run.id).startswith("preparing with ***\n")
    assert ended.record.seconds >= 1
    told = details_text(ended)
    assert "Under way when it was last heard of, 1 of 3 nodes done\n  checked  since " in told
    assert (ended.live, details_dict(ended, "acme.default")["last_seen"]["done"]) == ({}, 1)
