"""Sends letters side by side and waits for none without end: what is on the other side may hang, or be foreign code."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from flowerpower.jobs.messages.outbox import Letter
from flowerpower.messaging.delivery import Delivery

AT_ONCE = 4
BEGIN_SECONDS = 25.0  # in which letters are begun; what is left is due again at the next look
LONGEST_SECONDS = 30.0  # that one letter takes, before it counts as not delivered
_GLANCE = 0.5  # seconds between two looks at those that take long
_HANGS = Delivery("retry", "it did not come to an end")
_BUSY = Delivery("retry", "an earlier message to the same address has not come to an end")


@dataclass(frozen=True, slots=True)
class _Sending:
    """One letter on its way, and until when it is waited for."""

    letter: Letter
    thread: threading.Thread
    until: float


class Senders:
    """Threads that send; one that hangs is left behind, and its address left alone as long as it does."""

    def __init__(self, deliver: Callable[[Letter], Delivery]) -> None:
        self._deliver = deliver
        self._came: SimpleQueue[tuple[Letter, Delivery]] = SimpleQueue()
        self._running: dict[str, _Sending] = {}
        self._hanging: dict[str, threading.Thread] = {}

    def send(self, letters: Sequence[Letter]) -> Iterator[tuple[Letter, Delivery]]:
        """Yield each letter with what came of it, as soon as that is known."""
        self._hanging = {url: thread for url, thread in self._hanging.items() if thread.is_alive()}
        left, end = list(reversed(letters)), time.monotonic() + BEGIN_SECONDS
        while self._running or (left and time.monotonic() < end):
            while left and len(self._running) < AT_ONCE and time.monotonic() < end:
                letter = left.pop()
                if letter.url in self._hanging:
                    yield letter, _BUSY
                else:
                    self._begin(letter)
            yield from self._ended()

    def _begin(self, letter: Letter) -> None:
        thread = threading.Thread(target=self._work, args=(letter,), name="flowerpower-message", daemon=True)
        self._running[letter.id] = _Sending(letter, thread, time.monotonic() + LONGEST_SECONDS)
        thread.start()

    def _work(self, letter: Letter) -> None:
        try:
            result = self._deliver(letter)
        except Exception as error:  # noqa: BLE001 - one letter must not be waited for because of its error
            result = Delivery("retry", f"it could not be sent: {type(error).__name__}")
        self._came.put((letter, result))

    def _ended(self) -> Iterator[tuple[Letter, Delivery]]:
        """Wait a moment, and yield those that came to an end and those that are waited for no more."""
        try:
            letter, result = self._came.get(timeout=_GLANCE)
        except Empty:
            pass
        else:
            if self._running.pop(letter.id, None):  # not one that was given up before
                yield letter, result
        for sending in list(self._running.values()):
            if time.monotonic() > sending.until:
                self._hanging[sending.letter.url] = sending.thread
                del self._running[sending.letter.id]
                yield sending.letter, _HANGS
