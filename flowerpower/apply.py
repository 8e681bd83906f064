"""Make Redis match a plan: stage, commit in one atomic step, verify.

A process killed at any point leaves either the old or the new state. Nothing here reads what people wrote: the plan
is enough.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version

from flowerpower import __version__
from flowerpower.errors import RefusedError, StalePlanError, StoreError, UsageError
from flowerpower.planning.plan import Change, Plan
from flowerpower.schedule.catchup import Range, range_between
from flowerpower.schedule.trigger import Trigger
from flowerpower.state.codec import FORMAT, canonical, encode_pipeline, encode_schedule
from flowerpower.state.connection import redis_errors
from flowerpower.state.desired import (
    LONGEST_BUFFER,
    describe_run,
    room_to_wait,
    run_template,
    trigger_of,
    with_occurrence,
)
from flowerpower.state.history import read_before
from flowerpower.state.inverse import encode_inverse
from flowerpower.state.job_codec import JOB_FIELDS, job_data, job_template
from flowerpower.state.keys import Keys, tick_of
from flowerpower.state.models import Cursor, Desired, Head, Json, Schedule
from flowerpower.state.signing import Signer
from flowerpower.state.store import Committed, Conflict, Store

CHUNK = 500  # changes sent at a time
_TOLD_APART = 50  # ticks that passed, in case some of them fire before the commit
Progress = Callable[[int, int], None]  # changes staged, changes in all

_CONFLICTS = {
    "generation": "another apply came in between",
    "revision": "these were changed in Redis since the plan was made: {details}",
    "type": "these keys hold something that is not ours to overwrite: {details}",
    "cursor": "the cursors of these schedules are damaged: {details}",
    "hold": "these were held when the plan was made and are not any more: {details}",
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


def apply_plan(
    plan: Plan, store: Store, apply_id: str, progress: Progress = lambda done, total: None, signer: Signer | None = None
) -> Applied:
    """Commit *plan* in one step, or raise and leave everything as it was; with a *signer*, what workers run is signed.

    Raises `RefusedError` when a guard refuses, `StalePlanError` when the live state is no longer the plan's,
    `StoreError` when Redis fails.
    """
    if plan.against:
        raise UsageError("a plan between two git revisions cannot be applied", hint="plan without --against")
    if plan.partial:
        raise UsageError("a part of a plan cannot be applied", hint="plan without --target and --exclude")
    if plan.refused:
        raise RefusedError(plan.refused[0].message, hint=plan.refused[0].hint)
    moment = store.time()
    staged = _signed(_all_staged(plan, store, moment), store.keys.namespace, signer)
    fields = _stage(store, apply_id, plan, staged, progress) if staged else 0
    order = {
        "apply_id": apply_id,
        "generation": plan.head.generation,
        "chunks": -(-len(staged) // CHUNK),
        "staged": fields,
        "changed": bool(plan.changes),
        "cursor_time": moment,
        "may_stop": plan.may_stop,
        "rollback_of": plan.source.rollback_of,
        "summary": canonical({action: plan.count(action) for action in ("create", "update", "delete")}),
        "head": _head_of(plan),
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


@dataclass(frozen=True, slots=True)
class Staged:
    """One change as the commit script reads it, and the texts that it writes."""

    item: dict[str, Json]
    record: str = ""  # empty: the object is deleted
    run_spec: str = ""
    job: Mapping[str, str] = field(default_factory=dict)  # what its job has in common with others


def verify(store: Store, staged: Sequence[Staged], generation: int) -> tuple[str, ...]:
    """Compare what this apply wrote with what is there now; raise `StoreError` if Redis holds something else."""
    wrong = [address for kind in ("schedule", "pipeline") for address in _wrong(store, kind, staged)]
    latest = store.head().generation
    if latest != generation:
        return (f"another apply (generation {latest}) followed at once; this one was not verified",)
    if wrong:
        raise StoreError(
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


def tzdata_version() -> str:
    """Return the version of the time zone rules this process plans with."""
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return "system"


def _wrong(store: Store, kind: str, staged: Sequence[Staged]) -> Iterator[str]:
    """Yield the addresses of what Redis holds otherwise; an occurrence that has fired since is not looked at."""
    ours = {str(one.item["name"]): one for one in staged if one.item["kind"] == kind}
    for name, record in store.read_records(kind, list(ours)):
        if record != (ours[name].record.encode() or None):
            yield f"{kind}.{name}"
    pending = {name: one for name, one in ours.items() if one.job}
    for name, values in store.read_pending({name: str(one.item["id"]) for name, one in pending.items()}):
        one = pending[name]
        if values[-1] == b"scheduled" and tuple(values[:-1]) != _expected(str(one.item["data"]), one.job):
            yield f"{kind}.{name}"


def _expected(data: str, job: Mapping[str, str]) -> tuple[bytes | None, ...]:
    found = (data, *(job.get(name) for name in JOB_FIELDS[1:-1]))
    return tuple(None if text is None else text.encode() for text in found)


def _signed(staged: Sequence[Staged], namespace: str, signer: Signer | None) -> Sequence[Staged]:
    for one in staged if signer else ():
        if signer and one.run_spec:
            one.item["signature"] = signer.sign_spec(namespace, str(one.item["run"]))
    return staged


def _stage(store: Store, apply_id: str, plan: Plan, staged: Sequence[Staged], progress: Progress) -> int:
    """Send the changes, in parts, to a private key that expires; return how many fields it has then."""
    store.open_stage(apply_id, _inverse(plan, store))
    for number in store.stage(apply_id, _parts(staged)):
        if number > 1:  # the first part holds no changes
            progress(min((number - 1) * CHUNK, len(staged)), len(staged))
    runs = {one.item["run"] for one in staged if one.run_spec}
    return 2 + -(-len(staged) // CHUNK) + sum(bool(one.record) for one in staged) + len(runs)


def _parts(staged: Sequence[Staged]) -> Iterator[dict[str, str]]:
    """Yield the fields of the stage: what jobs have in common, then some changes and their texts at a time."""
    jobs = {id(one.job): one.job for one in staged if one.job}
    numbers = {job: number for number, job in enumerate(jobs, start=1)}
    yield {"templates": json.dumps(list(jobs.values()), ensure_ascii=False)}
    for number, chunk in enumerate(_chunks(staged), start=1):
        first = (number - 1) * CHUNK + 1
        fields = {f"record {first + index}": one.record for index, one in enumerate(chunk) if one.record}
        fields |= {f"spec {one.item['run']}": one.run_spec for one in chunk if one.run_spec}
        items = [one.item | {"job": numbers[id(one.job)]} if one.job else one.item for one in chunk]
        yield {str(number): json.dumps(items, ensure_ascii=False), **fields}


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


def _all_staged(plan: Plan, store: Store, moment: int) -> list[Staged]:
    """Return every change as the commit script reads it, as it is at the moment of the apply."""
    changes = [_from(store.keys, change, moment) for change in plan.changes]
    cursors = store.cursors([_live_name(change) for change in changes if isinstance(change.before, Schedule)])
    return [_staged(store.keys, change, plan, _past(store.keys, change, cursors, moment)) for change in changes]


def _staged(keys: Keys, change: Change, plan: Plan, past: Mapping[str, Json]) -> Staged:
    """Return one change as the commit script reads it."""
    item: dict[str, Json] = {"kind": change.kind, "name": change.name, "seal": change.seal}
    if change.previous:
        item["previous"] = change.previous.partition(".")[2]
    if change.before is not None and change.cancels:
        item["cancel"] = change.before.name
    if isinstance(change.before, Schedule):
        item |= {"queue": keys.queue(str(change.before.fields.get("queue", "default"))), "timing": "none", **past}
    if change.after is None:
        return Staged(item)
    revision = plan.head.generation + 1  # never used before, also not by an object of that name deleted long ago
    commit, place = plan.source.commit, change.place
    item["writes"] = True
    if change.name in plan.returning_holds and change.kind == "schedule":
        item["returning_hold"] = plan.returning_holds[change.name]
    if not isinstance(change.after, Schedule):
        return Staged(item, encode_pipeline(change.after, revision=revision, commit=commit, place=place))
    item |= {
        "run": change.after.run,
        "revision": revision,
        "timing": change.timing,
        "queue": keys.queue(str(change.after.fields["queue"])),
        "old_queue": item.get("queue") or "",
        "was_held": _was_held(change.after, plan),
        "buffer": _buffer(keys, change.after),
        **_staged_occurrence(keys, change.after),
    }
    record = encode_schedule(change.after, revision=revision, commit=commit, place=place)
    occurrence = change.after.occurrence
    job = job_template(occurrence) if occurrence and "id" in item else {}
    return Staged(item, record, plan.run_specs[change.after.run], job)


def _buffer(keys: Keys, schedule: Schedule) -> dict[str, Json]:
    """Return how ticks that wait at the moment of the apply go on: as the schedule's spec says now."""
    room, overlap = room_to_wait(schedule.fields), schedule.fields["overlap"]
    if not room and overlap != "allow":
        return {"room": 0}
    together = {"room": LONGEST_BUFFER, "together": True} if overlap == "allow" else {"room": room, "together": False}
    return {**run_template(keys, schedule), **together, "paused": bool(schedule.fields.get("paused"))}


