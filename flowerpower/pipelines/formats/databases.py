"""Formats of databases: sql, by an SQLAlchemy URL, and duckdb, by a file. All of a save is one transaction."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from flowerpower.errors import PipelineError
from flowerpower.filesystem import Filesystem, hide_credentials, is_url
from flowerpower.pipelines.formats.arrow import arrow_table
from flowerpower.pipelines.formats.column_types import known_types, matches, types_to_write
from flowerpower.pipelines.formats.format import Kind, Options, Place, PlaceFormat, columns_of, library_of, records
from flowerpower.pipelines.formats.readers import ALL_ROWS

_IF_EXISTS = ("append", "replace", "fail")
_OF_LOADS = frozenset({"query", "table", "schema", "params"})
_OF_SAVES = frozenset({"table", "schema", "if_exists", "replace_where"})
_VALUE = "flowerpower_value"  # the name under which duckdb sees what is to be written


def _check(name: str, options: Options, writing: bool) -> None:
    """Refuse options that cannot work; raises PipelineError."""
    known = _OF_SAVES if writing else _OF_LOADS
    if unknown := sorted(options.keys() - known):
        raise PipelineError(f"{name} has no option {unknown[0]!r}", hint=f"there are: {', '.join(sorted(known))}")
    if writing:
        if not options.get("table") or options.get("if_exists") not in _IF_EXISTS:
            raise PipelineError(
                f"{name} needs the options `table` and `if_exists`", hint="if_exists is append, replace or fail"
            )
        if options.get("replace_where") and options["if_exists"] != "append":
            raise PipelineError("`replace_where` goes with `if_exists: append`")
    elif ("query" in options) == ("table" in options):
        raise PipelineError(f"{name} needs one of the options `query` and `table`")


def _prepare_sql(path: str, files: Filesystem, options: Options, writing: bool) -> str:
    import sqlalchemy

    _check("sql", options, writing)
    try:
        url = sqlalchemy.make_url(path)
    except sqlalchemy.exc.ArgumentError:
        raise PipelineError(
            "the `path` of format sql is no URL that SQLAlchemy knows", hint="for example sqlite:///data/sales.db"
        ) from None
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise PipelineError("a database in memory is gone when the run ends", hint="name a file: sqlite:///x.db")
        found = url.set(database=files.resolve(url.database))
        if writing:
            files.refuse_unwritable(url.database)
    else:
        files.refuse_unless_allowed(f"{url.get_backend_name()}://{url.host or ''}/{url.database or ''}")
        found = url
    refuse_without_driver(path)
    return str(found.render_as_string(hide_password=False))


def refuse_without_driver(path: str) -> None:
    """Raise PipelineError where the driver of a database, by its URL, is not installed here."""
    import sqlalchemy

    kind, shown = path.partition("://")[0], hide_credentials(path)
    try:
        sqlalchemy.make_url(f"{kind}://").get_dialect().import_dbapi()
    except sqlalchemy.exc.ArgumentError:
        raise PipelineError(
            f"{shown}: no installed library knows the database {kind!r}", hint="is a driver missing?"
        ) from None
    except ImportError as error:
        raise PipelineError(
            f"{shown} needs a driver that is not installed: {error.name}", hint=f"pip install {error.name}"
        ) from None


def _read_sql(place: Place, kind: Kind, options: Options) -> Any:
    import sqlalchemy

    _refuse_absent_file(sqlalchemy.make_url(place.path))
    with _connection(place) as connection:
        if "table" in options:
            table = sqlalchemy.table(options["table"], schema=options.get("schema"))
            query: Any = sqlalchemy.select(sqlalchemy.text("*")).select_from(table)
        else:
            query = sqlalchemy.text(options["query"])
        params = dict(options.get("params") or {})
        if kind in ("pandas", "any"):
            import pandas

            return pandas.read_sql_query(query, connection, params=params)
        if kind in ("polars", "lazy"):
            import polars

            frame = polars.read_database(query, connection, execute_options={"parameters": params}, **ALL_ROWS)
            return frame.lazy() if kind == "lazy" else frame
        if kind == "list":
            return [dict(row) for row in connection.execute(query, params).mappings()]
        if kind == "arrow":
            return _arrow_of(connection.execute(query, params))
    raise TypeError(f"sql cannot fill a {kind}")


def _refuse_absent_file(url: Any) -> None:
    """Raise FileNotFoundError where SQLite would make an empty database in order to read it."""
    file = url.database if url.get_backend_name() == "sqlite" else None
    if file and not file.startswith((":memory:", "file:")) and not Path(file).exists():
        raise FileNotFoundError(file)


def _arrow_of(found: Any) -> Any:
    """Return what a query found as a table of Arrow, with its columns even where there are no rows."""
    import pyarrow

    names, rows = list(found.keys()), found.all()
    columns = [pyarrow.array([row[position] for row in rows]) for position in range(len(names))]
    return pyarrow.table(columns, names=names)


def _write_sql(value: Any, place: Place, options: Options) -> None:
    frame = _pandas_frame(value)
    _refuse_table_of_nothing(frame, options)
    with _connection(place) as connection:
        name, schema, way = options["table"], options.get("schema"), options["if_exists"]
        known = known_types(connection, name, schema) if way == "append" else {}
        if where := options.get("replace_where"):
            _delete(connection, name, schema, _as_times(where, frame), known)
        if len(frame.columns):
            types = types_to_write(connection, frame, known)
            frame.to_sql(name, connection, schema=schema, if_exists=way, index=False, dtype=types or None)


def _pandas_frame(value: Any) -> Any:
    import pandas

    match library_of(value):
        case "pandas":
            return value
        case "polars":
            return _with_plain_lists(value.to_pandas(use_pyarrow_extension_array=True))
        case "arrow":
            return _with_plain_lists(value.to_pandas(types_mapper=pandas.ArrowDtype))
    rows = records(value, "sql")
    return pandas.DataFrame({name: [row.get(name) for row in rows] for name in columns_of(rows)}, dtype=object)


def _with_plain_lists(frame: Any) -> Any:
    """Return a frame whose lists are those of Python: of an array a database would be given the bytes of its memory."""
    import pandas
    import pyarrow

    for position, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, pandas.ArrowDtype) and pyarrow.types.is_nested(dtype.pyarrow_dtype):
            plain = pyarrow.array(frame.iloc[:, position]).to_pylist()
            frame.isetitem(position, pandas.Series(plain, index=frame.index, dtype=object))
    return frame


def _refuse_table_of_nothing(value: Any, options: Options) -> None:
    """Raise TypeError for no rows of which nobody knows the columns, unless nothing has to be added."""
    if not len(value.columns) and options["if_exists"] != "append":
        raise TypeError("what has no rows and no columns makes no table; a frame with columns does")


def _as_times(where: Options, value: Any) -> dict[str, Any]:
    """Return what rows are replaced by, as times where the column of a frame has times.

    SQLite holds times as texts, of which "2026-11-22" is another one; and a day begins in the zone of the column.
    """
    names = getattr(value, "column_names", None) or list(value.columns)
    return {
        name: _as_time(given, value[name]) if isinstance(given, str) and name in names else given
        for name, given in where.items()
    }


def _as_time(text: str, column: Any) -> Any:
    kind = column.dtype if hasattr(column, "dtype") else getattr(column, "type", None)
    kind = getattr(kind, "pyarrow_dtype", kind)
    if not str(kind).lower().startswith(("datetime", "timestamp")):
        return text
    zone = getattr(kind, "tz", None) or getattr(kind, "time_zone", None)
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=ZoneInfo(str(zone))) if zone and moment.tzinfo is None else moment
    except (ValueError, KeyError):  # no time, or no zone with a name
        return text


def _delete(connection: Any, name: str, schema: str | None, where: Options, known: Mapping[str, Any]) -> None:
    import sqlalchemy

    if sqlalchemy.inspect(connection).has_table(name, schema=schema):
        columns: list[Any] = [sqlalchemy.column(column) for column in where]
        table = sqlalchemy.table(name, *columns, schema=schema)
        found = [matches(column, known.get(column.name), where[column.name]) for column in columns]
        connection.execute(sqlalchemy.delete(table).where(*found))


@contextmanager
def _connection(place: Place) -> Iterator[Any]:
    """Yield a connection in a transaction that ends with the block: committed when it ends well."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(place.path, poolclass=sqlalchemy.pool.NullPool, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        _let_sqlite_begin(engine)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _let_sqlite_begin(engine: Any) -> None:
    """Begin transactions ourselves: the driver would not before it drops or creates a table."""
    from sqlalchemy import event

    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))


