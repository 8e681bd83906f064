"""Several processes under one parent, which starts them again when they end and passes requests to stop on.

The parent has no thread, no connection and nothing of the project's code, so that it can fork at any time, and what it
forks imports the code as it is then.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flowerpower.jobs.stop import heeded_signals
from flowerpower.jobs.workers.traces import end_with_parent

OUTDATED = 75  # the exit code of a process that wants to be started anew at once
_LONGEST_PAUSE = 10.0

logger = logging.getLogger("flowerpower.worker")


@dataclass(slots=True)
class Child:
    """A process to keep running; `work` is done in it and returns its exit code."""

    name: str
    work: Callable[[], int]
    forever: bool = False  # it does not end by itself: the others need not wait for it
    died: Callable[[int], Callable[[], object]] | None = None  # takes what the process left, returns what to do for it
    pid: int = 0
    began: float = 0.0
    pause: float = 0.0
    due: float = 0.0  # when it is to be started
    done: bool = False


class Supervisor:
    """Keeps children running until they are done or it is told to stop."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = tuple(children)
        self._stopping = False
        self._undertakers: set[int] = set()  # processes that do what is to be done for one that died

    def run(self) -> None:
        """Start the children, and return when all are done or stopped."""
        previous = {number: signal.signal(number, self._pass_on) for number in heeded_signals()}
        try:
            while not all(child.done for child in self._children if not child.forever):
                self._start_due()
                self._reap()
            self._stopping = True
            self._tell(signal.SIGTERM)
            while self._undertakers or any(child.pid for child in self._children):
                self._reap()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if not child.pid and not child.done and child.due <= now:
                # Held back until the child is noted, and in the child until it has handlers of its own.
                signal.pthread_sigmask(signal.SIG_BLOCK, heeded_signals())
                if not self._stopping:
                    self._fork(child)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, heeded_signals())

    def _fork(self, child: Child) -> None:
        child.began, parent = time.monotonic(), os.getpid()

        def work() -> int:
            end_with_parent(signal.SIGTERM)
            return child.work() if os.getppid() == parent else 1

        child.pid = _forked(work, child.name)

    def _reap(self) -> None:
        """Wait until a child ends, or for a moment when there is one to be started."""
        waits = any(not child.pid and not child.done for child in self._children)
        try:
            pid, status = os.waitpid(-1, os.WNOHANG if waits or self._stopping else 0)
        except ChildProcessError:
            pid, status = 0, 0
        self._undertakers.discard(pid)
        for child in self._children:
            if pid and child.pid == pid:
                self._note_end(child, status)
        if not pid:
            time.sleep(0.05)

    def _note_end(self, child: Child, status: int) -> None:
        died, child.pid = child.pid, 0
        code = os.waitstatus_to_exitcode(status)
        if code not in (0, OUTDATED):
            self._mourn(child, died)
        child.done = self._stopping or (code == 0 and not child.forever)
        if child.done:
            return
        if code == OUTDATED:
            child.pause = 0.0
        else:
            long_enough = time.monotonic() - child.began > 60
            child.pause = 1.0 if long_enough else min(max(child.pause * 2, 1.0), _LONGEST_PAUSE)
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            logger.warning("%s %s; starting it again in %.0f s", child.name, how, child.pause)
        child.due = time.monotonic() + child.pause

    def _mourn(self, child: Child, died: int) -> None:
        """Have done what is to be done for a process that died, in one of its own: this one has no connection."""
        if child.died is None:
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, heeded_signals())
        try:
            to_do = child.died(died)
            pid = _forked(lambda: int(to_do() is False), f"what {child.name} left")
            self._undertakers.add(pid)
            if self._stopping:
                os.kill(pid, signal.SIGTERM)  # it is not asked any more later on
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _pass_on(self, signum: int, frame: Any) -> None:
        """Ask the children to stop; they finish what they run, and a second SIGTERM ends them at once."""
        self._stopping = True
        for child in self._children:
            child.done = child.done or not child.pid
        self._tell(signal.SIGHUP if signum == signal.SIGHUP else signal.SIGTERM)

    def _tell(self, signum: int) -> None:
        for pid in (*self._undertakers, *(child.pid for child in self._children)):
            if pid:
                with suppress(ProcessLookupError):  # it has ended just now, and is not noted yet
                    os.kill(pid, signum)


def _forked(work: Callable[[], int], name: str) -> int:
    """Return the process of a new child of this one, which does some work and ends with the code that this returns."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setpgid(0, 0)  # a Ctrl-C in the terminal is for the parent, which passes it on once
        code = work()
    except SystemExit:  # how RQ ends a worker that was told twice to stop
        code = 0
    except BaseException:
        logger.exception("%s failed", name)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # its terminal is closed: this process must end nevertheless
                stream.flush()
        os._exit(code)
