"""A request to stop."""

from __future__ import annotations

import threading


class Stop(threading.Event):
    """An event that the handler of a signal may set, whatever it interrupts.

    A plain one waits for ever where the main thread was just about to look at it: its lock is held, by nobody else.
    Here a `wait` may then sleep on until its time is over, so give it one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._cond = threading.Condition(threading.RLock())
