"""Runs that no schedule started: enqueued by hand or by the Python API, and waited for."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flowerpower import arguments
from flowerpower.errors import FlowerPowerError, PipelineError, StoreError, UsageError, WaitTimeoutError
from flowerpower.jobs.applied_names import applied_like
from flowerpower.jobs.by_hand.applied import spec_of
from flowerpower.jobs.by_hand.inputs import at_once, run_spec_text
from flowerpower.jobs.details import RunDetails, find_outcome, find_record, read_run
from flowerpower.jobs.ledger import Ledger, RunRef
from flowerpower.state.codec import decode_pipeline, decode_schedule, digest
from flowerpower.state.connection import is_away, redis_errors
from flowerpower.state.deadline import until
from flowerpower.state.desired import RUN_FORMAT, occurrence_at
from flowerpower.state.job_codec import JOB_FUNCTION, job_fields
from flowerpower.state.keys import tick_of
from flowerpower.state.models import Occurrence
from flowerpower.state.signing import Signer
from flowerpower.state.store import Store

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_POLL_SECONDS = 0.1
_PATIENCE = 300.0  # seconds that Redis may be away
_DONE = {"finished", "failed", "stopped", "canceled"}

logger = logging.getLogger("flowerpower")


class _Patience:
    """How long somebody who waits for a run waits for a Redis that is away."""

    def __init__(self) -> None:
        self._since: float | None = None

    def bears(self, error: StoreError) -> bool:
        """Tell whether to go on after a failure, and say so the first time."""
        if not is_away(error):
            return False
        if self._since is None:
            self._since = time.monotonic()
            logger.warning("%s; waiting for it", error)
        return time.monotonic() - self._since < _PATIENCE


class RunHandle:
    """One enqueued run. It holds on to *keeper*, without which the connection or an embedded Redis would be closed."""

    def __init__(self, store: Store, run_id: str, keeper: object = None) -> None:
        self.id = run_id
        self._store = store
        self._keeper = keeper

    def __repr__(self) -> str:
        return f"RunHandle({self.id!r})"

    def __reduce__(self) -> str:
        arguments.refuse_pickle("the handle of a run")

    def status(self) -> str:
        """Return RQ's word for where the run is, such as queued, started or finished; `gone` when its job is."""
        with redis_errors("reading the run's status"):
            found: Any = self._store.connection.hget(self._store.keys.job(self.id), "status")
        if found:
            return str(found.decode())
        outcome = find_outcome(self._store, self._ref)
        return "canceled" if outcome is not None and outcome.status == "cancelled" else "gone"

    def details(self) -> RunDetails:
        """Return everything that is known of the run: its attempts, what it made, how it failed, where it is."""
        return read_run(self._store, self.id)

    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the end of the run and return its summary; a Redis that goes away meanwhile is waited for.

        Raises `PipelineError` when it failed, was cancelled or vanished, `WaitTimeoutError` after `timeout` seconds,
        `StoreError` when Redis is away then, or for minutes.
        """
        if not isinstance(timeout, (int, float, type(None))) or math.isnan(timeout or 0):
            raise UsageError(f"`timeout` is a number of seconds, not {timeout!r}", hint="for example 60")
        end = None if timeout is None else time.monotonic() + timeout
        with until(end):
            return self._wait(math.inf if end is None else end, timeout)

    def _wait(self, end: float, timeout: float | None) -> dict[str, Any]:
        patience = _Patience()
        while True:
            try:
                status = self.status()
                if status in _DONE or status == "gone":
                    return self._summary(status)
                patience = _Patience()
            except StoreError as error:
                if time.monotonic() > end or not patience.bears(error):
                    raise
            else:
                if time.monotonic() > end:
                    raise WaitTimeoutError(f"run {self.id} is still {status} after {timeout} s")
            time.sleep(_POLL_SECONDS)

    @property
    def _ref(self) -> RunRef:
        name, run = self._store.keys.parse_run_id(self.id) or ("", "")
        return RunRef(self.id, name, run, tick_of(run) or 0)

    def _summary(self, status: str) -> dict[str, Any]:
        from flowerpower.jobs.workers.restricted import RestrictedJob

        outcome = find_outcome(self._store, self._ref)
        if outcome is not None and outcome.status != "succeeded":
            raise PipelineError(
                f"run {self.id} {outcome.status}: {outcome.reason or 'no reason was recorded'}",
                hint=f"flowerpower runs --job {self._store.keys.short_run_id(self.id)}",
            )
        if outcome is not None and status == "gone":  # its result is not kept, or not any more
            return {"status": "succeeded", "run": self.id}
        if status in ("gone", "canceled"):
            raise PipelineError(f"run {self.id} is not in Redis any more", hint="its result_ttl may be over")
        with redis_errors("reading the run's result"):
            job = RestrictedJob.fetch(self.id, connection=self._store.connection, serializer="json")
            result = job.latest_result()
        if status == "finished":
            value = result.return_value if result else None
            return value if isinstance(value, dict) else {"status": "succeeded", "run": self.id}
        lines = (result.exc_string or "").strip().splitlines() if result else []
        said = [line for line in lines if not line.startswith("hint: ")]
        raise PipelineError(f"run {self.id} {status}: {said[-1] if said else 'no reason was recorded'}")


def manual_order(
    store: Store, name: str, inputs: Mapping[str, Any], *, due: int, entropy: bytes, millis: int
) -> dict[str, Any]:
    """Return what the enqueue script needs to run an applied pipeline, or schedule, of that name."""
    keys, name = store.keys, arguments.text(name, "a name")
    with redis_errors("reading the applied records"):
        pipeline: Any = store.connection.hget(keys.pipelines, name)
        schedule: Any = store.connection.hget(keys.schedules, name)
    if pipeline is not None:
        job, spec = _pipeline_job(store, name, pipeline)
    elif schedule is not None:
        job, spec = _schedule_job(store, name, schedule)
    else:
        hint = applied_like(store, name) or "apply it first: flowerpower apply"
        raise UsageError(f"no pipeline or schedule named {name!r} is applied", hint=hint)
    text = run_spec_text(spec, inputs)
    run = f"m{ulid(millis, entropy)}"
    tick = max(store.time(), due)
    zone = str(spec["trigger"].get("timezone", "UTC"))
    job["data"] = json.dumps([JOB_FUNCTION, None, [keys.namespace, name, digest(text)], {}])
    return {
        "id": keys.run_id(name, run),
        "name": name,
        "run": run,
        "tick": tick,
        "queue": job["origin"],
        "due": due,
        "digest": digest(text),
        "run_spec": text,
        "job": job,
        "description": f"{name}, by hand",
        "meta": {
            "schedule": "" if spec.get("manual") else name,
            "pipeline": spec["pipeline"],
            "tick": datetime.fromtimestamp(tick, ZoneInfo(zone)).isoformat(),
        },
    }


def sign_order(order: dict[str, Any], signer: Signer) -> None:
    """Sign the run of an order for the enqueue script, so that workers with keys run it."""
    order["meta"]["signature"] = signer.sign_run(order["id"], order["digest"], order["tick"])


def enqueue_once(store: Store, order: Mapping[str, Any]) -> None:
    """Enqueue the run of an order. Where the reply is lost it is looked for, and enqueued only if it is not there.

    Raises `StoreError` when nobody can tell.
    """
    ledger, run_id = Ledger(store), str(order["id"])
    try:
        if not ledger.enqueue(order):
            raise FlowerPowerError(f"a run with the id {run_id} exists already", hint="try again")
    except StoreError as error:
        if not is_away(error):
            raise
        try:
            if find_record(store, RunRef(run_id, str(order["name"]), str(order["run"]), int(order["tick"]))) is None:
                ledger.enqueue(order)  # if it comes late, it finds the other
        except StoreError as again:
            short = store.keys.short_run_id(run_id)
            raise StoreError(
                f"{again}; whether {short} is enqueued is not known",
                hint=f"look before you enqueue another: flowerpower runs --job {short}",
            ) from again.__cause__


def ulid(millis: int, entropy: bytes) -> str:
    """Return a ULID in lower case: 48 bits of time, then the first 80 bits of *entropy*."""
    number = (millis << 80) | int.from_bytes(entropy[:10], "big")
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def _pipeline_job(store: Store, name: str, raw: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    pipeline, _ = decode_pipeline(name, raw)
    fields: dict[str, Any] = dict(pipeline.fields)
    retry = fields.get("retry") or {}
    job = Occurrence(
        id="",
        queue=store.keys.queue("default"),
        due=0,
        function=JOB_FUNCTION,
        args=(),
        timeout=int(fields["timeout"]),
        result_ttl=int(fields["result_ttl"]),
        failure_ttl=int(fields["failure_ttl"]),
        retries=int(retry.get("max", 0)),
        retry_intervals=tuple(retry.get("intervals") or ()),
    )
    spec = {
        "format": RUN_FORMAT,
        "namespace": store.keys.namespace,
        "schedule": name,
        "pipeline": name,
        "manual": True,
        "trigger": {"timezone": fields.pop("timezone", "UTC")},
        "folders": fields.pop("folders", []),
        "spec": fields,
        "code": pipeline.code,
    }
    return job_fields(job), spec


def _schedule_job(store: Store, name: str, raw: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    schedule, _ = decode_schedule(name, raw)
    with redis_errors("reading the run spec"):
        text: Any = store.connection.hget(store.keys.specs, schedule.run)
    if text is None:
        raise UsageError(f"the run spec of {name!r} is not in Redis", hint="apply again")
    spec = spec_of(name, text)
    return job_fields(occurrence_at(store.keys, schedule, 0)), at_once(spec)
