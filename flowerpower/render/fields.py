"""What changes in one object, field by field, as rows that every output lays out in its own way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from flowerpower.durations import duration_text
from flowerpower.planning.diff import DAMAGED
from flowerpower.planning.plan import Change, FieldChange
from flowerpower.render.words import moment, safe, short, value_text
from flowerpower.state.models import Json

_DURATIONS = {"every", "timeout", "result_ttl", "failure_ttl", "jitter", "catchup_window", "start_deadline"}
_DURATION_LISTS = {"intervals", "retry_intervals"}
_ABSENT = "(none)"
_WITH_DEFAULTS = {"load", "save", "cache", "retry"}  # parts of them may be left out, and are then empty
_OF_PROJECT = ("timezone", "folders")  # in a pipeline's record, and not written in its spec
# What a reader looks for first; the rest follows by name.
_ORDER = (
    "pipeline",
    "cron",
    "every",
    "at",
    "timezone",
    "start",
    "end",
    "paused",
    "queue",
    "modules",
    "outputs",
    "inputs",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a field diff; `old` is what is there now, None where there is nothing to compare."""

    symbol: str  # + ~ - and ! for drift
    name: str
    old: str | None
    new: str | None
    note: str = ""


_LOST = {
    "run_spec": Row("!", "run spec", "missing from Redis", "as written in git", "drift"),
    "cursor": Row("!", "cursor", "damaged in Redis", "starts from now", "drift"),
}
_GOES_ON = replace(_LOST["cursor"], new="goes on with the tick that waits")


def rows(change: Change, now: int) -> tuple[Row, ...]:
    """Return the rows of a change: all that differs of an update, all that is not a default of a new object."""
    timezone = _timezone(change)
    shown = [_as_written(field) for field in change.fields if change.action != "delete" or field.name == "record"]
    found = [row for field in shown for row in _field_rows(change, field, (timezone, now))]
    found = [replace(row, name=safe(row.name)) for row in found]  # a record altered in Redis may hold any name
    return tuple(sorted(found, key=lambda row: (row.symbol != "!", _rank(row.name), row.name)))


def rhythm(change: Change) -> str:
    """Return when a schedule fires as its author wrote it; the modules of a pipeline."""
    shown_side = change.after or change.before
    fields = shown_side.fields if shown_side else {}
    if change.kind == "pipeline":
        return f"modules {show('modules', fields.get('modules'))}"
    name = next((name for name in ("cron", "every", "at") if fields.get(name) is not None), "")
    shown = show(name, fields.get(name), (_timezone(change), 0))
    return shown if name == "cron" else f"{name} {shown}"


def _as_written(field: FieldChange) -> FieldChange:
    """Return a field without what models put into the parts of it that nobody wrote."""
    if field.name not in _WITH_DEFAULTS:
        return field
    old, new, remote = (_without_defaults(field.name, value) for value in (field.old, field.new, field.remote))
    return replace(field, old=old, new=new, remote=remote)


def _without_defaults(name: str, value: Json) -> Json:
    if name == "load" and isinstance(value, dict):
        return {node: _without_empty(entry) for node, entry in value.items()}
    if name == "save" and isinstance(value, list):
        return [_without_empty(entry) for entry in value]
    return _without_empty(value)


def _without_empty(value: Json) -> Json:
    return {key: item for key, item in value.items() if item not in ({}, [])} if isinstance(value, dict) else value


def _rank(name: str) -> int:
    head = name.partition(".")[0]
    return _ORDER.index(head) if head in _ORDER else len(_ORDER)


def _timezone(change: Change) -> str:
    shown = change.after or change.before
    return str(shown.fields.get("timezone", "UTC")) if shown else "UTC"


def _field_rows(change: Change, field: FieldChange, when: tuple[str, int]) -> Iterator[Row]:
    if field.name in _LOST:
        yield _GOES_ON if field.name == "cursor" and change.timing == "keep" else _LOST[field.name]
    elif field.name == "record":
        yield _record_row(change, field)
    elif change.action == "create":
        of_project = change.kind == "pipeline" and field.name in _OF_PROJECT
        if field.new is not None and not of_project and field.new != _defaults(change.kind).get(field.name):
            yield from (Row("+", name, None, show(name, item, when)) for name, item in _items(field.name, field.new))
    elif field.reason in ("drift", "both"):
        yield _drift_row(field, when)
    elif field.name in _IN_WORDS:
        yield _IN_WORDS[field.name](change, field)
    else:
        for name, old, new in _leaves(field.name, field.remote, field.new):
            yield _row(name, old, new, when)


def _row(name: str, old: Json, new: Json, when: tuple[str, int]) -> Row:
    if old is None or new is None:
        return Row("-" if new is None else "+", name, None, show(name, old if new is None else new, when))
    return Row("~", name, show(name, old, when), show(name, new, when))


def _record_row(change: Change, field: FieldChange) -> Row:
    found = "missing from Redis" if field.remote is None else "altered in Redis"
    found = "damaged in Redis" if field.remote == DAMAGED else found
    return Row("!", "record", found, "deleted" if change.after is None else "as written in git", "drift")


