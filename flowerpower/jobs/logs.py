"""What an attempt of a run printed and logged; and where that is nothing, why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowerpower.errors import UsageError
from flowerpower.jobs.details import RunDetails, read_run
from flowerpower.jobs.running.keeping import LOGS_KEPT, RUNS_KEPT
from flowerpower.state.connection import redis_errors
from flowerpower.state.store import Store

_UNSTARTED = {
    "queued": "waits in its queue and has written nothing yet",
    "scheduled": "waits for its time and has written nothing yet",
    "missed": "was missed: it did not run, so it wrote nothing",
    "skipped": "was skipped: it did not run, so it wrote nothing",
    "cancelled": "was cancelled before it ran, so it wrote nothing",
}


@dataclass(frozen=True, slots=True)
class RunLog:
    """What an attempt wrote. An empty text is not a lost one: `silence` says why there is nothing."""

    run: str
    attempt: int
    text: str = ""
    silence: str = ""


def read_log(store: Store, text: str, attempt: int | None = None) -> RunLog:
    """Return what the newest attempt that said something wrote, or the one asked for.

    Raises `UsageError` for an attempt there was not, and where it is not known any more whether it wrote something.
    """
    details = read_run(store, text, history=False)
    run_id = details.record.run or store.keys.full_run_id(text)
    run, made = store.keys.short_run_id(run_id), details.record.attempt
    with redis_errors("reading the log"):
        found: Any = store.connection.hgetall(store.keys.kept(run_id))
    logs = {
        int(name[4:]): value.decode(errors="replace")
        for name, value in found.items()
        if name.startswith(b"log:") and name[4:].isdigit()
    }
    number = attempt if attempt is not None else max(logs, default=made)
    if number in logs:
        return RunLog(run_id, number, logs[number])
    if attempt is not None and not 0 < attempt <= made:
        raise UsageError(f"run {run} has no attempt {attempt}", hint=_attempts(made))
    _refuse_forgotten(store, run, number, details)
    return RunLog(run_id, number, silence=_silence(details, number))


def _attempts(made: int) -> str:
    return f"it has had {made} so far: --attempt 1{f' to {made}' if made > 1 else ''}" if made else "it has not run"


def _refuse_forgotten(store: Store, run: str, number: int, details: RunDetails) -> None:
    """Raise `UsageError` unless what the attempt wrote would still be there."""
    record = details.record
    if not record.attempt or (not details.is_over and number == record.attempt):
        return
    if number <= record.attempt - LOGS_KEPT:
        raise UsageError(f"the log of attempt {number} of run {run} is not kept", hint=f"the newest {LOGS_KEPT} are")
    with redis_errors("reading which logs are kept"):
        index = store.keys.kept_of(record.name)
        kept: Any = store.connection.zcard(index)
        oldest: Any = store.connection.zrange(index, 0, 0, withscores=True)
    pushed_out = kept >= RUNS_KEPT and oldest and record.at <= oldest[0][1]
    if pushed_out or not details.queue:  # RQ keeps the job for as long as its log
        raise UsageError(f"run {run} has no log any more, if it wrote something at all", hint=_HINT)


_HINT = (
    "logs are kept for the run's result_ttl if it succeeded, for its failure_ttl otherwise, of the newest 1,000 runs"
)


def _silence(details: RunDetails, number: int) -> str:
    status = details.record.status
    if not details.record.attempt:
        return _UNSTARTED.get(status, "has not run, so it wrote nothing")
    if not details.is_over and number == details.record.attempt and status == "running":
        return "has written nothing so far"
    return "wrote nothing" if details.record.attempt == 1 else f"wrote nothing in attempt {number}"
