"""The processes of a worker: how each works, several under one parent, and starting anew when the code changed."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypedDict

from redis.exceptions import RedisError

from flowerpower.errors import UsageError
from flowerpower.filesystem import Filesystem
from flowerpower.jobs.absence import Absence
from flowerpower.jobs.monitoring.metrics_server import metrics_beside
from flowerpower.jobs.run import Home, store_beside, use_project
from flowerpower.jobs.stop import STOP_SIGNALS, Stop, heeded_signals
from flowerpower.jobs.workers.beside import Companion, accompanied, catch_stops, run_scheduler
from flowerpower.jobs.workers.checkouts import Checkouts
from flowerpower.jobs.workers.code import commit_at
from flowerpower.jobs.workers.deaths import Undertaker
from flowerpower.jobs.workers.preload import AppliedCommit, GraphRecipe, preload, preload_commit
from flowerpower.jobs.workers.supervisor import OUTDATED, Child, Supervisor
from flowerpower.jobs.workers.traces import Traces
from flowerpower.jobs.workers.unforkable import Unforkable
from flowerpower.jobs.workers.warm import WarmWorker
from flowerpower.jobs.workers.worker import FlowerPowerWorker, make_worker
from flowerpower.pipelines.edits import code_fingerprint
from flowerpower.pipelines.modules import forget_modules
from flowerpower.schedule.zones import use_packaged_zones
from flowerpower.settings import Settings, look_for_cycles_rarely
from flowerpower.specs.project_spec import ProjectSpec
from flowerpower.state.connection import as_ours, connect, connect_for_rq
from flowerpower.state.keys import Keys
from flowerpower.state.signing import Signer
from flowerpower.state.store import Store

_MAY_WAIT = "a run may wait for them for ever; if so, start the worker with preload=False"

logger = logging.getLogger("flowerpower.worker")


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker works."""

    queues: Sequence[str] = ()  # as the specs name them
    root: Path = Path()
    elsewhere: str = ""  # the URL of a project that is in no folder: no worker runs its modules
    folders: Sequence[str] = ("flows",)
    recipes: Sequence[GraphRecipe] = ()  # graphs to import and build before forking
    paths: Sequence[str] = ()  # folders outside the project that its runs may read and write
    plugins: Sequence[str] = ()  # distributions whose plug-ins its runs may use
    pickle: bool = False
    burst: bool = False
    with_scheduler: bool = True
    watched: bool = False  # who started it buries it when it dies
    grace: float | None = None
    name: str | None = None
    allowed: Sequence[str] = ()
    processes: int = 1
    warm: bool = False  # runs share a process
    preload: bool = True  # import the project's modules before forking
    unforkable: Unforkable | None = None  # the code that runs import; None where the process cannot start anew
    traces: Traces = field(default_factory=Traces, repr=False)  # that it leaves for who started it
    require_commit: bool = False  # refuse runs of which other code was applied
    commit: str = ""  # that the project on this machine is at; git is asked where it is not said
    signer: Signer | None = field(default=None, repr=False)
    from_git: bool = False  # the code is that of the applied commit, whatever lies in the folder
    branch: str = ""  # the only one whose commits are run from git; none: the one that the clone is on
    cache: Path | None = None
    clock: str | None = field(default=None, repr=False)
    metrics: str = ""  # [HOST:]PORT that Prometheus asks


def worker_options(project: ProjectSpec, place: Path | Filesystem, settings: Settings) -> WorkerOptions:
    """Return how the workers of a project work, as far as its own file and the environment say."""
    return WorkerOptions(
        queues=tuple(project.queues or ()),
        root=place if isinstance(place, Path) else Path(),
        elsewhere="" if isinstance(place, Path) else str(place),
        folders=project.modules,
        paths=project.allow.paths,
        plugins=project.plugins,
        pickle=project.allow.pickle,
        commit=settings.commit or "",
        signer=Signer.of(settings.signing_key),
        from_git=project.code == "git",
        cache=settings.cache_dir,
    )


