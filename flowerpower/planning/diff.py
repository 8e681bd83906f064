"""The difference between two states, as data.

`make_plan` is the heart of flowerpower: plain values in, one plain value out. It reads no file, no clock and no
Redis. It tells three things apart: git changed (update), Redis changed behind our back (drift), both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import fields as attributes
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from flowerpower.planning.fires import fire_change
from flowerpower.planning.plan import Change, FieldChange, InFlight, Plan, Reason
from flowerpower.planning.renames import renamed_from, with_new_names
from flowerpower.planning.settle import pending_tick, settle, timing_of
from flowerpower.state.codec import WORDING
from flowerpower.state.desired import occurrence_at
from flowerpower.state.job_codec import UNREADABLE
from flowerpower.state.keys import Keys
from flowerpower.state.models import (
    Desired,
    Json,
    Occurrence,
    Pipeline,
    Reading,
    Record,
    Rules,
    Schedule,
    Source,
    State,
)

T = TypeVar("T")
_INTACT = Record(0, "")
DAMAGED = "damaged"  # what is found of a record or a cursor that cannot be read
_JOB_ATTRIBUTES = tuple(attribute.name for attribute in attributes(Occurrence))


def make_plan(keys: Keys, desired: Desired, reading: Reading, source: Source, same: Set[str] = frozenset()) -> Plan:
    """Return what turns the live state into the desired one, deletes first; guards have not spoken yet.

    Of the *same* schedules, which `unchanged.same_schedules` tells, the wanted ones are not looked at.
    """
    renamed = renamed_from(desired, reading)
    reading = with_new_names(reading, renamed)
    wanted = settle(keys, desired.state, reading, same)
    used = _used_pipelines(reading) if wanted.pipelines.keys() - reading.state.pipelines.keys() else set()
    pipelines = _pairs(wanted.pipelines, reading.state.pipelines)
    schedules = _pairs(wanted.schedules, reading.state.schedules)
    changes = [
        *(_pipeline_change(name, (after, before), reading, is_used=name in used) for name, after, before in pipelines),
        *(_schedule_change(keys, name, (after, before), reading) for name, after, before in schedules),
    ]
    in_flight = _in_flight(reading, renamed)
    needed = sorted((change for change in changes if change), key=lambda change: (change.after is not None,))
    complete = tuple(
        replace(
            change,
            place=desired.places.get(change.address, ""),
            adopts=change.kind == "schedule" and change.name in reading.forgotten,
            previous=f"schedule.{renamed[change.name]}" if _is_renamed(change, renamed) else "",
            in_flight=in_flight.get(change.address, InFlight()),
        )
        for change in needed
    )
    after = _after(wanted, reading.state, {change.address for change in needed})
    plan = plan_of(keys, source, reading, complete, after, desired.rules)
    return replace(plan, run_specs=_needed_specs(needed, desired.run_specs))


def plan_of(
    keys: Keys, source: Source, reading: Reading, changes: tuple[Change, ...], after: State, rules: Rules
) -> Plan:
    """Return the plan of these changes to what was read; guards have not spoken yet."""
    return Plan(
        project=keys.project,
        env=keys.env,
        source=source,
        head=reading.head,
        read_at=reading.now,
        changes=changes,
        after=after,
        held={name: hold for name, hold in reading.holds.items() if name in reading.state.schedules},
        firing=tuple(sorted(reading.firing)),
        forgotten=tuple(sorted(reading.forgotten - after.schedules.keys())),
        unmanaged=reading.unmanaged,
        consumers=reading.consumers,
        rules=rules,
    )


def _used_pipelines(reading: Reading) -> set[str]:
    return {str(live.fields.get("pipeline")) for live in reading.state.schedules.values()}


def _is_renamed(change: Change, renamed: Mapping[str, str]) -> bool:
    return change.kind == "schedule" and change.name in renamed


def differences(before: Schedule | Pipeline | None, after: Schedule | Pipeline | None) -> tuple[FieldChange, ...]:
    """Return what differs between an object of the past and what it became, its pending run left out."""
    if isinstance(before, Schedule) and isinstance(after, Schedule):
        return _changed_fields(before, after, _INTACT)
    changes = _whole(before, after, None, vanished=False)
    if isinstance(before, Pipeline) and isinstance(after, Pipeline) and before.code != after.code:
        return (*changes, FieldChange("code", before.code, after.code, before.code, "code"))
    return changes


def _pairs(wanted: Mapping[str, T], live: Mapping[str, T]) -> Iterable[tuple[str, T | None, T | None]]:
    return ((name, wanted.get(name), live.get(name)) for name in sorted(wanted.keys() | live.keys()))


def _after(wanted: State, live: State, changed: set[str]) -> State:
    """Return what will be live: a spec reworded without effect is not written, so its live wording stays."""
    schedules = {
        name: schedule if f"schedule.{name}" in changed else live.schedules[name]
        for name, schedule in wanted.schedules.items()
    }
    return State(schedules, wanted.pipelines)


def _needed_specs(changes: Iterable[Change], run_specs: Mapping[str, str]) -> dict[str, str]:
    runs = {change.after.run for change in changes if isinstance(change.after, Schedule)}
    return {run: run_specs[run] for run in sorted(runs)}


def _pipeline_change(
    name: str, pair: tuple[Pipeline | None, Pipeline | None], reading: Reading, *, is_used: bool
) -> Change | None:
    after, before = pair
    if before and after and before.digest == after.digest:  # an altered record has no digest
        return None
    address = f"pipeline.{name}"
    record = reading.records.get(address)
    if before is not None and after is not None and record is not None:
        changes = () if record.damaged else _field_changes(before.fields, after.fields, record)
        if before.code != after.code and not record.damaged:
            changes = (*changes, FieldChange("code", before.code, after.code, before.code, "code"))
        if not record.intact:
            changes = _altered(changes, DAMAGED if record.damaged else before.digest, after.digest)
    else:
        changes = _whole(before, after, record, vanished=before is None and is_used)
    seal, revision = _record_of(record)
    before = before and replace(before, fields=dict(before.fields))  # as below
    return Change(address, before, after, changes, seal=seal, revision=revision, protected=False)


def _schedule_change(
    keys: Keys, name: str, pair: tuple[Schedule | None, Schedule | None], reading: Reading
) -> Change | None:
    after, before = pair
    if before is after:  # it was told to be the same
        return None
    if before and after and _is_same(before, after) and not _needs_a_write(name, reading):
        return None
    address = f"schedule.{name}"
    record = reading.records.get(address)
    if before is None or after is None or record is None:
        changes = _whole(before, after, record, vanished=before is None and name in reading.cursors)
    else:
        changes = _changed_fields(before, after, record)
        if name in reading.without_run_spec:
            changes = (*changes, FieldChange("run_spec", None, after.run, None, "drift"))
        if f"cursor.{name}" in reading.damaged:
            changes = (*changes, FieldChange("cursor", None, None, DAMAGED, "drift"))
        elif name not in reading.firing and not record.damaged:
            changes = (*changes, *_job_drift(keys, _as_applied(before, record), after, reading))
        if not changes and before.name == after.name and name not in reading.forgotten:
            return None
    seal, revision = _record_of(record)
    return Change(
        address,
        before and replace(before, fields=dict(before.fields)),  # a plan is plain data, a live state need not be
        after,
        changes,
        timing_of(keys, after, reading) if after else "none",
        seal=seal,
        revision=revision,
        fires=fire_change(before, after, reading),
        protected=bool(record and (record.protected or record.damaged)),  # what cannot be read may have been
    )


def _needs_a_write(name: str, reading: Reading) -> bool:
    return name in reading.forgotten or name in reading.without_run_spec or f"cursor.{name}" in reading.damaged


def _is_same(before: Schedule, after: Schedule) -> bool:
    """Tell whether nothing differs at all; an altered record has no digest."""
    return (
        before.digest == after.digest
        and before.run == after.run
        and before.name == after.name
        and before.occurrence == after.occurrence
    )


def _record_of(record: Record | None) -> tuple[str, int]:
    return (record.seal, record.revision) if record else ("", 0)


def _whole(
    before: Schedule | Pipeline | None, after: Schedule | Pipeline | None, record: Record | None, *, vanished: bool
) -> tuple[FieldChange, ...]:
    """Return every field of what comes or goes; a record that is missing or altered is no matter of git."""
    old: Mapping[str, Json] = before.fields if before else {}
    new: Mapping[str, Json] = after.fields if after else {}
    changes = _field_changes(old, new, None)
    if vanished or (record is not None and not record.intact):
        found = DAMAGED if record and record.damaged else before.digest if before else None
        changes = (*changes, _record_change(found, after.digest if after else None))
    return changes


def _field_changes(old: Mapping[str, Json], new: Mapping[str, Json], record: Record | None) -> tuple[FieldChange, ...]:
    """Return the fields that differ; of an altered record the old values are those that git knows, if it does."""
    if record is None and not (old and new):
        return tuple(_whole_fields(old or new, came=not old))
    intact = record is None or record.intact
    applied = old if intact else (record.applied if record else None)
    return tuple(
        FieldChange(name, (applied or {}).get(name), new.get(name), old.get(name), _reason(name, old, new, applied))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def _whole_fields(values: Mapping[str, Json], *, came: bool) -> Iterator[FieldChange]:
    """Yield the fields of what comes or goes."""
    for name, value in sorted(values.items()):
        if isinstance(value, dict | list):
            yield _whole_field(name, value, came)
        elif value is not None:
            yield _common_field(name, value, came)


def _whole_field(name: str, value: Json, came: bool) -> FieldChange:
    old, new = (None, value) if came else (value, None)
    return FieldChange(name, old, new, old, "git")


_common_field = lru_cache(maxsize=10_000, typed=True)(_whole_field)  # thousands of objects have the same


def _reason(
    name: str, found: Mapping[str, Json], wanted: Mapping[str, Json], applied: Mapping[str, Json] | None
) -> Reason:
    if applied is None or applied.get(name) == wanted.get(name):
        return "drift"
    return "git" if applied.get(name) == found.get(name) else "both"


def _changed_fields(before: Schedule, after: Schedule, record: Record) -> tuple[FieldChange, ...]:
    if not record.intact:
        fields = () if record.damaged else _field_changes(before.fields, after.fields, record)
        return _altered(fields, DAMAGED if record.damaged else before.run, after.run)
    if before.digest == after.digest:
        same_words = all(before.fields.get(name) == after.fields.get(name) for name in WORDING)
        return (_record_change(before.run, after.run),) if same_words and before.run != after.run else ()
    changes = _field_changes(before.fields, after.fields, record)
    if changes:
        return changes
    if before.basis != after.basis:
        return (FieldChange("basis", before.basis, after.basis, before.basis, "pipeline"),)
    if before.timing == after.timing and before.name != after.name:
        return ()
    return (FieldChange("timing", before.timing, after.timing, before.timing, "git"),)


def _altered(changes: tuple[FieldChange, ...], found: str, wanted: str) -> tuple[FieldChange, ...]:
    """Return the changes of an altered record: where no field shows it, the record as a whole does."""
    shown = any(change.reason in ("drift", "both") for change in changes)
    return changes if shown else (*changes, _record_change(found, wanted))


def _record_change(found: str | None, wanted: str | None) -> FieldChange:
    return FieldChange("record", None, wanted, found, "drift")


def _as_applied(live: Schedule, record: Record) -> Schedule:
    return live if record.applied is None else replace(live, fields=record.applied)


def _job_drift(keys: Keys, before: Schedule, after: Schedule, reading: Reading) -> tuple[FieldChange, ...]:
    """Return how the real RQ job differs from what the last apply and the scheduler left there."""
    found, wanted = before.occurrence, after.occurrence
    if found == wanted:
        return ()
    expected = _expected(keys, before, reading)
    is_damaged = found is not None and found.function == UNREADABLE
    if found is not None and expected is not None and wanted is not None and not is_damaged:
        drift = [
            FieldChange(f"job.{name}", _job_value(expected, name), _job_value(wanted, name), value, "drift")
            for name in _JOB_ATTRIBUTES
            if (value := _job_value(found, name)) != _job_value(expected, name)
        ]
        return tuple(drift)
    if found == expected and before.digest != after.digest:
        return ()  # the changed fields say why it comes or goes
    due = [None if job is None else job.due for job in (expected, wanted, found)]
    return (FieldChange("job", due[0], due[1], DAMAGED if is_damaged else due[2], "drift"),)


def _job_value(occurrence: Occurrence, name: str) -> Json:
    value = getattr(occurrence, name)
    return list(value) if isinstance(value, tuple) else value


def _expected(keys: Keys, live: Schedule, reading: Reading) -> Occurrence | None:
    tick = pending_tick(keys, live.name, reading)
    try:
        return None if tick is None else occurrence_at(keys, live, tick)
    except (KeyError, TypeError, ValueError, AttributeError):  # the record was altered beyond reading
        return None


def _in_flight(reading: Reading, renamed: Mapping[str, str]) -> dict[str, InFlight]:
    named_now = {old: new for new, old in renamed.items()}
    runs = Counter(
        (named_now.get(run.name, run.name), run.is_with_worker) for run in reading.active.values() if not run.alone
    )
    waiting = {named_now.get(name, name): count for name, count in reading.waiting.items()}
    names = {name for name, _ in runs} | waiting.keys()
    return {f"schedule.{name}": InFlight(runs[name, False], runs[name, True], waiting.get(name, 0)) for name in names}
