"""What a worker has beside it in a process of its own: the scheduler that it carries, and who sees it die.

The two are one process, which goes on looking at its worker when it does not fire, or not any more: a service manager
asks all processes of a service to stop, and the worker may finish its run for hours after that.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import select
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from flowerpower.jobs.contact import PATIENCE
from flowerpower.jobs.messages.messenger import make_messenger
from flowerpower.jobs.scheduling.scheduler import Scheduler, scheduler_name
from flowerpower.jobs.scheduling.watch import ClockWatch
from flowerpower.jobs.stop import STOP_SIGNALS, Stop, heeded_signals
from flowerpower.jobs.workers.deaths import Undertaker
from flowerpower.schedule.zones import use_packaged_zones
from flowerpower.settings import look_for_cycles_rarely
from flowerpower.state.connection import connect
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

_LOOK_EVERY = 1.0  # seconds after which a process sees that the one which started it is gone

logger = logging.getLogger("flowerpower.worker")


@dataclass(frozen=True, slots=True)
class Companion:
    """What the process beside a worker does: it fires, where it is to, and buries the worker when that dies.

    It is there once `parent`, which sees the worker die as well, has gone; from the start where there is none.
    """

    undertaker: Undertaker
    url: str
    keys: Keys
    clock: str | None
    plugins: Sequence[str]
    fires: bool
    parent: int = 0

    @property
    def name(self) -> str:
        """Return what the process is called where something is said of it."""
        return "the scheduler process" if self.fires else "the process that looks after this worker"

    def accompany(self, worker: int, done: int) -> None:
        """Work until the pipe *done* has something, or the process of the worker has died; then see to it."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # of a terminal that is closed: it goes on to bury the worker
        if self.fires and os.getppid() == worker:
            run_scheduler(self.url, self.keys, self.clock, plugins=self.plugins)
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        is_done = False
        while not is_done and os.getppid() == worker:
            is_done = bool(select.select([done], [], [], _LOOK_EVERY)[0])
        if not is_done:
            self.undertaker.called(worker)()


@contextmanager
def accompanied(companion: Companion, stop: threading.Event) -> Iterator[None]:
    """Keep a companion running beside this process, in one of its own: one that dies is started again.

    Where its turn comes with the end of the parent, this process is asked to stop, too.
    """
    context = multiprocessing.get_context("fork")
    # What is written to it stays there for all that ask. Its end would say nothing: runs have inherited it, too.
    done, tell_done = os.pipe()
    worker, ended = os.getpid(), threading.Event()

    def start() -> multiprocessing.process.BaseProcess:
        process = context.Process(target=companion.accompany, args=(worker, done), name="flowerpower-scheduler")
        process.start()
        return process

    current = [] if companion.parent else [start()]

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY):
            if not current:
                if os.getppid() != companion.parent:
                    current.append(start())
                    _stop_orphan(stop)
            elif not current[0].is_alive() and not stop.is_set():
                logger.warning("%s ended; starting another", companion.name)
                current[0] = start()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        os.write(tell_done, b".")
        ended.set()
        watcher.join(timeout=5.0)
        for process in current:
            process.terminate()
            process.join(timeout=10.0)
        os.close(done)
        os.close(tell_done)


def _stop_orphan(stop: threading.Event) -> None:
    """Ask this process to stop, whose parent has gone, unless the kernel has done so."""
    logger.warning("the parent of this worker is gone: it finishes what it runs, and ends")
    if not stop.is_set():
        os.kill(os.getpid(), signal.SIGTERM)


def run_scheduler(
    url: str,
    keys: Keys,
    clock: str | None = None,
    interval: float = 1.0,
    plugins: Sequence[str] = (),
    *,
    alone: bool = False,
) -> None:
    """Run a scheduler in this process until it is told to stop, or until the process that started it is gone.

    One that runs *alone* goes on without that, which may be a shell, and ends at once when it is asked again: it
    may wait for a Redis that never answers.
    """
    stop = Stop()
    catch_stops(stop, at_once=alone)
    use_packaged_zones()
    look_for_cycles_rarely()
    if not alone:
        threading.Thread(target=_stop_with_parent, args=(os.getppid(), stop), daemon=True).start()
    name = scheduler_name(socket.gethostname())
    messenger = make_messenger(Store(connect(url, timeout=PATIENCE), keys, clock), name, plugins)
    threading.Thread(target=messenger.run, args=(stop,), name="messenger", daemon=True).start()
    store = Store(connect(url, timeout=PATIENCE), keys, clock)
    Scheduler(store, name, interval, ClockWatch()).run(stop)


def catch_stops(stop: threading.Event, *, at_once: bool = False) -> None:
    """Note a request to stop while no RQ worker listens for it; obey a second one *at once* if asked to."""

    def note(*_: object) -> None:
        stop.set()
        for number in STOP_SIGNALS if at_once else ():
            signal.signal(number, signal.SIG_DFL)

    for number in heeded_signals():
        signal.signal(number, note)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, heeded_signals())


def _stop_with_parent(parent: int, stop: threading.Event) -> None:
    while not stop.wait(_LOOK_EVERY):
        if os.getppid() != parent:
            stop.set()
