"""The worker: an RQ worker that imports before it forks, runs only what it should, and carries the scheduler."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError, ResponseError
from rq import Queue
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.registry import FailedJobRegistry, FinishedJobRegistry
from rq.serializers import JSONSerializer
from rq.worker_registration import clean_worker_registry

from flowerpower.jobs.absence import Absence
from flowerpower.jobs.ledger import Ledger, run_ref
from flowerpower.jobs.running.telling import plain_failure
from flowerpower.jobs.stop import Stop
from flowerpower.jobs.workers.epilogue import Attempt, attempt_under_way, tell_adapters
from flowerpower.jobs.workers.heartbeats import BeatingWorker, past_damage
from flowerpower.jobs.workers.restricted import restricted_job, restricted_queue
from flowerpower.jobs.workers.traces import Traces, end_with_parent
from flowerpower.state.connection import as_ours, refuses_writes, without_retries
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

MONITORING_SECONDS = 10  # how often a running job's heartbeat is sent
# Threads that runs do without: of the allocator of pyarrow and polars, and what removes files that polars has spilled.
_SURVIVE_FORKS = ("jemalloc_bg_thd", "polars-ooc-clea")
_LONGEST_TRACEBACK = 64 * 1024  # characters that RQ keeps of an error, which may hold anything, from its end
_INSISTING = 0.3  # seconds between two times that a worker is asked to stop, as long as it does not hear it
_REFUSED_SECONDS = 1.0  # before the next job, where Redis refused this one
_ENDED_SILENTLY = 1 << 8  # the status, as `wait` tells it, of a process that ended with code 1

logger = logging.getLogger("flowerpower.worker")


class FlowerPowerWorker(BeatingWorker):
    """RQ's worker with flowerpower's rules; `stop` is set once somebody asks it to stop."""

    keys: Keys
    stop: threading.Event
    grace: float | None = None  # seconds a running job is given after the first signal
    preload: Callable[[], None] | None = None  # imports the project's modules
    forget_modules: Callable[[], None] | None = None  # drops them again
    fingerprint: Callable[[], str] | None = None  # of the code on disk
    imported: str = ""  # the fingerprint of the code that was preloaded
    unfit: bool = False  # to fork: the code that was preloaded has started threads
    traces: Traces | None = None  # that it leaves for who started it
    _process: int = 0  # the one that forks
    _waits: bool = False  # for the next job
    _ends: bool = False  # it takes no job any more
    _monitored: tuple[Job, Queue, Execution] | None = None  # what the process that is watched runs
    _killed: tuple[Store, Attempt, str] | None = None  # of whose end its adapters are to be told

    @property
    def outdated(self) -> bool:
        """Tell whether the code on disk is no longer the code this process has imported."""
        return self.fingerprint is not None and self.imported != self.fingerprint()

    def import_first(self) -> Sequence[str]:
        """Import Hamilton and the project's modules before any fork; return the names of threads that this has started.

        What cannot be imported is left to the runs.
        """
        self.imported = self.fingerprint() if self.fingerprint else ""
        before = set(_threads())
        if self.preload:
            self.preload()
        return sorted({name for number, name in _threads() if (number, name) not in before})

    def request_stop(self, signum: int, frame: Any) -> None:
        """Finish the running job, within the grace if there is one, and stop; a second signal stops at once."""
        self.stop.set()
        self._stop_requested = True
        if self.grace is not None and self.horse_pid:
            at_least = 1.1  # RQ takes a second signal within one second for the first one
            timer = threading.Timer(max(self.grace, at_least), os.kill, (os.getpid(), signum))
            timer.daemon = True
            timer.start()
        try:
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]
        except StopRequested:
            if self._ends:  # nobody would catch it: whoever started this worker asks `stop`
                return
            self._insist()
            raise

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
        signal.setitimer(signal.ITIMER_REAL, 0)
        super().teardown()  # type: ignore[no-untyped-call]

    def request_force_stop(self, signum: int, frame: Any) -> None:
        """Stop at once; a run that is killed for it is recorded as such, and tried again as its spec says."""
        watched = self._monitored if self.horse_pid else None
        try:
            super().request_force_stop(signum, frame)
        except SystemExit:
            if watched and not self._handed_back(watched[2]):
                job, queue, execution = watched
                self._record_killed(job, execution, "its worker was stopped while it ran")
                self.handle_job_failure(job, queue, exc_string="The worker was stopped.", execution=execution)
                self._tell_adapters()
            raise

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Let RQ tell of a failure in words that the author of the pipeline can use."""
        with plain_failure(self.log, exc_info[1]):
            super().handle_exception(job, *exc_info)

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Kill the process of the run; RQ's own would kill this worker when the run has ended meanwhile."""
        if self.horse_pid:
            super().kill_horse(sig)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Tell what the worker does, unless that is known: RQ says twice after each job that it is idle."""
        if pipeline is not None or state != self.get_state():
            super().set_state(state, pipeline)

    def clean_registries(self) -> None:
        """Clean up after dead workers in our own queues: RQ would also unpickle jobs of other queues.

        Started jobs are left to the scheduler, which goes by the clock of Redis and spares workers after an outage.
        """
        self._ordered_queues = list(self.queues)  # also those that were damaged when it looked last
        try:
            for queue in self.queues:
                _clean_up(queue)
        except ResponseError as error:
            self._note_refusal(error)
        self.last_cleaned_at = datetime.now(UTC)  # type: ignore[assignment]

    def clean_group_registries(self) -> None:
        """Leave RQ's groups alone: flowerpower makes none, and RQ would unpickle their jobs."""

    def _install_signal_handlers(self) -> None:
        """Take over the signals, and heed one that came while this process was still starting."""
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        if self.stop.is_set():
            self._stop_requested = True

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for the next job, unless somebody has asked to stop meanwhile."""
        self._waits, again = True, True
        found: tuple[Job, Queue] | None = None  # which ends this worker, and another one starts
        try:
            while again:
                if self.stop.is_set():
                    raise StopRequested
                found, again = self._dequeued(timeout, max_idle_time)
            return found
        finally:
            self._waits = False

    def _dequeued(self, timeout: int | None, max_idle_time: int | None) -> tuple[tuple[Job, Queue] | None, bool]:
        """Return the next job, and whether to ask once more, since what was met is damaged."""
        found: tuple[Job, Queue] | None = None
        try:
            with past_damage("a queue waits") as told:
                found = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        except UnicodeDecodeError:
            logger.error("what stood in a queue is no text, and no job")
            return None, True
        except ResponseError as error:
            self._note_refusal(error)
            self.stop.wait(_REFUSED_SECONDS)
            return None, True
        return found, bool(told) and self._leave_damaged_queues()

    def _note_refusal(self, error: ResponseError) -> None:
        """Tell that Redis takes no write for now, if this says so; raise it if it says anything else."""
        if not refuses_writes(error):
            raise error
        self.absence.gone(f"{error} ({as_ours(error, '').hint})", refuses=True)

    def _leave_damaged_queues(self) -> bool:
        """Work on the queues that are lists, until the next clean-up; tell whether there are any."""
        keys = {queue: (queue.key, queue.intermediate_queue_key) for queue in self._ordered_queues}
        left = [queue for queue, pair in keys.items() if all(map(self._is_list, pair))]
        fewer = len(left) < len(keys)
        self._ordered_queues = left
        return fewer and bool(left)

    def _is_list(self, key: str) -> bool:
        return self.connection.type(key) in (b"none", b"list")

    def handle_job_success(self, job: Job, *more: Any, **named: Any) -> None:
        """Let RQ note a success; the run has been recorded, so where RQ cannot there is nothing to try again."""
        with past_damage(f"not all of the end of run {job.id} is noted for RQ"):
            super().handle_job_success(job, *more, **named)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job in a fork of this process; code that changed since the preload is imported after the fork."""
        self._renewed = 0.0
        self._process = os.getpid()
        with past_damage(f"run {job.id} cannot be followed") as told:
            super().execute_job(job, queue)
        self._tell_adapters()
        if told:
            self.stop.wait(_REFUSED_SECONDS)  # a run that was not started is delivered again
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

    def note_end_of_horse(self) -> None:
        """Note that the process which runs jobs is gone, and has been waited for."""
        if self.traces:
            self.traces.end_run()

    def setup_work_horse_signals(self) -> None:
        """Leave it to the worker when a run is stopped: SIGTERM may be sent to every process of a service."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        run = os.getpid()

        def pass_over(signum: int, frame: Any) -> None:
            if os.getpid() != run:  # a process that the run has forked
                signal.signal(signum, signal.SIG_DFL)
                os.kill(os.getpid(), signum)

        signal.signal(signal.SIGTERM, pass_over)

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        """Wait for the process of a run; one that ended well without handing its job back ended silently."""
        found, status, usage = super().wait_for_horse()
        self.note_end_of_horse()
        if status == os.EX_OK and self._monitored and not self._handed_back(self._monitored[2]):
            status = _ENDED_SILENTLY
        return found, status, usage

    def handle_work_horse_killed(self, job: Job, retpid: Any, ret_val: Any, rusage: Any) -> None:
        """Record the end of an attempt whose process was killed: it could not speak for itself."""
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)  # type: ignore[no-untyped-call]
        if self._monitored is None or self._handed_back(self._monitored[2]):
            return
        self._record_killed(job, self._monitored[2], _why_killed(job, ret_val))

    def monitor_work_horse(self, job: Job, queue: Queue, execution: Execution) -> None:
        """Watch the process of a run, and remember what it runs."""
        self._monitored = (job, queue, execution)
        try:
            super().monitor_work_horse(job, queue, execution)
        finally:
            self._monitored = None

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Let RQ retry or fail a job, unless its process has handed it back already and another one may run it."""
        if not self.is_horse and execution is not None and self._handed_back(execution):
            logger.warning("run %s went on elsewhere while this worker was held up", job.id)
            return
        stopped = self._stopped_job_id == job.id and not self.is_horse
        said = exc_string[-_LONGEST_TRACEBACK:].encode(errors="backslashreplace").decode()
        super().handle_job_failure(job, queue, started_job_registry, said, execution)
        if stopped and execution is not None:
            self._record_end(job, execution, "cancelled", "it was told to stop", final=True)

    def _record_killed(self, job: Job, execution: Execution, reason: str) -> None:
        self._record_end(job, execution, "failed", reason, final=not int(job.retries_left or 0))

    def _record_end(self, job: Job, execution: Execution, status: str, reason: str, *, final: bool) -> None:
        """Record the end of an attempt that cannot speak for itself any more."""
        store = Store(without_retries(self.connection), self.keys)
        run = run_ref(store, job.id, 0)
        if run is None:
            return
        attempt = attempt_under_way(store, run, str(job.args[-1]))
        took = max(0.0, time.time() - execution.created_at.timestamp())
        ended = Ledger(store).finish(
            run, execution=execution.id, status=status, reason=reason, final=final, duration=took
        )
        if ended and attempt:
            self._killed = (store, attempt, reason)

    def _tell_adapters(self) -> None:
        """Tell the adapters of a run that was killed, once all that others wait for is done."""
        if self._killed:
            killed, self._killed = self._killed, None
            tell_adapters(*killed)

    def _handed_back(self, execution: Execution) -> bool:
        """Tell whether RQ knows of the end of an execution; one that cannot be asked for now counts as known."""
        key = f"{self.keys.rq}:executions:{execution.job_id}"
        try:
            return self.connection.zscore(key, execution.id) is None
        except RedisError:
            return True