def _drift_row(field: FieldChange, when: tuple[str, int]) -> Row:
    """Return a three-way row: what is there, what it will be, and what the last apply had written."""
    if field.name == "job":
        new = "none" if field.new is None else _due(field.new, when)
        old = "none" if field.old is None else _due(field.old, when)
        return Row("!", "pending run", _due(field.remote, when), new, _drift_note(old, new))
    found, new = show(field.name, field.remote, when), show(field.name, field.new, when)
    if field.old is None:  # git does not say what the last apply had written
        return Row("!", field.name, found, new, "drift: changed in Redis")
    return Row("!", field.name, found, new, _drift_note(show(field.name, field.old, when), new))


def _due(value: Json, when: tuple[str, int]) -> str:
    if value == DAMAGED:
        return "damaged in Redis"
    return moment(int(value), *when) if isinstance(value, int) else "missing"


def _drift_note(applied: str, new: str) -> str:
    return "drift: put back" if applied == new else f"drift: was applied as {applied}"


def _code_row(change: Change, field: FieldChange) -> Row:
    return Row("~", "code", short(str(field.remote)), short(str(field.new)), "its modules changed")


def _pipeline_row(change: Change, field: FieldChange) -> Row:
    pipeline = change.after.fields.get("pipeline") if change.after else ""
    return Row("~", "runs", None, f"the changed pipeline {safe(str(pipeline))}")


def _timing_row(change: Change, field: FieldChange) -> Row:
    return Row("~", "fire times", safe(str(field.remote)), safe(str(field.new)))


_IN_WORDS = {"code": _code_row, "basis": _pipeline_row, "timing": _timing_row}


def _leaves(name: str, old: Json, new: Json) -> Iterator[tuple[str, Json, Json]]:
    """Return what differs inside two mappings key by key, and any other pair as it is."""
    if _holds_mappings(old) and _holds_mappings(new):
        old_items, new_items = dict(_items(name, old)), dict(_items(name, new))
        for item in {**old_items, **new_items}:
            yield from _leaves(item, old_items.get(item), new_items.get(item))
    elif not isinstance(old, Mapping) or not isinstance(new, Mapping):
        if old != new:
            yield name, old, new
    else:
        yield from _keys(name, old, new)


def _items(name: str, value: Json) -> Iterator[tuple[str, Json]]:
    """Return the items of a list of mappings one by one; any other value as it is."""
    if not isinstance(value, list) or not _holds_mappings(value):
        yield name, value
        return
    for index, item in enumerate(value):
        yield f"{name}[{index}]", item


def _holds_mappings(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _keys(name: str, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[tuple[str, Json, Json]]:
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield from _leaves(f"{name}.{safe(key)}", old.get(key), new.get(key))


def show(name: str, value: Json, when: tuple[str, int] = ("UTC", 0)) -> str:
    """Return a field's value as its author would write it: durations as `30m`, a job's due time as a date."""
    if value is None:
        return _ABSENT
    last = name.rpartition(".")[2]
    if isinstance(value, int) and not isinstance(value, bool):
        if last == "due":
            return moment(value, *when)
        if last in _DURATIONS:
            return duration_text(value)
    if isinstance(value, list) and last in _DURATION_LISTS:
        return (
            ", ".join(duration_text(item) if isinstance(item, int) else value_text(item) for item in value) or _ABSENT
        )
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{safe(key)}: {_show_inside(key, item, when)}" for key, item in value.items()) + "}"
    return _show_plain(value)


def _show_inside(name: str, value: Json, when: tuple[str, int]) -> str:
    text = show(name, value, when)
    return f"[{text}]" if isinstance(value, list) and not text.startswith("[") else text


def _show_plain(value: Json) -> str:
    if isinstance(value, list) and value and all(_is_word(item) for item in value):
        return ", ".join(str(item) for item in value)
    return str(value) if _is_word(value) else value_text(value)


def _is_word(value: Json) -> bool:
    """Tell whether a text reads well without quotes: names, zones, ISO dates."""
    if not isinstance(value, str) or not value or not value[0].isalpha() or value.lower() in _NOT_WORDS:
        return False
    return not set(value) - _WORD


_NOT_WORDS = {"true", "false", "null", "yes", "no", "on", "off"}
_WORD = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/+.:")


@cache
def _defaults(kind: str) -> Mapping[str, Json]:
    """Return what a field holds when nobody wrote it."""
    from flowerpower.specs.models import PipelineSpec, ScheduleSpec

    pipeline = _model_defaults(PipelineSpec)
    if kind == "pipeline":
        return pipeline
    return {**pipeline, **_model_defaults(ScheduleSpec), "overlap": "skip"}


def _model_defaults(model: Any) -> dict[str, Json]:
    written = {"name": "x", "pipeline": "x", "at": "2000-01-01", "modules": ["x"], "outputs": ["x"]}
    required = {name: value for name, value in written.items() if name in model.model_fields}
    values: dict[str, Json] = model.model_validate(required).model_dump(mode="json", exclude_none=True)
    return {name: value for name, value in values.items() if name not in required}
