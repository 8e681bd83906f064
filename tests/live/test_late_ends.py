"""A run that was held up until it went on elsewhere, and that ends after all: it says nothing of that one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from redis import Redis
from support.projects import running_worker

from flowerpower.jobs.details import read_run
from flowerpower.state.store import Store

from .test_workers_that_die import KEYS, QUEUE, began, obedient, outcomes, parent_of

LATE = "if len((FOLDER / 'began').read_text().split()) == 1:\n    while not (FOLDER / 'go').exists(): time.sleep(0.05)"


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    return Store(redis_connection, KEYS)


def test_an_attempt_that_ends_after_the_next_one_is_told_in_the_log_and_not_taken_for_that(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    run = obedient(store, redis_url, tmp_path, "retry: {max: 1}\n", order=LATE).enqueue("report")
    with running_worker(redis_url, KEYS, tmp_path, "two", "scheduler") as worker:
        worker.wait_for(lambda: began(tmp_path))
        held_up = [parent_of(began(tmp_path)[0]), int(began(tmp_path)[0])]
        for process in held_up:
            os.kill(process, signal.SIGSTOP)
        (member,) = store.connection.zrange(KEYS.registry("wip", QUEUE), 0, -1)
        store.connection.delete(f"rq:execution:{member.decode()}")  # its signs of life have run out
        store.connection.zadd(KEYS.registry("wip", QUEUE), {member: 0})
        worker.wait_for(lambda: outcomes(store))
        (tmp_path / "go").touch()
        for process in held_up:
            os.kill(process, signal.SIGCONT)
        worker.wait_for(lambda: "how attempt 1 ended (succeeded) is not recorded" in worker.output())
        worker.wait_for(lambda: not store.connection.zcard(KEYS.registry("wip", QUEUE)))
        assert worker.stop() == 0

    details = read_run(store, run.id)
    assert (details.record.status, details.record.attempt) == ("succeeded", 2)
    assert (details.attempts[0].status, details.attempts[1].status) == ("failed", "succeeded")
    assert details.summary.get("attempt") in (None, 2)
    assert details.attempts[1].worker != details.attempts[0].worker
