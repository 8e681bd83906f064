"""Tell of a Redis that is away, or takes no write: once at first, at growing intervals, once when that is over."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from flowerpower.errors import FlowerPowerError, StoreError
from flowerpower.state.connection import is_away, refuses_writes

FIRST_REMINDER = 60.0  # seconds; each of the next ones takes twice as long
LONGEST = 3600.0
_WORDS = {  # whether it refuses -> what is told at first, as long as it lasts, and when it is over
    False: ("is away", "is still away", "is back"),
    True: ("takes no write", "still takes no write", "works again"),
}
_ENDS = "found an unhandled exception"
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
        self._refuses = False
        self._pause, self._again = FIRST_REMINDER, 0.0

    @property
    def lasts(self) -> bool:
        """Tell whether Redis is away, as far as is known."""
        return self._since is not None

    def gone(self, why: object, *, refuses: bool = False) -> None:
        """Note that Redis does not answer, or takes no write, and say so if it is time to."""
        first, still, back = _WORDS[refuses]
        with self._lock:
            now = self._clock()
            if self._since is None or self._refuses != refuses:
                self._since = now if self._since is None else self._since
                self._refuses, self._pause, self._again = refuses, FIRST_REMINDER, now + FIRST_REMINDER
                self._log.warning("Redis %s: %s; %s until it %s", first, why, self._effect, back)
            elif now >= self._again:
                self._pause = min(self._pause * 2, LONGEST)
                self._again = now + self._pause
                self._log.warning("Redis %s, after %.0f s: %s", still, now - self._since, why)

    def explains(self, error: Exception) -> bool:
        """Note a failure of ours if it means one of the two, and tell whether it does."""
        refuses = refuses_writes(error.__cause__)
        if refuses or is_away(error):
            self.gone(with_advice(error), refuses=refuses)
        return refuses or is_away(error)

    def over(self) -> None:
        """Note that Redis answers, and say so if it was away."""
        if self._since is None:
            return
        with self._lock:
            if self._since is not None:
                self._log.warning("Redis %s, after %.0f s", _WORDS[self._refuses][2], self._clock() - self._since)
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
        """Take what RQ says of a Redis that is away, and the traceback of a worker that ends for it; not the rest."""
        error = record.exc_info[1] if record.exc_info else None
        if _ENDS in str(record.msg) and isinstance(error, (RedisError, OSError, StoreError)):
            record.msg, record.args, record.exc_info = f"{record.getMessage()} {error}", (), None
        if _OF_RQ not in str(record.msg):
            return True
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.gone(arguments[1] if len(arguments) > 1 else record.getMessage())
        return False


def with_advice(error: Exception) -> str:
    """Return what an error says, and its hint where that is another than all of its kind have."""
    hint = error.hint if isinstance(error, FlowerPowerError) and error.hint != type(error).hint else ""
    return f"{error} ({hint})" if hint else str(error)
