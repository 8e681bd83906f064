"""Make Redis match a plan: stage, commit in one atomic step, verify.

A process killed at any point leaves either the old or the new state. Nothing here reads what people wrote: the plan
is enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flowerpower.errors import AppliedError, RefusedError, StalePlanError, StoreError, UsageError
from flowerpower.planning.plan import Plan
from flowerpower.schedule.zones import tzdata_version
from flowerpower.staging import CHUNK, Shape, Staged, Staging, stage_parts, staged_changes
from flowerpower.state.codec import FORMAT, canonical
from flowerpower.state.connection import redis_errors
from flowerpower.state.inverse import encode_inverse
from flowerpower.state.job_codec import JOB_FIELDS, call_start, template_of
from flowerpower.state.misplaced import move_away
from flowerpower.state.models import Desired, Head, Inverse
from flowerpower.state.signing import Signer
from flowerpower.state.store import Committed, Conflict, Store
from flowerpower.version import __version__

Progress = Callable[[int, int], None]  # changes staged, changes in all

_CONFLICTS = {
    "generation": "another apply came in between",
    "revision": "these were changed in Redis since the plan was made: {details}",
    "type": "these keys hold something that is not ours to overwrite: {details}",
    "cursor": "the cursors of these schedules are damaged: {details}",
    "hold": "these were held when the plan was made and are not any more: {details}",
    "stage": "the staged changes were lost before the commit",
    "moved": "the missed ticks of these fire faster than this can be prepared: {details}",
    "running": "runs of these started since the plan was made, and would be stopped: {details}",
}
_PAUSES = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between attempts, where ticks that are caught up with fire between staging and commit."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did."""

    apply_id: str
    generation: int
    added: int
    changed: int
    destroyed: int
    imported: int = 0  # they had been forgotten
    notes: tuple[str, ...] = ()


def apply_plan(
    plan: Plan, store: Store, apply_id: str, progress: Progress = lambda done, total: None, signer: Signer | None = None
) -> Applied:
    """Commit *plan* in one step, or raise and leave everything as it was; with a *signer*, what workers run is signed.

    Raises `RefusedError` when a guard refuses, `StalePlanError` when the live state is no longer the plan's,
    `StoreError` when Redis fails; of these `AppliedError` says that everything is applied, and could not be verified.
    """
    if plan.against:
        raise UsageError("a plan between two git revisions cannot be applied", hint="plan without --against")
    if plan.partial:
        raise UsageError("a part of a plan cannot be applied", hint="plan without --target and --exclude")
    if plan.refused:
        raise RefusedError(plan.refused[0].message, hint=plan.refused[0].hint)
    committed, staged = _stage_and_commit(plan, store, apply_id, progress, signer)
    return Applied(
        apply_id=apply_id,
        generation=committed.generation,
        added=plan.count("create"),
        changed=plan.changed,
        destroyed=plan.count("delete"),
        imported=plan.imported,
        notes=(*_deaf_notes(committed), *_verified(store, staged, committed.generation, apply_id)),
    )


def _stage_and_commit(
    plan: Plan, store: Store, apply_id: str, progress: Progress, signer: Signer | None
) -> tuple[Committed, Sequence[Staged]]:
    moved = Conflict("moved")
    for pause in _PAUSES:
        time.sleep(pause)
        moment = store.time()
        staged = _stage(Staging(plan, store, moment, signer), apply_id, progress) if plan.changes else []
        answer = _commit(store, _order(plan, apply_id, moment), apply_id)
        if not isinstance(answer, Conflict):
            return answer, staged
        moved = answer
    raise _stale(moved)


def _order(plan: Plan, apply_id: str, moment: int) -> dict[str, object]:
    """Return what the commit script is told beside the changes."""
    chunks = _chunks(len(plan.changes))
    return {
        "apply_id": apply_id,
        "generation": plan.head.generation,
        "chunks": chunks,
        "staged": 2 * chunks + 2,  # the shapes and the inverse
        "call": call_start(plan.namespace),
        "changed": bool(plan.changes),
        "cursor_time": moment,
        "may_stop": plan.may_stop,
        "rollback_of": plan.source.rollback_of,
        "summary": canonical({action: plan.count(action) for action in ("create", "update", "delete")}),
        "head": _head_of(plan),
    }


def _verified(store: Store, staged: Sequence[Staged], generation: int, apply_id: str) -> tuple[str, ...]:
    try:
        return verify(store, staged, generation)
    except AppliedError:
        raise
    except StoreError as error:
        done = f"applied as {apply_id[:8]} (generation {generation}), but that could not be verified"
        raise AppliedError(f"{done}: {error}") from error


def _head_of(plan: Plan) -> dict[str, str]:
    source, rules, known = plan.source, plan.rules, plan.head.rules
    return {
        "format": str(FORMAT),
        "commit": source.commit,
        "repository": source.repository,
        "who": source.who,
        "flowerpower": __version__,
        "tzdata": tzdata_version(),
        "rolled_back": " ".join(source.rolled_back),
        "guards": rules.guards or known.guards,
        "policies": rules.policies or known.policies,
    }