class Work(TypedDict, total=False):
    """What a caller may say of how a worker works; see `WorkerOptions`."""

    queues: Sequence[str]
    burst: bool
    with_scheduler: bool
    grace: float | None
    allowed: Sequence[str]
    processes: int
    warm: bool
    preload: bool
    require_commit: bool
    from_git: bool
    branch: str
    metrics: str


def run_worker(url: str, keys: Keys, options: WorkerOptions, stop: Stop | None = None) -> bool:
    """Work until stopped, or until the queues are empty with `burst`; tell whether to start the whole process anew.

    That is because the code changed meanwhile, or its modules have started threads. A worker that ends because Redis
    went away is started again. `stop` is set by who asks to stop, also after this has returned.
    """
    use_packaged_zones()
    look_for_cycles_rarely()
    home = _home_of(options)
    use_project(home)
    stop = stop or Stop()
    absence = Absence(logger, "no run is taken")
    with (
        metrics_beside(url, keys, options.metrics, "worker"),
        accompanied(_companion(url, keys, options), stop),
        absence.told_by(logging.getLogger("rq.worker")),  # also of threads that outlive a worker that ended
    ):
        pause = 1.0
        while True:
            catch_stops(stop)
            began = time.monotonic()
            worker = _work_once(url, keys, options, home, stop, absence)
            catch_stops(stop)
            if stop.is_set() or (worker is not None and options.burst and not worker.unfit):
                return False
            if worker is not None and (worker.unfit or worker.outdated):
                # Held back until the new process is ready for it: a request to stop must not get lost in between.
                signal.pthread_sigmask(signal.SIG_BLOCK, heeded_signals())
                return not stop.is_set()
            pause = 1.0 if time.monotonic() - began > 60 else min(pause * 2, 10.0)
            level = logging.DEBUG if absence.lasts else logging.WARNING
            logger.log(level, "the worker ended; starting it again in %.0f s", pause)
            stop.wait(pause)


def run_workers(url: str, keys: Keys, processes: int, options: Callable[[], WorkerOptions]) -> None:
    """Work with several processes, and a scheduler beside them, until stopped; with `burst` until the queues are empty.

    *options* are asked for in each process when it starts, and again when the code has changed and it starts anew.
    """

    unforkable = Unforkable()  # what one process finds out, its successor and the others know

    def work(number: int, traces: Traces) -> int:
        found = replace(options(), unforkable=unforkable, traces=traces, watched=True, metrics="")
        name = f"{found.name}-{number}" if found.name else None
        return OUTDATED if run_worker(url, keys, replace(found, name=name)) else 0

    def worker(number: int) -> Child:
        traces = Traces()
        undertaker = Undertaker(url, keys, clock, traces)
        return Child(f"worker {number}", partial(work, number, traces), died=undertaker.called)

    def fire() -> int:
        run_scheduler(url, keys, clock, plugins=options().plugins)
        return 0

    clock = options().clock
    children = [worker(number) for number in range(1, processes + 1)]
    if options().with_scheduler:
        children.append(Child("the scheduler", fire, forever=True))
    with metrics_beside(url, keys, options().metrics, "worker"):
        Supervisor(children).run()


def start_anew() -> None:
    """Replace this process by a new one with the same command line: modules are never reloaded in place.

    A request to stop that is held back reaches the new one. One that a thread of others takes ends this one instead.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    for number in heeded_signals():
        signal.signal(number, signal.SIG_DFL)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command line, once more


@contextmanager
def session_put_back() -> Iterator[None]:
    """Leave signals and the search for cycles after the block as they were: a session of Python may go on with them."""
    if threading.current_thread() is not threading.main_thread():
        raise UsageError("only the main thread can listen for signals", hint="give this a process of its own")
    before = {number: signal.getsignal(number) for number in (*STOP_SIGNALS, signal.SIGHUP, signal.SIGALRM)}
    cycles = gc.get_threshold()
    try:
        yield
    finally:
        gc.set_threshold(*cycles)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def stops_let_through() -> Iterator[None]:
    """Let requests to stop that were held back in the block come after it, if they came before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def note_stops(asked: Stop) -> None:
    """Note from now on that this process is asked to stop: it ends already, and has things to close."""
    for number in heeded_signals():
        signal.signal(number, lambda *_: asked.set())  # not passed over, which a new process would inherit


