"""Listens to what a run says: what it prints and what it logs, which go on to where they went before."""

from __future__ import annotations

import codecs
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TextIO

_OTHERS = ("rq", "hamilton")  # their talk is not the run's
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextmanager
def listening(hear: Callable[[str], None]) -> Iterator[None]:
    """Let *hear* have everything that this process prints, or logs at INFO and above, for the length of a block."""
    root, out, err = logging.getLogger(), sys.stdout, sys.stderr
    level, handlers = root.level, list[logging.Handler]([_Hearing(hear)])
    if not root.handlers and err is not None:
        handlers.append(_last_resort(err))  # as Python does for who has set up nothing
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(min(level, logging.INFO))
    heard_out, heard_err = _Heard(out, hear), _Heard(err, hear)
    sys.stdout, sys.stderr = heard_out, heard_err
    try:
        yield
    finally:
        # What the run has put in their place is its own.
        sys.stdout = out if sys.stdout is heard_out else sys.stdout
        sys.stderr = err if sys.stderr is heard_err else sys.stderr
        for handler in handlers:
            root.removeHandler(handler)
        root.setLevel(level)


class _Heard:
    """A stream that is written to as before, while somebody listens."""

    def __init__(self, stream: TextIO | None, hear: Callable[[str], None]) -> None:
        self._stream = stream
        self._hear = hear
        self._below: _HeardBytes | None = None

    def write(self, text: str) -> int:
        if isinstance(text, str):  # the stream itself refuses all else
            self._hear(text)
        if self._stream is not None:
            with suppress(OSError):  # the worker's terminal or pipe is gone, which fails no run
                return self._stream.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._stream is not None:
            with suppress(OSError):
                self._stream.flush()

    @property
    def buffer(self) -> Any:
        """Return what takes the bytes below the text, which is heard as well."""
        below = getattr(self._stream, "buffer")  # noqa: B009 - one without raises, as it does for who asks it itself
        if self._below is None or self._below.stream is not below:
            self._below = _HeardBytes(below, self._hear)
        return self._below

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _HeardBytes:
    """What takes the bytes of a stream as before, while somebody listens."""

    def __init__(self, stream: BinaryIO, hear: Callable[[str], None]) -> None:
        self.stream = stream
        self._hear = hear
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def write(self, data: Any) -> int:
        size = len(data)
        with suppress(OSError):
            size = self.stream.write(data)  # first: it refuses what is none
        self._hear(self._decoder.decode(bytes(data)))
        return size

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with suppress(OSError):
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Hearing(logging.Handler):
    """Hands log records on as lines."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._hear = hear
        self.setFormatter(logging.Formatter(_FORMAT, "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] not in _OTHERS:
            try:
                self._hear(f"{self.format(record)}\n")
            except Exception:  # noqa: BLE001 - a record may hold anything, and logging never fails a run
                self.handleError(record)


def _last_resort(stream: TextIO) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setLevel(logging.WARNING)
    return handler