def _prepare_duckdb(path: str, files: Filesystem, options: Options, writing: bool) -> str:
    _check("duckdb", options, writing)
    if writing:
        files.refuse_unwritable(path)
    return files.resolve(path)


def _read_duckdb(place: Place, kind: Kind, options: Options) -> Any:
    with _local_copy(place) as file, _opened(file, read_only=True) as database:
        table = _quoted(options["table"], options.get("schema")) if "table" in options else ""
        query = f"SELECT * FROM {table}" if table else options["query"]  # noqa: S608  quoted
        found = database.sql(query, params=options.get("params") or None)
        if kind in ("pandas", "any"):
            return found.df()
        if kind == "list":
            return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
        if kind == "arrow":
            return found.to_arrow_table()
        if kind in ("polars", "lazy"):
            import polars

            frame = polars.from_arrow(found.to_arrow_table())
            return frame.lazy() if kind == "lazy" else frame  # type: ignore[union-attr]
    raise TypeError(f"duckdb cannot fill a {kind}")


def _write_duckdb(value: Any, place: Place, options: Options) -> None:
    if library_of(value) == "plain":
        value = arrow_table(records(value, "duckdb"))
    _refuse_table_of_nothing(value, options)
    if not is_url(place.path):
        Path(place.path).parent.mkdir(parents=True, exist_ok=True)
    with _local_copy(place) as file:
        _insert(file, value, options)
        if is_url(place.path):
            with place.files.write(place.path) as handle:
                handle.write(file.read_bytes())


