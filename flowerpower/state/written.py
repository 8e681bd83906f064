"""From live state back to specs, as a person would write them: the way of `state/desired.py`, backwards.

What a spec need not say is left out: what the project's defaults or the models say already, what a schedule has from
its pipeline, and what was worked out. Over the same project file the result asks for the same state again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from flowerpower.specs.models import PipelineSpec, ProjectSpec, ScheduleSpec
from flowerpower.specs.parts import CacheSpec, ExecutorSpec, LoadSpec, RetrySpec, SaveSpec
from flowerpower.specs.placeholders import as_written
from flowerpower.specs.values import TRIGGERS
from flowerpower.state.models import Json, State

Fields = Mapping[str, Any]

_NOT_WRITTEN = frozenset({"name", "environments", "previous_names"})
_DERIVED = frozenset({"folders", "timezone"})  # of a pipeline: the project's
_INHERITED = ("timeout", "retry", "result_ttl", "failure_ttl")
_MODELS: Mapping[str, Any] = {"pipeline": PipelineSpec, "schedule": ScheduleSpec}
_FIRST: Mapping[str, str] = {"pipeline": "modules", "schedule": "pipeline"}
_PARTS: Mapping[tuple[str, ...], Any] = {  # by path; `*` is any key or position
    ("retry",): RetrySpec,
    ("executor",): ExecutorSpec,
    ("cache",): CacheSpec,
    ("load", "*"): LoadSpec,
    ("save", "*"): SaveSpec,
}


@dataclass(frozen=True, slots=True)
class WrittenSpecs:
    """The specs of a namespace by name, each as the values of its file."""

    pipelines: Mapping[str, dict[str, Json]] = field(default_factory=dict)
    schedules: Mapping[str, dict[str, Json]] = field(default_factory=dict)


def written_specs(state: State, project: ProjectSpec) -> WrittenSpecs:
    """Return what files beside that project file have to say to ask for *state*."""
    bases = {kind: _base(kind, getattr(project.defaults, kind)) for kind in _MODELS}
    below = {"pipeline": project.defaults.pipeline, "schedule": project.defaults.schedule}
    pipelines = {
        name: _written("pipeline", _without(pipeline.fields, _DERIVED), bases["pipeline"], below["pipeline"])
        for name, pipeline in state.pipelines.items()
    }
    schedules = {}
    for name, schedule in state.schedules.items():
        pipeline = state.pipelines.get(str(schedule.fields.get("pipeline")))
        base = _base_of_schedule(schedule.fields, bases["schedule"], project)
        fields = _own_fields(schedule.fields, pipeline.fields if pipeline else {}, base)
        if project.schedules == "paused" and fields.get("paused") is True:
            fields["paused"] = base["paused"]  # the project says it for all of them
        schedules[name] = _written("schedule", fields, base, below["schedule"])
    return WrittenSpecs(pipelines, schedules)


def _base(kind: str, defaults: Fields) -> dict[str, Any]:
    """Return the fields of a spec that says nothing but what it must: the defaults over those of its model."""
    needed: dict[str, Any] = {"modules": ["x"], "outputs": ["x"]}
    if kind == "schedule":
        needed = {"pipeline": "x"} | ({} if defaults.keys() & set(TRIGGERS) else {"at": "2000-01-01"})
    try:
        spec = _MODELS[kind].model_validate({**needed, **defaults, "name": "x"})
    except ValidationError as error:  # a default that is wrong in itself: each spec has to say what it wants instead
        named = {str(one["loc"][0]) for one in error.errors() if one["loc"]} & defaults.keys()
        wrong = named or defaults.keys()
        return _without(_base(kind, _without(defaults, wrong)), wrong) if wrong else {}
    dumped: dict[str, Any] = spec.model_dump(mode="json", exclude=_NOT_WRITTEN, exclude_none=True)
    return _without(dumped, needed.keys() - defaults.keys())


def _base_of_schedule(fields: Fields, base: Fields, project: ProjectSpec) -> dict[str, Any]:
    """Return the base with what depends on the project and on the schedule itself."""
    defaults = project.defaults.schedule
    found = dict(base) if "timezone" in defaults else {**base, "timezone": project.timezone}
    if "overlap" not in found:
        found["overlap"] = "buffer_all" if fields.get("catchup") == "all" else "skip"
    return found


def _own_fields(fields: Fields, pipeline: Fields, base: Fields) -> dict[str, Any]:
    """Return the fields of a schedule without those that it has from its pipeline."""
    return {
        key: value
        for key, value in fields.items()
        if key not in _INHERITED or key in base or key not in pipeline or not same(pipeline[key], value)
    }


def _written(kind: str, fields: Fields, base: Fields, below: Fields) -> dict[str, Json]:
    found = _difference(fields, base, below, ())
    if found.keys() & set(TRIGGERS):  # a trigger replaces one in the defaults by itself
        found = {key: value for key, value in found.items() if key not in TRIGGERS or value is not None}
    first = _FIRST[kind]
    if not found and first in fields:  # the defaults say it all, but a file has to be a mapping
        found = {first: fields[first]}
    return as_written(_in_order(found, _MODELS[kind]))


def _difference(target: Fields, base: Fields, below: Fields, path: tuple[str, ...]) -> dict[str, Any]:
    """Return what has to lie over *below*, whose values in full are *base*, to give *target*; null takes away."""
    found: dict[str, Any] = {}
    for key, value in target.items():
        if key in base and same(base[key], value):
            continue
        lower = below.get(key)
        if isinstance(value, dict) and isinstance(lower, dict):
            inner = base.get(key)
            found[key] = _difference(value, inner if isinstance(inner, dict) else {}, lower, (*path, key))
        else:
            found[key] = _short(value, (*path, key))
    return found | {key: None for key in below if key not in target and key not in _NOT_WRITTEN}


def _short(value: Any, path: tuple[str, ...]) -> Any:
    """Return a value without what its model says by default, in the order of its model."""
    if isinstance(value, list):
        return [_short(item, (*path, "*")) for item in value]
    if not isinstance(value, dict):
        return value
    model = _PARTS.get((path[0], *("*" for _ in path[1:])))
    if model is None:
        return {key: _short(item, (*path, key)) for key, item in value.items()} if path == ("load",) else value
    defaults = {name: info.get_default(call_default_factory=True) for name, info in model.model_fields.items()}
    kept = {key: item for key, item in value.items() if key not in defaults or not _is(defaults[key], item)}
    return _in_order(kept or value, model)


def _is(default: Any, value: Any) -> bool:
    return same(list(default) if isinstance(default, tuple) else default, value)


def _in_order(values: Fields, model: Any) -> dict[str, Any]:
    """Return the values in the order of their model, others behind them."""
    return {key: values[key] for key in [*model.model_fields, *values] if key in values}


def _without(values: Fields, names: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in names}


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are the same; Python calls 1, 1.0 and True equal."""
    return one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
