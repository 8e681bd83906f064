from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from flowerpower.cli.schema import text_of
from flowerpower.specs.loader import load
from flowerpower.specs.schema.examples import EXAMPLES, SKELETONS
from flowerpower.specs.schema.schema import KINDS, json_schema
from flowerpower.specs.text.yaml import parse

ROOT = Path(__file__).parents[3]
FILES = {"project": "flowerpower.yaml", "pipeline": "pipelines/a.yaml", "schedule": "schedules/a.yaml"}


def parts(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield every schema inside a schema with its path, but nothing of examples and other values."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for key in ("properties", "definitions"):
        for name, inner in schema.get(key, {}).items():
            yield from parts(inner, (*path, key, name))
    for key in ("items", "additionalProperties", "propertyNames", "not", "if", "then"):
        yield from parts(schema.get(key), (*path, key))
    for key in ("allOf", "oneOf", "anyOf"):
        for number, inner in enumerate(schema.get(key, [])):
            yield from parts(inner, (*path, key, str(number)))


def keys(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key of a spec, at every depth and in every layer, with its schema."""
    for path, schema in parts(json_schema(kind)):
        if len(path) > 1 and path[-2] == "properties" and "then" not in path and "if" not in path:
            yield ".".join(path), schema


def as_texts(value: Any) -> Any:
    """Return a value with every scalar, and every empty mapping, as the text that a spec has for it."""
    if isinstance(value, dict) and value:
        return {key: as_texts(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_texts(inner) for inner in value]
    return value if isinstance(value, str) else json.dumps(value)


def filled(value: Any) -> Any:
    """Return the body of a snippet as it stands in the file when each place keeps what is proposed."""
    if isinstance(value, dict):
        return {key: filled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner) for inner in value]
    return re.sub(r"\\([$}\\])", r"\1", re.sub(r"\$\{\d+:((?:\\.|[^}\\])*)\}", r"\1", value))


def problems_of(kind: str, spec: Any) -> list[str]:
    texts = {FILES[each]: json.dumps(EXAMPLES[each]).encode() for each in KINDS}
    texts[FILES[kind]] = json.dumps({**spec, "name": EXAMPLES[kind]["name"]}).encode()
    loaded = load(texts, env="default", variables={})
    return [str(problem) for problem in loaded.problems if problem.severity == "error"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_the_one_of_the_models(kind: str) -> None:
    committed = (ROOT / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8")

    assert committed == text_of(kind), "run: flowerpower schema --out schemas"


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_a_draft_07_schema_with_an_address_of_its_own(kind: str) -> None:
    schema = json_schema(kind)

    Draft7Validator.check_schema(schema)

    assert schema["$id"] == f"https://flowerpower-gitops.github.io/schema/v1/{kind}.schema.json"


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_at_every_depth_is_told_in_full(kind: str) -> None:
    found = dict(keys(kind))

    assert any("retry" in name for name in found) or kind == "project"
    for name, schema in found.items():
        assert len(schema["title"]) <= 20, name
        assert schema["description"].endswith((".", ".)")), name
        assert "`" not in schema["description"], name
        assert schema["markdownDescription"].replace("`", "").startswith(schema["description"]), name
        assert schema.get("examples") or "Example:" in schema["markdownDescription"], name


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_with_a_default_says_so(kind: str) -> None:
    for name, field in KINDS[kind].model_fields.items():
        if field.default not in (None, "", (), PydanticUndefined) and not isinstance(field.default, BaseModel):
            assert "Default:" in json_schema(kind)["properties"][name]["description"], name


@pytest.mark.parametrize("kind", KINDS)
def test_no_part_leads_an_editor_astray(kind: str) -> None:
    for path, schema in parts(json_schema(kind)):
        in_layer = any(step.endswith("_layer") for step in path) or "if" in path or "then" in path
        assert "default" not in schema, path
        assert in_layer or "null" not in schema.get("type", ""), path
        assert list(schema) == ["$ref"] or "$ref" not in schema, path  # draft-07 would ignore the rest
        assert "anyOf" not in schema, path  # an editor shows its titles joined by ||


def test_a_choice_may_come_from_a_variable_wherever_it_stands() -> None:
    choices = [schema for kind in KINDS for _, schema in parts(json_schema(kind)) if "enum" in str(schema.get("oneOf"))]

    assert len(choices) > 10
    for schema in choices:
        Draft7Validator(schema).validate("${var:CHOICE}")


def test_an_item_of_a_list_is_complete_because_lists_are_never_merged() -> None:
    definitions = json_schema("pipeline")["definitions"]

    assert definitions["save"]["required"] == ["outputs", "format"]
    assert [name for name, part in definitions.items() if "required" in part] == ["save"]


@pytest.mark.parametrize("kind", KINDS)
def test_examples_of_keys_are_good_examples(kind: str) -> None:
    definitions = json_schema(kind)["definitions"]

    for name, schema in keys(kind):
        for example in schema.get("examples", []):
            assert list(Draft7Validator({**schema, "definitions": definitions}).iter_errors(example)) == [], name


def test_the_whole_examples_are_a_project_without_a_problem() -> None:
    for kind in KINDS:
        Draft7Validator(json_schema(kind)).validate(EXAMPLES[kind])
        assert problems_of(kind, EXAMPLES[kind]) == []


@pytest.mark.parametrize(("kind", "number"), [(kind, n) for kind in KINDS for n in range(len(SKELETONS[kind]))])
def test_a_skeleton_is_a_good_spec_as_it_is_inserted(kind: str, number: int) -> None:
    spec = filled(SKELETONS[kind][number]["body"])
    if kind == "project":
        spec |= {"queues": {"heavy": {}}, "environments": {"staging": {}, "prod": {}}}

    Draft7Validator(json_schema(kind)).validate(spec)
    assert problems_of(kind, spec) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_mapping_is_shown_and_inserted_and_is_good(kind: str) -> None:
    definitions = json_schema(kind)["definitions"]

    for name, schema in keys(kind):
        if "```yaml" in schema["markdownDescription"]:
            text = schema["markdownDescription"].partition("```yaml\n")[2].partition("\n```")[0]
            example = parse("example", text.encode()).documents[0].data
            assert list(Draft7Validator({**schema, "definitions": definitions}).iter_errors(example)) == [], name
            for snippet in schema.get("defaultSnippets", []):
                assert as_texts(filled(snippet["body"])) == as_texts(example), name
