"""What is written of a live state asks for that state again, over the same project file, and says no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from support.spec_strategies import VARIABLES, good, layer

from flowerpower.render.specs import spec_yaml
from flowerpower.schedule.errors import TriggerError
from flowerpower.specs.files.sources import read
from flowerpower.specs.loader import load
from flowerpower.specs.project import Project
from flowerpower.state.desired import desired_state
from flowerpower.state.models import State
from flowerpower.state.written import written_specs

ROOT = Path(__file__).parents[2]
PROJECTS = [
    ROOT / "tests/cases/origins/input",
    *(path / "input" for path in sorted((ROOT / "tests/cases/specs").iterdir())),
    ROOT / "project_template",
]


def state_of(project: Project) -> State:
    return desired_state(project, dict.fromkeys(project.pipelines, "")).state


def exported(project: Project) -> dict[str, bytes]:
    """Return the texts of what is written of a project's state."""
    written = written_specs(state_of(project), project.spec)
    texts = {f"pipelines/{name}.yaml": spec_yaml(values) for name, values in written.pipelines.items()}
    texts |= {f"schedules/{name}.yaml": spec_yaml(values) for name, values in written.schedules.items()}
    return {path: text.encode() for path, text in texts.items()}


def as_text(values: Any) -> bytes:
    return json.dumps(values).encode()


@st.composite
def projects(draw: st.DrawFn) -> dict[str, bytes]:
    """Draw texts of a project: defaults for both kinds, two pipelines, three schedules."""
    project = {"name": "acme", "timezone": draw(st.sampled_from(["UTC", "Asia/Tokyo"])), "environments": {"prod": {}}}
    project["schedules"] = draw(st.sampled_from(["active", "active", "paused"]))
    project["defaults"] = {kind: draw(st.just({}) | defaults(kind)) for kind in ("pipeline", "schedule")}
    texts = {"flowerpower.yaml": as_text(project)}
    for name in ("sales", "stock"):
        texts[f"pipelines/{name}.yaml"] = as_text(draw(good("pipeline")) | {"name": name})
    for name in ("one", "two", "three"):
        values = draw(good("schedule")) | {"name": name, "pipeline": draw(st.sampled_from(["sales", "stock"]))}
        texts[f"schedules/{name}.yaml"] = as_text(values)
    return texts


def defaults(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return layer(kind).map(lambda values: {key: value for key, value in values.items() if value is not None})


WRONG_BY_ITSELF = {"executor": {"type": None}, "inputs": {"a": None}}  # no pipeline takes that executor as it is
OVER_WRONG_DEFAULTS = {
    "flowerpower.yaml": as_text({"name": "acme", "defaults": {"pipeline": WRONG_BY_ITSELF}}),
    "pipelines/sales.yaml": as_text({"modules": ["x"], "outputs": ["x"], "executor": {"type": "local"}}),
    "schedules/one.yaml": as_text({"cron": "0 2 * * *", "pipeline": "sales"}),
}


@example(texts=OVER_WRONG_DEFAULTS, env="default")
@given(texts=projects(), env=st.sampled_from(["default", "prod"]))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_what_is_written_asks_for_the_same_state(texts: dict[str, bytes], env: str) -> None:
    project = load(texts, env=env, variables=VARIABLES).draft
    assume(not project.unsound and project.schedules)
    assume(all(schedule.pipeline in project.pipelines for schedule in project.schedules.values()))
    try:
        wanted = state_of(project)
    except TriggerError:
        assume(False)

    again = load({"flowerpower.yaml": texts["flowerpower.yaml"], **exported(project)}, env=env, variables=VARIABLES)

    assert state_of(again.draft) == wanted
    assert exported(again.draft) == exported(project)


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda path: path.parent.name)
def test_what_is_written_of_a_project_asks_for_the_same_state(folder: Path) -> None:
    texts = dict(read(folder).texts)
    texts.setdefault("flowerpower.yaml", texts.get("flowerpower.yml", b"name: acme\n"))
    for env in ["default", *environments_of(texts)]:
        project = load(texts, env=env, variables={"SET": "x"}).project
        if project is not None:
            again = load(
                {"flowerpower.yaml": texts["flowerpower.yaml"], **exported(project)}, env=env, variables={"SET": "x"}
            )

            assert again.project is not None, again.problems
            assert state_of(again.project) == state_of(project)


def environments_of(texts: dict[str, bytes]) -> list[str]:
    return list(load(texts, env="default", variables={"SET": "x"}).draft.spec.environments)


SMALL = {
    "flowerpower.yaml": {
        "name": "acme",
        "timezone": "Europe/Berlin",
        "defaults": {"pipeline": {"timeout": "30m", "inputs": {"a": 1, "b": 2}}},
    },
    "pipelines/report.yaml": {
        "modules": ["flow"],
        "outputs": ["x"],
        "inputs": {"a": None, "c": 3},
        "retry": {"max": 2},
        "timeout": 1800,
    },
    "schedules/nightly.yaml": {
        "pipeline": "report",
        "cron": "0 2 * * *",
        "timezone": "Europe/Berlin",
        "jitter": 0,
        "overlap": "skip",
    },
}


def test_nothing_is_said_that_need_not_be_said() -> None:
    project = load({file: as_text(values) for file, values in SMALL.items()}, env="default", variables={}).project
    assert project is not None

    assert {path: text.decode() for path, text in exported(project).items()} == {
        "pipelines/report.yaml": "modules: [flow]\noutputs: [x]\ninputs:\n  c: 3\n  a: null\nretry:\n  max: 2\n",
        "schedules/nightly.yaml": 'pipeline: report\ncron: "0 2 * * *"\n',
    }
