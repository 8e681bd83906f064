"""`load:` and `save:` with databases: sql by SQLAlchemy, and duckdb."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from textwrap import dedent
from typing import Any

import duckdb
import pytest

from flowerpower.errors import FlowerPowerError
from flowerpower.pipelines.run import Access

from .conftest import Project
from .test_executors import Recorder

FLOW = """
    import pandas as pd
    import polars as pl
    from datetime import date

    ROWS = [{"day": "2026-11-22", "n": 1, "x": 1.5}, {"day": "2026-11-22", "n": 2, "x": None}]

    def as_pandas() -> pd.DataFrame:
        return pd.DataFrame(ROWS)

    def as_polars() -> pl.DataFrame:
        return pl.DataFrame(ROWS)

    def as_list() -> list[dict]:
        return ROWS

    def one_row(n: int) -> list[dict]:
        return [{"day": f"2026-11-{n}", "n": n, "x": 0.0}]

    def pandas_back(pandas_in: pd.DataFrame) -> list:
        return pandas_in.astype(object).where(pandas_in.notna(), None).to_dict("records")

    def polars_back(polars_in: pl.DataFrame) -> list:
        return polars_in.to_dicts()

    def list_back(list_in: list[dict]) -> list:
        return list_in
"""
ROWS = [{"day": "2026-11-22", "n": 1, "x": 1.5}, {"day": "2026-11-22", "n": 2, "x": None}]
PATHS = {"sql": "sqlite:///data/sales.db", "duckdb": "data/sales.duckdb"}


@pytest.fixture(params=PATHS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def db(project: Project) -> Project:
    (project.root / "data").mkdir()
    return project.module("flow", FLOW)


def save(project: Project, form: str, output: str, *, inputs: dict[str, Any] | None = None, **options: Any) -> Any:
    entry = {"outputs": [output], "format": form, "path": PATHS[form], "options": {"table": "sales", **options}}
    return project.run(output, save=[entry], inputs=inputs or {}).saves[0]


def load(project: Project, form: str, kind: str = "list", **options: Any) -> Any:
    options = options or {"table": "sales"}
    entry = {"format": form, "path": PATHS[form], "options": options}
    return project.run(f"{kind}_back", load={f"{kind}_in": entry}).values[f"{kind}_back"]


@pytest.mark.parametrize("kind", ["pandas", "polars", "list"])
def test_a_table_survives_a_save_and_a_load(db: Project, form: str, kind: str) -> None:
    record = save(db, form, f"as_{kind}", if_exists="replace")

    assert load(db, form, kind) == ROWS
    assert (record.rows, record.columns, record.bytes) == (2, 3, None)


def test_a_query_gets_its_parameters_apart(db: Project, form: str) -> None:
    save(db, form, "as_list", if_exists="replace")
    mark = ":n" if form == "sql" else "$n"

    found = load(db, form, query=f"SELECT n FROM sales WHERE n = {mark}", params={"n": 2})

    assert found == [{"n": 2}]


def test_rows_are_appended_and_those_of_the_same_tick_replaced(db: Project, form: str) -> None:
    for n in (21, 22, 22):
        save(db, form, "one_row", inputs={"n": n}, if_exists="append", replace_where={"day": f"2026-11-{n}"})

    assert [row["n"] for row in load(db, form)] == [21, 22]


def test_rows_without_a_value_are_replaced_as_others_are(db: Project, form: str) -> None:
    for _ in range(2):
        save(db, form, "as_list", if_exists="append", replace_where={"x": None})

    assert [row["n"] for row in load(db, form) if row["x"] is None] == [2]


def test_tables_of_one_name_in_two_schemas_are_two_places(db: Project) -> None:
    options = {"table": "sales", "if_exists": "replace"}
    entry = {"outputs": ["as_list"], "format": "duckdb", "path": PATHS["duckdb"]}

    db.run("as_list", save=[{**entry, "options": {**options, "schema": schema}} for schema in ("eu", "us")])

    assert load(db, "duckdb", table="sales", schema="eu") == load(db, "duckdb", table="sales", schema="us") == ROWS


def test_a_table_that_is_there_fails_a_save_that_wants_none(db: Project, form: str) -> None:
    save(db, form, "as_list", if_exists="fail")

    with pytest.raises(FlowerPowerError, match=r"save\[0\]: as_list cannot be written"):
        save(db, form, "as_list", if_exists="fail")


@pytest.mark.parametrize(
    ("path", "options", "expected"),
    [
        (None, {}, "needs the options `table` and `if_exists`"),
        (None, {"table": "t"}, "needs the options `table` and `if_exists`"),
        (None, {"table": "t", "if_exists": "append", "chunk": 1}, "has no option 'chunk'"),
        (None, {"table": "t", "if_exists": "replace", "replace_where": {"a": 1}}, "goes with `if_exists: append`"),
        ("../x.db", {"table": "t", "if_exists": "append"}, "lies outside of"),
        ("postgresql://u:hunter2@db.example/sales", {"table": "t", "if_exists": "append"}, "lies outside of"),
    ],
)
def test_a_save_that_cannot_work_is_refused_first(
    db: Project, form: str, path: str | None, options: dict[str, Any], expected: str
) -> None:
    db.module("flow", "def out() -> list:\n    open(__file__ + '.ran', 'w').close()\n    return []\n")
    path = path or PATHS[form]
    path = f"sqlite:///{path}" if form == "sql" and "://" not in path else path

    with pytest.raises(FlowerPowerError) as caught:
        db.run("out", save=[{"outputs": ["out"], "format": form, "path": path, "options": options}])

    assert expected in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert not list(db.root.rglob("*.ran"))


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("mysql+pymysql", "mysql+pymysql://db.example/sales needs a driver that is not installed: pymysql"),
        ("postgresql+nosuch", "no installed library knows the database 'postgresql+nosuch'"),
        ("nosuch", "no installed library knows the database 'nosuch'"),
    ],
)
def test_a_database_elsewhere_is_allowed_by_its_place_and_its_driver_is_looked_for_before_anything_runs(
    db: Project, scheme: str, said: str
) -> None:
    entry = {
        "outputs": ["as_list"],
        "format": "sql",
        "path": f"{scheme}://me:${{secret:PW}}@db.example/sales",
        "options": {"table": "t", "if_exists": "append"},
    }
    ran = Recorder()

    with pytest.raises(FlowerPowerError) as caught:
        db.run(
            "as_list",
            save=[entry],
            access=Access(
                paths=("mysql://db.example/sales", "postgresql://db.example/sales", "nosuch://db.example/sales")
            ),
            secrets={"PW": "hunter2"}.__getitem__,
            observer=ran,
        )

    assert said in str(caught.value)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert ran.events == []


def test_a_query_of_duckdb_reads_nothing_outside_of_its_database(db: Project) -> None:
    save(db, "duckdb", "as_list", if_exists="replace")

    with pytest.raises(FlowerPowerError, match="Permission"):
        load(db, "duckdb", query="SELECT * FROM read_text('/etc/hostname')")


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import pandas as pd
    from flowerpower.filesystem import Filesystem
    from flowerpower.pipelines.formats import FORMATS, Place

    form, path, root = sys.argv[1:]
    files = Filesystem(root)
    options = {"table": "sales", "if_exists": "replace"}
    place = FORMATS[form].prepare(path, files, options, True)
    frame = pd.DataFrame({"day": ["new"] * 5000, "n": range(5000), "x": 0.0})
    if form == "sql":
        insert = pd.io.sql.SQLTable.insert
        def killed(self, *args, **kwargs):
            insert(self, *args, **kwargs)  # the table is dropped, made and filled; nothing is committed
            os.kill(os.getpid(), signal.SIGKILL)
        pd.io.sql.SQLTable.insert = killed
    else:
        import flowerpower.pipelines.formats.databases as databases
        class Connection:
            def __init__(self, inner): self.inner = inner
            def __getattr__(self, name): return getattr(self.inner, name)
            def execute(self, query, *args):
                if query == "COMMIT":
                    os.kill(os.getpid(), signal.SIGKILL)
                return self.inner.execute(query, *args)
        import duckdb
        connect = duckdb.connect
        duckdb.connect = lambda *args, **kwargs: Connection(connect(*args, **kwargs))
    FORMATS[form].write(frame, Place(place, files), options)
"""


