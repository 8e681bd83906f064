"""The models as JSON Schemas (draft-07) that are good in an editor.

`schemas/*.schema.json` are made from here and committed. All that a model accepts its schema accepts; what a schema
cannot say is listed in `schema_gaps`, each with an example.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from flowerpower.specs.fields import NOT_PATCHED
from flowerpower.specs.models import TRIGGERS, PipelineSpec, ProjectSpec, ScheduleSpec

KINDS: Mapping[str, type[BaseModel]] = {"project": ProjectSpec, "pipeline": PipelineSpec, "schedule": ScheduleSpec}

_ID = "https://flowerpower-gitops.github.io/schema/v1/{kind}.schema.json"
_REFERENCE = "#/definitions/"


@dataclass(frozen=True, slots=True)
class Gap:
    """A rule that the models or later checks keep and a schema does not, with a spec that only the schema accepts."""

    rule: str
    kind: str
    example: Mapping[str, Any]


_SCHEDULE: Mapping[str, Any] = {"name": "nightly", "pipeline": "sales", "cron": "0 2 * * *"}
_PIPELINE: Mapping[str, Any] = {"name": "sales", "modules": ["sales"], "outputs": ["report"]}
_PROJECT: Mapping[str, Any] = {"name": "acme"}

schema_gaps: tuple[Gap, ...] = (
    Gap("a name has at most 63 characters", "project", {"name": "a" * 64}),
    Gap("a duration is at most 3650 days", "schedule", {**_SCHEDULE, "jitter": "4000d"}),
    Gap("a duration in words is not zero where that makes no sense", "pipeline", {**_PIPELINE, "timeout": "0s"}),
    Gap("a date exists", "schedule", {**_SCHEDULE, "start": "2026-02-30"}),
    Gap("a share is at most 100%", "project", {**_PROJECT, "guards": {"max_deletes": "500%"}}),
    Gap("a name comes from the file", "pipeline", {"modules": ["sales"], "outputs": ["report"]}),
    Gap("a variable is filled in first", "schedule", {**_SCHEDULE, "timeout": "${var:TIMEOUT}"}),
    Gap("a whole number is written without a fraction", "schedule", {**_SCHEDULE, "buffer_limit": 5.0}),
)
"""What a schema accepts and a model refuses. Cron, zones, names of other specs: neither of them knows, the rules do."""


def json_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of `project`, `pipeline` or `schedule` as a JSON value."""
    model = KINDS[kind]
    raw = model.model_json_schema(ref_template=f"{_REFERENCE}{{model}}")
    definitions = {name: _good_in_an_editor(value) for name, value in sorted(raw.pop("$defs", {}).items())}
    schema = _good_in_an_editor(raw)
    schema["properties"]["environments"] = _environments(schema["properties"])
    if kind == "project":
        definitions["DefaultsSpec"]["properties"] |= _defaults()
    if kind == "schedule":
        schema["oneOf"] = [{"title": name, "required": [name]} for name in TRIGGERS]
    if kind != "project":  # the name may come from the file
        schema["required"] = [name for name in schema["required"] if name != "name"]
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": _ID.format(kind=kind)}
    return {**head, **schema, "title": f"flowerpower {kind}", "definitions": definitions}


def schema_text(kind: str) -> str:
    """Return the schema as the text of its file."""
    return json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"


def _good_in_an_editor(value: Any) -> Any:
    """Return a part of a schema without what makes editors complete or show the wrong thing."""
    if isinstance(value, list):
        return [_good_in_an_editor(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {key: _good_in_an_editor(inner) for key, inner in value.items() if key not in _DROPPED}
    if "default" in result and not isinstance(result["default"], (str, int)):
        del result["default"]  # an editor would complete it in full
    if "$ref" in result and len(result) > 1:  # draft-07 ignores what stands beside a $ref
        result["allOf"] = [{"$ref": result.pop("$ref")}]
    if "patternProperties" in result:
        result["additionalProperties"] = False
    if "properties" in result and isinstance(title := result.get("title"), str):
        result["title"] = title.removesuffix("Spec").lower()
    return result


_DROPPED = frozenset({"discriminator"})


def _environments(properties: Mapping[str, Any]) -> dict[str, Any]:
    patch = {
        "type": ["object", "null"],
        "title": "patch",
        "description": "What differs in this environment, as a JSON Merge Patch: null removes a key.",
        "properties": _without_checks(properties),
        "additionalProperties": False,
    }
    own: Mapping[str, Any] = properties["environments"]
    kept = {key: own[key] for key in ("title", "description", "examples")}
    return {**kept, "type": "object", "additionalProperties": patch}


def _without_checks(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties for hover and completion only: a layer may hold a null, or a part of a mapping, anywhere."""
    told = ("title", "description", "examples")
    return {
        name: {key: schema[key] for key in told if key in schema}
        for name, schema in properties.items()
        if name not in NOT_PATCHED
    }


def _defaults() -> dict[str, Any]:
    found = {}
    for kind in ("pipeline", "schedule"):
        properties = json_schema(kind)["properties"]
        field = ProjectSpec.model_fields["defaults"].annotation
        told = field.model_fields[kind] if field else None
        found[kind] = {
            "title": told.title if told else kind,
            "description": told.description if told else "",
            "examples": told.examples if told else [],
            "type": "object",
            "properties": _without_checks(properties),
        }
    return found
