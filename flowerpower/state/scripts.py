"""The Lua scripts, each preceded by the clock and by what they share.

Tests hand in another clock (hours in seconds, on a real Redis); the package itself ships only Redis' own.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from flowerpower.state.keys import Keys
from flowerpower.state.pipelined import pack, replies

if TYPE_CHECKING:
    from redis import Redis
    from redis.commands.core import Script


_PARTS = {  # what a script is made of besides its own file
    "claim": ("buffer", "after"),
    "commit": ("buffer", "cancel", "bulk", "undo"),
    "drain": ("buffer",),
    "finish": ("buffer", "after"),
    "fire": ("buffer", "cancel", "bulk", "after"),
    "hand_out": ("buffer",),
    "stop_run": ("buffer", "cancel", "after"),
    "hold": ("buffer",),
    "release": ("buffer", "after"),
    "resume": ("buffer",),
    "wake": ("buffer", "after"),
}


@cache
def _text(name: str) -> str:
    return (files("flowerpower.state") / f"{name}.lua").read_text(encoding="utf-8")


def one_line(text: str) -> str:
    """Return what people say on one line, in letters that scripts can read: Lua's JSON takes no half of one."""
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())


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

    def stream(self, name: str, calls: Iterable[Sequence[str]]) -> Iterator[Any]:
        """Run a script once for each sequence of arguments, and yield its answers in order; its errors are answers too.

        The next arguments are asked for while Redis works on those before them.
        """
        from redis.exceptions import NoScriptError

        self.prepare(name)
        start = ("EVALSHA", self._scripts[name].sha, "1", *self._keys, self._names)
        sent: deque[Sequence[str]] = deque()

        def commands() -> Iterator[list[bytes]]:
            for arguments in calls:
                sent.append(arguments)
                yield [pack(*start, *arguments)]

        for answer in replies(self._connection, commands()):
            arguments = sent.popleft()
            yield self._answer(name, arguments) if isinstance(answer, NoScriptError) else answer

    def _answer(self, name: str, arguments: Sequence[str]) -> Any:
        from redis.exceptions import ResponseError

        try:
            return self.call(name, arguments)
        except ResponseError as error:
            return error

    def prepare(self, *names: str) -> None:
        """Make the texts of scripts ready; nothing is sent."""
        for name in names:
            if name not in self._scripts:
                parts = (_text(part) for part in ("shared", *_PARTS.get(name, ()), name))
                self._scripts[name] = self._connection.register_script("\n".join((self._clock, *parts)))

    def time(self) -> int:
        """Return the time in whole seconds, by the clock that the scripts decide with."""
        return int(self.call("time")[0])
