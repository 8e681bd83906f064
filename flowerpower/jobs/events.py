"""The stream of run events: what happened, newest first or as it happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store

AT_ONCE = 500
BEGINNING = "0-0"  # before every event


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its id in the stream, when it was (epoch seconds), and its fields as texts."""

    id: str
    moment: int
    fields: Mapping[str, str]


def newest_id(store: Store) -> str:
    """Return the id of the newest event, `BEGINNING` when there is none."""
    with redis_errors("looking for the newest run event"):
        newest: Any = store.connection.xrevrange(store.keys.runs, count=1)
    return newest[0][0].decode() if newest else BEGINNING


def events_after(store: Store, after: str) -> list[Event]:
    """Return the next events after an id, oldest first, at most `AT_ONCE`."""
    with redis_errors("reading run events"):
        found: Any = store.connection.xread({store.keys.runs: after}, count=AT_ONCE)
    return [_event(*entry) for entry in found[0][1]] if found else []


def newest_events(store: Store, *, since: int = 0, page: int = AT_ONCE) -> Iterator[Event]:
    """Yield the events since a moment (epoch seconds), the newest first, reading *page* of them at a time."""
    upper = "+"
    while True:
        with redis_errors("reading run events"):
            found: Any = store.connection.xrevrange(store.keys.runs, max=upper, min=str(since * 1000), count=page)
        yield from (_event(*entry) for entry in found)
        if len(found) < page:
            return
        upper = f"({found[-1][0].decode()}"


class Follower:
    """Reads the events from now on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last = newest_id(store)

    def news(self) -> list[Event]:
        """Return what is new since the last call, oldest first."""
        found = events_after(self._store, self._last)
        if found:
            self._last = found[-1].id
        return found


def _event(entry: bytes, fields: Mapping[bytes, bytes]) -> Event:
    texts = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
    return Event(entry.decode(), int(entry.partition(b"-")[0]) // 1000, texts)
