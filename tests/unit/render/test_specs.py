"""Resolved specs with the origin of each value, compared whole with the files beside the case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowerpower.render.specs import _DURATIONS, origins_json, spec_values, spec_yaml
from flowerpower.specs.files.sources import read
from flowerpower.specs.loader import load
from flowerpower.specs.models import ProjectSpec
from flowerpower.specs.origins import origins_of
from flowerpower.specs.places import Places
from flowerpower.specs.schema.schema import KINDS, json_schema
from flowerpower.specs.values import LONGEST_DURATION

CASE = Path(__file__).parents[2] / "cases" / "origins"


def shown(env: str) -> str:
    project = load(read(CASE / "input").texts, env=env, variables={"OWNER": "me"}).project
    assert project is not None
    assert isinstance(project.places, Places)
    specs = {
        "project": project.spec,
        **{f"pipeline.{name}": spec for name, spec in project.pipelines.items()},
        **{f"schedule.{name}": spec for name, spec in project.schedules.items()},
    }
    texts = []
    for address, spec in specs.items():
        values = spec_values(spec)
        origins = origins_of(project.places, address, values, {"OWNER": "--var OWNER"})
        texts.append(f"# {address}\n{spec_yaml(values, origins)}")
    return "---\n".join(texts)


@pytest.mark.parametrize("env", ["default", "prod", "staging"])
def test_every_value_is_shown_with_the_place_that_decided_it(env: str) -> None:
    assert shown(env) == (CASE / f"{env}.txt").read_text(encoding="utf-8")


def durations_in(schema: Any, whole: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths of fields that hold durations, as the JSON Schema knows them."""
    for part in [schema, *schema.get("allOf", ())]:
        found = whole["definitions"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        for name, field in found.get("properties", {}).items():
            inside = field.get("items", field)
            if inside.get("maximum") == LONGEST_DURATION:
                yield (*path, name)
            elif name not in ("environments", "defaults"):
                yield from durations_in(inside, whole, (*path, name))


def test_every_duration_is_written_as_people_write_it() -> None:
    schemas = [json_schema(kind) for kind in KINDS]

    assert {path for schema in schemas for path in durations_in(schema, schema)} == _DURATIONS
    assert spec_yaml({"every": 5400, "inputs": {"timeout": 5400}}) == "every: 1h30m\ninputs:\n  timeout: 5400\n"


def test_no_password_of_redis_is_shown() -> None:
    for redis in ("redis://me:hunter2@host/0", "redis://host/0?password=hunter2", "${env:X:-redis://:hunter2@host}"):
        spec = ProjectSpec.model_validate({"name": "a", "redis": redis})

        assert "hunter2" not in spec_yaml(spec_values(spec))


def test_an_origin_as_json_says_the_same_in_parts() -> None:
    project = load(read(CASE / "input").texts, env="prod", variables={"OWNER": "me"}).project
    assert project is not None
    assert isinstance(project.places, Places)
    values = {"queue": "heavy", "name": "sales"}

    origins = origins_of(project.places, "schedule.sales", values, {})

    assert origins_json(origins) == {
        "queue": {
            "text": "flowerpower.yaml:15 (environments.prod.defaults.schedule)",
            "layer": "environments.prod.defaults.schedule",
            "place": {"file": "flowerpower.yaml", "line": 15, "column": 34},
            "variables": {},
        },
        "name": {"text": "file name", "layer": "file name", "place": None, "variables": {}},
    }
