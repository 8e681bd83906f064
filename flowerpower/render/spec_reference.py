"""The reference of the specs as Markdown: every key with its type, its default, what it does and an example.

It is read from the schemas, so it says what an editor says; docs/specs.md is this text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowerpower.specs.codes import CODES
from flowerpower.specs.schema.editor import anchor, as_yaml
from flowerpower.specs.schema.examples import EXAMPLES
from flowerpower.specs.schema.schema import json_schema

_HEAD = """\
# The specs, key by key

After this page you know every key of a spec, what it takes and what it is when it is left out.

A project is a folder with `flowerpower.yaml`, and its pipelines and schedules as `pipelines/**/*.yaml` and
`schedules/**/*.yaml`. Files are YAML 1.2, with one document or several. Durations are `90s`, `15m`, `2h`, `1d12h` or
whole seconds; dates and times are ISO 8601. Any text may hold `${var:NAME}`, which is filled in when the project is
loaded. A *tick* is a moment at which a schedule should run.

This page is made from the models: `flowerpower schema --format markdown` prints it for the version you have.
[editors.md](editors.md) says how an editor shows it while you write.
"""
_FILES = {"project": "`flowerpower.yaml`", "pipeline": "`pipelines/*.yaml`", "schedule": "`schedules/*.yaml`"}
_TYPES = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "mapping"}
_BY_ADVICE = {CODES["FP105"].advice: "name", CODES["FP107"].advice: "date or time"}

_Path = tuple[str, ...]


def spec_reference(kinds: Sequence[str] = ("project", "pipeline", "schedule")) -> str:
    """Return the reference of some kinds of specs."""
    return "\n".join([_HEAD, *(line for kind in kinds for line in _kind(kind))]).rstrip() + "\n"


def _kind(kind: str) -> Iterator[str]:
    schema = json_schema(kind)
    yield f'## <a id="{kind}"></a>{kind.capitalize()}: {_FILES[kind]}\n'
    yield f"{_text(schema)}\n"
    yield f"```yaml\n{as_yaml(EXAMPLES[kind])}\n```\n"
    yield from _keys(schema["properties"], (kind,), schema["definitions"])


def _keys(properties: Mapping[str, Any], path: _Path, parts: Mapping[str, Any], shown: str = "") -> Iterator[str]:
    """Yield the keys of a mapping, the keys within a key right after it; *shown* is what stands before them."""
    for name, schema in properties.items():
        place = (*path, name)
        yield f'### <a id="{anchor(place)}"></a>`{shown}{name}`\n'
        example = _example(name, schema)
        inline = "" if "\n" in example else f" For example `{example}`."
        yield f"*{_type(schema)}*. {_text(schema)}{inline}\n"
        yield from _choices(schema)
        if not inline:
            yield f"```yaml\n{example}\n```\n"
        yield from _keys(_inner(schema, parts), place, parts, f"{shown}{name}{_entry(schema)}.")


def _entry(schema: Mapping[str, Any]) -> str:
    """Return how an entry of a list or of a mapping by name is written in a path."""
    if "items" in schema:
        return "[]"
    return f".{schema['propertyNames']['title'].upper()}" if "propertyNames" in schema else ""


def _text(schema: Mapping[str, Any]) -> str:
    return str(schema["markdownDescription"]).partition("\n\n")[0]


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a key in words."""
    if "allOf" in schema:
        return "mapping"
    if "oneOf" in schema and "enum" not in schema["oneOf"][0]:
        return " or ".join(_scalar(part) for part in schema["oneOf"])
    return f"list of {_scalar(schema['items'])}s" if schema["type"] == "array" else _scalar(schema)


def _scalar(schema: Mapping[str, Any]) -> str:
    if "oneOf" in schema:
        return "choice"
    if isinstance(schema.get("type"), list):
        return "whole number or share" if "%" in schema["pattern"] else "duration"
    return _BY_ADVICE.get(schema.get("errorMessage", ""), _TYPES[schema.get("type", "object")])


def _choices(schema: Mapping[str, Any]) -> Iterator[str]:
    known = schema.get("items", schema).get("oneOf", [{}])[0]
    if "enum" in known:
        told = zip(known["enum"], known["markdownEnumDescriptions"], strict=True)
        yield "".join(f"- `{value}`: {text}\n" for value, text in told)


def _example(name: str, schema: Mapping[str, Any]) -> str:
    shown = str(schema["markdownDescription"]).partition("```yaml\n")[2].partition("\n```")[0]
    if not shown:
        return as_yaml({name: schema["examples"][0]})
    return f"{name}:\n" + "\n".join(f"  {line}" for line in shown.split("\n"))


def _inner(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the keys within a key; none for a layer, whose keys are those of the spec."""
    forms = [
        schema.get("items"),
        schema.get("additionalProperties"),
        *schema.get("allOf", []),
        *schema.get("oneOf", []),
    ]
    names = [form["$ref"].rpartition("/")[2] for form in forms if isinstance(form, dict) and "$ref" in form]
    found: Mapping[str, Any] = parts[names[0]]["properties"] if names and not names[0].endswith("_layer") else {}
    return found