def _was_held(schedule: Schedule, plan: Plan) -> bool:
    """Tell whether the plan takes for granted that a live schedule is held: if it is not, the plan is stale."""
    name = schedule.name
    return name in plan.held and name not in plan.returning_holds and not schedule.fields.get("paused")


def _live_name(change: Change) -> str:
    """Return the name that Redis knows the object by until the commit."""
    return change.previous.partition(".")[2] or change.name


def _past(keys: Keys, change: Change, cursors: Mapping[str, Cursor], moment: int) -> dict[str, Json]:
    """Return what the commit must know of the ticks that passed and did not fire, in case the change ends them."""
    before, after = change.before, change.after
    if not isinstance(before, Schedule):
        return {}
    paused = bool(before.fields.get("paused"))
    known: dict[str, Json] = {"was_paused": paused}
    if isinstance(after, Schedule):
        known["still"] = before.timing == after.timing and paused == bool(after.fields.get("paused"))
    cursor = cursors.get(_live_name(change))
    run = keys.parse_run_id(cursor.pending) if cursor and cursor.pending else None
    pending = tick_of(run[1]) if run else None
    if cursor is None or (pending is not None and pending > moment):
        return known
    try:
        trigger = trigger_of(before.fields)
        for span in range_between(trigger, cursor.tick, moment, ""):
            known["passed"] = _told(trigger, cursor.tick, span)
        # A stock scheduler may have handed the first of them to a queue: then it is no more than a run.
        if pending is not None:
            for span in range_between(trigger, pending, moment, ""):
                known["behind"] = _told(trigger, pending, span)
    except (TypeError, ValueError):  # the record was altered beyond reading: the script knows the first of them
        return known
    return known


