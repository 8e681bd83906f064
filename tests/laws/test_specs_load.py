"""Laws of layers and loading."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flowerpower.specs.loader import load
from flowerpower.specs.merge import lay_over, merge_patch
from flowerpower.specs.placeholders import fill_variables
from flowerpower.specs.values import LONGEST_DURATION, parse_duration


def some(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


KEYS = st.sampled_from(["a", "b", "c", "${x}"])
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "${tick}", "$${x}"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=3)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


@given(target=OBJECTS, patch=OBJECTS)
def test_a_patch_twice_is_the_patch_once(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)

    assert merge_patch(once, patch) == once


@given(target=OBJECTS, patch=OBJECTS)
def test_a_patch_decides_its_keys_and_no_others(target: Any, patch: Any) -> None:
    before = json.dumps([target, patch])
    merged = merge_patch(target, patch)

    assert {key: merged[key] for key in merged.keys() - patch.keys()} == {
        key: target[key] for key in target.keys() - patch.keys()
    }
    assert all(key not in merged for key, value in patch.items() if value is None)
    assert all(merged[key] == value for key, value in patch.items() if not isinstance(value, (dict, type(None))))
    assert json.dumps([target, patch]) == before


@given(target=OBJECTS)
def test_an_empty_patch_changes_nothing_and_a_patch_on_nothing_loses_its_nulls(target: Any) -> None:
    assert merge_patch(target, {}) == target
    assert merge_patch({}, target) == without_nulls(target)


@given(spec=OBJECTS, defaults=OBJECTS)
def test_a_spec_over_no_defaults_is_itself_and_over_itself_keeps_what_is_not_null(spec: Any, defaults: Any) -> None:
    assert lay_over({}, spec) == spec
    assert without_nulls(lay_over(defaults, spec)) == without_nulls(merge_patch(defaults, spec))


@given(data=st.dictionaries(st.sampled_from(["inputs", "owner"]), VALUES, max_size=2))
def test_filling_in_variables_twice_changes_nothing_where_the_worker_fills_in_later(data: Any) -> None:
    filled, mistakes = fill_variables({"inputs": data}, {})

    assert mistakes == []
    assert fill_variables(filled, {}) == (filled, [])


@given(seconds=st.integers(0, LONGEST_DURATION))
def test_a_duration_in_words_is_the_same_duration(seconds: int) -> None:
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)

    assert parse_duration(f"{days}d{hours}h{minutes}m{left}s") == seconds == parse_duration(seconds)


DURATIONS = st.sampled_from(["0s", "90s", "1d12h", "soon", "", "10", "${var:X}", 0, 1, -1, 10**12, None, True, 1.5])
NAMES = st.sampled_from(["a", "sales", "a--b", "A", "", "a-b_c", 5, None, "${var:X}"])
TEXTS = st.sampled_from(["x", "", "0 2 * * *", "2026-01-01", "2026-01-01T10:00:00Z", "2026-1-1", 5, None])
LISTS = st.lists(NAMES | TEXTS, max_size=2) | NAMES
RETRY = st.fixed_dictionaries(
    {}, optional={"max": st.sampled_from([0, 1, 3, "3"]), "intervals": st.lists(DURATIONS, max_size=2)}
)
ANYTHING = DURATIONS | NAMES | TEXTS | LISTS | RETRY | OBJECTS

ENVIRONMENTS = st.dictionaries(
    st.sampled_from(["prod", "A"]), st.none() | st.fixed_dictionaries({}, optional={"timeout": DURATIONS, "x": SCALARS})
)

FIELDS: dict[str, dict[str, Any]] = {
    "schedule": {
        "good": {"name": "a", "pipeline": "b", "cron": "@daily"},
        "likely": {
            "name": NAMES,
            "pipeline": NAMES,
            "cron": TEXTS,
            "every": DURATIONS,
            "at": TEXTS,
            "start": TEXTS,
            "queue": NAMES,
            "inputs": OBJECTS,
            "overlap": st.sampled_from(["skip", "allow", "never"]),
            "catchup_window": DURATIONS,
            "timeout": DURATIONS,
            "retry": RETRY,
            "on_failure": LISTS,
            "after": LISTS,
            "labels": OBJECTS,
            "paused": SCALARS,
            "buffer_limit": st.sampled_from([0, 1, 10**6]),
            "environments": OBJECTS | ENVIRONMENTS,
            "unknown": ANYTHING,
        },
    },
    "pipeline": {
        "good": {"name": "a", "modules": ["m"], "outputs": ["o"]},
        "likely": {
            "name": NAMES,
            "modules": LISTS,
            "outputs": LISTS,
            "config": OBJECTS,
            "timeout": DURATIONS,
            "retry": RETRY,
            "executor": st.fixed_dictionaries(
                {}, optional={"type": st.sampled_from(["local", "dask", "x"]), "max_workers": SCALARS}
            ),
            "cache": SCALARS | st.fixed_dictionaries({"path": TEXTS}),
            "load": st.dictionaries(
                KEYS, st.fixed_dictionaries({"format": TEXTS}, optional={"path": TEXTS, "options": OBJECTS})
            ),
            "save": st.lists(st.fixed_dictionaries({"format": TEXTS, "outputs": LISTS}), max_size=2),
            "result_ttl": DURATIONS,
        },
    },
    "project": {
        "good": {"name": "a"},
        "likely": {
            "name": NAMES,
            "redis": TEXTS | OBJECTS | st.fixed_dictionaries({"sentinels": LISTS}),
            "modules": LISTS,
            "defaults": st.fixed_dictionaries(
                {}, optional={"pipeline": st.just({}), "schedule": st.just({"queue": "a"})}
            ),
            "queues": st.dictionaries(
                st.sampled_from(["a", "B"]),
                some({"workers": SCALARS}),
            ),
            "environments": st.dictionaries(st.sampled_from(["prod", "A"]), st.none() | st.just({"code": "local"})),
            "schedules": st.sampled_from(["active", "paused", "on"]),
            "guards": st.fixed_dictionaries(
                {}, optional={"max_deletes": st.sampled_from(["10%", "200%", 5, "x", -1, True])}
            ),
            "policies": st.fixed_dictionaries(
                {},
                optional={"enforce": some({"min_interval": DURATIONS, "require": LISTS})},
            ),
            "allow": some({"pickle": SCALARS, "paths": LISTS}),
            "plugins": LISTS,
        },
    },
}
SPECS = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        some(FIELDS[kind]["likely"]).map(lambda fields: {**FIELDS[kind]["good"], **fields}),
    )
)


@given(project=SPECS, pipeline=SPECS, schedule=SPECS, env=st.sampled_from(["default", "prod", "A"]))
@settings(max_examples=150, deadline=None)
def test_no_structure_makes_a_load_raise_and_every_problem_has_a_code_and_a_hint(
    project: Any, pipeline: Any, schedule: Any, env: str
) -> None:
    texts = {
        "flowerpower.yaml": json.dumps(project[1]).encode(),
        "pipelines/a.yaml": json.dumps(pipeline[1]).encode(),
        "schedules/a.yaml": json.dumps(schedule[1]).encode(),
    }

    loaded = load(texts, env=env, variables={})

    assert (loaded.project is None) == any(problem.severity == "error" for problem in loaded.problems)
    assert all(problem.hint and problem.place.file in texts for problem in loaded.problems)
    assert list(loaded.problems) == sorted(loaded.problems, key=lambda problem: problem.place)
