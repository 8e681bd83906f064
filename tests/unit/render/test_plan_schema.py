"""The schema of a plan as JSON holds for every plan, says what each field is, and is the file that is committed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings
from jsonschema import Draft7Validator, Draft202012Validator
from support.case_plans import plan_of_case
from support.states import KEYS, desired_states

from flowerpower.cli.schema import text_of
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed, Facts, check_plan
from flowerpower.planning.saved import dump_plan, plan_file_schema
from flowerpower.planning.selection import Selection, select
from flowerpower.render.plan_json import plan_dict
from flowerpower.render.plan_schema import plan_schema
from flowerpower.state.models import Desired, Head, Hold, Reading, Record, Source

ROOT = Path(__file__).resolve().parents[3]
CASES = ROOT / "tests" / "cases" / "render"
ALL = sorted(path.name for path in CASES.iterdir())
PLAN = Draft7Validator(plan_schema())
FILE = Draft202012Validator(plan_file_schema())


def mistakes(validator: Any, document: Any) -> list[str]:
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(document)]


def as_made_here(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a committed schema as this pydantic makes it: before 2.13 it does not say what a dataclass is."""
    if tuple(map(int, pydantic.VERSION.split(".")[:2])) >= (2, 13):
        return schema
    definitions = {name: {k: v for k, v in one.items() if k != "description"} for name, one in schema["$defs"].items()}
    return {**schema, "$defs": definitions}


def test_the_committed_schemas_are_those_of_the_code() -> None:
    file = (ROOT / "schemas" / "plan-file.schema.json").read_text(encoding="utf-8")

    assert (ROOT / "schemas" / "plan.schema.json").read_text(encoding="utf-8") == text_of("plan"), "run: make docs"
    assert as_made_here(json.loads(file)) == plan_file_schema(), "run: make docs"


def test_the_schemas_are_schemas() -> None:
    Draft7Validator.check_schema(plan_schema())
    Draft202012Validator.check_schema(plan_file_schema())


@pytest.mark.parametrize("case", ALL)
def test_every_plan_of_a_case_fits(case: str) -> None:
    plan = plan_of_case(CASES / case)

    assert mistakes(PLAN, json.loads(json.dumps(plan_dict(plan, plan_hash="sha256:0")))) == []
    assert mistakes(FILE, json.loads(dump_plan(plan, Allowed()))) == []


@settings(deadline=None)
@given(before=desired_states(), after=desired_states())
def test_the_plan_between_any_two_states_fits(before: Desired, after: Desired) -> None:
    live = before.state
    records = {f"schedule.{name}": Record(1, "s") for name in live.schedules}
    holds = {name: Hold("ana", "x", 0, 60) for name in list(live.schedules)[:1]}
    reading = Reading(1_795_454_400, Head(generation=1), live, records, {}, holds=holds)
    plan = make_plan(KEYS, after, reading, Source(undoes=("a",)))
    plan = select(plan, Selection(excluded=("*_2",))) if len(live.schedules) % 2 else plan

    document = plan_dict(plan, plan_hash="sha256:0")

    assert mistakes(PLAN, json.loads(json.dumps(document))) == []
    assert check_plan(plan, reading, Facts(), Allowed()) is not None


@pytest.mark.parametrize("path", [(), ("live",), ("summary",), ("resource_changes", 0), ("held", 0), ("queue_load", 0)])
def test_a_field_that_is_not_described_does_not_fit(path: tuple[str | int, ...]) -> None:
    document = json.loads(json.dumps(plan_dict(plan_of_case(CASES / "everything"))))
    part = document
    for key in path:
        part = part[key]
    part["surprise"] = 1

    assert [found for found in mistakes(PLAN, document) if "surprise" in found]


def test_every_field_is_described() -> None:
    undescribed = [path for path, part in properties(plan_schema(), "") if not described(part)]

    assert undescribed == []


def described(part: dict[str, Any]) -> bool:
    return "$ref" in part or len(part.get("description", "")) > 3


def properties(part: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property of a schema with its path."""
    if isinstance(part, list):
        for item in part:
            yield from properties(item, path)
    elif isinstance(part, dict):
        for name, inner in part.get("properties", {}).items():
            yield f"{path}.{name}", inner
        for key, inner in part.items():
            yield from properties(inner, f"{path}.{key}")


def test_a_version_that_is_not_known_does_not_fit() -> None:
    document = plan_dict(plan_of_case(CASES / "small")) | {"format_version": "2.0"}

    assert mistakes(PLAN, document) == ["['format_version']: '2.0' does not match '^1\\\\.[0-9]+$'"]
