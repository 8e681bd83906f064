"""What render prints is a spec again: it reads back as the same values, and loads to the same specs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.errors import Place
from flowerpower.render.specs import spec_values, spec_yaml
from flowerpower.specs.files.sources import read
from flowerpower.specs.loader import load
from flowerpower.specs.origins import OriginTree, ValueOrigin, origins_of
from flowerpower.specs.places import Places
from flowerpower.specs.project import Project
from flowerpower.specs.text.yaml import parse

ROOT = Path(__file__).parents[2]
VARIABLES = {"SET": "x", "REGION": "a ${tick} $", "OWNER": "no"}
PROJECTS = [
    ROOT / "tests/cases/origins/input",
    *(path / "input" for path in sorted((ROOT / "tests/cases/specs").iterdir())),
    ROOT / "project_template",
]

ODD = [
    "no",
    "~",
    "null",
    "010",
    "1e3",
    "0x1F",
    "None",
    "12:30",
    "2026-01-01",
    "- a",
    "a: b",
    "a #b",
    "#",
    "",
    " ",
    "...",
    "--- a",
]
ODD += [
    "a\nb",
    "a\n\n b\n",
    "\n",
    "a \nb",
    "\ta\nb",
    "a\n\tb",
    "[a]",
    "{a}",
    "a,b",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a",
    "?",
]
ODD += [
    "a\u2028b",
    "a\u202eb",
    "a\n\u2066b\n",
    "\u200b\U000e0041",
    "\x85",
    "\ufeff",
    "é",
    "\U0001f33b",
    "\0",
    "\x1b[0m",
    "a\r\nb",
    "|",
    ">",
    "'",
    '"',
    "\\",
    "<<",
    "=",
    "y",
]
TEXTS = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
SPECS = st.dictionaries(TEXTS.filter(lambda key: key != "<<"), VALUES, min_size=1, max_size=4)


def without_merge_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_merge_keys(inner) for key, inner in value.items() if key != "<<"}
    return [without_merge_keys(inner) for inner in value] if isinstance(value, list) else value


def everywhere(value: Any, origin: ValueOrigin) -> OriginTree:
    if isinstance(value, dict) and value:
        return {key: everywhere(inner, origin) for key, inner in value.items()}
    if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        return [everywhere(item, origin) for item in value]
    return origin


@given(values=SPECS.map(without_merge_keys).filter(bool))
def test_what_is_printed_reads_back_as_the_same_values(values: dict[str, Any]) -> None:
    origins = {key: everywhere(value, ValueOrigin("", Place("a # b\n.yaml", 3))) for key, value in values.items()}

    for text in (spec_yaml(values), spec_yaml(values, origins)):
        parsed = parse("a.yaml", text.encode())

        assert not parsed.problems
        assert [document.data for document in parsed.documents] == [values]


def rendered(project: Project) -> dict[str, bytes]:
    specs = {"flowerpower.yaml": project.spec, **{f"pipelines/{n}.yaml": s for n, s in project.pipelines.items()}}
    specs |= {f"schedules/{name}.yaml": spec for name, spec in project.schedules.items()}
    values = {file: spec_values(spec) for file, spec in specs.items()}
    values["flowerpower.yaml"].pop("defaults")
    return {file: spec_yaml(plain).encode() for file, plain in values.items()}


def compared(project: Project) -> list[Any]:
    by_name = [*sorted(project.pipelines.items()), *sorted(project.schedules.items())]
    specs = [project.spec, *(spec for _, spec in by_name)]
    return [spec.model_dump(exclude={"environments", "defaults", "redis"}) for spec in specs]


def environments_of(folder: Path) -> list[str]:
    loaded = load(read(folder).texts, env="default", variables={})
    return ["default", *(loaded.project.spec.environments if loaded.project else ())]


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda path: path.parent.name)
def test_what_is_printed_of_a_project_loads_to_the_same_specs(folder: Path) -> None:
    for env in environments_of(folder):
        loaded = load(read(folder).texts, env=env, variables=VARIABLES)
        if loaded.project is None:
            continue

        again = load(rendered(loaded.project), env="default", variables={})

        assert again.project is not None, again.problems
        assert compared(again.project) == compared(loaded.project)
        assert rendered(again.project) == rendered(loaded.project)


def same_shape(values: Any, origins: OriginTree) -> bool:
    if isinstance(origins, dict):
        return (
            isinstance(values, dict)
            and values.keys() == origins.keys()
            and all(same_shape(values[key], origins[key]) for key in values)
        )
    if isinstance(origins, list):
        return all(same_shape(value, origin) for value, origin in zip(values, origins, strict=True))
    return not (isinstance(values, dict) and values)


def leaves(values: Any, origins: OriginTree) -> list[tuple[Any, ValueOrigin]]:
    if isinstance(origins, ValueOrigin):
        return [(values, origins)]
    steps = origins if isinstance(origins, dict) else range(len(origins))
    return [leaf for step in steps for leaf in leaves(values[step], origins[step])]  # type: ignore[index]


@pytest.mark.parametrize("env", ["default", "prod"])
def test_every_value_has_an_origin_and_stands_where_it_says(env: str) -> None:
    folder = ROOT / "tests/cases/origins/input"
    texts = read(folder).texts
    project = load(texts, env=env, variables=VARIABLES).project
    assert project is not None
    assert isinstance(project.places, Places)
    for address, spec in [
        ("pipeline.sales", project.pipelines["sales"]),
        ("schedule.sales", project.schedules["sales"]),
    ]:
        values = spec_values(spec)

        origins = origins_of(project.places, address, values, {})

        assert same_shape(values, dict(origins))
        for value, origin in leaves(values, dict(origins)):
            if origin.place and isinstance(value, str) and not origin.variables and "\n" not in value:
                lines = texts[origin.place.file].decode().split("\n")
                assert json.dumps(value)[1:-1] in lines[origin.place.line - 1]
