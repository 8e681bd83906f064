"""Cancel a run, wherever it is: waiting in a queue, for a retry or for another run; running; or over already."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from flowerpower import arguments
from flowerpower.errors import FlowerPowerError, UsageError
from flowerpower.jobs.applied_names import renamed_since
from flowerpower.jobs.by_hand.holds import LONGEST_REASON
from flowerpower.jobs.ledger import run_ref
from flowerpower.jobs.records import RunRecord, active_runs
from flowerpower.state.connection import redis_errors
from flowerpower.state.keys import RUN_ID
from flowerpower.state.misplaced import WAY_OUT
from flowerpower.state.scripts import one_line
from flowerpower.state.store import Store

WITH_ALL = "cancelled with all runs of its name"
"""Begins the reason of each."""
_CALLED_OFF_SECONDS = 7 * 86_400  # as long as what a backfill handed out is kept


@dataclass(frozen=True, slots=True)
class Stopped:
    """What became of the wish to cancel a run.

    `word` is dropped (it waited, and will not run), stopping (its worker was told to stop it), deaf (it runs, but its
    worker did not hear it: it is stopped at its next sign of life), or over: then `status` is how it had ended.
    """

    run: str
    word: str
    status: str = ""
    worker: str = ""
    attempts: int = 0  # that a dropped run had begun


def stop_run(store: Store, text: str, reason: str) -> Stopped:
    """Cancel a run by its id, whole or without project and environment, or by the name of what runs just once now.

    Raises `UsageError` for a run that is not known, for a tick that has not come, and for a name of several runs.
    """
    run_id = _run_named(store, text)
    run = run_ref(store, run_id, 0)
    if run is None:
        raise UsageError(f"{text!r} is not a run of {store.keys.namespace}", hint="`flowerpower runs` shows them")
    ask = {"id": run.id, "name": run.name, "run": run.run, "reason": one_line(reason)[:LONGEST_REASON]}
    with redis_errors("cancelling the run"):
        answer: Any = store.scripts.call("stop_run", [json.dumps(ask)])
    word, more = (part.decode(errors="replace") for part in answer)
    short = store.keys.short_run_id(run_id)
    if word == "pending":
        raise UsageError(
            f"{short} has not fired yet", hint=f'`flowerpower pause {run.name} --reason "..."` keeps it from firing'
        )
    if word == "unknown":
        raise UsageError(f"no run {short} is known", hint="`flowerpower runs` shows them")
    if word == "damaged":
        raise FlowerPowerError(f"the key {more} holds something that is not ours", hint=WAY_OUT)
    if word == "over":
        return Stopped(run_id, "over", status=more)
    if word in ("dropped", "unbuffered"):
        return Stopped(run_id, "dropped", attempts=int(more or 0))
    return Stopped(run_id, word, worker=more)


def stop_all(store: Store, name: str, reason: str) -> tuple[Stopped, ...]:
    """Cancel all active runs of a name, also those that begin meanwhile, and call off its backfills.

    Raises `UsageError` where none is active, and nothing of that name is live either.
    """
    told = dict[str, Stopped]()
    runs = _active_of(store, name)
    with redis_errors("calling off backfills"):
        store.connection.set(store.keys.called_off(name), os.urandom(8).hex(), ex=_CALLED_OFF_SECONDS)
    while new := [run for run in runs if run not in told]:
        told |= {run: stop_run(store, run, reason) for run in new}
        runs = _active_of(store, name)  # the next that waited may just have taken its turn
    return tuple(told.values())


def read_mark(store: Store, name: str) -> str:
    """Return the mark that `stop_all` left last on a name: a backfill that finds another one is called off."""
    with redis_errors("looking whether backfills are called off"):
        raw: Any = store.connection.get(store.keys.called_off(name))
    return raw.decode(errors="replace") if raw else ""


def _active_of(store: Store, name: str) -> list[str]:
    """Return the ids of all active runs of a name, those that run last: a worker would take the next that waits."""
    active = [record.run for record in reversed(_active(store, name))]
    if not active:
        with redis_errors("looking for a name"):
            is_live = any(store.connection.hexists(key, name) for key in (store.keys.schedules, store.keys.pipelines))
        if not is_live:
            raise _nothing_active(store, name)
    return active


def _active(store: Store, name: str) -> list[RunRecord]:
    if not arguments.text(name, "a run id", RUN_ID):
        raise UsageError("which run?", hint="name it, as `flowerpower runs` shows it")  # no name means all to readers
    return active_runs(store, name)


def _nothing_active(store: Store, name: str) -> UsageError:
    hint = renamed_since(store, name) or "`flowerpower runs` shows what is"
    return UsageError(f"no run of {name!r} is active", hint=hint)


def _run_named(store: Store, text: str) -> str:
    if "--" in arguments.text(text, "a run id", RUN_ID):
        return store.keys.full_run_id(text)
    active = [record.run for record in _active(store, text)]
    if len(active) == 1:
        return active[0]
    if not active:
        raise _nothing_active(store, text)
    shown = ", ".join(store.keys.short_run_id(run) for run in active[:5])
    hint = f"name one, or several; all of them: `flowerpower cancel {text} --all`"
    raise UsageError(f"{len(active):,} runs of {text} are active: {shown}", hint=hint)
