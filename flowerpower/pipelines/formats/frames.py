"""Formats of tables: csv, parquet, feather, excel."""

from __future__ import annotations

from io import BytesIO
from typing import Any, BinaryIO

from flowerpower.pipelines.formats import arrow
from flowerpower.pipelines.formats.arrow import arrow_table
from flowerpower.pipelines.formats.format import Format, Kind, Library, Options, columns_of, library_of, records
from flowerpower.pipelines.formats.readers import frame_reader


def _read_csv(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind == "any":
        return CSV.read(handle, "pandas", options)
    if kind == "arrow":
        return arrow.read_csv(handle, options)
    if kind != "list":
        raise TypeError(f"csv cannot fill a {kind}")
    import csv
    import io

    with io.TextIOWrapper(handle, encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text, **options))


def _write_csv(value: Any, handle: BinaryIO, options: Options) -> None:
    library = library_of(value)
    if library == "pandas":
        value.to_csv(handle, **{"index": False, **options})
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


def _read_parquet(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind == "any":
        return PARQUET.read(handle, "pandas", options)
    if kind not in ("arrow", "list"):
        raise TypeError(f"parquet cannot fill a {kind}")
    from pyarrow import parquet

    table = parquet.read_table(handle, **options)
    return table if kind == "arrow" else table.to_pylist()


def _write_parquet(value: Any, handle: BinaryIO, options: Options) -> None:
    library = library_of(value)
    if library == "polars":
        value.write_parquet(handle, **options)
        return
    if library == "pandas":
        value.to_parquet(handle, **options)
        return
    from pyarrow import parquet

    parquet.write_table(value if library == "arrow" else arrow_table(records(value, "parquet")), handle, **options)


def _read_feather(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind == "any":
        return FEATHER.read(handle, "pandas", options)
    if kind not in ("arrow", "list"):
        raise TypeError(f"feather cannot fill a {kind}")
    from pyarrow import feather

    table = feather.read_table(handle, **options)
    return table if kind == "arrow" else table.to_pylist()


def _write_feather(value: Any, handle: BinaryIO, options: Options) -> None:
    library = library_of(value)
    if library == "polars":
        value.write_ipc(handle, **options)
        return
    if library == "pandas":
        value.to_feather(handle, **options)
        return
    from pyarrow import feather

    feather.write_feather(value if library == "arrow" else arrow_table(records(value, "feather")), handle, **options)


def _read_excel(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind in ("pandas", "any"):
        import pandas

        return pandas.read_excel(handle, **options)
    if kind in ("polars", "lazy"):
        import polars

        frame = polars.read_excel(handle.read(), **{"engine": "openpyxl", **options})
        return frame.lazy() if kind == "lazy" else frame
    if kind == "arrow":
        import pyarrow

        return pyarrow.Table.from_pandas(EXCEL.read(handle, "pandas", options), preserve_index=False)
    if kind != "list":
        raise TypeError(f"excel cannot fill a {kind}")
    rows = EXCEL.read(handle, "pandas", options).astype(object)
    return rows.where(rows.notna(), None).to_dict("records")


def _write_excel(value: Any, handle: BinaryIO, options: Options) -> None:
    sheet = BytesIO()  # the libraries want to go back in what they write
    library = library_of(value)
    if library == "polars":
        value.write_excel(sheet, **options)
    else:
        frame = value if library == "pandas" else _pandas_frame(value, library)
        frame.to_excel(sheet, **{"index": False, **options})
    handle.write(sheet.getvalue())


def _pandas_frame(value: Any, library: Library) -> Any:
    import pandas

    return value.to_pandas() if library == "arrow" else pandas.DataFrame(records(value, "excel"))


CSV = Format(frame_reader("read_csv", "read_csv", _read_csv), _write_csv)
PARQUET = Format(
    frame_reader("read_parquet", "read_parquet", _read_parquet), _write_parquet, ("pyarrow", "polars"), "parquet"
)
FEATHER = Format(
    frame_reader("read_feather", "read_ipc", _read_feather), _write_feather, ("pyarrow", "polars"), "parquet"
)
EXCEL = Format(_read_excel, _write_excel, ("openpyxl",), "excel")
