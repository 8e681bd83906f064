"""Formats of tables: csv, parquet, feather."""

from __future__ import annotations

from importlib import import_module
from typing import Any, BinaryIO

from flowerpower.pipelines.formats import arrow
from flowerpower.pipelines.formats.arrow import arrow_table
from flowerpower.pipelines.formats.format import Format, Kind, Options, columns_of, library_of, records, texts_of
from flowerpower.pipelines.formats.readers import By, all_rows, frame_reader

_LARGEST_CELL = 2**31 - 1  # bytes


def _read_csv(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind == "any":
        return CSV.read(handle, "pandas", options)
    if kind == "arrow":
        return arrow.read_csv(handle, options)
    if kind != "list":
        raise TypeError(f"csv cannot fill a {kind}")
    import csv
    import io

    csv.field_size_limit(_LARGEST_CELL)  # which is 128 KiB else, and for the whole process in either case
    with io.TextIOWrapper(handle, encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text, **options))


def _write_csv(value: Any, handle: BinaryIO, options: Options) -> None:
    library = library_of(value)
    if library == "pandas":
        value.to_csv(handle, **{"index": False, **_line_ends(value), **options})
    elif library == "polars":
        value.write_csv(handle, **options)
    elif library == "arrow":
        arrow.write_csv(value, handle, options)
    else:
        import csv
        import io

        rows = records(value, "csv")
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=columns_of(rows), **options)
        writer.writeheader()
        writer.writerows(rows)
        handle.write(text.getvalue().encode())


def _line_ends(frame: Any) -> Options:
    r"""Return how pandas ends lines: with \r\n where a cell holds a \r, which is put in quotes only then."""
    heads = [str(name) for name in frame.columns]
    return {"lineterminator": "\r\n"} if any("\r" in text for text in (*heads, *texts_of(frame))) else {}


def _columnar(name: str, of_polars: str, written_by: str) -> Format:
    """Return a format that pandas, polars and pyarrow each read and write by a function of their own.

    *of_polars* is what polars calls it, *written_by* the function of pyarrow's module of that name that writes.
    """

    def read(handle: BinaryIO, kind: Kind, options: Options) -> Any:
        if kind == "any":
            return form.read(handle, "pandas", options)
        if kind not in ("arrow", "list"):
            raise TypeError(f"{name} cannot fill a {kind}")
        table = import_module(f"pyarrow.{name}").read_table(handle, **options)
        return table if kind == "arrow" else table.to_pylist()

    def write(value: Any, handle: BinaryIO, options: Options) -> None:
        library = library_of(value)
        if library == "polars":
            getattr(value, f"write_{of_polars}")(handle, **options)
        elif library == "pandas":
            getattr(value, f"to_{name}")(handle, **options)
        else:
            table = value if library == "arrow" else arrow_table(records(value, name))
            getattr(import_module(f"pyarrow.{name}"), written_by)(table, handle, **options)

    reader = frame_reader(By(f"read_{name}"), By(f"read_{of_polars}"), read)
    form = Format(reader, write, ("pyarrow", "polars"), "parquet")
    return form


CSV = Format(frame_reader(By("read_csv"), By("read_csv", all_rows), _read_csv), _write_csv)
PARQUET = _columnar("parquet", "parquet", "write_table")
FEATHER = _columnar("feather", "ipc", "write_feather")
