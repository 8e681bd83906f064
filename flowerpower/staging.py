"""The changes of a plan as the commit script reads them: each one, what many have in common, and the texts it writes.

Ten thousand changes differ in little: what they share is sent once, as their shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from flowerpower.planning.plan import Change, Plan
from flowerpower.schedule.catchup import Range, range_between
from flowerpower.schedule.trigger import Trigger
from flowerpower.state.codec import encode_pipeline, encode_schedule, packed
from flowerpower.state.desired import (
    LONGEST_BUFFER,
    describe_tick,
    occurrence_at,
    room_to_wait,
    run_meta,
    trigger_of,
    with_occurrence,
)
from flowerpower.state.job_codec import JobSettings, job_data, job_settings, plain_call, template_of
from flowerpower.state.keys import Keys
from flowerpower.state.models import Cursor, Json, Schedule
from flowerpower.state.pipelined import batches
from flowerpower.state.signing import Signer
from flowerpower.state.store import Store

CHUNK = 500  # changes sent at a time
_TOLD_APART = 50  # ticks that passed, in case some of them fire before the commit
_SOON = 60  # seconds: what is due in them may be a run before the commit

Shape: TypeAlias = tuple[tuple[str, "bool | int | str | JobSettings"], ...]


@dataclass(frozen=True, slots=True)
class Staged:
    """One change as the commit script reads it, and the texts that it writes."""

    item: dict[str, Json]
    shape: Shape
    record: bytes = b""  # empty: the object is deleted
    run_spec: bytes = b""
    data: bytes = b""  # of its job, if it gets one


@dataclass(frozen=True, slots=True)
class Staging:
    """What is staged, for which store, at which moment (epoch seconds, of Redis), and what signs it."""

    plan: Plan
    store: Store
    moment: int
    signer: Signer | None = None


@dataclass(slots=True)
class Shapes:
    """What many changes have in common, each kept once and known by its number."""

    numbers: dict[Shape, int] = field(default_factory=dict)

    def number(self, shape: Shape) -> int:
        """Return the number of a shape, counted from one."""
        return self.numbers.setdefault(shape, len(self.numbers) + 1)

    def packed(self) -> bytes:
        """Return all of them as JSON."""
        return packed([_shape_of(shape) for shape in self.numbers])


def _shape_of(shape: Shape) -> dict[str, Any]:
    """Return a shape as the script reads it: fields and values of its jobs one after the other."""
    found: dict[str, Any] = dict(shape)
    if "job" in found:
        found["job"] = [word for field in template_of(*found["job"]).items() for word in field]
    return found


def stage_parts(staged: Iterable[Staged], sent: list[Staged]) -> Iterator[dict[str, bytes]]:
    """Yield the fields of the stage, some changes at a time and their shapes last; *sent* gets what was yielded."""
    shapes = Shapes()
    for number, chunk in enumerate(batches(staged, CHUNK), start=1):
        items = [{**one.item, "shape": shapes.number(one.shape)} for one in chunk]
        texts = b"".join(text for one in chunk for text in (one.record, one.run_spec))
        sent += chunk
        yield {str(number): packed(items), f"texts {number}": texts}
    yield {"shapes": shapes.packed()}


def staged_changes(staging: Staging) -> Iterator[Staged]:
    """Yield every change as the commit script reads it, as it is at the moment of the apply."""
    plan, keys, moment, signer = staging.plan, staging.store.keys, staging.moment, staging.signer
    ended = [change for change in plan.changes if _may_have_passed(keys, change, moment)]
    asked = plan.changes if plan.read_at > moment else ended  # the clock has stepped back since the plan was made
    cursors = staging.store.cursors([_live_name(change) for change in asked if isinstance(change.before, Schedule)])
    run_specs = {run: text.encode() for run, text in plan.run_specs.items()}
    past = {change.address: _past(keys, change, cursors, moment) for change in ended}
    for change in plan.changes:
        cursor = cursors.get(_live_name(change)) if change.kind == "schedule" else None
        timely = _from(keys, change, moment, plan.read_at, cursor)
        one = _staged(keys, timely, plan, past.get(change.address, {}), run_specs)
        one.item.update(_following(keys, timely, moment))
        if signer and one.run_spec:
            one.item["signature"] = signer.sign_spec(keys.namespace, str(one.item["run"]))
        yield one


def _from(keys: Keys, change: Change, moment: int, planned: int, cursor: Cursor | None) -> Change:
    """Return the change as it is at the moment of the apply: a tick that passed since the plan is not run late.

    Where the clock has stepped back since the plan was made, the ticks in between have yet to come: whoever fires
    relies on the pending one being the next after the cursor. A schedule that is renamed and has fired since waits for
    its next tick, as its new name is delayed.
    """
    schedule = change.after
    if not isinstance(schedule, Schedule) or schedule.occurrence is None:
        return change
    if change.timing == "keep" and change.previous and cursor:
        return replace(change, after=with_occurrence(keys, schedule, keys.tick_in(cursor.pending)))
    if change.timing != "reset":
        return change
    if planned <= moment < schedule.occurrence.due:
        return change
    tick = trigger_of(schedule.fields).next_tick(max(moment, cursor.tick) if cursor else moment)
    later = with_occurrence(keys, schedule, tick)
    return replace(change, after=later, timing="none" if tick is None else "reset")


def _live_name(change: Change) -> str:
    """Return the name that Redis knows the object by until the commit."""
    return change.previous.partition(".")[2] or change.name


def _may_have_passed(keys: Keys, change: Change, moment: int) -> bool:
    """Tell whether ticks of a live schedule may have passed without a run: none before the one that waits."""
    if not isinstance(change.before, Schedule):
        return False
    pending = _tick(keys, change.before)
    return pending is None or pending <= moment


def _tick(keys: Keys, schedule: Schedule) -> int | None:
    return keys.tick_in(schedule.occurrence.id) if schedule.occurrence else None


def _past(keys: Keys, change: Change, cursors: Mapping[str, Cursor], moment: int) -> dict[str, Json]:
    """Return what the commit must know of the ticks that passed and did not fire, in case the change ends them."""
    cursor = cursors.get(_live_name(change))
    if cursor is None or not isinstance(change.before, Schedule):
        return {}
    pending = keys.tick_in(cursor.pending)
    found: dict[str, Json] = {}
    if pending is not None and pending > moment:
        return found
    try:
        trigger = trigger_of(change.before.fields)
        for span in range_between(trigger, cursor.tick, moment, ""):
            found["passed"] = _told(trigger, cursor.tick, span)
        # A stock scheduler may have handed the first of them to a queue: then it is no more than a run.
        if pending is not None:
            for span in range_between(trigger, pending, moment, ""):
                found["behind"] = _told(trigger, pending, span)
    except (TypeError, ValueError):  # the record was altered beyond reading: the script knows the first of them
        return found
    return found


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


def _staged(keys: Keys, change: Change, plan: Plan, past: Mapping[str, Json], run_specs: Mapping[str, bytes]) -> Staged:
    """Return one change as the commit script reads it."""
    before, after = change.before, change.after
    item: dict[str, Json] = {"name": change.name, "seal": change.seal}
    if change.previous:
        item["previous"] = change.previous.partition(".")[2]
    if before is not None and change.cancels:
        item["cancel"] = before.name
    shape: Shape = (("kind", change.kind),)
    if isinstance(before, Schedule):
        item["live_run"] = before.run
        shape = (*shape, *_shape_before(keys, before, after), ("adopts", change.adopts))
    item |= past
    if after is None:
        return Staged(item, shape)
    shape = (*shape, ("writes", True))
    commit, revision = plan.source.commit, plan.head.generation + 1  # a revision never used before
    if change.kind == "schedule" and change.name in plan.returning_holds:
        item["returning_hold"] = plan.returning_holds[change.name]
    if not isinstance(after, Schedule):
        record = encode_pipeline(after, revision=revision, commit=commit, place=change.place)
        item["record_size"] = len(record)
        return Staged(item, shape, record)
    record = encode_schedule(after, revision=revision, commit=commit, place=change.place)
    run_spec = run_specs[after.run]
    item |= {"run": after.run, "meta": run_meta(after), "record_size": len(record), "spec_size": len(run_spec)}
    data = _add_job(keys, after, item)
    shape = (*shape, ("timing", change.timing), ("was_held", _was_held(after, plan)), *_shape_after(keys, after))
    return Staged(item, shape, record, run_spec, data)


def _shape_before(keys: Keys, before: Schedule, after: object) -> Shape:
    paused, queue = bool(before.fields.get("paused")), keys.queue(str(before.fields.get("queue", "default")))
    if not isinstance(after, Schedule):
        return (("was_paused", paused), ("queue", queue), ("timing", "none"))
    still = before.timing == after.timing and paused == bool(after.fields.get("paused"))
    return (("was_paused", paused), ("old_queue", queue), ("still", still))


def _shape_after(keys: Keys, schedule: Schedule) -> Shape:
    """Return what its jobs have in common, and how ticks that wait go on: as its spec says now."""
    room, together = room_to_wait(schedule.fields), schedule.fields["overlap"] == "allow"
    return (
        ("queue", keys.queue(str(schedule.fields["queue"]))),
        ("room", LONGEST_BUFFER if together else room),
        ("together", together),
        ("paused", bool(schedule.fields.get("paused"))),
        ("job", job_settings(schedule.occurrence or occurrence_at(keys, schedule, 0))),
    )


def _add_job(keys: Keys, schedule: Schedule, item: dict[str, Json]) -> bytes:
    """Add the job that shall wait; return its call, which the script can put together itself where it is plain."""
    data = plain_call((keys.namespace, schedule.name, schedule.run))
    if data is None:
        text = item["data"] = job_data(schedule.occurrence or occurrence_at(keys, schedule, 0))
        data = text.encode()
    waits_for = _waits_for(keys, schedule)
    item |= waits_for
    return data if waits_for else b""


def _waits_for(keys: Keys, schedule: Schedule) -> dict[str, Json]:
    """Return what is its own of the job that shall wait."""
    occurrence, tick = schedule.occurrence, _tick(keys, schedule)
    if occurrence is None or tick is None:
        return {}
    local, described = describe_tick(tick, str(schedule.fields.get("timezone", "UTC")))
    due, description = occurrence.due, f"{schedule.name} @ {described}"
    return {"id": occurrence.id, "due": due, "local_time": local, "description": description}


def _following(keys: Keys, change: Change, moment: int) -> dict[str, Json]:
    """Return the occurrence that waits instead of a schedule's next one, where that may be a run by the commit."""
    schedule = change.after
    if not isinstance(change.before, Schedule) or not isinstance(schedule, Schedule) or schedule.occurrence is None:
        return {}
    if not change.previous and (change.timing == "keep" or schedule.occurrence.due > moment + _SOON):
        return {}
    tick = keys.tick_in(schedule.occurrence.id)
    following = with_occurrence(keys, schedule, tick and trigger_of(schedule.fields).next_tick(tick))
    found = _waits_for(keys, following)
    return {"following": {**found, "after": tick}} if found else {}


def _was_held(schedule: Schedule, plan: Plan) -> bool:
    """Tell whether the plan takes for granted that a live schedule is held: if it is not, the plan is stale."""
    name = schedule.name
    return name in plan.held and name not in plan.returning_holds and not schedule.fields.get("paused")
