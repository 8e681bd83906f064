"""Cancel a run, wherever it is: waiting in a queue, for a retry or for another run; running; or over already."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flowerpower import arguments
from flowerpower.errors import FlowerPowerError, UsageError
from flowerpower.jobs.ledger import run_ref
from flowerpower.jobs.records import active_runs
from flowerpower.state.connection import redis_errors
from flowerpower.state.keys import RUN_ID
from flowerpower.state.misplaced import WAY_OUT
from flowerpower.state.store import Store

LONGEST_REASON = 500


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


def stop_run(store: Store, text: str, reason: str) -> Stopped:
    """Cancel a run by its id, whole or without project and environment, or by the name of what runs just once now.

    Raises `UsageError` for a run that is not known, for a tick that has not come, and for a name of several runs.
    """
    run_id = _run_named(store, text)
    run = run_ref(store, run_id, 0)
    if run is None:
        raise UsageError(f"{text!r} is not a run of {store.keys.namespace}", hint="`flowerpower runs` shows them")
    ask = {"id": run.id, "name": run.name, "run": run.run, "reason": " ".join(reason.split())[:LONGEST_REASON]}
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
    return Stopped(run_id, "dropped" if word == "unbuffered" else word, worker=more)


def _run_named(store: Store, text: str) -> str:
    if "--" in arguments.text(text, "a run id", RUN_ID):
        return store.keys.full_run_id(text)
    if not text:
        raise UsageError("which run?", hint="name it, as `flowerpower runs` shows it")  # no name means all to readers
    active = [record.run for record in active_runs(store, text)]
    if len(active) == 1:
        return active[0]
    if not active:
        raise UsageError(f"no run of {text!r} is active", hint="`flowerpower runs` shows what is")
    shown = ", ".join(store.keys.short_run_id(run) for run in active[:5])
    raise UsageError(f"{len(active)} runs of {text} are active: {shown}", hint="name one, or several")
