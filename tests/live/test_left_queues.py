"""Runs stay in the queue that their schedule had when they were enqueued; `status` says where nobody comes for them."""

from __future__ import annotations

from support.holds import HOUR, apply, step
from support.redis_state import shift_clock
from support.states import schedule

from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.workers.worker import make_worker
from flowerpower.render.status import status_text
from flowerpower.state.store import Store


def start_worker(store: Store, queue: str) -> None:
    worker = make_worker(store.connection, store.keys, [queue])
    worker.register_birth()
    worker.heartbeat()


def told(store: Store) -> str:
    return " ".join(status_text(read_status(store), width=200).split()).replace(" for 0s", "")


def test_a_run_in_the_queue_that_its_schedule_had_before_is_told_of_until_somebody_listens_there(store: Store) -> None:
    apply(store, schedule("often", every=HOUR, queue="heavy"))
    shift_clock(store.connection, HOUR)
    step(store)
    start_worker(store, "default")

    apply(store, schedule("often", every=HOUR))

    assert "1 run queued, no worker on queue heavy" in told(store)
    assert "Workers: default 1 No worker listens on: heavy" in told(store)
    start_worker(store, "heavy")
    assert "no worker" not in told(store).lower()


def test_of_a_queue_that_nobody_listens_on_it_is_told_which_schedules_are_in_it(store: Store) -> None:
    apply(store, schedule("often", every=HOUR), schedule("other", every=HOUR, queue="heavy"))
    shift_clock(store.connection, HOUR)
    step(store)
    store.connection.lpush(store.keys.queue_list(store.keys.queue("heavy")), "a job of others", b"\xff--often--5")
    start_worker(store, "default")

    found = {one.name: one.stuck_in for one in read_status(store).schedules}

    assert found == {"often": "", "other": "heavy"}
