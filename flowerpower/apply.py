"""Make Redis match a plan: stage, commit in one atomic step, verify.

A process killed at any point leaves either the old or the new state. Nothing here reads what people wrote: the plan
is enough.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

from flowerpower import __version__
from flowerpower.errors import RefusedError, StalePlanError, StoreError
from flowerpower.planning.plan import Change, Plan
from flowerpower.state.codec import FORMAT, canonical, encode_pipeline, encode_schedule, job_fields
from flowerpower.state.desired import describe_run, trigger_of, with_occurrence
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.models import Head, Json, Reading, Schedule
from flowerpower.state.store import Conflict, Store

CHUNK = 500  # changes sent at a time
Progress = Callable[[int, int], None]  # changes staged, changes in all

_CONFLICTS = {
    "generation": "another apply came in between",
    "revision": "these were changed in Redis since the plan was made: {details}",
    "type": "these keys hold something that is not ours to overwrite: {details}",
    "cursor": "the cursors of these schedules are damaged: {details}",
    "stage": "the staged changes were lost before the commit",
}


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did."""

    apply_id: str
    generation: int
    added: int
    changed: int
    destroyed: int
    notes: tuple[str, ...] = ()


def apply_plan(plan: Plan, store: Store, apply_id: str, progress: Progress = lambda done, total: None) -> Applied:
    """Commit *plan* in one step, or raise and leave everything as it was.

    Raises `RefusedError` when a guard refuses, `StalePlanError` when the live state is no longer the plan's,
    `StoreError` when Redis fails.
    """
    if plan.refused:
        raise RefusedError(plan.refused[0].message, hint=plan.refused[0].hint)
    moment = store.time()
    staged = [_staged(store.keys, _from(store.keys, change, moment), plan) for change in plan.changes]
    chunks = [json.dumps(chunk, ensure_ascii=False) for chunk in _chunks(staged)]
    if chunks:
        total = len(staged)
        store.stage(apply_id, chunks, _inverse(plan), lambda number: progress(min(number * CHUNK, total), total))
    order = {
        "apply_id": apply_id,
        "generation": plan.head.generation,
        "chunks": len(chunks),
        "changed": bool(plan.changes),
        "cursor_time": moment,
        "summary": canonical({action: plan.count(action) for action in ("create", "update", "delete")}),
        "head": {
            "format": str(FORMAT),
            "commit": plan.source.commit,
            "repository": plan.source.repository,
            "who": plan.source.who,
            "flowerpower": __version__,
            "tzdata": tzdata_version(),
        },
    }
    generation = _commit(store, order, apply_id)
    return Applied(
        apply_id=apply_id,
        generation=generation,
        added=plan.count("create"),
        changed=plan.count("update"),
        destroyed=plan.count("delete"),
        notes=verify(plan, store.read(), generation),
    )


def verify(plan: Plan, reading: Reading, generation: int) -> tuple[str, ...]:
    """Compare what this apply wrote with what is there now; raise `StoreError` if Redis holds something else."""
    if reading.head.generation != generation:
        return (f"another apply (generation {reading.head.generation}) followed at once; this one was not verified",)
    wrong = [change.address for change in plan.changes if not _is_live(change, reading)]
    if wrong:
        raise StoreError(
            f"applied, but Redis does not hold what was written for {', '.join(wrong[:5])}",
            hint="run `flowerpower plan`: it shows what differs",
        )
    return ()


def tzdata_version() -> str:
    """Return the version of the time zone rules this process plans with."""
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return "system"


def _is_live(change: Change, reading: Reading) -> bool:
    side = reading.state.schedules if change.kind == "schedule" else reading.state.pipelines
    live = side.get(change.name)
    if change.after is None or live is None:
        return change.after is live
    if isinstance(live, Schedule) and isinstance(change.after, Schedule) and change.name not in reading.firing:
        return live.digest == change.after.digest and _shape(live) == _shape(change.after)
    return live.digest == change.after.digest


def _shape(schedule: Schedule) -> object:
    """Return the pending job without its tick, which may have fired since."""
    return replace(schedule.occurrence, id="", due=0) if schedule.occurrence else None


def _commit(store: Store, order: dict[str, object], apply_id: str) -> int:
    try:
        answer = store.commit(order)
    except StoreError:
        # The reply may be lost after the script ran: the head tells. It is never sent again blindly.
        head = _head_if_reachable(store)
        if head is None or head.apply_id != apply_id:
            raise
        return head.generation
    if isinstance(answer, Conflict):
        details = ", ".join(answer.details)
        raise StalePlanError(f"nothing was applied: {_CONFLICTS[answer.kind].format(details=details)}")
    return answer.generation


def _head_if_reachable(store: Store) -> Head | None:
    try:
        return store.head()
    except StoreError:
        return None


def _chunks(items: Sequence[dict[str, Json]]) -> Iterator[Sequence[dict[str, Json]]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def _from(keys: Keys, change: Change, moment: int) -> Change:
    """Return the change as it is at the moment of the apply: a tick that passed since the plan is not run late."""
    schedule = change.after
    if not isinstance(schedule, Schedule) or schedule.occurrence is None or change.timing != "reset":
        return change
    if schedule.occurrence.due > moment:
        return change
    tick = trigger_of(schedule.fields).next_tick(moment)
    later = with_occurrence(keys, schedule, tick)
    return replace(change, after=later, timing="none" if tick is None else "reset")


def _staged(keys: Keys, change: Change, plan: Plan) -> dict[str, Json]:
    """Return one change as the commit script reads it."""
    item: dict[str, Json] = {"kind": change.kind, "name": change.name, "seal": change.seal, "record": ""}
    if isinstance(change.before, Schedule):
        item |= {"queue": keys.queue(str(change.before.fields.get("queue", "default"))), "timing": "none"}
    if change.after is None:
        return item
    revision = change.revision + 1
    commit, place = plan.source.commit, change.place
    if not isinstance(change.after, Schedule):
        return item | {"record": encode_pipeline(change.after, revision=revision, commit=commit, place=place)}
    old_queue = item.get("queue")
    item |= {
        "record": encode_schedule(change.after, revision=revision, commit=commit, place=place),
        "run": change.after.run,
        "run_spec": plan.run_specs[change.after.run],
        "revision": revision,
        "timing": change.timing,
        "queue": keys.queue(str(change.after.fields["queue"])),
        "old_queue": old_queue or "",
    }
    return item | _staged_occurrence(keys, change.after)


def _staged_occurrence(keys: Keys, schedule: Schedule) -> dict[str, Json]:
    occurrence = schedule.occurrence
    run = keys.parse_run_id(occurrence.id) if occurrence else None
    tick = tick_of(run[1]) if run else None
    if occurrence is None or tick is None:
        return {}
    description, meta = describe_run(schedule, tick)
    fields: dict[str, Json] = dict(job_fields(occurrence))
    return {
        "id": occurrence.id,
        "due": occurrence.due,
        "job": fields,
        "description": description,
        "meta": json.dumps({**meta, "commit": ""}),
    }


def _inverse(plan: Plan) -> str:
    """Return what would undo the plan, compressed: the objects as they were, null for those that were not there."""
    before: dict[str, Json] = {
        change.address: None if change.before is None else dict(change.before.fields) for change in plan.changes
    }
    return base64.b64encode(zlib.compress(canonical(before).encode())).decode()
