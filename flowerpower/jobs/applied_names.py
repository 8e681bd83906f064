"""What is applied, by name, also by one that it had before."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flowerpower.errors import StoreError
from flowerpower.state.connection import redis_errors
from flowerpower.state.renamed import name_now
from flowerpower.state.store import Store


def renamed_since(store: Store, name: str) -> str:
    """Return that a schedule had this name and has another one now; nothing where none had it, or nobody can tell."""
    with suppress(StoreError):
        now = name_now(store, name)
        return "" if now == name else f"{name} was renamed to {now}"
    return ""


def applied_like(store: Store, name: str) -> str:
    """Return which applied schedule or pipeline is meant: that had the name, or has the nearest; nothing for none."""
    from flowerpower.specs.messages import did_you_mean

    if renamed := renamed_since(store, name):
        return renamed
    keys = store.keys
    with redis_errors("reading the applied names"):
        names: Any = [*store.connection.hkeys(keys.schedules), *store.connection.hkeys(keys.pipelines)]
    return did_you_mean(name, sorted({found.decode(errors="replace") for found in names}))
