"""The function that every flowerpower job calls: `flowerpower.jobs.run.run_scheduled`.

It looks up the run spec by its digest, claims the run, runs the pipeline with Hamilton, and records the outcome. It
works in a flowerpower worker and in a stock `rq worker --serializer json` started in the project's folder.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flowerpower.errors import FlowerPowerError, StoreError
from flowerpower.jobs.firing import compile_schedule, fire_message
from flowerpower.jobs.ledger import Claim, Claimant, Ledger, RunRef, run_ref
from flowerpower.settings import read_settings
from flowerpower.state.codec import decode_cursor, decode_schedule, digest
from flowerpower.state.connection import redis_errors, without_retries
from flowerpower.state.desired import trigger_of
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.store import Store

if TYPE_CHECKING:
    from rq.job import Job

RECORD_FOR = 60.0  # seconds that recording an outcome is tried while Redis is away

logger = logging.getLogger("flowerpower.run")


class RunRefusedError(FlowerPowerError):
    """A job does not match what was applied, so it is not run."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One claimed attempt."""

    run: RunRef
    claim: Claim
    spec: Mapping[str, Any]
    execution: str


@dataclass(frozen=True, slots=True)
class Home:
    """The project on this machine whose modules are run, and what it allows them."""

    root: Path
    paths: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    pickle: bool = False


_home: Home | None = None


def use_project(home: Home) -> None:
    """Say which project this process and its forks run; without it, the one found from the working folder."""
    global _home  # noqa: PLW0603 - RQ calls run_scheduled by its name, with what lies in Redis and nothing else
    _home = home


def run_scheduled(namespace: str, name: str, spec_digest: str) -> dict[str, Any]:
    """Run what was applied, as one attempt of the run that the current RQ job is; return a small JSON summary.

    Raises what the pipeline raises, so that RQ retries it as the spec says.
    """
    job, store = _current_job(namespace)
    run = run_ref(store, job.id, _asked_tick(job))
    if run is None or run.name != name:
        raise RunRefusedError(f"job {job.id} is not a run of {name!r} in {namespace}")
    spec = _read_spec(store, namespace, name, spec_digest)
    ledger = Ledger(store)
    _fire_if_pending(store, ledger, run)
    execution = _execution_of(store, job.id)
    deadline = int(spec.get("start_deadline") or 0)
    claimant = Claimant(job.worker_name or "", execution)
    claim = ledger.claim(run, claimant, digest=spec_digest, deadline=deadline, alone=bool(spec.get("manual")))
    if claim.refused:
        logger.warning("run %s is not run: %s", run.id, claim.refused)
        return {"status": "refused", "reason": claim.refused, "run": run.id}
    return _attempt(_Work(run, claim, spec, execution), ledger, retries_left=int(job.retries_left or 0))


def _current_job(namespace: str) -> tuple[Job, Store]:
    from rq import get_current_job

    job = get_current_job()
    if job is None:
        raise RunRefusedError("run_scheduled was called outside an RQ worker", hint="use `flowerpower run PIPELINE`")
    project, _, env = namespace.partition(".")
    keys = Keys(project, env, read_settings().rq_prefix)
    return job, Store(without_retries(job.connection), keys)


def _asked_tick(job: Job) -> int:
    """Return the tick of a run by hand, which is the same in every attempt: the moment it was asked for."""
    try:
        return int(datetime.fromisoformat(str(job.meta["tick"])).timestamp())
    except (KeyError, TypeError, ValueError):
        return int(time.time())


def _read_spec(store: Store, namespace: str, name: str, spec_digest: str) -> Mapping[str, Any]:
    """Return the run spec; raise `RunRefusedError` unless it is the one its digest names, for this very schedule."""
    with redis_errors("reading the run spec"):
        raw: Any = store.connection.hget(store.keys.specs, spec_digest)
    if raw is None:
        raise RunRefusedError(f"the run spec {spec_digest[:12]} of {name!r} is not in Redis", hint="apply again")
    if digest(raw.decode(errors="replace")) != spec_digest:
        raise RunRefusedError(f"the run spec {spec_digest[:12]} of {name!r} was altered in Redis", hint="apply again")
    spec: Mapping[str, Any] = json.loads(raw)
    if spec.get("namespace") != namespace or spec.get("schedule") != name:
        raise RunRefusedError(f"the run spec {spec_digest[:12]} belongs to another schedule than {name!r}")
    return spec