@contextmanager
def _local_copy(place: Place) -> Iterator[Path]:
    """Yield the file of the database, or a copy of one that lies elsewhere, which need not be there yet."""
    if not is_url(place.path):
        yield Path(place.path)
        return
    with TemporaryDirectory(prefix="flowerpower-") as folder:
        file = Path(folder, "copy.duckdb")
        if place.files.exists(place.path):
            with place.files.open(place.path) as handle:
                file.write_bytes(handle.read())
        yield file


def _insert(file: Path, value: Any, options: Options) -> None:
    table = _quoted(options["table"], options.get("schema"))
    with _opened(file, read_only=False) as database:
        database.execute("BEGIN")
        if schema := options.get("schema"):
            database.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)}")
        if len(value.columns):
            database.register(_VALUE, value)
            where = _as_times(options.get("replace_where") or {}, value)
            _insert_rows(database, table, {**options, "replace_where": where})
        elif _has_table(database, options):
            _delete_replaced(database, table, options.get("replace_where") or {})
        database.execute("COMMIT")


def _insert_rows(database: Any, table: str, options: Options) -> None:
    if options["if_exists"] == "append":
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} AS SELECT * FROM {_VALUE} LIMIT 0")  # noqa: S608  quoted
        _delete_replaced(database, table, options["replace_where"])
        database.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {_VALUE}")  # noqa: S608
    else:
        create = "CREATE OR REPLACE TABLE" if options["if_exists"] == "replace" else "CREATE TABLE"
        database.execute(f"{create} {table} AS SELECT * FROM {_VALUE}")  # noqa: S608


def _delete_replaced(database: Any, table: str, where: Options) -> None:
    if where:
        matches = " AND ".join(f"{_quoted(column)} IS NOT DISTINCT FROM ?" for column in where)  # NULL equals nothing
        database.execute(f"DELETE FROM {table} WHERE {matches}", list(where.values()))  # noqa: S608  quoted


def _has_table(database: Any, options: Options) -> bool:
    query = (
        "SELECT count(*) FROM duckdb_tables() WHERE NOT internal AND lower(table_name) = lower(?) "
        "AND lower(schema_name) = lower(coalesce(?, current_schema()))"
    )
    (found,) = database.execute(query, [options["table"], options.get("schema")]).fetchone()
    return bool(found)


@contextmanager
def _opened(file: Path, *, read_only: bool) -> Iterator[Any]:
    """Yield the database; its queries may read nothing outside of it, no other file and no address."""
    if read_only and not file.exists():
        raise FileNotFoundError(file)
    import duckdb

    if not read_only:
        _remove_if_never_begun(file)
    database = duckdb.connect(str(file), read_only=read_only)
    try:
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        yield database
    finally:
        database.close()


def _remove_if_never_begun(file: Path) -> None:
    """Remove an empty file that nobody holds: a writer had no room for its first byte, and duckdb would refuse it."""
    with suppress(OSError), file.open("r+b") as handle:
        if handle.seek(0, os.SEEK_END) == 0:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as duckdb does
            file.unlink()


def _quoted(name: str, schema: str | None = None) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return f"{_quoted(schema)}.{quoted}" if schema else quoted


SQL = PlaceFormat(_read_sql, _write_sql, _prepare_sql, ("sqlalchemy",), "sql")
DUCKDB = PlaceFormat(_read_duckdb, _write_duckdb, _prepare_duckdb, ("duckdb",), "duckdb")
