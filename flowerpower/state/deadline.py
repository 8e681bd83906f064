"""How long a caller lets Redis be silent, whatever is asked of it meanwhile, over whichever connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

_SHORTEST = 0.5  # seconds that a server that is well gets for an answer, also to who does not want to wait at all
_end: ContextVar[float | None] = ContextVar("end", default=None)  # on the monotonic clock


@contextmanager
def until(end: float | None) -> Iterator[None]:
    """Let no reply be waited for after a moment of the monotonic clock, in this block and in this thread."""
    token = _end.set(end)
    try:
        yield
    finally:
        _end.reset(token)


def _left() -> float | None:
    end = _end.get()
    return None if end is None else max(end - time.monotonic(), _SHORTEST)


@cache
def keeping_deadlines(kind: Any) -> Any:
    """Return a kind of connection that waits as long as the block it is used in allows, and else as it always did."""

    class Hurrying(kind):  # type: ignore[misc]
        socket_connect_timeout: float | None
        socket_timeout: float | None
        _hurried = False

        def connect_check_health(self, *how: Any, **more: Any) -> None:
            left = _left()
            if left is None:
                super().connect_check_health(*how, **more)
                return
            self._hurried = True  # its parser remembers the short time
            usual = self.socket_connect_timeout, self.socket_timeout
            self.socket_connect_timeout, self.socket_timeout = (min(left, seconds or left) for seconds in usual)
            try:
                super().connect_check_health(*how, **more)
            finally:
                self.socket_connect_timeout, self.socket_timeout = usual

        def send_packed_command(self, *command: Any, **more: Any) -> None:
            left = _left()
            if left is None and self._hurried:
                self._hurried = False
                self.disconnect()
            elif left is not None and self._sock:
                self._hurried = True
                self._sock.settimeout(min(left, self.socket_timeout or left))
            super().send_packed_command(*command, **more)

    return Hurrying