def test_a_writer_that_is_killed_leaves_the_table_as_it_was(db: Project, form: str) -> None:
    save(db, form, "as_list", if_exists="replace")

    done = subprocess.run(
        [sys.executable, "-c", dedent(KILLED), form, PATHS[form], str(db.root)], capture_output=True, check=False
    )

    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert load(db, form) == ROWS


def test_other_programs_read_what_was_saved(db: Project) -> None:
    save(db, "sql", "as_polars", if_exists="replace")
    save(db, "duckdb", "as_polars", if_exists="replace")

    with sqlite3.connect(db.root / "data/sales.db") as connection:
        assert connection.execute("SELECT n, x FROM sales").fetchall() == [(1, 1.5), (2, None)]
    connection.close()
    with duckdb.connect(str(db.root / "data/sales.duckdb"), read_only=True) as other:
        assert other.execute("SELECT n, x FROM sales").fetchall() == [(1, 1.5), (2, None)]


def test_a_column_that_the_first_row_has_not_is_kept_in_a_table(db: Project, form: str) -> None:
    db.module("uneven", "def uneven() -> list[dict]:\n    return [{'n': 1}, {'n': 2, 'note': 'x'}]\n")
    save = {"format": form, "path": PATHS[form], "options": {"table": "t", "if_exists": "replace"}}
    db.run("uneven", modules=["uneven"], save=[{"outputs": ["uneven"], **save}])

    load = {"list_in": {"format": form, "path": PATHS[form], "options": {"table": "t"}}}
    assert db.run("list_back", load=load).values["list_back"] == [{"n": 1, "note": None}, {"n": 2, "note": "x"}]


