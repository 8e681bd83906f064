"""Sheets of Excel: what a text says is a text there, too, and what a sheet would cut off is an error."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from typing import Any, BinaryIO

from flowerpower.pipelines.formats.format import Format, Kind, Options, library_of, records, texts_of
from flowerpower.pipelines.formats.readers import ALL_ROWS

_LONGEST = 32_767  # letters in a cell; the libraries would cut the rest off
# Without a word xlsxwriter calculates "=1+1", and leaves cells empty that look like a long address.
_TEXTS = {"strings_to_formulas": False, "strings_to_urls": False}


def _read_excel(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    if kind in ("pandas", "any"):
        import pandas

        return pandas.read_excel(handle, **options)
    if kind in ("polars", "lazy"):
        import polars

        how = {"engine": "openpyxl", "raise_if_empty": False, **ALL_ROWS, **options}
        frame = polars.read_excel(handle.read(), **how)
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
    if library_of(value) == "polars":
        _refuse_long(text for column in value.select(_texts_of_polars()) for text in column if text is not None)
        _write_polars(value.fill_nan(None), sheet, options)
    else:
        frame = _pandas_frame(value)
        _refuse_long(texts_of(frame))
        frame.to_excel(sheet, **{"index": False, **_as_texts(options), **options})
    handle.write(sheet.getvalue())


def _write_polars(value: Any, sheet: BytesIO, options: Options) -> None:
    from xlsxwriter import Workbook

    book = Workbook(sheet, {"nan_inf_to_errors": True, **_TEXTS})
    value.write_excel(book, **options)
    book.close()


def _texts_of_polars() -> Any:
    import polars

    return polars.col(polars.String)


def _pandas_frame(value: Any) -> Any:
    import pandas

    match library_of(value):
        case "pandas":
            return value
        case "arrow":
            return value.to_pandas()
    return pandas.DataFrame(records(value, "excel"))


def _as_texts(options: Options) -> Options:
    """Return what lets pandas write texts as they are, if it may choose what writes."""
    chosen = "engine" in options or "engine_kwargs" in options
    return (
        {} if chosen or not find_spec("xlsxwriter") else {"engine": "xlsxwriter", "engine_kwargs": {"options": _TEXTS}}
    )


def _refuse_long(texts: Iterator[str]) -> None:
    if (longest := max(map(len, texts), default=0)) > _LONGEST:
        raise ValueError(
            f"a text of {longest:,} letters fits into no cell, which holds {_LONGEST:,}; use parquet or csv"
        )


EXCEL = Format(_read_excel, _write_excel, ("openpyxl",), "excel")
