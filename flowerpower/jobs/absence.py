"""Tell of a Redis that is away: once when it goes, at growing intervals as long as it lasts, once when it is back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FIRST_REMINDER = 60.0  # seconds; each of the next ones takes twice as long
LONGEST = 3600.0
_OF_RQ = "could not connect to Redis instance"


class Absence(logging.Filter):
    """What one process tells of an absence; as a filter it tells what RQ would say every other second."""

    def __init__(self, log: logging.Logger, effect: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._log = log
        self._effect = effect
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._pause, self._again = FIRST_REMINDER, 0.0

    @property
    def lasts(self) -> bool:
        """Tell whether Redis is away, as far as is known."""
        return self._since is not None

    def gone(self, why: object) -> None:
        """Note that Redis does not answer, and say so if it is time to."""
        with self._lock:
            now = self._clock()
            if self._since is None:
                self._since, self._pause, self._again = now, FIRST_REMINDER, now + FIRST_REMINDER
                self._log.warning("Redis is away: %s; %s until it is back", why, self._effect)
            elif now >= self._again:
                self._pause = min(self._pause * 2, LONGEST)
                self._again = now + self._pause
                self._log.warning("Redis is still away, after %.0f s: %s", now - self._since, why)

    def over(self) -> None:
        """Note that Redis answers, and say so if it was away."""
        if self._since is None:
            return
        with self._lock:
            if self._since is not None:
                self._log.warning("Redis is back, after %.0f s", self._clock() - self._since)
                self._since = None

    @contextmanager
    def told_by(self, log: logging.Logger) -> Iterator[None]:
        """Take what a logger of RQ's says of it, for the length of a block."""
        log.addFilter(self)
        try:
            yield
        finally:
            log.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Take what RQ says of a Redis that is away; let all else pass."""
        if _OF_RQ not in str(record.msg):
            return True
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.gone(arguments[1] if len(arguments) > 1 else record.getMessage())
        return False
