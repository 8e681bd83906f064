"""The order of the layers of a spec, against a model that knows nothing of how they are laid."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.specs.loader import Loaded, load
from flowerpower.specs.merge import merge_patch
from flowerpower.specs.models import ScheduleSpec
from flowerpower.specs.origins import origins_of
from flowerpower.specs.places import Places
from flowerpower.specs.values import TRIGGERS

# The test table at the end of RFC 7396: original, patch, result.
RFC_7396 = [
    ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
    ('{"a":"b"}', '{"a":null}', "{}"),
    ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
    ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
    ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
    ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
    ('["a","b"]', '["c","d"]', '["c","d"]'),
    ('{"a":"b"}', '["c"]', '["c"]'),
    ('{"a":"foo"}', "null", "null"),
    ('{"a":"foo"}', '"bar"', '"bar"'),
    ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
    ("[1,2]", '{"a":"b","c":null}', '{"a":"b"}'),
    ("{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
]
LAYERS = ("defaults", "project patch", "spec", "spec patch")  # lowest first


def loaded_with(
    layers: dict[str, dict[str, Any]], variables: dict[str, str] | None = None, env: str = "prod"
) -> Loaded:
    """Load one schedule whose fields lie in the layers of an environment."""
    project = {
        "name": "acme",
        "defaults": {"schedule": layers.get("defaults", {})},
        "environments": {"prod": {"defaults": {"schedule": layers.get("project patch", {})}}, "staging": {}},
    }
    schedule = {"pipeline": "p", **layers.get("spec", {}), "environments": {"prod": layers.get("spec patch", {})}}
    pipeline = {"modules": ["m"], "outputs": ["o"]}
    texts = {"flowerpower.yaml": project, "pipelines/p.yaml": pipeline, "schedules/s.yaml": schedule}
    return load({file: json.dumps(data).encode() for file, data in texts.items()}, env=env, variables=variables or {})


def schedule_with(layers: dict[str, dict[str, Any]], variables: dict[str, str] | None = None) -> ScheduleSpec:
    loaded = loaded_with(layers, variables)
    assert loaded.project is not None, loaded.problems
    return loaded.project.schedules["s"]


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396)
def test_a_patch_is_applied_as_the_table_of_the_rfc_says(target: str, patch: str, result: str) -> None:
    assert merge_patch(json.loads(target), json.loads(patch)) == json.loads(result)


LABELS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["1", "2"]) | st.none(), max_size=3)


def expected_labels(layers: dict[str, dict[str, str | None]]) -> dict[str, str]:
    """Return, key by key, what the highest layer that names the key says."""
    said = {}
    for key in ("a", "b", "c"):
        words = [layers[layer][key] for layer in LAYERS if key in layers[layer]]
        if words and words[-1] is not None:
            said[key] = words[-1]
    return said


@given(layers=st.fixed_dictionaries(dict.fromkeys(LAYERS, LABELS)))
def test_the_highest_layer_that_names_a_key_decides_it_and_null_removes_it(layers: dict[str, Any]) -> None:
    # A null over nothing is no removal but a value nobody may write.
    layers["defaults"] = {key: value for key, value in layers["defaults"].items() if value is not None}
    below = merge_patch(layers["defaults"], layers["project patch"])
    layers["spec"] = {key: value for key, value in layers["spec"].items() if value is not None or key in below}
    written = {layer: {"labels": labels} for layer, labels in layers.items() if labels}
    written.setdefault("spec", {})["cron"] = "@daily"

    assert schedule_with(written).labels == expected_labels(layers)


PREFIXES = dict(
    zip(LAYERS, ["defaults.schedule", "environments.prod.defaults.schedule", "", "environments.prod"], strict=True)
)


@given(layers=st.fixed_dictionaries(dict.fromkeys(LAYERS, LABELS)))
def test_the_origin_of_a_value_is_the_layer_that_decided_it(layers: dict[str, Any]) -> None:
    layers["defaults"] = {key: value for key, value in layers["defaults"].items() if value is not None}
    layers["spec"] = {key: value for key, value in layers["spec"].items() if value is not None}
    written = {layer: {"labels": labels} for layer, labels in layers.items() if labels}
    written.setdefault("spec", {})["cron"] = "@daily"
    project = loaded_with(written).project
    assert project is not None
    assert isinstance(project.places, Places)
    labels = project.schedules["s"].labels

    found = origins_of(project.places, "schedule.s", {"labels": labels}, {})["labels"]

    for key in labels:
        assert isinstance(found, dict)
        decided = [layer for layer in LAYERS if key in layers[layer]][-1]
        assert getattr(found[key], "layer", None) == PREFIXES[decided]


@pytest.mark.parametrize("triggers", list(product([{}, {"cron": "@daily"}, {"every": 60}], repeat=len(LAYERS))))
def test_the_highest_layer_that_sets_a_trigger_replaces_every_other(triggers: tuple[dict[str, Any], ...]) -> None:
    if not any(triggers):
        triggers = (*triggers[:-1], {"at": "2030-01-01"})

    schedule = schedule_with(dict(zip(LAYERS, triggers, strict=True)))

    written = {name: getattr(schedule, name) for name in TRIGGERS if getattr(schedule, name) is not None}
    assert written == [trigger for trigger in triggers if trigger][-1]


def test_an_environment_that_is_null_leaves_the_schedule_out_only_there() -> None:
    texts = {
        "flowerpower.yaml": b"name: acme\nenvironments: {prod: {}, staging: {}}\n",
        "pipelines/p.yaml": b"modules: [m]\noutputs: [o]\n",
        "schedules/s.yaml": b"pipeline: p\ncron: '@daily'\nenvironments: {staging: null}\n",
    }

    found = {env: load(texts, env=env, variables={}).project for env in ("default", "prod", "staging")}

    assert {env: list(project.schedules) for env, project in found.items() if project} == {
        "default": ["s"],
        "prod": ["s"],
        "staging": [],
    }


@pytest.mark.parametrize("winner", LAYERS)
def test_variables_are_filled_in_last_whatever_layer_they_come_from(winner: str) -> None:
    layers: dict[str, dict[str, Any]] = {layer: {} for layer in LAYERS}
    layers[winner] = {"every": "${var:PACE}", "inputs": {"region": "${var:REGION:-EU}"}}

    schedule = schedule_with(layers, {"PACE": "2h"})

    assert (schedule.every, schedule.inputs) == (7200, {"region": "EU"})


def test_a_variable_in_a_patch_of_another_environment_need_not_be_set() -> None:
    layers = {"spec": {"every": 60}, "spec patch": {"owner": "${var:OWNER:?who looks after it}"}}

    assert loaded_with(layers, env="staging").project is not None
    [problem] = loaded_with(layers, env="prod").problems
    assert (problem.code, problem.what) == ("FP202", "the variable OWNER is not set: who looks after it")


@given(text=st.text(st.sampled_from("$${}:-?varXtick "), max_size=12))
def test_a_text_with_its_placeholders_escaped_stays_what_it_is(text: str) -> None:
    layers = {"spec": {"every": 60, "description": text.replace("${", "$${")}}

    assert schedule_with(layers).description == text


@given(value=st.text(st.sampled_from("$${}:-?varXtick "), min_size=1, max_size=12))
def test_the_value_of_a_variable_never_becomes_a_placeholder(value: str) -> None:
    layers = {"spec": {"every": 60, "description": "${var:X}", "inputs": {"x": "${var:X}"}}}

    schedule = schedule_with(layers, {"X": value})

    assert schedule.description == value
    assert schedule.inputs["x"] == value.replace("${", "$${")  # which the worker reads as the value itself
