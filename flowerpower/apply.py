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
from typing import Any

from flowerpower import __version__
from flowerpower.errors import RefusedError, StalePlanError, StoreError
from flowerpower.planning.plan import Change, Plan
from flowerpower.state.codec import FORMAT, JOB_FIELDS, canonical, encode_pipeline, encode_schedule, job_fields
from flowerpower.state.desired import describe_run, trigger_of, with_occurrence
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.models import Head, Json, Schedule
from flowerpower.state.store import Committed, Conflict, Store, Written

CHUNK = 500  # changes sent at a time
Progress = Callable[[int, int], None]  # changes staged, changes in all

_CONFLICTS = {
    "generation": "another apply came in between",
    "revision": "these were changed in Redis since the plan was made: {details}",
    "type": "these keys hold something that is not ours to overwrite: {details}",
    "cursor": "the cursors of these schedules are damaged: {details}",
    "stage": "the staged changes were lost before the commit",
    "running": "runs of these started since the plan was made, and would be stopped: {details}",
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
    staged = [_staged(store.keys, _from(store.keys, change, moment), plan, moment) for change in plan.changes]
    if staged:
        _stage(store, apply_id, plan, staged, progress)
    order = {
        "apply_id": apply_id,
        "generation": plan.head.generation,
        "chunks": -(-len(staged) // CHUNK),
        "changed": bool(plan.changes),
        "cursor_time": moment,
        "may_stop": plan.may_stop,
        "summary": canonical({action: plan.count(action) for action in ("create", "update", "delete")}),
        "head": {
            "format": str(FORMAT),
            "commit": plan.source.commit,
            "repository": plan.source.repository,
            "who": plan.source.who,
            "flowerpower": __version__,
            "tzdata": tzdata_version(),
            "guards": plan.rules.guards or plan.head.rules.guards,
            "policies": plan.rules.policies or plan.head.rules.policies,
        },
    }
    committed = _commit(store, order, apply_id)
    return Applied(
        apply_id=apply_id,
        generation=committed.generation,
        added=plan.count("create"),
        changed=plan.count("update"),
        destroyed=plan.count("delete"),
        notes=(*_deaf_notes(committed), *verify(store, staged, committed.generation)),
    )


@dataclass(frozen=True, slots=True)
class Staged:
    """One change as the commit script reads it, and the texts that it writes."""

    item: dict[str, Json]
    record: str = ""  # empty: the object is deleted
    run_spec: str = ""


def verify(store: Store, staged: Sequence[Staged], generation: int) -> tuple[str, ...]:
    """Compare what this apply wrote with what is there now; raise `StoreError` if Redis holds something else."""
    wrong: list[str] = []
    for chunk in _chunks(staged):
        found = store.read_written([(str(one.item["kind"]), str(one.item["name"])) for one in chunk])
        wrong += [_address(one) for one, written in zip(chunk, found, strict=True) if not _holds(one, written)]
    latest = store.head().generation
    if latest != generation:
        return (f"another apply (generation {latest}) followed at once; this one was not verified",)
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


def _address(one: Staged) -> str:
    return f"{one.item['kind']}.{one.item['name']}"


def _holds(one: Staged, written: Written) -> bool:
    """Tell whether Redis holds what was staged; an occurrence that has fired since is not looked at."""
    if written.record != (one.record.encode() or None):
        return False
    if written.pending is None or written.pending != one.item.get("id"):
        return True
    job: Any = one.item["job"]
    if written.job[-1] != b"scheduled":  # it is on its way to a worker
        return True
    return all(value == (job[name].encode() if name in job else None) for name, value in _named(written.job))


def _named(values: Sequence[bytes | None]) -> Iterator[tuple[str, bytes | None]]:
    return ((name, value) for name, value in zip(JOB_FIELDS, values, strict=True) if name != "status")


def _stage(store: Store, apply_id: str, plan: Plan, staged: Sequence[Staged], progress: Progress) -> None:
    """Send the changes, in chunks, to a private key that expires."""
    store.open_stage(apply_id, _inverse(plan))
    for number, chunk in enumerate(_chunks(staged), start=1):
        first = (number - 1) * CHUNK + 1
        fields = {f"record {first + index}": one.record for index, one in enumerate(chunk) if one.record}
        fields |= {f"spec {one.item['run']}": one.run_spec for one in chunk if one.run_spec}
        fields[str(number)] = json.dumps([one.item for one in chunk], ensure_ascii=False)
        store.stage(apply_id, fields)
        progress(min(first + CHUNK - 1, len(staged)), len(staged))


def _commit(store: Store, order: dict[str, object], apply_id: str) -> Committed:
    try:
        answer = store.commit(order)
    except StoreError:
        # The reply may be lost after the script ran: the head tells. It is never sent again blindly.
        head = _head_if_reachable(store)
        if head is None or head.apply_id != apply_id:
            raise
        return Committed(head.generation, head.when)
    if isinstance(answer, Conflict):
        details = ", ".join(answer.details)
        raise StalePlanError(f"nothing was applied: {_CONFLICTS[answer.kind].format(details=details)}")
    return answer


def _deaf_notes(committed: Committed) -> tuple[str, ...]:
    return tuple(f"{run} goes on: no worker heard that it should stop" for run in committed.deaf)


def _head_if_reachable(store: Store) -> Head | None:
    try:
        return store.head()
    except StoreError:
        return None


def _chunks(items: Sequence[Staged]) -> Iterator[Sequence[Staged]]:
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


def _staged(keys: Keys, change: Change, plan: Plan, moment: int) -> Staged:
    """Return one change as the commit script reads it."""
    item: dict[str, Json] = {"kind": change.kind, "name": change.name, "seal": change.seal}
    if change.before is not None and change.cancels:
        item["cancel"] = change.before.name
    if isinstance(change.before, Schedule):
        item |= {"queue": keys.queue(str(change.before.fields.get("queue", "default"))), "timing": "none"}
        item |= _unfired(keys, change.before, moment)
    if change.after is None:
        return Staged(item)
    revision = plan.head.generation + 1  # never used before, also not by an object of that name deleted long ago
    commit, place = plan.source.commit, change.place
    item["writes"] = True
    if not isinstance(change.after, Schedule):
        return Staged(item, encode_pipeline(change.after, revision=revision, commit=commit, place=place))
    item |= {
        "run": change.after.run,
        "revision": revision,
        "timing": change.timing,
        "queue": keys.queue(str(change.after.fields["queue"])),
        "old_queue": item.get("queue") or "",
        **_staged_occurrence(keys, change.after),
    }
    record = encode_schedule(change.after, revision=revision, commit=commit, place=place)
    return Staged(item, record, plan.run_specs[change.after.run])


def _unfired(keys: Keys, before: Schedule, moment: int) -> dict[str, Json]:
    """Return the ticks of the live trigger that are due and not fired, in case the change removes them."""
    occurrence = before.occurrence
    run = keys.parse_run_id(occurrence.id) if occurrence else None
    first = tick_of(run[1]) if run else None
    if occurrence is None or first is None or first > moment:
        return {}
    try:
        trigger = trigger_of(before.fields)
        last = trigger.previous_tick(moment + 1) or first
        count = trigger.count_ticks(first, last)
    except (TypeError, ValueError):  # the record was altered beyond reading: the script knows the first of them
        return {}
    return {"missed_id": occurrence.id, "missed": [first, max(first, last), max(1, count)]}


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
    return base64.b64encode(zlib.compress(canonical(before).encode(), level=1)).decode()
