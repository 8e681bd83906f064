"""What is applied, by name: for hints."""

from __future__ import annotations

from typing import Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store


def applied_like(store: Store, name: str) -> str:
    """Return a question whether the applied schedule or pipeline with the nearest name is meant; nothing for none."""
    from flowerpower.specs.messages import did_you_mean

    keys = store.keys
    with redis_errors("reading the applied names"):
        names: Any = [*store.connection.hkeys(keys.schedules), *store.connection.hkeys(keys.pipelines)]
    return did_you_mean(name, sorted({found.decode(errors="replace") for found in names}))
