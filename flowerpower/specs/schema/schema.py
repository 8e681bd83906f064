"""The models as JSON Schemas (draft-07) that are good in an editor.

`schemas/*.schema.json` are made from here and committed. A schema judges the text of one file: all that flowerpower
accepts its schema accepts, and so nothing is required that may come from the project's `defaults:`. What a schema
cannot say is listed in `schema_gaps`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from flowerpower.specs.codes import SITE
from flowerpower.specs.fields import KEY_SCHEMA, plain
from flowerpower.specs.models import PipelineSpec, ProjectSpec, ScheduleSpec
from flowerpower.specs.schema.editor import skeletons, told
from flowerpower.specs.schema.examples import EXAMPLES, SKELETONS
from flowerpower.specs.values import NOT_PATCHED, TRIGGERS

KINDS: Mapping[str, type[BaseModel]] = {"project": ProjectSpec, "pipeline": PipelineSpec, "schedule": ScheduleSpec}

_DRAFT = "http://json-schema.org/draft-07/schema#"
_REFERENCE = "#/definitions/"
_A_MAPPING = "Write a mapping: lines of name: value."
_ONE_TRIGGER = "A schedule has exactly one of cron, every, at."

_PATCH = {
    "title": "environment",
    "description": "What differs in this environment, as a JSON Merge Patch: null removes a key.",
}
_ENTRIES = {"save": "save", "load": "node", "queues": "queue", "labels": "label", "environments": "environment"}

_Schema = dict[str, Any]
_Path = tuple[str, ...]


def json_schema(kind: str) -> _Schema:
    """Return the JSON Schema of `project`, `pipeline` or `schedule` as a JSON value."""
    parts = {name: part for each in _parts_of(kind) for name, part in _definitions(each).items()}
    layers = {f"{each}_layer": _layer_of(each, parts, own=each == kind) for each in _parts_of(kind)}
    description = str(KINDS[kind].__doc__)
    return {
        "$schema": _DRAFT,
        "$id": schema_id(kind),
        "title": f"flowerpower {kind}",
        "description": plain(description),
        "markdownDescription": f"{description}\n\n[Reference]({SITE}/docs/specs#{kind})",
        "type": "object",
        "properties": _properties(kind),
        "additionalProperties": False,
        **({"required": ["name"]} if kind == "project" else {}),
        **({"allOf": _one_trigger()} if kind == "schedule" else {}),
        "examples": [EXAMPLES[kind]],
        "defaultSnippets": skeletons(SKELETONS[kind]),
        "definitions": {**parts, **layers},
    }


def schema_id(kind: str) -> str:
    """Return the address of a schema: versioned by the version of the specs, never used for other content."""
    return f"{SITE}/schema/v1/{kind}.schema.json"


def _parts_of(kind: str) -> tuple[str, ...]:
    """Return the kinds whose parts the schema of *kind* speaks about."""
    return ("project", "pipeline", "schedule") if kind == "project" else (kind,)


class _AsWritten(GenerateJsonSchema):
    """Keeps keys and examples in the order of the models."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """Return the schema as it is."""
        return value


@cache
def _raw(kind: str) -> _Schema:
    found = KINDS[kind].model_json_schema(schema_generator=_AsWritten)
    text = re.sub(r'"#/\$defs/(\w+?)(Spec)?"', lambda match: f'"{_REFERENCE}{match[1].lower()}"', json.dumps(found))
    schema: _Schema = json.loads(text)
    return {**schema, "$defs": {_name(key): value for key, value in schema.get("$defs", {}).items()}}


def _name(model: str) -> str:
    """Return the name of a part, which an editor shows where something else stands in its place."""
    return model.removesuffix("Spec").lower()


def _properties(kind: str) -> _Schema:
    return {name: _key(kind, value, (kind, name)) for name, value in _raw(kind)["properties"].items()}


def _definitions(kind: str) -> _Schema:
    """Return the nested mappings of a spec, each told where it stands first."""
    raw = _raw(kind).get("$defs", {})
    found: _Schema = {}
    for path, name in _places(_raw(kind), (kind,), raw):
        if name not in found and "properties" in raw[name]:
            found[name] = _mapping(kind, raw[name], path)
    return found


def _places(schema: Any, path: _Path, raw: _Schema) -> Iterator[tuple[_Path, str]]:
    """Yield the path and the name of each definition that a schema uses, its own parts after it."""
    for key, value in schema.get("properties", {}).items():
        for name in _references(value):
            yield (*path, key), name
            yield from _places(raw[name], (*path, key), raw)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].removeprefix(_REFERENCE)
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _mapping(kind: str, raw: _Schema, path: _Path) -> _Schema:
    """Return a nested mapping. Only an entry of a list or of a mapping by name has a text; else its key has it."""
    shaped: _Schema = {
        "type": "object",
        "properties": {name: _key(kind, value, (*path, name)) for name, value in raw["properties"].items()},
        "additionalProperties": False,
    }
    if path[-1] == "save":  # a list is never merged, so its items are complete
        shaped["required"] = raw["required"]
    return (
        {"title": _ENTRIES[path[-1]], "description": plain(raw["description"]), **shaped}
        if path[-1] in _ENTRIES
        else shaped
    )


def _key(kind: str, raw: _Schema, path: _Path) -> _Schema:
    """Return the schema of one key."""
    if path == (kind, "environments"):
        shaped = _environments(kind, raw)
    elif path[1:2] == ("defaults",) and len(path) == 3:
        kept = {key: raw[key] for key in ("title", "description", "examples")}
        shaped = {**kept, "allOf": [{"$ref": f"{_REFERENCE}{path[2]}_layer"}]}
    else:
        shaped = _shaped(raw)
        if "propertyNames" in shaped:
            shaped["propertyNames"] = _entry(path[-1], shaped["propertyNames"])
    return told(shaped, path)


def _entry(key: str, names: _Schema) -> _Schema:
    """Return the schema of the names in a mapping; an editor proposes the title, and would show a pattern."""
    return {"title": _ENTRIES[key], "allOf": [names]}


def _shaped(raw: Any) -> Any:
    """Return a part of a schema in the form that editors understand best."""
    result = {key: value for key, value in raw.items() if key != "discriminator"}
    if result.get("$ref") == f"{_REFERENCE}jsonvalue":
        return True
    if "$ref" in result and len(result) > 1:  # draft-07 ignores what stands beside a $ref
        result["allOf"] = [{"$ref": result.pop("$ref")}]
    for key in ("oneOf", "allOf"):
        if key in result:
            result[key] = [_shaped(inner) for inner in result[key]]
    for key in ("items", "additionalProperties"):
        if isinstance(result.get(key), dict):
            result[key] = _shaped(result[key])
    return _shaped_mapping(result) if result.get("type") == "object" else result


def _shaped_mapping(schema: _Schema) -> _Schema:
    """Return a mapping of free names, told apart from one of given keys by what an editor says of another value."""
    schema["errorMessage"] = _A_MAPPING
    if "patternProperties" in schema:
        [inner] = schema.pop("patternProperties").values()
        schema |= {"propertyNames": KEY_SCHEMA, "additionalProperties": _shaped(inner)}
    return schema


def _environments(kind: str, raw: _Schema) -> _Schema:
    kept = {key: raw[key] for key in ("title", "description", "examples")}
    patch = {"$ref": f"{_REFERENCE}{kind}_layer"}
    names = _entry("environments", dict(KEY_SCHEMA))
    mapping = {"type": "object", "propertyNames": names, "additionalProperties": patch, "errorMessage": _A_MAPPING}
    return {**kept, **mapping}


def _layer_of(kind: str, parts: _Schema, *, own: bool) -> _Schema:
    """Return the schema of what may be laid over or under a spec: any of its keys, and null for no value."""
    properties = {name: value for name, value in _properties(kind).items() if name not in NOT_PATCHED}
    return {
        **(_PATCH if own else {}),
        "type": ["object", "null"],
        "properties": {name: _nullable(value, parts) for name, value in properties.items()},
        "additionalProperties": False,
        **({"allOf": _one_trigger()} if kind == "schedule" else {}),
    }


def _nullable(schema: _Schema, parts: _Schema) -> _Schema:
    """Return a schema that accepts null too, for itself and for each key of a mapping in it."""
    result = _merged(schema, parts)
    if "type" in result:
        kinds = result["type"] if isinstance(result["type"], list) else [result["type"]]
        result["type"] = [*kinds, "null"]
    if "oneOf" in result:
        result["oneOf"] = [*result["oneOf"], {"type": "null"}]
    if "allOf" in result:
        result["allOf"] = [_nullable(inner, parts) for inner in result["allOf"]]
    return result


def _merged(schema: _Schema, parts: _Schema) -> _Schema:
    """Return a schema whose mappings may hold a null for each key; lists are never merged and stay as they are."""
    name = schema.get("$ref", "").removeprefix(_REFERENCE)
    if name:
        return _merged(parts[name], parts) if name in parts else dict(schema)
    result = dict(schema)
    if "oneOf" in result:
        result["oneOf"] = [_merged(inner, parts) for inner in result["oneOf"]]
    if "properties" in result:
        result["properties"] = {name: _nullable(inner, parts) for name, inner in result["properties"].items()}
    if isinstance(result.get("additionalProperties"), dict):
        result["additionalProperties"] = _nullable(result["additionalProperties"], parts)
    return result


def _one_trigger() -> list[_Schema]:
    """Return that no trigger stands beside another one; a null is none."""
    written = {"not": {"type": "null"}}
    absent = {"type": "null", "errorMessage": _ONE_TRIGGER, "doNotSuggest": True}
    return [
        {
            "if": {"required": [name], "properties": {name: written}},
            "then": {"properties": {other: absent for other in TRIGGERS if other != name}},
        }
        for name in TRIGGERS
    ]
