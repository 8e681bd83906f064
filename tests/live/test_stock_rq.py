"""RQ's own `rq worker --with-scheduler --serializer json` on our queues: alone, and beside workers of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from rq import Queue
from support.projects import running_worker, wanted, write_project
from support.redis_state import dump_keys
from support.states import SOURCE, ticks_between

from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.state.desired import trigger_of
from flowerpower.state.keys import Keys
from flowerpower.state.models import STOCK_SCHEDULER
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
SUCCESSES = int(os.environ.get("FLOWERPOWER_TEST_STOCK_RUNS", "2"))
EVERY_OTHER_SECOND = 'cron: "*/2 * * * * *"'
PIPELINE = """
name: report
modules: [flow]
outputs: [attempts]
inputs: {attempt: "${run.attempt}"}
retry: {max: 2, intervals: [1]}
"""
FAILS_AT_FIRST = """
def attempts(attempt: int) -> int:
    if attempt == 1:
        raise ValueError("not at the first time")
    return attempt
"""


def applied(connection: Redis, folder: Path, more: str = "") -> Store:
    write_project(folder, flow=FAILS_AT_FIRST, pipeline=PIPELINE, schedule=f"{EVERY_OTHER_SECOND}\n{more}")
    store = Store(connection, KEYS)
    apply_plan(make_plan(KEYS, wanted(folder), store.read(), SOURCE), store, "apply")
    return store


@contextmanager
def stock_worker(url: str, folder: Path, *queues: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "rq.cli", "worker", "--with-scheduler", "--serializer", "json", "-u", url, *queues]
    with (folder / "stock.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a stock worker with its scheduler and what it runs, as a machine that goes away does."""
    if process.poll() is None:
        os.killpg(process.pid, 9)
    process.wait(timeout=30)


def wait_for(condition: Callable[[], object], seconds: float = 45.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


def outcomes(store: Store) -> list[dict[str, object]]:
    return [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes("often"), 0, -1)]


def succeeded(store: Store) -> int:
    return sum(outcome["status"] == "succeeded" for outcome in outcomes(store))


def account(store: Store, since: int) -> tuple[list[int], list[int]]:
    """Return the ticks that have no outcome and are no active run, and those that have several."""
    found = store.read()
    called_for = ticks_between(trigger_of(found.state.schedules["often"].fields), since, found.cursors["often"].tick)
    told = Counter(
        tick for outcome in outcomes(store) for tick in called_for if outcome["first"] <= tick <= outcome["last"]
    )
    told.update(run.tick for run in found.active.values() if run.tick not in told)
    return [tick for tick in called_for if told[tick] == 0], [tick for tick in called_for if told[tick] > 1]


def test_schedules_go_on_with_nothing_but_stock_rq(redis_connection: Redis, redis_url: str, tmp_path: Path) -> None:
    foreign = Queue("default", connection=redis_connection)
    foreign.enqueue(divmod, 7, 2)
    store = applied(redis_connection, tmp_path)
    since = store.read().cursors["often"].tick
    theirs = {key: value for key, value in dump_keys(redis_connection).items() if b"acme" not in key}

    with stock_worker(redis_url, tmp_path, KEYS.queue("default")):
        wait_for(lambda: succeeded(store) >= SUCCESSES)
        assert store.read().consumers.scheduler == STOCK_SCHEDULER

    assert account(store, since) == ([], [])
    assert {outcome["attempt"] for outcome in outcomes(store) if outcome["status"] == "succeeded"} == {2}
    assert {outcome["reason"] for outcome in outcomes(store)} <= {"", "overlap", "a newer tick was due"}
    after = dump_keys(redis_connection)
    assert {key: after[key] for key in theirs if key != b"rq:queues"} | {b"rq:queues": theirs[b"rq:queues"]} == theirs
    _dashboard_shows(redis_url, next(str(one["run"]) for one in outcomes(store) if one["status"] == "succeeded"))


def _dashboard_shows(url: str, run: str) -> None:
    """Ask rq-dashboard, started as with `-j`, for every page and document that people look at."""
    from flask import Flask
    from rq.serializers import JSONSerializer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own
        import rq_dashboard
        from rq_dashboard import web

        web.config.serializer = JSONSerializer
        app = Flask("dashboard")
        app.config.from_object(rq_dashboard.default_settings)
        app.config["RQ_DASHBOARD_REDIS_URL"] = url
        web.setup_rq_connection(app)
        app.register_blueprint(rq_dashboard.blueprint)
        queue, asked = KEYS.queue("default"), app.test_client()
        lists = {kind: f"/0/data/jobs/{queue}/{kind}/10/dsc/1.json" for kind in ("finished", "scheduled", "failed")}
        answers = {path: asked.get(path) for path in ("/", "/0/data/queues.json", "/0/view/workers", *lists.values())}
        details = asked.get(f"/0/data/job/{run}.json")
        page = asked.get(f"/0/view/job/{run}")

    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 200} == {}
    assert queue in answers["/0/data/queues.json"].text
    assert run in answers[lists["finished"]].text
    assert "often @ " in details.text
    assert (details.status_code, page.status_code) == (200, 200)


def test_a_mixed_fleet_survives_kills_without_a_tick_lost_or_doubled(
    redis_connection: Redis, redis_url: str, tmp_path: Path
) -> None:
    # What a killed worker had in hand is handed on after a minute or more: nothing should wait for it.
    store = applied(redis_connection, tmp_path, "overlap: allow")
    since = store.read().cursors["often"].tick

    with stock_worker(redis_url, tmp_path, KEYS.queue("default")) as stock:
        with running_worker(redis_url, KEYS, tmp_path, "scheduler") as ours:
            wait_for(lambda: succeeded(store) >= 1)
            ours.process.kill()
        before = succeeded(store)
        with running_worker(redis_url, KEYS, tmp_path, "scheduler"):
            wait_for(lambda: succeeded(store) > before)
            kill(stock)
            before = succeeded(store)
            wait_for(lambda: succeeded(store) >= before + SUCCESSES - 1)

    assert account(store, since) == ([], [])


def test_rq_info_names_our_queues(redis_connection: Redis, redis_url: str, tmp_path: Path) -> None:
    applied(redis_connection, tmp_path)

    command = [sys.executable, "-m", "rq.cli", "info", "--raw", "-u", redis_url]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert re.search(rf"^queue {KEYS.queue('default')} \d+, \d+ executing, \d+ finished", shown, re.MULTILINE)
