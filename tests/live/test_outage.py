"""Redis goes away under a working worker and comes back: everything recovers by itself, and no tick runs twice."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

from support.mortal_server import mortal_server
from support.projects import running_worker, wanted, write_project
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.state.connection import connect
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")


def succeeded(store: Store) -> list[int]:
    found = [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes("often"), 0, -1)]
    return [outcome["first"] for outcome in found if outcome["status"] == "succeeded"]


def test_a_worker_and_its_scheduler_survive_a_redis_that_is_killed(tmp_path: Path) -> None:
    home, project = tmp_path / "r", write_project(tmp_path / "p", schedule="every: 1s\noverlap: allow")
    url = f"unix://{home / 's'}"
    store = Store(connect(url), KEYS)
    with mortal_server(home):
        apply_plan(make_plan(KEYS, wanted(project), store.read(), SOURCE), store, "apply")
        worker_context = running_worker(url, KEYS, project, "scheduler")
        worker = worker_context.__enter__()
        worker.wait_for(lambda: len(succeeded(store)) >= 2)
    try:
        time.sleep(3)
        with mortal_server(home):
            store = Store(connect(url), KEYS)
            before = max(succeeded(store))
            worker.wait_for(lambda: max(succeeded(store)) >= before + 4, seconds=60)
            assert worker.stop() == 0

            pushed = Counter(
                fields[b"job"] for _, fields in store.connection.xrange(KEYS.runs) if fields[b"event"] == b"succeeded"
            )
            assert pushed
            assert set(pushed.values()) == {1}
            assert make_plan(KEYS, wanted(project), store.read(), SOURCE).changes == ()
            store.connection.close()
            log = worker.output()
            assert "could not connect" not in log  # as RQ says every other second
            assert log.count("Redis is away") <= 2 * log.count("Redis is back"), log
            assert "Redis is back" in log
    finally:
        worker_context.__exit__(None, None, None)
