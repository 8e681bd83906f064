"""A request to stop, and the signals that bring it."""

from __future__ import annotations

import signal
import threading

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def heeded_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that ask this process to stop: SIGHUP, too, unless it was started with that ignored.

    SIGHUP tells that a terminal is closed, and may come beside SIGTERM: asked by it twice, nobody is in haste.
    """
    under_nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return STOP_SIGNALS if under_nohup else (*STOP_SIGNALS, signal.SIGHUP)


class Stop(threading.Event):
    """An event that the handler of a signal may set, whatever it interrupts.

    A plain one waits for ever where the main thread was just about to look at it: its lock is held, by nobody else.
    Here a `wait` may then sleep on until its time is over, so give it one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._cond = threading.Condition(threading.RLock())
