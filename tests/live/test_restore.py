"""An old copy of Redis comes back: what `docs/backup.md` says happens with the hold it tells to make, and without."""

from __future__ import annotations

import pytest
from redis import Redis
from support.holds import HOUR, apply, outcomes, pause, queued, resume, step
from support.redis_state import OFFSET_KEY, shift_clock
from support.states import KEYS, schedule

from flowerpower.planning.holds import UNFIRED
from flowerpower.state.store import Store


def copy_of(connection: Redis) -> dict[bytes, bytes]:
    """Return every key as Redis itself dumps it, but for the clock of the tests."""
    return {key: connection.dump(key) for key in connection.scan_iter() if key != OFFSET_KEY.encode()}


def put_back(connection: Redis, copy: dict[bytes, bytes]) -> None:
    for key in list(connection.scan_iter()):
        if key != OFFSET_KEY.encode():
            connection.delete(key)
    for key, value in copy.items():
        connection.restore(key, 0, value)


@pytest.fixture
def restored(store: Store) -> tuple[Store, int]:
    """A store whose copy of two hours ago was put back, and the tick that had run in between."""
    apply(store, schedule("often", every=HOUR, overlap="allow"))
    first = store.read().state.schedules["often"].occurrence.due
    copy = copy_of(store.connection)
    shift_clock(store.connection, 2 * HOUR)
    step(store)
    assert [run.rpartition("--")[2] for run in queued(store)] == [str(first + HOUR)]
    put_back(store.connection, copy)
    assert queued(store) == []
    return store, first + HOUR


def test_held_before_anything_fires_no_tick_runs_twice_and_each_has_an_outcome(restored: tuple[Store, int]) -> None:
    store, ran = restored

    pause(store, "often")
    step(store)
    resume(store, "often")
    step(store)

    assert queued(store) == []
    assert outcomes(store) == [(ran - HOUR, ran, 2, "missed", UNFIRED)]


def test_without_the_hold_the_newest_tick_runs_again_under_the_same_id(restored: tuple[Store, int]) -> None:
    store, ran = restored

    step(store)

    assert queued(store) == [f"{KEYS.project}--{KEYS.env}--often--{ran}"]
