"""Wait for the end of a run, and show meanwhile where it is. To stop waiting stops nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flowerpower.cli.process import INTERRUPTED
from flowerpower.cli.session import Session
from flowerpower.errors import StoreError

if TYPE_CHECKING:
    from flowerpower.jobs.details import RunDetails
    from flowerpower.jobs.manager import RQManager
    from flowerpower.jobs.records import RunRecord

_FASTEST, _SLOWEST = 0.1, 1.0  # seconds between two looks
_PATIENCE = 300.0  # seconds that Redis may be away
_SPEAK_AFTER = 5.0  # seconds in a queue without a worker before that is worth a word


def follow(session: Session, jobs: RQManager, run_id: str, *, wait: bool) -> int:
    """Tell of a run that was enqueued, and with *wait* show it until its end; return the exit code of its outcome."""
    from flowerpower.render.details import details_dict, details_text
    from flowerpower.render.records import env_of_run, short_run
    from flowerpower.render.words import typed

    short, env = short_run(run_id), env_of_run(run_id)
    if not wait:
        session.document({"format_version": "1.0", "run": run_id})
        session.result(f"Enqueued {session.style(short, 'strong')}")
        session.talk(f"Look at it: {typed(f'flowerpower runs --job {short}', env)}")
        _warn_of_no_worker(session, jobs.look(run_id))
        return 0
    session.talk(f"Enqueued {short}; waiting for its end (Ctrl-C stops waiting, not the run)")
    try:
        details = _watch(session, jobs, run_id)
    except KeyboardInterrupt:
        session.talk(f"\nStopped waiting; the run goes on. Look at it: {typed(f'flowerpower runs --job {short}', env)}")
        session.talk(f"To stop it: {typed(f'flowerpower cancel {short}', env)}")
        return INTERRUPTED
    session.document(details_dict(details, jobs.store.keys.namespace))
    session.result(details_text(details, width=session.width, style=session.style))
    return 0 if details.record.status == "succeeded" else 1


def _warn_of_no_worker(session: Session, details: RunDetails) -> None:
    if details.workers == 0:
        from flowerpower.render.records import env_of_run
        from flowerpower.render.words import typed

        start = typed("flowerpower worker", env_of_run(details.record.run))
        words = f"No live worker listens on the queue {details.queue}: start one ({start})"
        session.talk(session.talk_style(words, "warning"))


def wait_for_end(jobs: RQManager, run_id: str, *, seconds: float, again: Callable[[], Any]) -> RunRecord | None:
    """Return how a run ended, None when it has not within so many seconds; *again* is called from time to time."""
    began = last = time.monotonic()
    while time.monotonic() - began < seconds:
        record = jobs.stands(run_id)
        if record is None or record.status not in ("running", "queued", "retrying", "scheduled"):
            return record
        if time.monotonic() - last > 3.0:
            again()
            last = time.monotonic()
        time.sleep(_FASTEST)
    return None


def _watch(session: Session, jobs: RQManager, run_id: str) -> RunDetails:
    from flowerpower.render.progress import progress_line

    began, wait, away, spoken = time.monotonic(), _FASTEST, 0.0, False
    with session.progress("Waiting") as bar:
        while True:
            try:
                details = jobs.look(run_id)
                away = 0.0
            except StoreError as error:
                away += wait
                if away > _PATIENCE:
                    raise
                bar.say(f"{error}; the run goes on, looking again")
                details = None
            if details is not None:
                if details.is_over:
                    return jobs.run(run_id)
                bar.say(progress_line(details))
                if details.workers == 0 and not spoken and time.monotonic() - began > _SPEAK_AFTER:
                    bar.wipe()
                    _warn_of_no_worker(session, details)
                    spoken = True
            time.sleep(wait)
            wait = min(wait * 1.2, _SLOWEST)
