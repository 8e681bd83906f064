"""`load:` and `save:` with PostgreSQL, which takes no text for a date and none for a number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy
from support.postgres import BINARIES, postgres

from flowerpower.pipelines.formats.column_types import known_types, types_to_write
from flowerpower.pipelines.run import Access

from .conftest import Project

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROW = {"n": 1, "day": date(2026, 11, 22), "at": NOON, "price": Decimal("1.10"), "tags": ["a", "b"], "none": None}
FLOW = """
    from datetime import UTC, date, datetime
    from decimal import Decimal

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    ROWS = [{"n": n, "day": date(2026, 11, 22), "at": datetime(2026, 11, 22, 12, tzinfo=UTC), "price": Decimal("1.10"),
             "tags": ["a", "b"], "none": None} for n in (1, 2)]

    def as_list() -> list[dict]:
        return ROWS

    def as_pandas() -> pd.DataFrame:
        return pd.DataFrame(ROWS)

    def as_polars() -> pl.DataFrame:
        return pl.DataFrame(ROWS)

    def as_arrow() -> pa.Table:
        return pa.Table.from_pylist(ROWS)

    def found(rows: list[dict]) -> list:
        return rows
"""
TABLE = "CREATE TABLE t (n integer, day date, at timestamptz, price numeric(10, 2), tags text[], none integer)"
LIBRARIES = ["as_list", "as_pandas", "as_polars", "as_arrow"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="a development dependency that is not installed")
    if BINARIES is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres() as address:
        yield f"postgresql+psycopg://{address}"


@pytest.fixture
def engine(server: str) -> Iterator[Any]:
    engine = sqlalchemy.create_engine(server, poolclass=sqlalchemy.pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS t")
    yield engine
    engine.dispose()


def say(engine: Any, text: str) -> list[Any]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql(text)
        return [row._asdict() for row in found] if found.returns_rows else []


def save(project: Project, server: str, output: str, **options: Any) -> None:
    entry = {"outputs": [output], "format": "sql", "path": server, "options": {"table": "t", **options}}
    access = Access(paths=("postgresql://127.0.0.1/postgres",))
    project.module("flow", FLOW).run(output, save=[entry], access=access)


@pytest.mark.parametrize("output", LIBRARIES)
@pytest.mark.parametrize(
    "where",
    [{"day": "2026-11-22"}, {"n": "1"}, {"price": "1.10"}, {"price": 1.1}, {"at": "2026-11-22T12:00:00+00:00"}],
    ids=str,
)
def test_a_repeated_save_replaces_its_rows_in_a_table_that_somebody_made(
    project: Project, server: str, engine: Any, output: str, where: dict[str, Any]
) -> None:
    say(engine, TABLE)
    others = say(engine, "INSERT INTO t (n, price) VALUES (7, 2) RETURNING *")

    for _ in range(2):
        save(project, server, output, if_exists="append", replace_where=where)

    rows = say(engine, "SELECT * FROM t ORDER BY n, ctid")
    assert rows[0] == ROW
    assert rows[-1:] == others
    assert len(rows) == (4 if "n" in where else 3)


@pytest.mark.parametrize("output", LIBRARIES)
def test_a_new_table_has_numbers_for_decimals_and_moments_that_know_their_zone(
    project: Project, server: str, engine: Any, output: str
) -> None:
    save(project, server, output, if_exists="replace")

    asked = "SELECT column_name AS name, data_type AS kind FROM information_schema.columns WHERE table_name = 't'"
    kinds = {row["name"]: row["kind"] for row in say(engine, asked)}
    assert {name: kinds[name] for name in ("n", "day", "at", "price")} == {
        "n": "bigint",
        "day": "date",
        "at": "timestamp with time zone",
        "price": "numeric",
    }
    assert say(engine, "SELECT at, price FROM t WHERE n = 1") == [{"at": NOON, "price": Decimal("1.10")}]


def test_columns_of_json_are_left_to_the_database(engine: Any) -> None:
    say(engine, "CREATE TABLE t (n integer, data jsonb)")
    with engine.connect() as connection:
        assert sorted(known_types(connection, "t", None)) == ["n"]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.Series([Decimal("1.10"), None], dtype=object), "NUMERIC"),
        (pd.Series([Decimal("1.10")], dtype=pd.ArrowDtype(pa.decimal128(10, 2))), "NUMERIC"),
        (pd.Series([NOON, None], dtype=object), "TIMESTAMP WITH TIME ZONE"),
        (pd.Series([NOON.replace(tzinfo=None)], dtype=object), ""),
        (pd.Series([Decimal("1.10"), "x"], dtype=object), ""),
        (pd.Series([None], dtype=object), ""),
        (pd.Series([1, 2]), ""),
    ],
)
def test_what_a_column_holds_tells_its_type(column: Any, kind: str) -> None:
    from sqlalchemy.dialects import postgresql

    found = types_to_write(SimpleNamespace(dialect=postgresql.dialect()), pd.DataFrame({"x": column}), {})

    assert [one.compile(dialect=postgresql.dialect()) for one in found.values()] == ([kind] if kind else [])


def test_other_databases_are_left_to_their_own_ways() -> None:
    with sqlalchemy.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (day date)")
        assert known_types(connection, "t", None) == {}
        assert types_to_write(connection, pd.DataFrame({"x": [Decimal("1")]}), {}) == {}
