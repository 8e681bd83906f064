"""The Lua scripts, each preceded by the clock and by what they share.

Tests hand in another clock (hours in seconds, on a real Redis); the package itself ships only Redis' own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from flowerpower.state.keys import Keys

if TYPE_CHECKING:
    from redis import Redis
    from redis.commands.core import Script


_PARTS = {  # what a script is made of besides its own file
    "claim": ("buffer",),
    "commit": ("buffer", "cancel", "bulk", "undo"),
    "drain": ("buffer",),
    "finish": ("buffer",),
    "fire": ("buffer", "cancel"),
    "hand_out": ("buffer",),
    "stop_run": ("buffer", "cancel"),
    "hold": ("buffer",),
    "resume": ("buffer",),
}


@cache
def _text(name: str) -> str:
    return (files("flowerpower.state") / f"{name}.lua").read_text(encoding="utf-8")


def clock_text() -> str:
    """Return the Lua text of the clock that ships: Redis `TIME`."""
    return _text("clock")


class Scripts:
    """The scripts of one namespace, ready to be called over one connection."""

    def __init__(self, connection: Redis, keys: Keys, clock: str | None = None) -> None:
        self._connection, self._of = connection, keys
        self._clock = clock_text() if clock is None else clock
        self._names = json.dumps({"ns": keys.prefix, "rq": keys.rq, "queues": keys.queue("")})
        self._keys = [keys.head]
        self._scripts: dict[str, Script] = {}

    def over(self, connection: Redis) -> Scripts:
        """Return the same scripts, to be called over another connection."""
        return Scripts(connection, self._of, self._clock)

    def call(self, name: str, arguments: Sequence[str | bytes | int] = ()) -> Any:
        """Run `<name>.lua` with the given arguments after the first one, and return its answer."""
        self.prepare(name)
        return self._scripts[name](keys=self._keys, args=[self._names, *arguments])

    def prepare(self, *names: str) -> None:
        """Make the texts of scripts ready; nothing is sent."""
        for name in names:
            if name not in self._scripts:
                parts = (_text(part) for part in ("shared", *_PARTS.get(name, ()), name))
                self._scripts[name] = self._connection.register_script("\n".join((self._clock, *parts)))

    def time(self) -> int:
        """Return the time in whole seconds, by the clock that the scripts decide with."""
        return int(self.call("time")[0])