def _told(trigger: Trigger, since: int, span: Range) -> list[Json]:
    return [since, span.first, span.last, span.count, _newest(trigger, span)]


def _newest(trigger: Trigger, span: Range) -> list[Json]:
    """Return the last ticks of a range: should some of it fire before the commit, the script can tell what is left."""
    ticks: list[Json] = []
    tick: int | None = span.last
    while tick is not None and tick >= span.first and len(ticks) < _TOLD_APART:
        ticks.append(tick)
        tick = trigger.previous_tick(tick)
    return ticks[::-1]


def _staged_occurrence(keys: Keys, schedule: Schedule) -> dict[str, Json]:
    occurrence = schedule.occurrence
    run = keys.parse_run_id(occurrence.id) if occurrence else None
    tick = tick_of(run[1]) if run else None
    if occurrence is None or tick is None:
        return {}
    description, meta = describe_run(schedule, tick)
    return {
        "id": occurrence.id,
        "due": occurrence.due,
        "data": job_data(occurrence),
        "description": description,
        "meta": json.dumps({**meta, "commit": ""}),
    }


def _inverse(plan: Plan, store: Store) -> bytes:
    """Return what would undo the plan: the objects as they are now, None for those that are not there."""
    before = {change.previous or change.address: change.before for change in plan.changes}
    there = {address: getattr(found, "run", "") for address, found in before.items() if found is not None}
    found = read_before(store, there)
    absent = dict.fromkeys(change.address for change in plan.changes)
    renamed = {change.name: change.previous.partition(".")[2] for change in plan.changes if change.previous}
    return encode_inverse(replace(found, objects={**absent, **found.objects}, renamed=renamed))
