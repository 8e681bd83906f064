"""A Redis that takes no write for its place among others: what reads says so, and not that nobody is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis
from support.redis_state import SHIFTED_CLOCK
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.doctor.live import read_live
from flowerpower.doctor.live_checks import live_findings
from flowerpower.errors import StoreError
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.render.plan_text import plan_text
from flowerpower.render.status import status_text
from flowerpower.state.store import Store


@pytest.fixture
def store(redis_connection: Redis) -> Iterator[Store]:
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    apply_plan(make_plan(KEYS, desired([schedule("hourly", every=3600)]), store.read(), SOURCE), store, "apply")
    yield store
    redis_connection.replicaof("NO", "ONE")
    redis_connection.config_set("min-replicas-to-write", 0)


def what_is_told(store: Store) -> tuple[str, str, dict[str, str]]:
    """Return what `status` and `plan` say, and the verdicts of `doctor`."""
    plan = make_plan(KEYS, desired([schedule("hourly", every=7200)]), store.read(), SOURCE)
    found = {finding.name: finding.verdict for finding in live_findings(read_live(store, ""))}
    return " ".join(status_text(read_status(store)).split()), " ".join(plan_text(plan).split()), found


def test_a_master_without_the_replicas_that_it_wants_is_told(store: Store) -> None:
    store.connection.config_set("min-replicas-to-write", 1)
    with pytest.raises(StoreError, match="NOREPLICAS"):
        Scheduler(store, "one").step()

    status, plan, found = what_is_told(store)

    assert (
        "Trouble: Redis is without replicas, which its min-replicas-to-write wants, so it refuses every write" in status
    )
    assert "Scheduler: not known, since it cannot write that it is alive while Redis is without replicas" in status
    assert "Note: Redis is without replicas" in plan
    assert "no scheduler is alive" not in plan
    assert (found["troubles"], found["scheduler"]) == ("fail", "unknown")


def test_a_replica_that_is_taken_for_the_master_is_told(store: Store) -> None:
    store.connection.replicaof("127.0.0.1", 1)
    with pytest.raises(StoreError, match="read only replica"):
        Scheduler(store, "one").step()

    status, plan, found = what_is_told(store)

    assert "Trouble: Redis is a replica of 127.0.0.1:1, so it refuses every write" in status
    assert "Scheduler: not known, since it cannot write that it is alive while Redis is a replica" in status
    assert "Note: Redis is a replica of 127.0.0.1:1" in plan
    assert (found["troubles"], found["scheduler"]) == ("fail", "unknown")


def test_nothing_is_wrong_with_a_replica_to_read_from(store: Store) -> None:
    store.connection.set(KEYS.lease, "elsewhere")
    store.connection.replicaof("127.0.0.1", 1)

    status = read_status(store)

    assert (status.troubles, status.scheduler) == ((), "elsewhere")