def _work_once(
    url: str, keys: Keys, options: WorkerOptions, home: Home, stop: threading.Event, absence: Absence
) -> FlowerPowerWorker | None:
    """Run one RQ worker to its end; None when it could not even start."""
    connection = connect_for_rq(url)
    kind = WarmWorker if options.warm else None
    try:
        worker = make_worker(connection, keys, options.queues, name=_name(options), allowed=options.allowed, kind=kind)
        worker.stop, worker.absence = stop, absence
        worker.grace, worker.traces = options.grace, options.traces
        options.traces.note_worker(worker.name)
        worker.unfit = _import_first(worker, options, home, lambda: Store(connect(url), keys))
        if worker.unfit:
            return worker
        with closing(connection.connection_pool), closing(store_beside(connection, keys).connection.connection_pool):
            worker.work(burst=options.burst, logging_level=logging.getLevelName(logger.getEffectiveLevel()))
    except (RedisError, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:  # a file of this machine, and not Redis
            logger.error("this worker cannot work: %s", error)
            return None
        told = as_ours(error, "working")
        told.__cause__ = error
        if not absence.explains(told):
            logger.warning("%s (%s)", told, told.hint)
        return None
    return worker


def _import_first(worker: FlowerPowerWorker, options: WorkerOptions, home: Home, store: Callable[[], Store]) -> bool:
    """Import what runs need before any fork; tell whether this process is not fit to fork any more."""
    if home.checkouts:
        applied = AppliedCommit(store())
        worker.fingerprint = applied.now
    else:
        worker.fingerprint = lambda: code_fingerprint(options.root, options.folders)
        worker.forget_modules = lambda: forget_modules(options.root, options.folders)
    unforkable = options.unforkable
    left = not options.preload or (unforkable is not None and unforkable.holds(worker.fingerprint()))
    recipes = () if left else options.recipes
    if home.checkouts:
        worker.preload = lambda: preload_commit(home, recipes, options.folders, applied.now())
    else:
        worker.preload = lambda: preload(home.root, recipes, options.folders)
    threads = worker.import_first()
    if not threads or left:
        return False
    leaves = (
        "this worker starts anew and leaves the imports to its runs, which takes longer" if unforkable else _MAY_WAIT
    )
    logger.warning(
        "imported modules have started threads (%s), which forks do not have: %s", ", ".join(threads), leaves
    )
    if unforkable:
        unforkable.note(worker.imported)
    return unforkable is not None


def _companion(url: str, keys: Keys, options: WorkerOptions) -> Companion:
    """Return what is to be beside a worker; later on, where who started it fires, and sees it die."""
    undertaker = Undertaker(url, keys, options.clock, options.traces)
    parent, fires = (os.getppid(), False) if options.watched else (0, options.with_scheduler)
    return Companion(undertaker, url, keys, options.clock, options.plugins, fires=fires, parent=parent)


def _home_of(options: WorkerOptions) -> Home:
    return Home(
        options.root.resolve(),
        paths=tuple(options.paths),
        plugins=tuple(options.plugins),
        pickle=options.pickle,
        folders=tuple(options.folders),
        commit=commit_at(options.root, options.commit),
        require_commit=options.require_commit,
        signer=options.signer,
        checkouts=Checkouts.of(options.root, options.branch, options.cache) if options.from_git else None,
    )


def _name(options: WorkerOptions) -> str:
    """Return a name that tells where the worker is, and that no other worker has."""
    return options.name or f"{socket.gethostname()}.{os.getpid()}.{os.urandom(3).hex()}"
