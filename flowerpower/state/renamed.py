"""The names that live schedules had before, as long as Redis keeps them: 30 days."""

from __future__ import annotations

from typing import Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store

_RENAMES = 20  # of one schedule, within the time for which they are kept


def read_renamed(store: Store) -> dict[str, str]:
    """Return which name each schedule got that had another one before; a step at a time, as it was renamed."""
    with redis_errors("reading former names"):
        raw: Any = store.connection.hgetall(store.keys.renamed)
    return {old.decode(errors="replace"): new.decode(errors="replace") for old, new in raw.items()}


def name_now(store: Store, name: str) -> str:
    """Return the name that a schedule has now, which may have been renamed since a run was made."""
    now = name
    with redis_errors("looking for a schedule by a former name"):
        for _ in range(_RENAMES):
            if store.connection.hexists(store.keys.schedules, now):
                return now
            newer: Any = store.connection.hget(store.keys.renamed, now)
            if newer is None:
                break
            now = newer.decode(errors="replace")
    return name
