"""Tables of Arrow in the formats that pyarrow reads and writes by itself, and tables of plain rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from flowerpower.pipelines.formats.format import Options, columns_of

_LARGEST_BLOCK = 2**31 - 1
# A cell may hold a line break. Nothing is no text, and "" is one: that is how pyarrow writes them.
_AS_WRITTEN = {"newlines_in_values": True, "strings_can_be_null": True, "quoted_strings_can_be_null": False}


def arrow_table(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a table with the columns of all of them; pyarrow alone looks at the first row only."""
    import pyarrow

    return pyarrow.Table.from_pydict({column: [row.get(column) for row in rows] for column in columns_of(rows)})


def read_csv(handle: BinaryIO, options: Options) -> Any:
    """Return a csv file as a table; options are those of pyarrow for reading, parsing and converting, side by side."""
    content = handle.read()
    # In one block: of several, the first alone decides on the types of columns.
    block = {"block_size": min(max(len(content), 1), _LARGEST_BLOCK)}
    table = _parsed(content, {**block, **_AS_WRITTEN, **_with_types(options)})
    if table.num_columns == 1 and "ignore_empty_lines" not in options:  # each is a row in which nothing stands
        return _parsed(content, {**block, **_AS_WRITTEN, **_with_types(options), "ignore_empty_lines": False})
    return table


def _parsed(content: bytes, options: Options) -> Any:
    import pyarrow
    from pyarrow import csv

    read, parse, convert = _grouped(options, (csv.ReadOptions, csv.ParseOptions, csv.ConvertOptions))
    return csv.read_csv(pyarrow.BufferReader(content), read_options=read, parse_options=parse, convert_options=convert)


def write_csv(table: Any, handle: BinaryIO, options: Options) -> None:
    """Write a table as csv; options are those of pyarrow for writing."""
    from pyarrow import csv

    csv.write_csv(table, handle, csv.WriteOptions(**options))


def rows_of_table(table: Any) -> list[dict[str, Any]]:
    """Return the rows of a table for JSON, which knows no fraction that is not finite: it becomes nothing."""
    import pyarrow
    from pyarrow import compute

    if twice := [name for name in table.column_names if table.column_names.count(name) > 1]:
        raise ValueError(f"two columns have the name {twice[0]!r}, and a row of JSON holds one of them")
    columns = [
        compute.if_else(compute.is_finite(column), column, None) if pyarrow.types.is_floating(column.type) else column
        for column in table.columns
    ]
    found: list[dict[str, Any]] = pyarrow.table(columns, names=table.column_names).to_pylist()
    return found


def _with_types(options: Options) -> Options:
    """Return options in which names of types, as a spec has them, are types."""
    import pyarrow

    named = options.get("column_types")
    if not isinstance(named, Mapping):
        return options
    types = {name: pyarrow.type_for_alias(kind) if isinstance(kind, str) else kind for name, kind in named.items()}
    return {**options, "column_types": types}


def _grouped(options: Options, groups: tuple[type, ...]) -> list[Any]:
    """Return one object of each of the classes, with the options that it has; raises TypeError for any other."""
    for name in options:
        if not any(hasattr(group, name) for group in groups):
            raise TypeError(f"pyarrow has no option {name!r} to read csv")
    return [group(**{name: value for name, value in options.items() if hasattr(group, name)}) for group in groups]
