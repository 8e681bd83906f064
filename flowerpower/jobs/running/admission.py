"""What a job must be before it is run: a run of this namespace, with the very run spec that was applied for it.

Whoever can write to Redis can make jobs. Without signing keys a run spec is what its digest says and belongs to the
schedule of the job; with keys it must have been signed by whoever applied it, for a tick of its trigger that has come.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowerpower.errors import FlowerPowerError
from flowerpower.jobs.ledger import RunRef
from flowerpower.state.codec import digest, loads, seal
from flowerpower.state.connection import redis_errors
from flowerpower.state.desired import RUN_FORMAT, trigger_of
from flowerpower.state.keys import tick_of
from flowerpower.state.signing import VARIABLE, Signer
from flowerpower.state.store import Store
from flowerpower.version import __version__

if TYPE_CHECKING:
    from rq.job import Job

_SLACK = 60  # seconds that the clock of this machine may be behind that of Redis


class RunRefusedError(FlowerPowerError):
    """A job does not match what was applied, so it is not run."""


class SpecAlteredError(RunRefusedError):
    """A run spec is not what its digest says."""


@dataclass(frozen=True, slots=True)
class Papers:
    """What Redis holds about a job that asks to be run, as it lies there."""

    spec: bytes | None
    signature: bytes | None
    cursor: bytes | None
    execution: str  # RQ's id of the newest execution of the job, which is the one that runs us


def read_papers(store: Store, run: RunRef, spec_digest: str) -> Papers:
    """Read it all in one round trip, and a second one where RQ knows of an earlier execution, too."""
    keys = store.keys
    with redis_errors("reading the run spec"):
        pipe = store.connection.pipeline(transaction=False)
        pipe.hget(keys.specs, spec_digest)
        pipe.hget(keys.signatures, spec_digest)
        pipe.hget(keys.cursors, run.name)
        pipe.zrange(f"{keys.rq}:executions:{run.id}", 0, -1)
        spec, signature, cursor, listed = pipe.execute()
        executions = [member.decode(errors="replace") for member in listed]
        if len(executions) > 1:  # that of a worker that is gone looks like the newest where its clock was ahead
            for execution in executions:
                pipe.exists(keys.execution(run.id, execution))
            living = [one for one, lives in zip(executions, pipe.execute(), strict=True) if lives]
            executions = living or executions
    return Papers(spec, signature, cursor, executions[-1] if executions else "")


def admitted(namespace: str, name: str, spec_digest: str, papers: Papers) -> Mapping[str, Any]:
    """Return the run spec; raise `RunRefusedError` unless it is the one its digest names, for this very schedule."""
    if papers.spec is None:
        raise RunRefusedError(f"the run spec {spec_digest[:12]} of {name!r} is not in Redis", hint="apply again")
    if digest(papers.spec.decode(errors="replace")) != spec_digest:
        raise SpecAlteredError(f"the run spec {spec_digest[:12]} of {name!r} was altered in Redis", hint="apply again")
    try:
        spec = loads(papers.spec)
    except ValueError:
        spec = None
    if not isinstance(spec, dict) or spec.get("namespace") != namespace or spec.get("schedule") != name:
        raise RunRefusedError(f"the run spec {spec_digest[:12]} belongs to another schedule than {name!r}")
    if spec.get("format") != RUN_FORMAT:
        raise RunRefusedError(
            f"the run spec {spec_digest[:12]} of {name!r} has format {spec.get('format')}; this worker, of "
            f"flowerpower {__version__}, reads format {RUN_FORMAT}",
            hint="upgrade flowerpower on this worker: workers first, then where apply runs",
        )
    return spec


def take_away(store: Store, spec_digest: str, papers: Papers) -> None:
    """Remove an altered run spec: a plan then misses it, and apply writes it anew."""
    with redis_errors("removing an altered run spec"):
        store.scripts.call("discard_spec", [spec_digest, seal(papers.spec or b"")])


def check_signature(signer: Signer, job: Job, run: RunRef, papers: Papers, spec: Mapping[str, Any], now: float) -> None:
    """Raise `RunRefusedError` unless whoever holds a key wants this run: by its spec and trigger, or by itself."""
    namespace, name, spec_digest = (str(part) for part in job.args)
    by_itself = job.meta.get("signature") if isinstance(job.meta, dict) else None
    if isinstance(by_itself, str) and not signer.wrong_with_run(run.id, spec_digest, run.tick, by_itself):
        return
    if tick_of(run.run) is None:
        wrong = signer.wrong_with_run(run.id, spec_digest, run.tick, str(by_itself or ""))
        raise RunRefusedError(
            f"the run {run.id} by hand is not run: {wrong}", hint=f"enqueue it where {VARIABLE} is set"
        )
    signature = papers.signature.decode(errors="replace") if papers.signature else None
    if wrong := signer.wrong_with_spec(namespace, spec_digest, signature):
        raise RunRefusedError(
            f"the run spec {spec_digest[:12]} of {name!r} is not run: {wrong}",
            hint=f"apply with {VARIABLE}; for what is applied already: flowerpower apply --resign",
        )
    if run.tick > now + _SLACK:
        raise RunRefusedError(f"the tick of {run.id} has not come yet")
    if trigger_of(spec["trigger"]).next_tick(run.tick - 1) != run.tick:
        raise RunRefusedError(f"{run.tick} is no tick of {name!r}: {json.dumps(spec['trigger'])}")
