"""A namespace of its own on the real Redis, with a clock that tests set, and somebody who plays its worker."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis
from support.players import Player
from support.projects import wanted, write_project
from support.redis_state import SHIFTED_CLOCK, start_at_half_past
from support.states import KEYS, SOURCE

from flowerpower import JobQueueManager, RQManager
from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    """The store of `support.states.KEYS`; its clock begins at half past noon."""
    start_at_half_past(redis_connection)
    return Store(redis_connection, KEYS, SHIFTED_CLOCK)


@pytest.fixture
def player(store: Store) -> Player:
    """A worker of the default queue, played step by step."""
    return Player(store, KEYS.queue("default"))


@pytest.fixture
def manager(redis_connection: Redis, redis_url: str, tmp_path: Path) -> RQManager:
    """The job queue of a project that is applied, by the clock of Redis."""
    keys = Keys("acme", "default")
    store = Store(redis_connection, keys)
    apply_plan(make_plan(keys, wanted(write_project(tmp_path)), store.read(), SOURCE), store, "apply")
    return JobQueueManager.create("rq", store=store, url=redis_url)
