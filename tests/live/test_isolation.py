"""Two projects, two environments and a stock RQ worker with pickle, all at work in one Redis."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from redis import Redis
from rq import Queue
from rq.job import Job
from support.projects import PIPELINE, running_worker, wanted, write_project
from support.redis_state import dump_keys
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

EVERY_SECOND = "every: 1s\noverlap: allow"


def project(folder: Path, name: str, redis: Redis, env: str = "default") -> Store:
    """Apply a project of that name whose runs say who they are, and return its store."""
    folder.mkdir(exist_ok=True)
    write_project(folder, pipeline=PIPELINE.replace("21", str(len(name) + len(env))), schedule=EVERY_SECOND)
    (folder / "flowerpower.yaml").write_text(
        f"name: {name}\nmodules: [flows]\nenvironments: {{staging: {{}}}}\n", encoding="utf-8"
    )
    store = Store(redis, Keys(name, env))
    apply_plan(make_plan(store.keys, wanted(folder, env), store.read(), SOURCE), store, f"apply-{name}-{env}")
    return store


def succeeded(store: Store) -> list[str]:
    found = [json.loads(raw) for raw in store.connection.zrange(store.keys.outcomes("often"), 0, -1)]
    return [outcome["run"] for outcome in found if outcome["status"] == "succeeded"]


def test_nobody_meets_anybody(redis_connection: Redis, redis_url: str, tmp_path: Path) -> None:
    redis = redis_connection
    acme = project(tmp_path / "acme", "acme", redis)
    staging = project(tmp_path / "staging", "acme", redis, "staging")
    other = project(tmp_path / "other", "acme-b", redis)
    untouched = ("flowerpower:acme.staging:", "rq:job:acme--staging--", "rq:scheduled:acme--staging--")
    before = {key: value for key, value in dump_keys(redis).items() if key.decode().startswith(untouched)}
    stock_queue = Queue("default", connection=redis)
    stock_jobs = [stock_queue.enqueue(divmod, 7, 2).id, stock_queue.enqueue_in(timedelta(seconds=1), divmod, 9, 2).id]
    command = [sys.executable, "-m", "rq.cli", "worker", "--with-scheduler", "-u", redis_url, "default"]
    stock = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with (
            running_worker(redis_url, acme.keys, tmp_path / "acme", "scheduler") as first,
            running_worker(redis_url, other.keys, tmp_path / "other", "scheduler") as second,
        ):
            first.wait_for(lambda: len(succeeded(acme)) >= 2)
            second.wait_for(lambda: len(succeeded(other)) >= 2)
            first.wait_for(lambda: all(Job.fetch(job, connection=redis).is_finished for job in stock_jobs))
            assert (first.stop(), second.stop()) == (0, 0)
    finally:
        stock.terminate()
        stock.wait(timeout=30)

    assert [Job.fetch(job, connection=redis).return_value() for job in stock_jobs] == [(3, 1), (4, 1)]
    assert all(run.startswith("acme--default--") for run in succeeded(acme))
    assert all(run.startswith("acme-b--default--") for run in succeeded(other))
    assert {path.read_text(encoding="utf-8")[-2:] for path in (tmp_path / "acme" / "out").iterdir()} == {"22"}
    assert {path.read_text(encoding="utf-8")[-2:] for path in (tmp_path / "other" / "out").iterdir()} == {"26"}
    assert succeeded(staging) == []
    after = {key: value for key, value in dump_keys(redis).items() if key.decode().startswith(untouched)}
    assert after == before