def _clean_up(queue: Queue) -> None:
    """Clean up after dead workers in one queue, unless another worker does it just now."""
    if not queue.acquire_maintenance_lock():
        return
    for registry in (FinishedJobRegistry, FailedJobRegistry):
        with past_damage(f"{registry.__name__} of {queue.name} is not cleaned up"):
            registry(queue=queue, job_class=queue.job_class).cleanup()
    with past_damage(f"the workers of {queue.name} are not cleaned up"):
        clean_worker_registry(queue)
    queue.release_maintenance_lock()  # type: ignore[no-untyped-call]


def _why_killed(job: Job, status: int | None) -> str:
    """Return why the process of a run is gone, by the status that it ended with; none where RQ has killed it itself."""
    if status is None:
        return f"it did not end at its time limit of {job.timeout} s and was killed"
    if not os.WIFSIGNALED(status):
        code = "" if status == _ENDED_SILENTLY else f" with exit code {os.WEXITSTATUS(status)},"
        return f"its process ended{code} without a word"
    more = " (SIGKILL), which is what happens when memory runs out" if os.WTERMSIG(status) == signal.SIGKILL else ""
    return f"its process was killed by signal {os.WTERMSIG(status)}{more}"


def _threads() -> Iterator[tuple[int, str]]:
    """Yield number and name of the threads of this process that a fork has reason to miss.

    Threads of libraries count if they have a name of their own; those of numpy and jemalloc survive forks.
    """
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            yield thread.native_id or 0, thread.name
    known = {thread.native_id for thread in threading.enumerate()}
    with suppress(OSError):
        own = Path("/proc/self/comm").read_text(encoding="utf-8", errors="replace")
        for task in Path("/proc/self/task").iterdir():
            name = (task / "comm").read_text(encoding="utf-8", errors="replace")
            if name.strip() not in (own.strip(), *_SURVIVE_FORKS) and int(task.name) not in known:
                yield int(task.name), name.strip()


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
