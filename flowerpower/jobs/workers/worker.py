"""The worker: an RQ worker that imports before it forks, runs only what it should, and carries the scheduler."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from flowerpower.jobs.absence import Absence
from flowerpower.jobs.stop import Stop, heeded_signals
from flowerpower.jobs.workers.following import FollowingWorker
from flowerpower.jobs.workers.heartbeats import past_damage
from flowerpower.jobs.workers.restricted import restricted_job, restricted_queue
from flowerpower.jobs.workers.taking import REFUSED_SECONDS
from flowerpower.jobs.workers.traces import end_with_parent
from flowerpower.jobs.workers.unforkable import threads_to_miss
from flowerpower.state.keys import Keys

MONITORING_SECONDS = 10  # how often a running job's heartbeat is sent
_INSISTING = 0.3  # seconds between two times that a worker is asked to stop, as long as it does not hear it

logger = logging.getLogger("flowerpower.worker")


class FlowerPowerWorker(FollowingWorker):
    """RQ's worker with flowerpower's rules; `stop` is set once somebody asks it to stop."""

    grace: float | None = None  # seconds a running job is given after the first signal
    preload: Callable[[], None] | None = None  # imports the project's modules
    forget_modules: Callable[[], None] | None = None  # drops them again
    fingerprint: Callable[[], str] | None = None  # of the code on disk
    imported: str = ""  # the fingerprint of the code that was preloaded
    unfit: bool = False  # to fork: the code that was preloaded has started threads
    _process: int = 0  # the one that forks
    _timer: threading.Timer | None = None  # that ends the grace
    _overdue: bool = False  # the grace is over
    _ends: bool = False  # it takes no job any more

    @property
    def outdated(self) -> bool:
        """Tell whether the code on disk is no longer the code this process has imported."""
        return self.fingerprint is not None and self.imported != self.fingerprint()

    def import_first(self) -> Sequence[str]:
        """Import Hamilton and the project's modules before any fork; return the names of threads that this has started.

        What cannot be imported is left to the runs.
        """
        self.imported = self.fingerprint() if self.fingerprint else ""
        before = set(threads_to_miss())
        if self.preload:
            self.preload()
        return sorted({name for number, name in threads_to_miss() if (number, name) not in before})

    def request_stop(self, signum: int, frame: Any) -> None:
        """Finish the running job, within the grace if there is one, and stop; a second signal stops at once."""
        if self._overdue:
            self.request_force_stop(signum, frame)
            return
        self.stop.set()
        self._stop_requested = True
        self._begin_grace()
        try:
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]
        except StopRequested:
            if self._ends:  # nobody would catch it: whoever started this worker asks `stop`
                return
            self._insist()
            raise

    def hang_up(self, signum: int, frame: Any) -> None:
        """Finish and stop as well: the terminal is closed. The first signal that asks for it still is the first."""
        if self.stop.is_set():
            return
        try:
            self.request_stop(signum, frame)
        finally:
            super()._install_signal_handlers()  # type: ignore[no-untyped-call]

    def _begin_grace(self) -> None:
        if self.grace is None or not self.horse_pid or self._timer is not None:
            return

        def end(process: int = os.getpid()) -> None:
            self._overdue = True
            os.kill(process, signal.SIGTERM)

        self._timer = threading.Timer(self.grace, end)
        self._timer.daemon = True
        self._timer.start()

    def _insist(self) -> None:
        """Ask again while the next job is waited for: what is raised where a signal meets a `__del__` is lost."""

        def again(*_: Any) -> None:
            if self._waits:
                raise StopRequested

        signal.signal(signal.SIGALRM, again)
        signal.setitimer(signal.ITIMER_REAL, _INSISTING, _INSISTING)

    def teardown(self) -> None:
        """End, and ask no more."""
        self._ends = True
        if self._timer is not None:
            self._timer.cancel()  # or it would end a session of Python that goes on without this worker
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except (RedisError, OSError):  # RQ then leaves its thread listening on a connection that is closed
            with suppress(RedisError, OSError):
                self.unsubscribe()  # type: ignore[no-untyped-call]
            raise

    def request_force_stop(self, signum: int, frame: Any) -> None:
        """Stop at once; a run that is killed for it is recorded as such, and tried again as its spec says."""
        watched = self._monitored if self.horse_pid else None
        if self._overdue:  # RQ takes a second signal within one second for the first one
            self._shutdown_requested_date = datetime.fromtimestamp(0, UTC)
        try:
            super().request_force_stop(signum, frame)
        except SystemExit:
            if watched and not self._handed_back(watched[2]):
                job, queue, execution = watched
                self._record_killed(job, execution, "its worker was stopped while it ran")
                self.handle_job_failure(job, queue, exc_string="The worker was stopped.", execution=execution)
                self._tell_adapters()
            raise

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Kill the process of the run; RQ's own would kill this worker when the run has ended meanwhile."""
        if self.horse_pid:
            super().kill_horse(sig)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Tell what the worker does, unless that is known: RQ says twice after each job that it is idle."""
        if pipeline is not None or state != self.get_state():
            super().set_state(state, pipeline)

    def _install_signal_handlers(self) -> None:
        """Take over the signals, and heed one that came while this process was still starting."""
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        if signal.SIGHUP in heeded_signals():
            signal.signal(signal.SIGHUP, self.hang_up)
        if self.stop.is_set():
            self._stop_requested = True

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job in a fork of this process; code that changed since the preload is imported after the fork."""
        self._renewed = 0.0
        self._process = os.getpid()
        with past_damage(f"run {job.id} cannot be followed") as told:
            super().execute_job(job, queue)
        self._tell_adapters()
        if told:
            self.stop.wait(REFUSED_SECONDS)  # a run that was not started is delivered again
        if self.outdated:
            logger.info("the code changed: this worker starts itself anew")
            self._stop_requested = True

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run the job in the forked child."""
        self.live_with_worker()
        if self.outdated and self.forget_modules:
            self.forget_modules()
        super().main_work_horse(job, queue)

    def live_with_worker(self) -> None:
        """End this process, which runs jobs, with its worker, also if that is gone already: none renews its claim."""
        if self.traces:
            self.traces.begin_run()
        end_with_parent(signal.SIGKILL)
        if os.getppid() != self._process:
            os._exit(1)

    def setup_work_horse_signals(self) -> None:
        """Leave it to the worker when a run is stopped: a signal may be sent to every process of a service."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        run = os.getpid()

        def pass_over(signum: int, frame: Any) -> None:
            if os.getpid() != run:  # a process that the run has forked
                signal.signal(signum, signal.SIG_DFL)
                os.kill(os.getpid(), signum)

        for number in set(heeded_signals()) - {signal.SIGINT}:  # which RQ ignores
            signal.signal(number, pass_over)


def make_worker(
    connection: Redis,
    keys: Keys,
    queues: Sequence[str],
    *,
    name: str | None = None,
    allowed: Iterable[str] = (),
    kind: type[FlowerPowerWorker] | None = None,
) -> FlowerPowerWorker:
    """Return a worker, of a *kind* if one is named, for some queues of a namespace, named as in the specs."""
    job_class = restricted_job(allowed)
    worker = (kind or FlowerPowerWorker)(
        [restricted_queue(keys.queue(queue), connection, job_class) for queue in queues],
        name=name,
        connection=connection,
        job_class=job_class,
        serializer=JSONSerializer,
        job_monitoring_interval=MONITORING_SECONDS,
        maintenance_interval=60,
    )
    worker.keys = keys
    worker.stop = Stop()
    worker.absence = Absence(logger, "no run is taken")
    return worker
