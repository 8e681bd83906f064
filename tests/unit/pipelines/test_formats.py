"""Every format, with both frame libraries, on every kind of filesystem."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

from flowerpower.pipelines.manager import PipelineManager
from flowerpower.pipelines.run import Access
from flowerpower.specs.models import PipelineSpec

from .conftest import Project

FLOW = """
    import pandas as pd
    import polars as pl
    from typing import Any

    def pandas_out(pandas_in: pd.DataFrame) -> pd.DataFrame:
        return pandas_in

    def polars_out(polars_in: pl.DataFrame) -> pl.DataFrame:
        return polars_in

    def lazy_out(lazy_in: pl.LazyFrame) -> pl.LazyFrame:
        return lazy_in.with_columns(pl.col("n") + 0)

    def list_out(list_in: list[dict]) -> list[dict]:
        return list_in
"""
ROWS = [{"n": 1, "text": "ä,x"}, {"n": 2, "text": 'say "hi"\\nthere'}]
FORMATS = ["csv", "json", "ndjson", "parquet", "feather", "excel", "yaml", "pickle", "duckdb"]
TABLE = {"options": {"table": "t"}}
NEW_TABLE = {"options": {"table": "t", "if_exists": "replace"}}


def made(kind: str) -> Any:
    return {"pandas": pd.DataFrame, "polars": pl.DataFrame, "lazy": pl.LazyFrame, "list": list}[kind](ROWS)


def rows_of(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, pd.DataFrame):
        return value.to_dict("records")
    if isinstance(value, list):
        return [{"n": int(row["n"]), "text": row["text"]} for row in value]
    return value.lazy().collect().to_dicts()


def there_and_back(project: Project, kind: str, form: str, place: str, access: Access, **fields: Any) -> Any:
    """Save a value, load it again; return both records and what came back."""
    to, of = (NEW_TABLE, TABLE) if form in ("duckdb", "sql") else ({}, {})
    save = {"outputs": [f"{kind}_out"], "format": form, "path": place, **to, **fields}
    load = {f"{kind}_in": {"format": form, "path": place, **of, **fields}}
    spec = PipelineSpec.model_validate({"name": "p", "modules": ["flow"], "outputs": [f"{kind}_out"], "save": [save]})
    manager = PipelineManager({"p": spec}, project.root, ["flows"], access=access)

    written = manager.run("p", inputs={f"{kind}_in": made(kind)})
    read = project.run(f"{kind}_out", load=load, access=access)

    return written.saves[0], read.loads[0], read.values[f"{kind}_out"]


@pytest.mark.parametrize("store", ["local", "memory", "s3"])
@pytest.mark.parametrize("form", FORMATS)
def test_what_is_saved_is_what_is_loaded(
    project: Project, form: str, store: str, request: pytest.FixtureRequest
) -> None:
    project.module("flow", FLOW)
    bucket = request.getfixturevalue("bucket") if store == "s3" else None
    base = (
        f"{bucket.url}/a b" if bucket else {"local": "out/ünï code", "memory": f"memory://{project.root.name}"}[store]
    )
    fields = {"storage_options": bucket.options} if bucket else {}

    for kind in ["list"] if form == "yaml" else ["pandas", "polars", "lazy", "list"]:
        saved, loaded, value = there_and_back(
            project, kind, form, f"{base}/{kind}.{form}", Access(paths=(base,), pickle=True), **fields
        )

        assert rows_of(value) == ROWS, kind
        assert (saved.rows, saved.columns) == (2, 2), kind
        assert saved.bytes == loaded.bytes, kind
        assert (saved.bytes is None) == (form == "duckdb"), kind
        assert kind == "lazy" or (loaded.rows, loaded.columns) == (2, 2), kind
