"""Keep in touch with a Redis that goes away, refuses, or never answers: say so once, and ask again soon."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from flowerpower.errors import FlowerPowerError
from flowerpower.jobs.absence import with_advice
from flowerpower.state.connection import SCRIPT_TIMEOUT, be_patient, is_late

if TYPE_CHECKING:
    from redis import Redis

PATIENCE = 3.0  # seconds a scheduler waits for a reply before it asks anew, on another connection
LONGEST_PAUSE = 2.0
REMIND_EVERY = 300.0

logger = logging.getLogger("flowerpower.scheduler")


class Contact:
    """What one process knows of the Redis it talks to.

    A reply that never comes is not waited for long: a connection can be dead without a word. It may also be a Redis
    that is busy, which answers a ping later on: then the patience doubles, so that a slow one is not asked for ever.
    """

    def __init__(self, connection: Redis) -> None:
        self._connection = connection
        self._patience = PATIENCE
        self._pause = 0.5
        self._since: float | None = None  # when the contact was lost
        self._said: tuple[str, float] = ("", 0.0)

    def kept(self) -> None:
        """Note that Redis did what it was asked for."""
        if self._since is None:
            return
        logger.warning("Redis works again, after %.0f s", time.monotonic() - self._since)
        self._since, self._pause, self._said = None, 0.5, ("", 0.0)

    def lost(self, error: Exception) -> float:
        """Note a failure, say it unless it was said, and return the seconds to wait before the next try."""
        if self._since is None:
            self._since = time.monotonic()
        self._say(error)
        if is_late(error):
            if self._answers():
                self._patience = min(self._patience * 2, SCRIPT_TIMEOUT)
                be_patient(self._connection, self._patience)
            return 0.2  # it has been waited for already
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return self._pause

    def _say(self, error: Exception) -> None:
        text, now = _words(error), time.monotonic()
        if text != self._said[0] or now - self._said[1] > REMIND_EVERY:
            unexpected = None if isinstance(error, FlowerPowerError) else error
            logger.warning("%s; trying again", text, exc_info=unexpected)
            self._said = (text, now)

    def _answers(self) -> bool:
        with suppress(Exception):
            return bool(self._connection.ping())
        return False


def _words(error: Exception) -> str:
    """Return what to say of a failure, without what differs from one try to the next."""
    if not isinstance(error, FlowerPowerError):
        return f"the pass failed: {type(error).__name__}: {error}"
    return with_advice(error)
