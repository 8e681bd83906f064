"""Tables of Arrow, and other frames that are no table yet, to be saved and loaded."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyarrow import csv, feather, ipc, parquet

from .conftest import Project
from .test_storage import message_of

FLOW = """
    import duckdb
    import io
    import pyarrow as pa
    from pyarrow import ipc
    from typing import Any

    TABLE = pa.table({"n": [1, 2], "text": ['a,"b"\\nc', None]})

    def table() -> pa.Table:
        return TABLE

    def batch() -> pa.RecordBatch:
        return TABLE.to_batches()[0]

    def stream() -> pa.RecordBatchReader:
        sink = io.BytesIO()
        with ipc.new_stream(sink, TABLE.schema) as writer:
            writer.write_table(TABLE)
        return ipc.open_stream(sink.getvalue())

    def relation() -> duckdb.DuckDBPyRelation:
        return duckdb.from_arrow(TABLE)

    def back(read: pa.Table) -> pa.Table:
        return read
"""
TABLE = pa.table({"n": [1, 2], "text": ['a,"b"\nc', None]})


@pytest.mark.parametrize("form", ["csv", "parquet", "feather", "json", "ndjson", "yaml"])
@pytest.mark.parametrize("node", ["table", "batch", "stream", "relation"])
def test_all_that_holds_arrow_comes_back_as_a_table(project: Project, node: str, form: str) -> None:
    project.module("flow", FLOW)

    saved = project.run(node, save=[{"outputs": [node], "format": form, "path": "x"}]).saves[0]
    read = project.run("back", load={"read": {"format": form, "path": "x"}})

    assert read.values["back"].equals(TABLE)
    assert (saved.rows, saved.columns) == (read.loads[0].rows, read.loads[0].columns) == (2, 2)


def test_pyarrow_itself_reads_what_was_saved(project: Project) -> None:
    project.module("flow", FLOW)
    saves = [{"outputs": ["table"], "format": form, "path": f"x.{form}"} for form in ("csv", "parquet", "feather")]

    project.run("table", save=saves)

    options = csv.ParseOptions(newlines_in_values=True)
    assert csv.read_csv(project.root / "x.csv", parse_options=options).column("n").to_pylist() == [1, 2]
    assert parquet.read_table(project.root / "x.parquet").equals(TABLE)
    assert feather.read_table(project.root / "x.feather").equals(TABLE)
    assert ipc.open_file(str(project.root / "x.feather")).read_all().equals(TABLE)


def test_options_are_those_of_pyarrow(project: Project) -> None:
    project.module("flow", FLOW)
    (project.root / "x.csv").write_text("a;b\n007;1\n008;2\n")
    options = {"delimiter": ";", "column_types": {"a": "string"}, "include_columns": ["a"]}
    saves = [
        {"outputs": ["table"], "format": "csv", "path": "y.csv", "options": {"include_header": False}},
        {"outputs": ["table"], "format": "parquet", "path": "y.parquet", "options": {"compression": "zstd"}},
    ]

    read = project.run("back", load={"read": {"format": "csv", "path": "x.csv", "options": options}}).values["back"]
    project.run("table", save=saves)

    assert read.to_pydict() == {"a": ["007", "008"]}
    assert (project.root / "y.csv").read_text().startswith("1,")
    assert parquet.read_metadata(project.root / "y.parquet").row_group(0).column(0).compression == "ZSTD"
    load = {"read": {"format": "csv", "path": "x.csv", "options": {"sep": ";"}}}
    assert "TypeError: pyarrow has no option 'sep' to read csv" in message_of(project, "back", load=load)


def test_the_type_of_a_column_is_that_of_all_its_rows(project: Project) -> None:
    project.module("flow", FLOW)
    rows = 300_000
    (project.root / "x.csv").write_text("a\n" + "1\n" * rows + "1.5\n")

    read = project.run("back", load={"read": {"format": "csv", "path": "x.csv"}}).values["back"]

    assert read.num_rows == rows + 1
    assert read.schema.field("a").type == pa.float64()


@pytest.mark.parametrize("form", ["csv", "parquet", "feather", "ndjson", "excel"])
def test_files_of_tables_are_put_together_though_a_column_is_wider_in_one(project: Project, form: str) -> None:
    project.module(
        "flow",
        FLOW
        + """
    def part(rows: list) -> pa.Table:
        return pa.Table.from_pylist(rows)
