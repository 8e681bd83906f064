"""What pipelines need and a machine has not is named where the spec asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from flowerpower.pipelines import lacking as module
from flowerpower.pipelines.adapters.named import _MODULES
from flowerpower.pipelines.lacking import lacking
from flowerpower.specs.models import PipelineSpec


def lacks(**fields: Any) -> list[tuple[Any, ...]]:
    spec = PipelineSpec.model_validate({"name": "p", "modules": ["flow"], "outputs": ["out"], **fields})
    return [tuple(lack) for lack in lacking(spec, ())]


def nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_installed", lambda name: False)


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_an_executor_without_its_library_names_the_extra(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_is_installed(monkeypatch)

    [(path, what, hint)] = lacks(executor={"type": kind})

    assert path == ("executor", "type")
    assert what == f"the executor '{kind}' needs an optional part that is not installed"
    assert hint == f"pip install 'flowerpower-gitops[{kind}]'"


def test_each_adapter_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_is_installed(monkeypatch)

    found = lacks(adapters=["progress", *_MODULES, "flow:Own"])

    assert [(path, hint) for path, _, hint in found] == [
        (("adapters", position), f"pip install 'flowerpower-gitops[{name}]'")
        for position, name in enumerate(_MODULES, start=1)
    ]


@pytest.mark.parametrize(
    ("entry", "step", "said"),
    [
        ({"format": "json", "path": "gs://b/x"}, "path", "flowerpower-gitops[gcs]"),
        ({"format": "json", "path": "zip://a::abfs://b/x.zip"}, "path", "flowerpower-gitops[azure]"),
        ({"format": "sql", "path": "nosuch://a:${secret:PW}@b/c", "options": {"table": "t"}}, "path", "'nosuch'"),
        ({"format": "sql", "path": "mysql+pymysql://a/b", "options": {"table": "t"}}, "path", "pymysql"),
        ({"format": "shout", "path": "x"}, "format", "there is no format 'shout'"),
    ],
)
def test_a_place_or_a_format_that_nothing_here_knows_is_named(entry: dict[str, Any], step: str, said: str) -> None:
    [(path, what, hint)] = lacks(load={"raw": entry})

    assert path == ("load", "raw", step)
    assert said in f"{what} {hint}"
    assert "PW" not in what


def test_what_is_installed_or_only_a_placeholder_decides_is_no_lack() -> None:
    assert (
        lacks(
            executor={"type": "dask"},
            adapters=["progress", "openlineage", "opentelemetry"],
            load={"a": {"format": "sql", "path": "${secret:URL}", "options": {"table": "t"}}},
            save=[
                {"outputs": ["out"], "format": "parquet", "path": "s3://bucket/x"},
                {"outputs": ["out"], "format": "sql", "path": "sqlite:///x.db", "options": {"table": "t"}},
                {"outputs": ["out"], "format": "csv", "path": "out/${tick}.csv"},
            ],
        )
        == []
    )
