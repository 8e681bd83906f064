"""What a scheduler finds wrong: told once in the log, and kept in Redis while it lasts, where `status` shows it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from flowerpower.errors import FlowerPowerError
from flowerpower.state.codec import encode_troubles
from flowerpower.state.connection import is_away, redis_errors
from flowerpower.state.store import Store

MOST = 20  # troubles that are kept for `status`; the log has them all
KEPT_FOR = 60  # seconds; they are written anew well before
WRITTEN_EVERY = 20

logger = logging.getLogger("flowerpower.scheduler")


class Troubles:
    """The troubles by topic: what is told of a topic takes the place of what was."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[str, str]] = {}
        self._written: tuple[float, tuple[str, ...]] | None = None

    def report(self, topic: str, found: Mapping[str, str]) -> None:
        """Say all that is wrong in one topic now, each under the name of what it is about."""
        before = set(self.all())
        self._topics[topic] = dict(found)
        now = set(self.all())
        for text in sorted(now - before):
            logger.error("%s", text)
        for text in sorted(before - now):
            logger.info("over: %s", text)

    @contextmanager
    def within(self, topic: str) -> Iterator[None]:
        """Keep what goes wrong in one part of the work from stopping the others; a Redis that is away stops all."""
        try:
            yield
        except FlowerPowerError as error:
            if is_away(error):
                raise
            self.report(topic, {"": str(error)})
        except Exception as error:
            text = f"{topic} failed: {type(error).__name__}: {error}"
            logger.debug("the traceback", exc_info=True)
            self.report(topic, {"": text})
        else:
            self.report(topic, {})

    def all(self) -> Sequence[str]:
        """Return every trouble once, in the order in which they came."""
        return list(dict.fromkeys(text for topic in self._topics.values() for text in topic.values()))

    def publish(self, store: Store, alarm: str, elapsed: float) -> None:
        """Write the alarm and the troubles to Redis, now and then while they last; *elapsed* is any rising clock."""
        texts = tuple(([alarm] if alarm else []) + list(self.all())[:MOST])
        if self._written is not None:
            at, before = self._written
            if texts == before and (not texts or elapsed - at < WRITTEN_EVERY):
                return
        with redis_errors("telling what is wrong"):
            if texts:
                store.connection.set(store.keys.troubles, encode_troubles(texts), ex=KEPT_FOR)
            else:
                store.connection.delete(store.keys.troubles)
        self._written = (elapsed, texts)
