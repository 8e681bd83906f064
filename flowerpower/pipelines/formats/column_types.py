"""Types of columns for PostgreSQL, which makes no date of a text and no number of one, as other databases do.

Pandas calls what holds objects of Python a text, and SQLAlchemy says so of each value that it sends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

_LOOKED_AT = 1000  # rows of a column that are to tell its type


def known_types(connection: Any, table: str, schema: str | None) -> dict[str, Any]:
    """Return the types of a table's columns by name; none for another database, or a table that is not there yet.

    What JSON is made of a text is left to the database: a text may hold some already.
    """
    import sqlalchemy

    inspector = sqlalchemy.inspect(connection)
    if connection.dialect.name != "postgresql" or not inspector.has_table(table, schema=schema):
        return {}
    unknown = (sqlalchemy.JSON, sqlalchemy.types.NullType)
    columns = inspector.get_columns(table, schema=schema)
    return {column["name"]: column["type"] for column in columns if not isinstance(column["type"], unknown)}


def types_to_write(connection: Any, frame: Any, known: Mapping[str, Any]) -> dict[Any, Any]:
    """Return the types of a frame's columns, as far as pandas would be wrong about them."""
    if connection.dialect.name != "postgresql":
        return {}
    found = {name: known.get(str(name)) or _type_of(column) for name, column in frame.items()}
    return {name: kind for name, kind in found.items() if kind is not None}


def matches(column: Any, kind: Any, value: Any) -> Any:
    """Return the condition that a column holds a value, which is sent as the *kind* of the column if that is known."""
    import sqlalchemy

    if value is None or kind is None or isinstance(kind, sqlalchemy.Boolean):
        return column == value
    return column == sqlalchemy.bindparam(None, value, kind)


def _type_of(column: Any) -> Any:
    """Return the type of a new column of decimals, or of moments that know their zone."""
    import sqlalchemy

    if str(column.dtype).startswith("decimal"):
        return sqlalchemy.Numeric()
    if column.dtype != object:
        return None
    held = [*islice(column.dropna(), _LOOKED_AT)]
    if _all(held, lambda value: isinstance(value, Decimal)):
        return sqlalchemy.Numeric()
    if _all(held, lambda value: isinstance(value, datetime) and value.tzinfo is not None):
        return sqlalchemy.DateTime(timezone=True)
    return None


def _all(values: Collection[Any], look: Callable[[Any], bool]) -> bool:
    return bool(values) and all(map(look, values))