@pytest.mark.parametrize("made", ["[]", "pd.DataFrame()", "pl.DataFrame()"])
def test_no_rows_of_unknown_columns_add_nothing_and_replace_those_that_were_there(
    db: Project, form: str, made: str
) -> None:
    db.module("nothing", f"import pandas as pd\nimport polars as pl\ndef nothing() -> object:\n    return {made}\n")

    def save(node: str, module: str, if_exists: str = "append", **more: Any) -> None:
        options = {"table": "t", "if_exists": if_exists, **more}
        entry = {"outputs": [node], "format": form, "path": PATHS[form], "options": options}
        db.run(node, modules=[module], save=[entry])

    save("nothing", "nothing")
    save("as_list", "flow")
    save("nothing", "nothing", replace_where={"n": 1})

    load = {"list_in": {"format": form, "path": PATHS[form], "options": {"table": "t"}}}
    assert db.run("list_back", load=load).values["list_back"] == ROWS[1:]
    with pytest.raises(FlowerPowerError, match="what has no rows and no columns makes no table"):
        save("nothing", "nothing", "replace")
    assert db.run("list_back", load=load).values["list_back"] == ROWS[1:]


@pytest.mark.parametrize("name", ["as_polars_lists", "as_arrow_lists"])
def test_lists_are_no_bytes_to_a_database(db: Project, name: str) -> None:
    db.module("flow", FLOW + LISTS)

    with pytest.raises(FlowerPowerError, match="type 'list' is not supported"):
        save(db, "sql", name, if_exists="replace")


LISTS = """
    import pyarrow as pa

    def as_polars_lists() -> pl.DataFrame:
        return pl.DataFrame({"day": ["x"], "of": [[1, 2]], "by": pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2))})

    def as_arrow_lists() -> pa.Table:
        return pa.table({"of": pa.array([[1.5, 2.5]], pa.list_(pa.float64()))})
"""


def test_a_database_that_is_not_there_is_not_made_by_reading_it(db: Project) -> None:
    with pytest.raises(FlowerPowerError, match=r"^load\.list_in: there is no file sqlite:///data/sales\.db$"):
        load(db, "sql")

    assert list((db.root / "data").iterdir()) == []


def test_what_a_database_does_not_know_is_said_on_one_line(db: Project) -> None:
    save(db, "sql", "as_pandas", if_exists="replace")
    place = r"sqlite:///data/sales\.db"

    with pytest.raises(FlowerPowerError, match=rf"^load\.pandas_in: {place} [\w ]+: \w+: \([\w.]+\) no such table: x$"):
        load(db, "sql", "pandas", table="x")
    with pytest.raises(FlowerPowerError, match=rf"{place} as sql: \w+: \([\w.]+\) no such column: sales.which$"):
        save(db, "sql", "as_list", if_exists="append", replace_where={"which": "a"})


TIMES = """
    import pyarrow as pa

    def as_pandas_times() -> pd.DataFrame:
        return pd.DataFrame({"day": pd.to_datetime(["2026-11-22", "2026-11-22"]), "n": [1, 2]})

    def as_polars_times() -> pl.DataFrame:
        return pl.from_pandas(as_pandas_times())

    def as_polars_zoned() -> pl.DataFrame:
        return pl.from_pandas(as_pandas_zoned())

    def as_arrow_zoned() -> pa.Table:
        return pa.Table.from_pandas(as_pandas_zoned())

    def as_pandas_zoned() -> pd.DataFrame:
        return as_pandas_times().assign(day=lambda rows: rows["day"].dt.tz_localize("Europe/Berlin"))
"""


@pytest.mark.parametrize(
    "name", ["as_pandas_times", "as_polars_times", "as_pandas_zoned", "as_polars_zoned", "as_arrow_zoned"]
)
def test_rows_of_a_day_are_replaced_where_the_column_holds_times(db: Project, form: str, name: str) -> None:
    db.module("flow", FLOW + TIMES)
    for _ in range(2):
        save(db, form, name, if_exists="append", replace_where={"day": "${tick:%Y-%m-%d}"})

    assert [row["n"] for row in load(db, form)] == [1, 2]


def test_a_colon_in_a_query_that_begins_no_parameter_says_how_it_is_written(db: Project) -> None:
    save(db, "sql", "as_pandas", if_exists="replace")

    with pytest.raises(FlowerPowerError, match="bind parameter '1'") as caught:
        load(db, "sql", "list", query="""SELECT '{"a":1}' AS x FROM sales""")
    assert "`params`" in caught.value.hint
    assert r"`\:`" in caught.value.hint

    assert load(db, "sql", "list", query=r"""SELECT '{"a"\:1}' AS x FROM sales LIMIT 1""") == [{"x": '{"a":1}'}]
