"""The processes of a worker: itself, the scheduler it carries, and its starting anew when the code changed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis.exceptions import RedisError

from flowerpower.jobs.run import Home, use_project
from flowerpower.jobs.scheduler import Scheduler, scheduler_name
from flowerpower.jobs.worker import FlowerPowerWorker, code_fingerprint, forget_modules, make_worker
from flowerpower.schedule.zones import use_packaged_zones
from flowerpower.settings import look_for_cycles_rarely
from flowerpower.state.connection import connect, connect_for_rq
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

logger = logging.getLogger("flowerpower.worker")


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker works."""

    queues: Sequence[str] = ()  # as the specs name them
    root: Path = Path()
    folders: Sequence[str] = ("flows",)
    modules: Sequence[str] = ()  # Hamilton modules to import before forking
    paths: Sequence[str] = ()  # folders outside the project that its runs may read and write
    plugins: Sequence[str] = ()  # distributions whose plug-ins its runs may use
    pickle: bool = False
    burst: bool = False
    with_scheduler: bool = True
    grace: float | None = None
    name: str | None = None
    allowed: Sequence[str] = ()
    clock: str | None = field(default=None, repr=False)


def run_scheduler(url: str, keys: Keys, clock: str | None = None, interval: float = 1.0) -> None:
    """Run a scheduler in this process until SIGINT or SIGTERM, or until the process that started it is gone."""
    stop = threading.Event()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    use_packaged_zones()
    look_for_cycles_rarely()
    parent = os.getppid()
    watcher = threading.Thread(target=_stop_with_parent, args=(parent, stop), daemon=True)
    watcher.start()
    store = Store(connect(url), keys, clock)
    Scheduler(store, scheduler_name(socket.gethostname()), interval).run(stop)


def run_worker(url: str, keys: Keys, options: WorkerOptions) -> bool:
    """Work until stopped, or until the queues are empty with `burst`; tell whether the code changed meanwhile.

    A worker that ends because Redis went away is started again; the caller starts the whole process anew when True.
    """
    use_packaged_zones()
    use_project(Home(options.root.resolve(), tuple(options.paths), tuple(options.plugins), options.pickle))
    stop = threading.Event()
    with _scheduler_beside(url, keys, options, stop):
        pause = 1.0
        while True:
            _catch_stops(stop)
            began = time.monotonic()
            worker = _work_once(url, keys, options, stop)
            _catch_stops(stop)
            if stop.is_set() or (worker is not None and options.burst):
                return False
            if worker is not None and worker.outdated:
                # Held back until the new process is ready for it: a request to stop must not get lost in between.
                signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
                return not stop.is_set()
            pause = 1.0 if time.monotonic() - began > 60 else min(pause * 2, 10.0)
            logger.warning("the worker ended; starting it again in %.0f s", pause)
            stop.wait(pause)


def start_anew() -> None:
    """Replace this process by a new one with the same command line: modules are never reloaded in place."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command line, once more


def _catch_stops(stop: threading.Event) -> None:
    """Note a request to stop while no RQ worker listens for it."""
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)


def _work_once(url: str, keys: Keys, options: WorkerOptions, stop: threading.Event) -> FlowerPowerWorker | None:
    """Run one RQ worker to its end; None when it could not even start."""
    try:
        connection = connect_for_rq(url)
        worker = make_worker(connection, keys, options.queues, name=_name(options), allowed=options.allowed)
        worker.stop = stop
        worker.grace = options.grace
        worker.fingerprint = lambda: code_fingerprint(options.root, options.folders)
        worker.forget_modules = lambda: forget_modules(options.root, options.folders)
        worker.preload = _preloader(options)
        worker.import_first()
        worker.work(burst=options.burst, logging_level=logging.getLevelName(logger.getEffectiveLevel()))
    except (RedisError, OSError) as error:
        logger.warning("Redis is away: %s", error)
        return None
    return worker


def _name(options: WorkerOptions) -> str:
    """Return a name that tells where the worker is, and that no other worker has."""
    return options.name or f"{socket.gethostname()}.{os.getpid()}.{os.urandom(3).hex()}"


def _preloader(options: WorkerOptions) -> Callable[[], None]:
    def preload() -> None:
        import flowerpower.pipelines.run
        import flowerpower.specs.models  # noqa: F401 - what each run needs, so that no fork has to import it
        from flowerpower.pipelines.manager import preload as import_modules

        import_modules(list(options.modules), options.root, list(options.folders))

    return preload


@contextmanager
def _scheduler_beside(url: str, keys: Keys, options: WorkerOptions, stop: threading.Event) -> Iterator[None]:
    """Keep a scheduler running in a process of its own: one that dies is started again."""
    if not options.with_scheduler:
        yield
        return
    context = multiprocessing.get_context("fork")
    done = threading.Event()

    def start() -> multiprocessing.process.BaseProcess:
        process = context.Process(target=run_scheduler, args=(url, keys, options.clock), name="flowerpower-scheduler")
        process.start()
        return process

    current = [start()]

    def watch() -> None:
        while not done.wait(2.0):
            if not current[0].is_alive() and not stop.is_set():
                logger.warning("the scheduler process ended; starting another")
                current[0] = start()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join(timeout=5.0)
        current[0].terminate()
        current[0].join(timeout=10.0)


def _stop_with_parent(parent: int, stop: threading.Event) -> None:
    while not stop.wait(1.0):
        if os.getppid() != parent:
            stop.set()
