"""A plan goes into a file and comes back the same, and nothing else comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.case_plans import CASES, RENDERED, plan_of_case
from support.readings import EMPTY, applied
from support.states import KEYS, SOURCE, desired, desired_states, pipeline, schedule

from flowerpower.errors import PlanFileError
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed
from flowerpower.planning.plan import Plan
from flowerpower.planning.saved import dump_plan, load_plan, plan_file_schema
from flowerpower.state.models import Desired, Hold

ALLOWED = Allowed(deletes="3", dirty=True)


def a_plan() -> Plan:
    return make_plan(KEYS, desired([schedule("ü-nightly")], [pipeline("report")]), EMPTY, SOURCE)


def edited(path: str, value: Any) -> bytes:
    """Return a plan file with one value replaced, or added."""
    document = json.loads(dump_plan(a_plan(), ALLOWED))
    *parents, last = path.split(".")
    inner = document
    for key in parents:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    inner[last] = value
    return json.dumps(document).encode()


@given(before=desired_states(), after=desired_states(), held=st.booleans())
def test_what_apply_needs_comes_back_as_it_was(before: Desired, after: Desired, held: bool) -> None:
    live = applied(before)
    holds = {name: Hold("ana", "日本", 5, None) for name in live.state.schedules if held}
    plan = make_plan(KEYS, after, replace(live, holds=holds), SOURCE)

    saved = load_plan(dump_plan(plan, ALLOWED))

    assert replace(saved.plan, after=plan.after) == plan
    assert saved.overrides == ALLOWED
    assert dump_plan(saved.plan, saved.overrides) == dump_plan(plan, ALLOWED)


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_saved_plan_is_shown_as_it_was_in_every_format(case: str) -> None:
    plan = plan_of_case(CASES / case)

    saved = load_plan(dump_plan(plan, Allowed())).plan

    for name, render in RENDERED.items():
        assert render(saved) == render(plan), name


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_the_published_schema_describes_the_file(case: str) -> None:
    document = json.loads(dump_plan(plan_of_case(CASES / case), ALLOWED))
    schema = plan_file_schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "surprise": 1}, schema)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("format_version", "2.0", "format '2.0'"),
        ("format_version", None, "format None"),
        ("surprise", 1, "the unknown field 'surprise'"),
        ("plan.changes.0.surprise", 1, "the unknown field 'plan.changes[0].surprise'"),
        ("plan.head.surprise", 1, "the unknown field 'plan.head.surprise'"),
        ("plan.changes.0.revision", "0", "another value of 'plan.changes[0].revision'"),
        ("plan.changes.0.timing", "later", "timing"),
        ("plan.changes.0.address", "schedule.other", "edited"),
        ("plan.changes", [], "edited"),
        ("plan.checks", [], None),
        ("plan.read_at", 5, "edited"),
        ("overrides.empty", True, "edited"),
        ("plan_hash", "sha256:0", "edited"),
        ("plan", None, "damaged"),
        ("plan", {}, "damaged"),
    ],
)
def test_a_file_that_is_not_what_was_written_is_refused(path: str, value: object, told: str | None) -> None:
    raw = edited(path, value)

    if told is None:
        assert load_plan(raw).plan == load_plan(dump_plan(a_plan(), ALLOWED)).plan
        return
    with pytest.raises(PlanFileError) as caught:
        load_plan(raw)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"1", b"[" * 100_000, b"\xff\xfe", b'{"plan": NaN}', b"name: acme\n"]
)
def test_what_is_no_plan_file_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(PlanFileError):
        load_plan(raw)


@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused_with_one_kind_of_error(raw: bytes) -> None:
    with pytest.raises(PlanFileError):
        load_plan(raw)


def test_a_plan_file_holds_no_set_whose_order_another_process_would_not_keep() -> None:
    assert "uniqueItems" not in json.dumps(plan_file_schema())
