"""Which live schedules people mean: by name, or by a pattern such as `sales_*`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from flowerpower.arguments import text
from flowerpower.errors import UsageError
from flowerpower.jobs.applied_names import renamed_since
from flowerpower.state.connection import redis_errors
from flowerpower.state.history import read_renames
from flowerpower.state.renamed import name_now
from flowerpower.state.store import Store


def named_schedules(store: Store, patterns: Sequence[str], also: Iterable[str] = ()) -> list[str]:
    """Return the live schedules, and those of *also*, that names and patterns mean, each once.

    Raises `UsageError`, with what may have been meant, when one of them means none.
    """
    live = sorted({*_live(store), *also})
    known, found, unknown = set(live), list[str](), list[str]()
    for pattern in patterns:
        text(pattern, "each name", "pass them one by one: pause('sales', 'costs', ...)")
        matching = [pattern] if pattern in known else [name for name in live if fnmatchcase(name, pattern)]
        found += matching
        if not matching:
            unknown.append(pattern)
    if unknown:
        names = ", ".join(repr(name) for name in unknown)
        raise UsageError(f"no schedule {names} is live; nothing was changed", hint=advice_for(store, unknown[0], live))
    return list(dict.fromkeys(found))


def _live(store: Store) -> list[str]:
    with redis_errors("reading schedules"):
        names: Any = store.connection.hkeys(store.keys.schedules)
    return [name.decode(errors="replace") for name in names]


def names_since(store: Store, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return for each name of a past run the schedules that it may have been of, by the names they have now: who has
    the name, or got another one, and those that had it before another schedule took it.
    """
    former: dict[str, set[str]] = {}  # name now -> names before
    for renamed in read_renames(store):
        moved = {new: {old} | former.pop(old, set()) for new, old in renamed.items()}
        former |= moved
    return {
        name: tuple(dict.fromkeys([name_now(store, name), *(now for now, then in former.items() if name in then)]))
        for name in sorted(set(names))
    }


def advice_for(store: Store, unknown: str, live: Sequence[str] | None = None) -> str:
    """Return what to do about a name that no live schedule has."""
    from flowerpower.specs.messages import did_you_mean

    live = _live(store) if live is None else live
    if renamed := renamed_since(store, unknown):
        return renamed
    if not live:
        return "nothing is applied here yet: flowerpower apply; or name the environment with --env"
    with redis_errors("reading pipelines"):
        is_pipeline = bool(store.connection.hexists(store.keys.pipelines, unknown))
    if is_pipeline:
        return f"{unknown} is a pipeline; name its schedules, `flowerpower status` shows them"
    return did_you_mean(unknown, live) or "`flowerpower status` shows what is live"
