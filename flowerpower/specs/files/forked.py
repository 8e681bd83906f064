"""A part of the work in a second process: forked, it has all that this one has read, and sends back bytes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from signal import SIGKILL
from typing import NoReturn


def is_possible() -> bool:
    """Tell whether there is a processor for it, and no thread that a fork would cut off."""
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1 and threading.active_count() == 1


class Forked:
    """A forked process that does some work and writes what comes of it; leaving the block ends it."""

    def __init__(self, work: Callable[[], bytes]) -> None:
        reader, writer = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            _work_and_exit(work, writer)
        os.close(writer)
        self._reader = os.fdopen(reader, "rb")
        self._status: int | None = None

    def __enter__(self) -> Forked:
        return self

    def answer(self) -> bytes | None:
        """Return what the process wrote, None if it failed."""
        written = self._reader.read()
        _, self._status = os.waitpid(self._process, 0)
        return written if self._status == 0 else None

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        if self._status is None:
            with suppress(OSError):
                os.kill(self._process, SIGKILL)
                os.waitpid(self._process, 0)


def _work_and_exit(work: Callable[[], bytes], writer: int) -> NoReturn:
    status = 1
    try:
        with os.fdopen(writer, "wb") as stream:
            stream.write(work())
        status = 0
    finally:
        os._exit(status)  # whatever happened: the other process does it again and tells