def _fire_if_pending(store: Store, ledger: Ledger, run: RunRef) -> None:
    """Let the schedule go on when a stock scheduler handed us its pending occurrence without firing it."""
    with redis_errors("reading the cursor"):
        raw: Any = store.connection.hget(store.keys.cursors, run.name)
        cursor = decode_cursor(run.name, raw) if raw else None
        if cursor is None or cursor.pending != run.id:
            return
        record: Any = store.connection.hget(store.keys.schedules, run.name)
    if record is not None:
        schedule, described = decode_schedule(run.name, record)
        compiled = compile_schedule(store.keys, schedule, described.revision)
        ledger.fire([fire_message(store.keys, compiled, cursor, store.time(), "claimed")])


def _execution_of(store: Store, job_id: str) -> str:
    """Return the id of the newest RQ execution of a job, which is the one that runs us."""
    with redis_errors("reading the execution"):
        found: Any = store.connection.zrange(f"{store.keys.rq}:executions:{job_id}", -1, -1)
    return found[0].decode() if found else ""


def _attempt(work: _Work, ledger: Ledger, *, retries_left: int) -> dict[str, Any]:
    started = time.monotonic()
    try:
        summary = _run_pipeline(work)
    except BaseException as error:
        # Also a timeout or a stop: RQ raises them here, and they are outcomes like any other.
        _record(work, ledger, "failed", _reason(error), final=retries_left == 0, duration=time.monotonic() - started)
        raise
    _record(work, ledger, "succeeded", "", final=True, duration=time.monotonic() - started)
    return {"status": "succeeded", "run": work.run.id, "attempt": work.claim.attempt, **summary}


def _record(work: _Work, ledger: Ledger, status: str, reason: str, *, final: bool, duration: float) -> None:
    """Record the end of an attempt, and keep trying while Redis is away: recording twice records once."""
    give_up = time.monotonic() + RECORD_FOR
    pause = 0.5
    while True:
        try:
            ledger.finish(
                work.run, execution=work.execution, status=status, reason=reason, final=final, duration=duration
            )
        except StoreError as error:
            if time.monotonic() > give_up:
                logger.error("the outcome of %s could not be recorded: %s", work.run.id, error)
                return
            time.sleep(pause)
            pause = min(pause * 2, 5.0)
        else:
            return


def _reason(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _run_pipeline(work: _Work) -> dict[str, Any]:
    from flowerpower.pipelines.context import RunContext
    from flowerpower.pipelines.run import Access, run_pipeline
    from flowerpower.pipelines.secrets import secrets_of
    from flowerpower.specs.models import PipelineSpec

    settings = read_settings()
    home = _home or _find_home(settings.project)
    spec = PipelineSpec.model_validate({"name": work.spec["pipeline"], **work.spec["spec"]})
    timing: Mapping[str, Any] = work.spec["trigger"]
    zone = ZoneInfo(str(timing.get("timezone", "UTC")))
    by_schedule = tick_of(work.run.run) is not None
    before = trigger_of(timing).previous_tick(work.run.tick) if by_schedule else None
    context = RunContext(
        tick=datetime.fromtimestamp(work.run.tick, zone),
        tick_start=datetime.fromtimestamp(work.run.tick if before is None else before, zone),
        run_id=work.run.id,
        schedule="" if work.spec.get("manual") else work.run.name,
        pipeline=str(work.spec["pipeline"]),
        commit=work.claim.commit,
        attempt=work.claim.attempt,
        secrets=secrets_of(settings.environment),
    )
    access = Access(home.paths, home.plugins, home.pickle)
    result = run_pipeline(spec, context, root=home.root, folders=list(work.spec["folders"]), access=access)
    return dict(result.to_dict())


def _find_home(start: Path) -> Home:
    """Return the project that a stock worker was started in; what lies outside it is then out of reach."""
    from flowerpower.specs.files.walk import find_project

    return Home(find_project(start).resolve())
