"""What `validate` says of data that a run would refuse to move."""

from __future__ import annotations

from typing import Any

import pytest

from flowerpower.specs.loader import load as load_specs
from flowerpower.specs.models import PipelineSpec, ProjectSpec
from flowerpower.specs.transfers import check_transfers


def found(project: dict[str, Any] | None = None, **pipeline: Any) -> list[str]:
    spec = PipelineSpec.model_validate({"name": "p", "modules": ["m"], "outputs": ["x"], **pipeline})
    return [
        f"{code} {'.'.join(map(str, path))}: {what}"
        for code, path, what, _ in check_transfers(ProjectSpec.model_validate({"name": "a", **(project or {})}), spec)
    ]


def save(**fields: Any) -> dict[str, Any]:
    return {"save": [{"outputs": ["x"], "format": "json", "path": "out/x", **fields}]}


def load(**fields: Any) -> dict[str, Any]:
    return {"load": {"x": {"format": "json", "path": "in/x", **fields}}}


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        (save(format="jsn"), "FP351 save.0.format: there is no format 'jsn'"),
        (load(format="jsn"), "FP351 load.x.format: there is no format 'jsn'"),
        ({"adapters": ["mlflo"]}, "FP351 adapters.0: there is no adapter 'mlflo'"),
        ({"save": [{"outputs": ["x"], "format": "csv"}]}, "FP352 save.0: format csv needs a `path`"),
        (load(format="pickle"), "FP352 load.x.format: to read a pickle file is to run whatever is in it"),
        (load(path="../x"), "FP352 load.x.path: '../x' lies outside of the project"),
        (load(path="s3://b/x"), "FP352 load.x.path: 's3://b/x' lies outside of the project"),
        (save(path="/x"), "FP352 save.0.path: '/x' lies outside of the project"),
        (save(path="x-*"), "FP352 save.0.path: `*` in a path finds files, it cannot name one"),
        (save(outputs=["x", "y"], format="csv"), "FP352 save.0.outputs: format csv holds one output, not 2"),
        (save(format="duckdb"), "FP352 save.0: format duckdb needs the options `table` and `if_exists`"),
        (load(format="sql"), "FP352 load.x: format sql needs one of the options `query` and `table`"),
        (
            {"cache": True, "executor": {"type": "ray"}},
            "FP352 cache: `cache` does not go with the executor `ray`",
        ),
    ],
)
def test_what_a_run_would_be_refused_for_is_said(pipeline: dict[str, Any], expected: str) -> None:
    assert found(**pipeline) == [expected]


def test_what_may_be_right_is_not_reported() -> None:
    assert found() == []
    assert found({"plugins": ["other"]}, **save(format="other"), adapters=["theirs"]) == []
    assert found({"allow": {"paths": ["/data"], "pickle": True}}, **load(path="/data/x", format="pickle")) == []
    assert found(**load(path="${secret:PLACE}/x-*"), adapters=["hooks:Audit", "progress"]) == []
    assert found(**save(format="sql", path="sqlite:///x", options={"table": "t", "if_exists": "append"})) == []


def executor_problems(executor: str, project: str = "name: acme\n") -> list[str]:
    pipeline = f"modules: [m]\noutputs: [x]\nexecutor: {executor}\n"
    texts = {"flowerpower.yaml": project.encode(), "pipelines/p.yaml": pipeline.encode()}
    return [f"{problem.code} {problem.what}" for problem in load_specs(texts, env="default", variables={}).problems]


def test_an_executor_of_a_plugin_wants_plugins_and_no_type() -> None:
    assert executor_problems("{plugin: batch}") == ["FP351 there is no executor 'batch'"]
    plugins = "name: acme\nplugins: [other]\n"
    assert executor_problems("{plugin: batch, options: {queue: spot}, max_workers: 2}", plugins) == []
    beside = "FP306 `type` has no effect beside the `plugin` 'batch'"
    assert executor_problems("{plugin: batch, type: threads}", plugins) == [beside]
    alone = "FP306 `options` have no effect without a `plugin`"
    assert executor_problems("{type: threads, options: {}}", plugins) == [alone]