def verify(store: Store, staged: Sequence[Staged], generation: int) -> tuple[str, ...]:
    """Compare what this apply wrote with what is there now; raise `AppliedError` if Redis holds something else."""
    wrong = [address for kind in ("schedule", "pipeline") for address in _wrong(store, kind, staged)]
    latest = store.head().generation
    if latest != generation:
        return (f"another apply (generation {latest}) followed at once; this one was not verified",)
    if wrong:
        raise AppliedError(
            f"applied, but Redis does not hold what was written for {', '.join(wrong[:5])}",
            hint="run `flowerpower plan`: it shows what differs",
        )
    return ()


def sign_again(desired: Desired, store: Store, signer: Signer) -> int:
    """Sign every run spec that is wanted, for a new key or a first one, and return how many there are.

    What is signed was read from git, not from Redis: nobody's hand gets our signature.
    """
    digests = list(desired.run_specs)
    with redis_errors("writing signatures"):
        for start in range(0, len(digests), CHUNK):
            part = digests[start : start + CHUNK]
            items = [text for digest in part for text in (digest, signer.sign_spec(store.keys.namespace, digest))]
            store.connection.hset(store.keys.signatures, items=items)
    return len(digests)


def _wrong(store: Store, kind: str, staged: Sequence[Staged]) -> Iterator[str]:
    """Yield the addresses of what Redis holds otherwise; an occurrence that has fired since is not looked at."""
    ours = [one for one in staged if ("kind", kind) in one.shape]
    names = [str(one.item["name"]) for one in ours]
    for one, (name, record) in zip(ours, store.read_records(kind, names), strict=True):
        if (record or b"") != one.record:
            yield f"{kind}.{name}"
    pending = {str(one.item["name"]): one for one in ours if one.data}
    for name, values in store.read_pending({name: str(one.item["id"]) for name, one in pending.items()}):
        one = pending[name]
        if values[-1] == b"scheduled" and (values[0] != one.data or tuple(values[1:-1]) != _settings(one.shape)):
            yield f"{kind}.{name}"


@lru_cache(maxsize=5000)
def _settings(shape: Shape) -> tuple[bytes | None, ...]:
    """Return what the other `JOB_FIELDS` must hold, but for the status."""
    settings: Any = dict(shape)["job"]
    fields = template_of(*settings)
    return tuple(fields[name].encode() if name in fields else None for name in JOB_FIELDS[1:-1])


def _stage(staging: Staging, apply_id: str, progress: Progress) -> list[Staged]:
    """Send the changes, in parts as they are made, to a private key that expires."""
    store, plan = staging.store, staging.plan
    store.open_stage(apply_id, _inverse(plan))
    sent: list[Staged] = []
    changes = len(plan.changes)
    for number in store.stage(apply_id, stage_parts(staged_changes(staging), sent)):
        if number <= _chunks(changes):  # the last part holds no changes
            progress(min(number * CHUNK, changes), changes)
    return sent


def _chunks(changes: int) -> int:
    return -(-changes // CHUNK)


def _commit(store: Store, order: dict[str, object], apply_id: str) -> Committed | Conflict:
    """Return what was committed, or the conflict that another attempt may get over; raise for any other."""
    try:
        answer = store.commit(order)
    except StoreError:
        # The reply may be lost after the script ran: the head tells. It is never sent again blindly.
        head = _head_if_reachable(store)
        if head is None or head.apply_id != apply_id:
            raise
        return Committed(head.generation, head.when)
    if isinstance(answer, Conflict) and answer.kind != "moved":
        raise _stale(answer)
    return answer


def _stale(conflict: Conflict) -> StalePlanError:
    details, hint = ", ".join(conflict.details), None
    if conflict.kind == "type":
        moves = "; ".join(map(move_away, conflict.details))
        hint = f"look at it, move it out of the way ({moves}), and plan again; `flowerpower status` may say more"
    if conflict.kind == "moved":
        hint = "apply again when they have caught up, or hold them until then: flowerpower pause"
    return StalePlanError(f"nothing was applied: {_CONFLICTS[conflict.kind].format(details=details)}", hint=hint)


def _deaf_notes(committed: Committed) -> tuple[str, ...]:
    return tuple(f"{run} goes on: no worker heard that it should stop" for run in committed.deaf)


def _head_if_reachable(store: Store) -> Head | None:
    try:
        return store.head()
    except StoreError:
        return None


def _inverse(plan: Plan) -> bytes:
    """Return what would undo the plan, but for what there is already: that is kept by the commit, as it finds it."""
    there = {change.previous or change.address for change in plan.changes if change.seal}
    absent = {change.address for change in plan.changes} - there
    renamed = {change.name: change.previous.partition(".")[2] for change in plan.changes if change.previous}
    return encode_inverse(Inverse(dict.fromkeys(sorted(absent)), {}, renamed), moved=len(there))
