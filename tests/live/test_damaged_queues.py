"""A worker meets keys of RQ's of another type: it tells of them, and works on what is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis
from support.projects import wanted, write_project
from support.redis_state import SHIFTED_CLOCK, shift_clock
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
BROKEN, DEFAULT = KEYS.queue("broken"), KEYS.queue("default")
_WORK = """
import sys
from pathlib import Path
from flowerpower.jobs.workers.processes import WorkerOptions, run_worker
from flowerpower.state.keys import Keys

how = {"queues": ("broken", "default"), "burst": True, "with_scheduler": False}
run_worker(sys.argv[1], Keys("acme", "default"), WorkerOptions(root=Path(sys.argv[2]), **how))
"""


@pytest.fixture
def run(redis_connection: Redis, tmp_path: Path) -> str:
    """A run that waits in the queue."""
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    folder = write_project(tmp_path)
    apply_plan(make_plan(KEYS, wanted(folder), store.read(), SOURCE), store, "apply")
    shift_clock(redis_connection, 3600)
    Scheduler(store, "one").step()
    return next(iter(store.read().active))


def test_other_queues_go_on_and_a_success_stays_one(
    run: str, redis_connection: Redis, redis_url: str, tmp_path: Path
) -> None:
    damaged = [KEYS.queue_list(BROKEN), f"rq:failed:{DEFAULT}", f"rq:finished:{DEFAULT}", KEYS.workers(DEFAULT)]
    for key in damaged:
        redis_connection.set(key, "?")
    redis_connection.lpush(KEYS.queue_list(DEFAULT), "no id", b"\xff")

    asked = [sys.executable, "-c", _WORK, redis_url, str(tmp_path)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    for told in (
        "a queue waits",
        "FailedJobRegistry",
        "FinishedJobRegistry",
        "'no id' stands",
        "this worker is not in all of RQ's lists",
        f"not all of the end of run {run}",
    ):
        assert done.stderr.count(told) == 1, (told, done.stderr)
    assert redis_connection.hget(KEYS.job(run), "status") == b"finished"
    assert run not in [member.decode() for member in redis_connection.zrange(KEYS.scheduled(DEFAULT), 0, -1)]
    assert [redis_connection.get(key) for key in damaged] == [b"?"] * 4
