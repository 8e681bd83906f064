"""The function that every flowerpower job calls: `flowerpower.jobs.run.run_scheduled`.

It looks up the run spec by its digest, claims the run, runs the pipeline with Hamilton, and records the outcome. It
works in a flowerpower worker and in a stock `rq worker --serializer json` started in the project's folder.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flowerpower.errors import FlowerPowerError, StoreError
from flowerpower.jobs.ledger import Claim, Claimant, Ledger, RunRef, Terms, run_ref
from flowerpower.jobs.running.admission import (
    Papers,
    RunRefusedError,
    SpecAlteredError,
    admitted,
    check_signature,
    read_papers,
    take_away,
)
from flowerpower.jobs.running.keeping import Keeper
from flowerpower.jobs.scheduling.firing import compile_schedule, fire_message
from flowerpower.jobs.workers.checkouts import Checkouts
from flowerpower.jobs.workers.code import code_on_disk
from flowerpower.settings import read_settings
from flowerpower.specs.files.kinds import inside
from flowerpower.state.codec import decode_cursor, decode_schedule
from flowerpower.state.connection import redis_errors, without_retries
from flowerpower.state.desired import trigger_of
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.signing import Signer
from flowerpower.state.store import Store
from flowerpower.version import __version__

if TYPE_CHECKING:
    from redis import Redis
    from rq.job import Job

    from flowerpower.specs.models import PipelineSpec

_DIRTY = "+dirty"  # at the end of a commit: it is not all
RECORD_FOR = 60.0  # seconds that recording an outcome is tried while Redis is away

logger = logging.getLogger("flowerpower.run")


class OtherCodeError(FlowerPowerError):
    """The code on this worker is not the code that was applied."""

    hint = "deploy the applied commit to this worker, or start it without --require-commit"


class OtherVersionError(FlowerPowerError):
    """What was applied was applied by another flowerpower, which knows more."""

    hint = "upgrade flowerpower on this worker: workers first, then where apply runs"


@dataclass(frozen=True, slots=True)
class _Work:
    """One claimed attempt."""

    run: RunRef
    claim: Claim
    spec: Mapping[str, Any]
    execution: str
    home: Home
    other_code: str
    keeper: Keeper
    environment: Mapping[str, str] = field(repr=False)  # may hold credentials


@dataclass(frozen=True, slots=True)
class Home:
    """The project on this machine whose modules are run, and what it allows."""

    root: Path
    paths: tuple[str, ...] = ()  # folders outside it that runs may read and write
    folders: tuple[str, ...] | None = None  # its module folders; None: any inside it
    commit: str = ""  # that it is at
    require_commit: bool = False  # refuse runs of which other code was applied than lies here
    signer: Signer | None = field(default=None, repr=False)  # None: a run spec need not be signed
    checkouts: Checkouts | None = None  # where the code comes from; None: it is that of the project here
    plugins: tuple[str, ...] = ()  # distributions whose plug-ins runs may use
    pickle: bool = False  # whether runs may read pickles


_home: Home | None = None


def use_project(home: Home) -> None:
    """Say which project this process and its forks run; without it, the one found from the working folder."""
    global _home  # noqa: PLW0603 - RQ calls run_scheduled by its name, with what lies in Redis and nothing else
    _home = home


def home_here() -> Home:
    """Return the project that this process runs."""
    return _home or _find_home()


def run_scheduled(namespace: str, name: str, spec_digest: str) -> dict[str, Any]:
    """Run what was applied, as one attempt of the run that the current RQ job is; return a small JSON summary.

    Raises what the pipeline raises, so that RQ retries it as the spec says.
    """
    settings = read_settings()
    job, store = _current_job(namespace, settings.rq_prefix)
    run = run_ref(store, job.id, _asked_tick(job))
    if run is None or run.name != name:
        raise RunRefusedError(f"job {job.id} is not a run of {name!r} in {namespace}")
    home, ledger = home_here(), Ledger(store)
    papers = read_papers(store, run, spec_digest)
    claimant = Claimant(job.worker_name or "", papers.execution)
    _fire_if_pending(store, ledger, run, papers)  # first: the schedule goes on also where this run is refused
    try:
        spec = admitted(namespace, name, spec_digest, papers)
        if home.signer:
            check_signature(home.signer, job, run, papers, spec, time.time())
        other_code = _other_code(home, spec)
    except RunRefusedError as error:
        told = f"{error} ({error.hint})" if error.hint else str(error)
        ledger.refuse(run, claimant, told)
        logger.error("%s", told)
        job.retries_left = 0  # it would be refused again
        if isinstance(error, SpecAlteredError):
            take_away(store, spec_digest, papers)
        raise
    claim = ledger.claim(run, claimant, digest=spec_digest, terms=_terms(spec, other_code))
    if claim.waits:
        return _later(run, claim)
    if claim.refused:
        level = logging.INFO if claim.skipped else logging.WARNING
        logger.log(level, "run %s is not run: %s", run.id, claim.refused)
        return {"status": "refused", "reason": claim.refused, "run": run.id}
    keeper = Keeper(store, job, run.name, claim.attempt)
    work = _Work(run, claim, spec, papers.execution, home, other_code, keeper, settings.environment)
    return _attempt(work, ledger, retries_left=int(job.retries_left or 0))


def _terms(spec: Mapping[str, Any], other_code: str) -> Terms:
    return Terms(
        deadline=int(spec.get("start_deadline") or 0),
        after=tuple(map(str, spec.get("after") or ())),
        alone=bool(spec.get("manual")),
        other_code=other_code,
    )


def _later(run: RunRef, claim: Claim) -> dict[str, Any]:
    """Return what makes RQ hand the run to a worker again, under the same id and with all its retries."""
    from flowerpower.jobs.running.later import Later

    logger.info("run %s waits: %s", run.id, claim.waits)
    return Later({"status": "waiting", "reason": claim.waits, "run": run.id}, claim.seconds)


def _current_job(namespace: str, rq_prefix: str) -> tuple[Job, Store]:
    from rq import get_current_job

    job = get_current_job()
    if job is None:
        raise RunRefusedError("run_scheduled was called outside an RQ worker", hint="use `flowerpower run PIPELINE`")
    project, _, env = namespace.partition(".")
    return job, store_beside(job.connection, Keys(project, env, rq_prefix))


@lru_cache(maxsize=4)
def store_beside(connection: Redis, keys: Keys) -> Store:
    """Return a store over a connection of its own that is fit for scripts; forks and warm processes find it made."""
    store = Store(without_retries(connection), keys)
    store.scripts.prepare("claim", "finish")
    return store


def _other_code(home: Home, spec: Mapping[str, Any]) -> str:
    """Return what the code of this machine is, nothing if it is what was applied, or comes from git when it is run.

    Raises `RunRefusedError` where the module folders are none of the project's.
    """
    folders = [str(folder) for folder in spec["folders"]]
    ours = None if home.folders is None or home.checkouts else {inside(folder) for folder in home.folders}
    for folder in folders:
        if not inside(folder) or (ours is not None and inside(folder) not in ours):
            raise RunRefusedError(f"{folder!r} is no module folder of this worker's project")
    if home.checkouts:
        return ""
    found = _digest_of(home.root, spec)
    return "" if found == spec["code"] else home.commit or found[:12]


def _digest_of(root: Path, spec: Mapping[str, Any]) -> str:
    modules, folders = ([str(name) for name in names] for names in (spec["spec"]["modules"], spec["folders"]))
    return code_on_disk(root, modules, folders)


def _asked_tick(job: Job) -> int:
    """Return the tick of a run by hand, which is the same in every attempt: the moment it was asked for."""
    try:
        return int(datetime.fromisoformat(str(job.meta["tick"])).timestamp())
    except (KeyError, TypeError, ValueError):
        return int(time.time())


def _fire_if_pending(store: Store, ledger: Ledger, run: RunRef, papers: Papers) -> None:
    """Let the schedule go on when a stock scheduler handed us its pending occurrence without firing it."""
    cursor = decode_cursor(run.name, papers.cursor) if papers.cursor else None
    if cursor is None or cursor.pending != run.id:
        return
    with redis_errors("reading the schedule"):
        record: Any = store.connection.hget(store.keys.schedules, run.name)
    if record is not None:
        schedule, described = decode_schedule(run.name, record)
        compiled = compile_schedule(store.keys, schedule, described.revision)
        ledger.fire([fire_message(store.keys, compiled, cursor, store.time(), "claimed")])


def _attempt(work: _Work, ledger: Ledger, *, retries_left: int) -> dict[str, Any]:
    started = time.monotonic()
    try:
        with work.keeper:
            summary = _run_pipeline(work)
    except BaseException as error:
        # Also a timeout or a stop: RQ raises them here, and they are outcomes like any other.
        _record(work, ledger, "failed", _reason(error), final=retries_left == 0, duration=time.monotonic() - started)
        work.keeper.send()
        raise
    _record(work, ledger, "succeeded", "", final=True, duration=time.monotonic() - started)
    work.keeper.send()
    return {"status": "succeeded", "run": work.run.id, "attempt": work.claim.attempt, **summary, **work.keeper.facts()}


def _record(work: _Work, ledger: Ledger, status: str, reason: str, *, final: bool, duration: float) -> None:
    """Record the end of an attempt, and keep trying while Redis is away: recording twice records once."""
    give_up = time.monotonic() + RECORD_FOR
    pause, tried = 0.5, False
    while True:
        try:
            recorded = ledger.finish(
                work.run, execution=work.execution, status=status, reason=reason, final=final, duration=duration
            )
        except StoreError as error:
            if time.monotonic() > give_up:
                logger.error("the outcome of %s could not be recorded: %s", work.run.id, error)
                return
            time.sleep(pause)
            pause, tried = min(pause * 2, 5.0), True
        else:
            if not recorded and not tried:  # or it may have been, by a try whose answer did not arrive
                logger.warning(
                    "run %s was given up, went on elsewhere or is not known any more: how attempt %d ended (%s) is "
                    "not recorded",
                    work.run.id,
                    work.claim.attempt,
                    status,
                )
            return


def _reason(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _run_pipeline(work: _Work) -> dict[str, Any]:
    from flowerpower.pipelines.context import RunContext
    from flowerpower.pipelines.run import Access, run_pipeline
    from flowerpower.pipelines.secrets import secrets_of

    home = work.home
    spec = _pipeline_spec(work)
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
        secrets=work.keeper.hide(secrets_of(work.environment, home.plugins)),
        code=_code_of(work),
    )
    work.keeper.describe(spec, context, context.code or home.root)
    folders = list(work.spec["folders"])
    access = Access(home.paths, home.plugins, home.pickle)
    result = run_pipeline(spec, context, root=home.root, folders=folders, observer=work.keeper, access=access)
    return dict(result.to_dict())


def _pipeline_spec(work: _Work) -> PipelineSpec:
    """Return what is to be run; raise `OtherVersionError` for what this flowerpower knows nothing of."""
    from pydantic import ValidationError

    from flowerpower.specs.models import PipelineSpec

    try:
        return PipelineSpec.model_validate({"name": work.spec["pipeline"], **work.spec["spec"]})
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, found["loc"]))
        raise OtherVersionError(
            f"flowerpower {__version__} on this worker does not understand {where!r} of what was applied: "
            f"{found['msg']}"
        ) from None


def _code_of(work: _Work) -> Path:
    """Return the folder with the module folders to run; raise `OtherCodeError` where they are not what was applied."""
    home, applied = work.home, work.claim.commit[:12] or "what was applied"
    if home.checkouts:
        place = home.checkouts.at(work.claim.commit, [str(folder) for folder in work.spec["folders"]])
        if _digest_of(place, work.spec) != work.spec["code"]:
            raise OtherCodeError(f"the code at {applied} is not the code that was applied", hint="apply again")
        return place
    if work.other_code:
        words = other_code_words(work.other_code, work.claim.commit)
        if home.require_commit:
            raise OtherCodeError(words)
        logger.warning("run %s: %s", work.run.id, words)
    return home.root


def other_code_words(here: str, applied: str) -> str:
    """Return how the code of a worker, by its commit or digest, differs from that of the commit that was applied."""
    commit, edited = applied.removesuffix(_DIRTY), applied.endswith(_DIRTY)
    if here.removesuffix(_DIRTY) == commit and here:
        if edited:
            return f"this worker does not have the uncommitted changes to {commit[:12]} that were applied"
        return f"this worker has uncommitted changes in the code of {commit[:12]}, which was applied"
    return f"this worker has other code ({here[:12]}) than was applied ({commit[:12] or 'unknown'})"


def _find_home() -> Home:
    """Return the project that a stock worker was started in; what lies outside it is then out of reach."""
    from flowerpower.specs.files.walk import find_project

    settings = read_settings()
    return Home(find_project(settings.project).resolve(), signer=Signer.of(settings.signing_key))
