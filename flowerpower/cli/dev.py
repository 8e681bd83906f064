"""`dev`: Redis, scheduler and worker in one terminal; each save is checked, shown as a plan and applied."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from flowerpower.cli.applying import apply_with_progress, refuse
from flowerpower.cli.logs import FAILURES_ARE_TOLD
from flowerpower.cli.options import command, flag
from flowerpower.cli.plan import show_plan, tell_warnings
from flowerpower.cli.session import Session
from flowerpower.errors import AppliedError, FlowerPowerError

if TYPE_CHECKING:
    from flowerpower.planned import PlannedChanges
    from flowerpower.planning.guards import Allowed
    from flowerpower.project import FlowerPowerProject
    from flowerpower.watching import Snapshot

_LOOK_EVERY = 0.3  # seconds
_DRAIN = 20.0  # seconds that a running run has when we stop
_PAUSE = 2.0  # seconds before a worker that ended is started again


@command("dev", "Work on a project: each save is planned and applied to a private Redis.", "flowerpower dev")
def dev(
    session: Session,
    no_worker: Annotated[bool, flag("--no-worker", help="Fire and run nothing, only plan and apply.")] = False,
) -> int:
    """Work on a project in one terminal: a private Redis, a scheduler, a worker, and each save planned and applied.

    Only the embedded Redis is touched, whatever the project or the environment says. A broken edit is shown, and what
    was applied before goes on. Ctrl-C ends it all.
    """
    from flowerpower.jobs.stop import Stop, heeded_signals

    if session.settings.redis not in (None, "embedded"):
        session.talk("Note: dev works on a private Redis; the one that is set is left alone")
    session = session._replace(settings=session.settings._replace(redis="embedded"))
    stop = Stop()
    for number in heeded_signals():
        signal.signal(number, lambda *_: stop.set())
    with session.project() as project:
        folder = project.folder  # one at a URL is refused before a server is asked for
        project.store.time()  # the server is up, and stays up until we end
        bench = Workbench(session, project, folder, stop, works=not no_worker)
        try:
            bench.run()
        finally:
            bench.close()
    session.talk("Stopped.")
    return 0


def allowed() -> Allowed:
    """Return the overrides of every guard: nobody else works on this Redis, so that none has anything to guard."""
    from flowerpower.planning.guards import Allowed

    return Allowed(
        empty=True,
        deletes="100%",
        takeover=True,
        older_commit=True,
        dirty=True,
        cutover=True,
        cancel=True,
        long_commit=True,
        damaged=True,
        twin=True,
    )


def _of_dev(planned: PlannedChanges) -> PlannedChanges:
    """Return a plan without what does not hold here: a worker is about to listen, and runs the code that lies here."""
    checks = tuple(check for check in planned.plan.checks if check.name not in ("consumer", "code"))
    consumers = replace(planned.plan.consumers, scheduler="dev")
    return replace(planned, plan=replace(planned.plan, checks=checks, consumers=consumers))


class Workbench:
    """The files that are watched, and the worker that runs what was applied."""

    def __init__(
        self, session: Session, project: FlowerPowerProject, folder: Path, stop: threading.Event, *, works: bool
    ) -> None:
        from flowerpower.jobs.events import Follower

        self._session = session
        self._folder = folder
        self._runs = Follower(project.store)
        self._stop = stop
        self._works = works
        self._modules: tuple[str, ...] = ("flows",)
        self._queues: frozenset[str] = frozenset()
        self._worker: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def run(self) -> None:
        """Apply what is there, then each change, until somebody stops it."""
        seen: Snapshot | None = None
        while not self._stop.is_set():
            now = self._look()
            if now != seen and self._is_settled(now):
                seen = now
                self._follow()
            self._keep_working()
            self._tell_runs()
            self._stop.wait(_LOOK_EVERY)

    def close(self) -> None:
        """Let the worker finish what it runs, and end it."""
        worker, self._worker = self._worker, None
        if worker is None or worker.poll() is not None:
            return
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(_DRAIN)
        except subprocess.TimeoutExpired:
            self._session.talk("The worker still runs something; it is stopped")
            worker.send_signal(signal.SIGTERM)
            worker.wait()

    def _tell_runs(self) -> None:
        from flowerpower.render.following import run_line

        for event in self._runs.news():
            line = run_line(event.fields, style=self._session.style)
            if line:
                self._session.result(line)

    def _look(self) -> Snapshot:
        from flowerpower.watching import snapshot

        return snapshot(self._folder, self._modules)

    def _is_settled(self, now: Snapshot) -> bool:
        """Tell whether the files look the same a moment later: editors and git write several in a row."""
        self._stop.wait(0.05)
        return self._look() == now

    def _follow(self) -> None:
        """Check, plan and apply what is there now; a mistake is shown and leaves the last good state."""
        session = self._session
        session.talk(
            f"\n{session.talk_style(f'{datetime.now().astimezone():%H:%M:%S}', 'strong')}  {self._folder.name}"
        )
        try:
            with session.find_project() as project:
                self._apply(project)
        except FlowerPowerError as error:
            session.fail(error)
            if not isinstance(error, AppliedError):
                session.talk("Nothing was applied; what was applied before goes on.")

    def _apply(self, project: FlowerPowerProject) -> None:
        from flowerpower.render.applied import applied_text

        session = self._session
        planned = project.plan(allowed())
        tell_warnings(session, project)
        wanted = project.desired.state
        self._modules = tuple(project.checked.spec.modules)
        if planned:
            show_plan(session, _of_dev(planned), concise=len(planned.plan.changes) > 3)
            refuse(planned)
            applied = apply_with_progress(session, project, planned)
            session.result(f"\n{session.style(applied_text(applied), 'good')}")
        else:
            session.talk("No changes.")
        self._serve(frozenset(str(schedule.fields["queue"]) for schedule in wanted.schedules.values()))

    def _serve(self, queues: frozenset[str]) -> None:
        """Have a worker for these queues: a worker learns of a new queue only when it starts."""
        if not self._works or (self._worker and queues <= self._queues):
            return
        if self._worker:
            self._session.talk("A queue is new: the worker starts again")
            self.close()
        from flowerpower.jobs.workers.traces import end_with_parent

        self._queues = queues
        settings = self._session.settings
        command = [sys.executable, "-P", "-m", "flowerpower", "worker", "--quiet", "--local-code"]
        command += ["--redis", "embedded", "--env", settings.env]
        command += ["--project", str(self._folder)]
        variables = {f"FLOWERPOWER_VAR_{name}": value for name, value in settings.variables.items()}
        # Values may be secrets, and anybody reads a command line.
        environment = {**settings.environment, **variables, FAILURES_ARE_TOLD: "1"}
        ends_with_us = partial(end_with_parent, signal.SIGTERM)
        self._worker = subprocess.Popen(
            command,
            env=environment,
            start_new_session=True,
            preexec_fn=ends_with_us,  # noqa: PLW1509 - no threads here
        )
        self._started = time.monotonic()

    def _keep_working(self) -> None:
        """Start a worker again that ended by itself."""
        if self._worker is None or self._worker.poll() is None or time.monotonic() - self._started < _PAUSE:
            return
        self._session.talk(f"The worker ended ({self._worker.returncode}); it is started again")
        self._worker = None
        self._serve(self._queues)
