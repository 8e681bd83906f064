"""A namespace of its own on the real Redis, with a clock that tests set, and somebody who plays its worker."""

from __future__ import annotations

import pytest
from redis import Redis
from support.players import Player
from support.redis_state import SHIFTED_CLOCK, start_at_half_past
from support.states import KEYS

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
