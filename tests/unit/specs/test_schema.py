from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from flowerpower.specs.schema import KINDS, Gap, json_schema, schema_gaps, schema_text
from flowerpower.specs.yaml import parse

ROOT = Path(__file__).parents[3]
CASE = ROOT / "tests" / "cases" / "specs" / "good-project" / "input"


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from parts(item)


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_the_one_of_the_models(kind: str) -> None:
    committed = (ROOT / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8")

    assert committed == schema_text(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_a_draft_07_schema(kind: str) -> None:
    jsonschema.Draft7Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_described_for_the_editor(kind: str) -> None:
    for part in parts(json_schema(kind)):
        properties = part.get("properties", {})
        if isinstance(properties, dict) and "type" in part:
            for name, schema in properties.items():
                assert schema.get("title"), name
                assert schema.get("description"), name
                assert schema.get("examples"), name


@pytest.mark.parametrize("kind", KINDS)
def test_no_editor_is_led_to_complete_a_null(kind: str) -> None:
    for part in parts(json_schema(kind)):
        assert part.get("default", "") is not None
        assert part.get("type") != "null"
        assert not ("$ref" in part and len(part) > 1)  # draft-07 would ignore the rest


@pytest.mark.parametrize("gap", schema_gaps, ids=lambda gap: gap.rule)
def test_a_gap_is_a_spec_that_only_the_schema_accepts(gap: Gap) -> None:
    jsonschema.Draft7Validator(json_schema(gap.kind)).validate(gap.example)

    with pytest.raises(ValidationError):
        KINDS[gap.kind].model_validate(gap.example)


@pytest.mark.parametrize("kind", KINDS)
def test_examples_of_fields_are_good_examples(kind: str) -> None:
    for name, schema in json_schema(kind)["properties"].items():
        whole = {**json_schema(kind), "$ref": f"#/properties/{name}"}
        for example in schema["examples"]:
            jsonschema.Draft7Validator(whole).validate(example)


def test_the_schemas_accept_the_specs_of_a_good_project() -> None:
    for path in sorted(CASE.rglob("*.y*ml")):
        kind = "project" if path.parent == CASE else "pipeline" if "pipelines" in path.parts else "schedule"
        for document in parse(path.name, path.read_bytes()).documents:
            jsonschema.Draft7Validator(json_schema(kind)).validate(document.data)
