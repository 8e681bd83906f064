"""What happens to runs, as it happens: the new events of the stream of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store

_AT_ONCE = 500


class Follower:
    """Reads the events of runs from now on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with redis_errors("looking for the newest run event"):
            newest: Any = store.connection.xrevrange(store.keys.runs, count=1)
        self._cursor: bytes = newest[0][0] if newest else b"0-0"

    def news(self) -> list[Mapping[str, str]]:
        """Return the events since the last call, oldest first, each with its fields as texts."""
        with redis_errors("reading run events"):
            found: Any = self._store.connection.xread({self._store.keys.runs: self._cursor}, count=_AT_ONCE)
        events = found[0][1] if found else []
        if events:
            self._cursor = events[-1][0]
        return [{_text(name): _text(value) for name, value in fields.items()} for _, fields in events]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