""",
    )
    for name, rows in (("1", [{"a": 1}]), ("2", [{"a": 1.5, "b": "x"}])):
        project.run("part", inputs={"rows": rows}, save=[{"outputs": ["part"], "format": form, "path": f"x{name}"}])

    read = project.run("back", load={"read": {"format": form, "path": "x*"}}).values["back"]

    assert read.to_pydict() == {"a": [1.0, 1.5], "b": [None, "x"]}


@pytest.mark.parametrize("path", ["sqlite:///x.db", "x.duckdb"])
def test_a_table_goes_through_a_database(project: Project, path: str) -> None:
    project.module("flow", FLOW)
    form = "sql" if "://" in path else "duckdb"
    save = {"format": form, "path": path, "options": {"table": "t", "if_exists": "replace"}}
    load = {"format": form, "path": path, "options": {"query": "SELECT n, text FROM t WHERE n > 5"}}

    project.run("relation", save=[{"outputs": ["relation"], **save}])
    whole = project.run("back", load={"read": {**load, "options": {"table": "t"}}}).values["back"]
    none = project.run("back", load={"read": load}).values["back"]

    assert whole.equals(TABLE)
    assert (none.num_rows, none.column_names) == (0, ["n", "text"])


def test_fractions_that_json_does_not_know_are_nothing_as_with_the_other_frames(project: Project) -> None:
    project.module(
        "flow", "import pyarrow as pa\ndef out() -> pa.Table:\n    return pa.table({'x': [1.5, float('nan')]})\n"
    )

    project.run("out", save=[{"outputs": ["out"], "format": "ndjson", "path": "x"}])

    assert (project.root / "x").read_text() == '{"x": 1.5}\n{"x": null}\n'


def test_what_can_be_read_once_is_saved_as_often_as_it_should(project: Project) -> None:
    project.module(
        "flow",
        "import pyarrow as pa\ndef out() -> pa.RecordBatchReader:\n    return pa.table({'a': [1, 2]}).to_reader()\n",
    )
    saves = [{"outputs": ["out"], "format": form, "path": f"x.{form}"} for form in ("csv", "parquet")]

    result = project.run("out", save=saves)

    assert [(record.rows, record.columns) for record in result.saves] == [(2, 1), (2, 1)]
    assert result.values["out"].num_rows == 2


def test_what_another_node_has_read_is_not_saved_as_if_it_were_empty(project: Project) -> None:
    project.module(
        "flow",
        """
        import pyarrow as pa

        def batches() -> pa.RecordBatchReader:
            return pa.table({"a": [1, 2]}).to_reader()

        def out(batches: pa.RecordBatchReader) -> int:
            return batches.read_all().num_rows
        """,
    )

    message = message_of(project, "out", save=[{"outputs": ["batches"], "format": "csv", "path": "x.csv"}])

    assert message == (
        "save[0]: 'batches' is a RecordBatchReader, which can be read only once, and the node 'out' reads it, too | "
        "let it be a pyarrow.Table"
    )
    assert not (project.root / "x.csv").exists()


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_frames_are_rows_among_several_outputs(project: Project, form: str) -> None:
    project.module(
        "flow",
        """
        import pandas as pd, polars as pl, pyarrow as pa
        from typing import Any

        def a() -> pd.DataFrame:
            return pd.DataFrame({"x": [1.5, None]})

        def b() -> pl.LazyFrame:
            return pl.LazyFrame({"x": [1.5, float("nan")]})

        def c() -> pa.Table:
            return pa.table({"x": [1.5, float("nan")]})

        def back(raw: dict) -> Any:
            return raw
        """,
    )
    rows = [{"x": 1.5}, {"x": None}]

    project.run("a", save=[{"outputs": ["a", "b", "c"], "format": form, "path": "x"}])

    assert project.run("back", load={"raw": {"format": form, "path": "x"}}).values["back"] == dict.fromkeys("abc", rows)
