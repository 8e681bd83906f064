"""Every format, with both frame libraries, on every kind of filesystem."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support.kept_types import TABULAR, table

from flowerpower.errors import PipelineError
from flowerpower.pipelines.formats import FORMATS as BUILT_IN
from flowerpower.pipelines.manager import PipelineManager
from flowerpower.pipelines.run import Access
from flowerpower.specs.models import PipelineSpec
from flowerpower.specs.values import FORMATS as WRITTEN

from .conftest import Project

FLOW = """
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from typing import Any

    def pandas_out(pandas_in: pd.DataFrame) -> pd.DataFrame:
        return pandas_in

    def polars_out(polars_in: pl.DataFrame) -> pl.DataFrame:
        return polars_in

    def lazy_out(lazy_in: pl.LazyFrame) -> pl.LazyFrame:
        return lazy_in.with_columns(pl.col("n") + 0)

    def arrow_out(arrow_in: pa.Table) -> pa.Table:
        return arrow_in

    def batches_out(batches_in: pa.RecordBatchReader) -> pa.RecordBatchReader:
        return batches_in

    def list_out(list_in: list[dict]) -> list[dict]:
        return list_in
"""
ROWS = [{"n": 1, "text": "ä,x"}, {"n": 2, "text": 'say "hi"\\nthere'}]
FORMATS = ["csv", "json", "ndjson", "parquet", "feather", "excel", "yaml", "pickle", "duckdb"]
ALL = ["pandas", "polars", "lazy", "arrow", "batches", "list"]
TABLE = {"options": {"table": "t"}}
NEW_TABLE = {"options": {"table": "t", "if_exists": "replace"}}


def made(kind: str) -> Any:
    makers: dict[str, Callable[[Any], Any]] = {
        "pandas": pd.DataFrame,
        "polars": pl.DataFrame,
        "lazy": pl.LazyFrame,
        "arrow": pa.Table.from_pylist,
        "batches": lambda rows: pa.Table.from_pylist(rows).to_reader(),
        "list": list,
    }
    return makers[kind](ROWS)


def rows_of(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, pd.DataFrame):
        return value.to_dict("records")
    if isinstance(value, list):
        return [{"n": int(row["n"]), "text": row["text"]} for row in value]
    if isinstance(value, (pa.Table, pa.RecordBatchReader)):
        return (value.read_all() if isinstance(value, pa.RecordBatchReader) else value).to_pylist()
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

    for kind in {"local": ALL, "memory": ["polars", "arrow"], "s3": ["pandas", "polars", "arrow"]}[store]:
        saved, loaded, value = there_and_back(
            project, kind, form, f"{base}/{kind}.{form}", Access(paths=(base,), pickle=True), **fields
        )

        assert rows_of(value) == ROWS, kind
        assert (saved.rows, saved.columns) == (2, 2), kind
        assert saved.bytes == loaded.bytes, kind
        assert (saved.bytes is None) == (form == "duckdb"), kind
        assert kind == "lazy" or (kind, form) == ("batches", "pickle") or (loaded.rows, loaded.columns) == (2, 2), kind


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_the_documentation_says_what_each_format_keeps(library: str, checkout: Path, tmp_path: Path) -> None:
    found = table(library, tmp_path)

    assert found in (checkout / "docs/io.md").read_text(encoding="utf-8"), "run: make docs"
    for line in found.splitlines()[2:]:
        kept = dict(zip(TABULAR, line.split(" | ")[1:], strict=True))
        assert {kept["parquet"], kept["feather"], kept["pickle"].removesuffix(" |")} == {"yes"}, line


def test_an_empty_frame_is_a_file_with_its_columns(project: Project) -> None:
    project.module("flow", FLOW)
    empty = pd.DataFrame({"n": pd.Series([], dtype="int64"), "text": pd.Series([], dtype="str")})

    for form in ("csv", "json", "parquet", "feather", "excel"):
        save = {"outputs": ["pandas_out"], "format": form, "path": f"x.{form}"}
        spec = PipelineSpec.model_validate(
            {"name": "p", "modules": ["flow"], "outputs": ["pandas_out"], "save": [save]}
        )
        record = PipelineManager({"p": spec}, project.root, ["flows"]).run("p", inputs={"pandas_in": empty}).saves[0]
        back = project.run("pandas_out", load={"pandas_in": {"format": form, "path": f"x.{form}"}})

        assert record.rows == 0
        assert len(back.values["pandas_out"]) == 0
        assert form == "json" or list(back.values["pandas_out"].columns) == ["n", "text"]


def test_several_files_are_put_together(project: Project) -> None:
    project.module("flow", FLOW)
    for number in (2, 1):
        (project.root / f"x-{number}.csv").write_text(f"n,text\n{number},t\n")

    for kind in ALL:
        result = project.run(f"{kind}_out", load={f"{kind}_in": {"format": "csv", "path": "x-*.csv"}})
        assert [row["n"] for row in rows_of(result.values[f"{kind}_out"])] == [1, 2]
        assert result.loads[0].bytes == 2 * len("n,text\n1,t\n")
    with pytest.raises(PipelineError, match="no file matches y-"):
        project.run("pandas_out", load={"pandas_in": {"format": "csv", "path": "y-*.csv"}})


def test_the_specs_name_the_formats_that_there_are() -> None:
    assert tuple(BUILT_IN) == WRITTEN


ODD = """
    import uuid
    import pandas as pd
    import pyarrow as pa

    def objects() -> pd.DataFrame:
        months = pd.period_range("2026-01", periods=1, freq="M")
        return pd.DataFrame({"id": [uuid.UUID(int=5)], "month": months, "d": [{"k": 1}]})

    def twins() -> pa.Table:
        return pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
"""


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_objects_that_json_does_not_know_are_written_as_people_write_them(project: Project, form: str) -> None:
    project.module("flow", ODD).run("objects", save=[{"outputs": ["objects"], "format": form, "path": "x"}])

    rows = json.loads((project.root / "x").read_text())
    assert (rows if form == "ndjson" else rows[0]) == {
        "id": "00000000-0000-0000-0000-000000000005",
        "month": "2026-01",
        "d": {"k": 1},
    }


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_of_two_columns_with_one_name_none_is_dropped_without_a_word(project: Project, form: str) -> None:
    with pytest.raises(PipelineError, match="two columns have the name 'a'"):
        project.module("flow", ODD).run("twins", save=[{"outputs": ["twins"], "format": form, "path": "x"}])


@pytest.mark.parametrize(("form", "option"), [("parquet", "partition_by"), ("feather", "partition_cols")])
def test_a_file_in_parts_is_refused_before_anything_runs(project: Project, form: str, option: str) -> None:
    entry = {"outputs": ["twins"], "format": form, "path": "x", "options": {option: ["a"]}}

    with pytest.raises(PipelineError, match=rf"^save\[0\]: {form} writes one file, and '{option}' would make many"):
        project.module("flow", "def twins() -> int:\n    raise ZeroDivisionError\n").run("twins", save=[entry])
