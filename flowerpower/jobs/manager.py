"""The public way to the job queue: `JobQueueManager` makes a back end, `RQManager` is the one for RQ.

Both are thin: they call the functions beside them. What is enqueued is always the applied record, never the work tree.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Unpack

from flowerpower import arguments
from flowerpower.errors import RefusedError, UsageError
from flowerpower.jobs.by_hand.backfill import MOST_TICKS, Backfill, BackfillPlan, Progress, plan_backfill, plans_again
from flowerpower.jobs.by_hand.forget import Forgotten, forget_schedules
from flowerpower.jobs.by_hand.holds import Paused, Resumed, pause_schedules, resume_schedules
from flowerpower.jobs.by_hand.inputs import Look, look_not, look_with
from flowerpower.jobs.by_hand.manual import RunHandle, enqueue_once, manual_order, sign_order
from flowerpower.jobs.by_hand.past import HandOut, Sign
from flowerpower.jobs.by_hand.rerun import rerun_of, rerun_tick
from flowerpower.jobs.by_hand.stopping import WITH_ALL, Stopped, stop_all, stop_run
from flowerpower.jobs.details import RunDetails, find_record, read_run
from flowerpower.jobs.ledger import run_ref
from flowerpower.jobs.logs import RunLog, read_log
from flowerpower.jobs.monitoring.metrics_server import metrics_beside
from flowerpower.jobs.monitoring.status import ScheduleStatus, Status
from flowerpower.jobs.monitoring.status_reader import StatusReader, read_status
from flowerpower.jobs.records import RunList, RunRecord, Wish, plain_time, read_runs
from flowerpower.jobs.stop import Stop
from flowerpower.jobs.workers.applied import queues_of, read_patiently, recipes_of
from flowerpower.jobs.workers.asked import options_of, warn_of_idle
from flowerpower.jobs.workers.beside import run_scheduler
from flowerpower.jobs.workers.processes import (
    Work,
    WorkerOptions,
    run_worker,
    run_workers,
    session_put_back,
    stops_let_through,
)
from flowerpower.jobs.workers.unforkable import Unforkable
from flowerpower.planning.sync import Wanted
from flowerpower.planning.window import past_moment
from flowerpower.specs.values import parse_duration
from flowerpower.state.connection import connect, hide_credentials
from flowerpower.state.store import Store

_WHEN = "pass an aware datetime, or a text such as '2026-11-22T02:00'"

logger = logging.getLogger("flowerpower.worker")


class RQManager:
    """One namespace's jobs on RQ: enqueue now, at, in; schedules and their holds; workers; the scheduler; status."""

    def __init__(
        self,
        store: Store,
        url: str,
        options: WorkerOptions = WorkerOptions(),  # noqa: B008 - frozen
        who: Callable[[], str] = lambda: "",
    ) -> None:
        self.store = store
        self._who = who
        self._url = url
        self._options = options

    def __repr__(self) -> str:
        return f"<RQManager of {self.store.keys.namespace} at {hide_credentials(self._url)}>"

    def __reduce__(self) -> str:
        arguments.refuse_pickle("a manager of jobs")

    def enqueue(self, name: str, inputs: Mapping[str, Any] | None = None) -> RunHandle:
        """Enqueue one run of an applied pipeline or schedule now; `inputs` are merged over the applied ones.

        Raises `UsageError` when nothing of that name is applied, and for inputs that the run would refuse, where the
        project's folder has the code that was applied; `StoreError` when Redis fails.
        """
        return self._enqueue(name, inputs, due=0)

    def enqueue_at(self, name: str, when: datetime, inputs: Mapping[str, Any] | None = None) -> RunHandle:
        """Enqueue one run at a moment (an aware datetime); a past moment means now."""
        return self._enqueue(name, inputs, due=arguments.moment(when, "`when`"))

    def enqueue_in(
        self, name: str, delay: str | float | timedelta, inputs: Mapping[str, Any] | None = None
    ) -> RunHandle:
        """Enqueue one run after a delay: seconds, a timedelta, or a text such as `10m`."""
        seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
        now = self.store.time()
        if not isinstance(seconds, (str, int, float)):
            raise UsageError(f"{delay!r} is no delay", hint="pass seconds, a timedelta, or `10m`")
        try:
            wait = parse_duration(seconds) if isinstance(seconds, str) else seconds
            if wait < 0:
                raise ValueError("it is negative; `enqueue` runs at once")
            due = now + int(wait)
            datetime.fromtimestamp(due + 86_400, UTC)  # in some zones it is tomorrow already
        except (TypeError, ValueError, OverflowError, OSError) as error:
            raise UsageError(f"{delay!r} is no delay: {error}", hint="pass seconds, a timedelta, or `10m`") from None
        return self._enqueue(name, inputs, due=due)

    def schedules(self) -> tuple[ScheduleStatus, ...]:
        """Return what is live and how it went, one entry for each applied schedule."""
        return self.status().schedules

    def status(self, wanted: Wanted = Wanted(), recent: int = 1) -> Status:  # noqa: B008 - frozen
        """Return what is live: schedules with so many of their last outcomes, workers, scheduler.

        With what the specs ask for (`planner.wanted_of`), each schedule says whether it is that.
        """
        arguments.of_kind(wanted, Wanted, "`wanted`", "pass what `planner.wanted_of` returns")
        return read_status(self.store, wanted, arguments.whole(recent, "`recent`"))

    def status_reader(self, timeout: float = 5.0) -> StatusReader:
        """Return a reader for many looks, over a connection of its own that waits only so long for an answer."""
        return StatusReader(Store(connect(self._url, timeout=timeout), self.store.keys))

    def runs(
        self,
        name: str = "",
        *,
        since: int | str | datetime | timedelta | None = None,
        statuses: Sequence[str] = (),
        limit: int = 20,
    ) -> RunList:
        """Return the active runs, then those that ended, newest first: of one schedule or pipeline, or of all.

        Of one name there are also the ticks that did not run, and why. `limit` is how many of the active runs there are
        at most, and of those that ended. `since` is an aware datetime, a timedelta or a
        text: a day, a moment, or `2d` ago.
        """
        start = self.moment(since, "`since`") if since is not None else 0
        wanted = arguments.texts(statuses, "`statuses`")
        most = min(max(0, arguments.whole(limit, "`limit`")), sys.maxsize - 1)
        return read_runs(self.store, Wish(arguments.text(name, "`name`"), start, wanted, most))

    def run(self, run_id: str) -> RunDetails:
        """Return everything that is known of a run; raise `UsageError` when that is nothing."""
        return read_run(self.store, run_id)

    def look(self, run_id: str) -> RunDetails:
        """Return where a run is, without what happened to it before: quick enough to ask again and again."""
        return read_run(self.store, run_id, history=False)

    def stands(self, run_id: str) -> RunRecord | None:
        """Return whether a run is active or how it ended, None when neither is known."""
        run = run_ref(self.store, self.store.keys.full_run_id(run_id), 0)
        return find_record(self.store, run) if run is not None else None

    def named(self, run_id: str) -> tuple[str, int] | None:
        """Return the schedule, by its name now, and the tick that a run id names, None for what is no run id."""
        return rerun_of(self.store, run_id)

    def log(self, run_id: str, attempt: int | None = None) -> str:
        """Return what a run printed and logged, at most the last 64 KiB, its secrets masked; of its newest attempt."""
        return self.logged(run_id, attempt).text

    def logged(self, run_id: str, attempt: int | None = None) -> RunLog:
        """Return what `log` does, the number of the attempt, and why a run wrote nothing."""
        return read_log(self.store, run_id, None if attempt is None else arguments.whole(attempt, "`attempt`"))

    def cancel(self, run_id: str, reason: str = "") -> str:
        """Drop a run that waits, or tell the worker of a running one to stop.

        Return `dropped`, `stopping`, `deaf` (its worker did not hear it; the run is stopped as soon as it is heard of)
        or `over`.
        """
        return self.stop(run_id, reason).word

    def stop(self, run_id: str, reason: str = "", *, with_all: bool = False) -> Stopped:
        """Do what `cancel` does, and return all that is known of it; *with_all* says why as `stop_all` does."""
        return stop_run(self.store, run_id, self._by(WITH_ALL if with_all else "cancelled", reason))

    def stop_all(self, name: str, reason: str = "") -> tuple[Stopped, ...]:
        """Cancel all active runs of a schedule or pipeline; backfills of it hand out no more.

        Raises `UsageError` for a name that nothing has.
        """
        return stop_all(self.store, name, self._by(WITH_ALL, reason))

    def rerun(
        self, name: str, tick: str | int | datetime, *, inputs: Mapping[str, Any] | None = None, again: bool = False
    ) -> RunHandle:
        """Run a past tick of a schedule once more, as it is applied now; the attempts go on being counted.

        Raises `RefusedError` for a tick that has succeeded, unless *again*, `UsageError` for one that is active.
        """
        moment = tick if isinstance(tick, str) else self.moment(tick, "`tick`")
        how = HandOut(self._by("run again"), inputs or {}, again=again, sign=self._sign, look=self._look)
        run_id, _ = rerun_tick(self.store, arguments.text(name, "`name`"), moment, how)
        return RunHandle(self.store, run_id, self)

    def plan_backfill(
        self,
        name: str,
        start: str | datetime,
        end: str | datetime = "now",
        *,
        again: bool = False,
        most: int | None = None,
    ) -> BackfillPlan:
        """Return which past ticks of a schedule a backfill would run; nothing is written."""
        given = {"`start`": start, "`end`": end}
        first, last = (one if isinstance(one, str) else self.moment(one, what) for what, one in given.items())
        most = MOST_TICKS if most is None else arguments.whole(most, "`most`", 1)
        return plan_backfill(self.store, arguments.text(name, "`name`"), first, last, again=again, most=most)

    def plans_again(
        self,
        name: str = "",
        *,
        since: int | str | datetime | timedelta,
        statuses: Sequence[str] = ("failed",),
    ) -> tuple[list[BackfillPlan], list[RunRecord]]:
        """Return plans that run once more what `runs` lists of one schedule or of all, and what of it none can take.

        Raises `RefusedError` for more than 1,000 runs.
        """
        found = self.runs(name, since=since, statuses=statuses, limit=MOST_TICKS)
        if found.more or sum(record.count for record in found.runs) > MOST_TICKS:
            raise RefusedError(f"more than {MOST_TICKS:,} ticks ended so", hint="name a schedule, or a later --since")
        return plans_again(self.store, found.runs)

    def backfill(
        self,
        plan: BackfillPlan,
        max_concurrent: int = 1,
        *,
        inputs: Mapping[str, Any] | None = None,
        fail_fast: bool = False,
        word: str = "backfill",
        pause: Callable[[float], None] = time.sleep,
    ) -> Iterator[Progress]:
        """Run the ticks of a plan, at most so many at once, and yield how far it is until all have ended.

        Who stops iterating hands out no more; the same plan made anew goes on where it was.
        """
        who, look = self._by(word), self._look
        arguments.of_kind(plan, BackfillPlan, "`plan`", "pass what `plan_backfill` returns")
        arguments.whole(max_concurrent, "`max_concurrent`", 1)
        job = Backfill(self.store, plan, max_concurrent, inputs or {}, who, fail_fast, self._sign, pause, look)
        return job.steps()

    def pause(
        self,
        *names: str,
        reason: str,
        until: str | int | datetime | timedelta | None = None,
        who: str = "",
        replace: bool = False,
    ) -> Paused:
        """Hold live schedules at once, all of them or none: nothing fires until `resume`, or until `until`.

        Names may be patterns such as `sales_*`. `until` is an aware datetime, a timedelta from now, or a text such as
        `2d`, `2026-12-01T09:00` (on the clocks of the schedule's zone) or `09:00`. A schedule that is held already is
        left as it is, unless with `replace`. Raises `UsageError`; then nothing is held.
        """
        if isinstance(until, timedelta):
            until = f"{int(until.total_seconds())}s"
        end = until if until is None or isinstance(until, str) else self.moment(until, "`until`")
        arguments.text(reason, "`reason`")
        return pause_schedules(self.store, names, who=self._named(who), why=reason, until=end, replace=replace)

    def resume(self, *names: str, who: str = "") -> Resumed:
        """Lift the holds of live schedules at once, all of them or none; they start from now.

        Raises `UsageError` for an unknown name. One that is not held is no error: it is named in `not_held`.
        """
        return resume_schedules(self.store, names, self._named(who))

    def forget(self, *names: str, who: str = "") -> Forgotten:
        """Stop managing live schedules from git, all of them or none; they fire on until their specs come back.

        Raises `UsageError` for an unknown name.
        """
        return forget_schedules(self.store, names, self._named(who))

    def start_worker(self, **work: Unpack[Work]) -> bool:
        """Work in this process until stopped, or until the queues are empty with `burst`.

        Without `queues` it works on those that the project declares, else on those that the applied schedules use.
        The modules of the applied pipelines are imported before anything is forked. Returns True when the project's
        code changed on disk and the process should be started anew.

        `with_scheduler=False` leaves the scheduler out; `grace` is how many seconds a running job may go on after
        SIGTERM; `allowed` names other functions to run. With more than one of `processes` they are children of this
        one, and start anew by themselves. With `warm`, runs share a process instead of each having its own. There are
        `preload`, `require_commit`, `from_git`, `branch` and `metrics` too; `flowerpower worker --help` says what for.
        """
        me = os.getpid()
        with stops_let_through():
            try:
                return self._work(work)
            except SystemExit:  # with it RQ leaves when it is told to stop at once
                if os.getpid() != me:
                    raise
                return False

    def work(self, stop: Stop, **work: Unpack[Work]) -> bool:
        """Do the same for a process that starts itself anew: after True, it is asked to stop only when it has.

        `stop` is set by who asks it nevertheless.
        """
        return self._work(work, stop, Unforkable())

    def _work(self, work: Work, stop: Stop | None = None, unforkable: Unforkable | None = None) -> bool:
        chosen = replace(options_of(work, self._options), unforkable=unforkable)

        def look() -> WorkerOptions:
            applied = read_patiently(self.store, patient=not chosen.burst)
            return replace(chosen, queues=chosen.queues or queues_of(applied), recipes=recipes_of(applied))

        with session_put_back():
            options = look()
            if work.get("queues"):
                used = queues_of(read_patiently(self.store, patient=not options.burst))
                warn_of_idle(options.queues, self._options.queues, used)
            if options.processes == 1:
                return run_worker(self._url, self.store.keys, options, stop)
            self.store.connection.connection_pool.disconnect()  # each process opens its own
            run_workers(self._url, self.store.keys, options.processes, look)
            return False

    def start_scheduler(self, metrics: str = "") -> None:
        """Run a scheduler in this process until it is told to stop; *metrics* is the [HOST:]PORT for Prometheus."""
        with session_put_back(), metrics_beside(self._url, self.store.keys, metrics, "scheduler"):
            run_scheduler(self._url, self.store.keys, plugins=self._options.plugins, alone=True)

    @property
    def _sign(self) -> Sign | None:
        """Return what signs a run, where there is a key."""
        signer = self._options.signer
        return signer.sign_run if signer else None

    @property
    def _look(self) -> Look:
        """Return what looks at inputs with the project's code, where that lies in a folder."""
        return look_not if self._options.elsewhere else look_with(self._options.root, self._options.folders)

    def _named(self, who: str) -> str:
        return arguments.text(who, "`who`") or self._who()

    def _by(self, what: str, reason: str = "") -> str:
        who = self._who()
        arguments.text(reason, "`reason`")
        return f"{what}{f' by {who}' if who else ''}{f': {reason}' if reason else ''}"

    def moment(self, given: int | str | datetime | timedelta, what: str, timezone: str = "UTC") -> int:
        """Return a moment (epoch seconds): an aware datetime, a timedelta or a text as `2d` ago, a day in the zone."""
        if isinstance(given, int):
            return arguments.seconds(given, what)
        if not isinstance(given, (str, timedelta)):
            return arguments.moment(given, what, _WHEN)
        now = plain_time(self.store)
        if isinstance(given, timedelta):
            return max(0, now - int(given.total_seconds()))
        return past_moment(given, timezone, now, what)

    def _enqueue(self, name: str, inputs: Mapping[str, Any] | None, due: int) -> RunHandle:
        order = manual_order(
            self.store, name, inputs or {}, due=due, entropy=os.urandom(10), millis=time.time_ns() // 1_000_000
        )
        self._look(order["run_spec"], inputs or {})
        if self._options.signer:
            sign_order(order, self._options.signer)
        enqueue_once(self.store, order)
        return RunHandle(self.store, str(order["id"]), self)


class JobQueueManager:
    """Makes job-queue back ends by name, so that *what* runs stays apart from *how and when*."""

    backends: ClassVar[dict[str, Callable[..., RQManager]]] = {"rq": RQManager}

    @classmethod
    def create(cls, backend: str = "rq", **options: Any) -> RQManager:
        """Return a back end; raise `UsageError` for an unknown one. For `rq`: `store`, `url`, `options`, `who`."""
        if arguments.text(backend, "`backend`") not in cls.backends:
            raise UsageError(f"there is no job queue {backend!r}", hint=f"known: {', '.join(cls.backends)}")
        return cls.backends[backend](**options)
