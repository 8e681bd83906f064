"""What is saved comes back: values that the libraries, left to themselves, change, cut off or leave out."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from flowerpower.pipelines.formats import FORMATS, Kind
from flowerpower.pipelines.formats.format import joined

MAKERS: dict[Kind, Any] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": pa.table,
    "list": lambda columns: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
}
FRAMES = list(MAKERS)


def there_and_back(form: str, kind: Kind, value: Any) -> Any:
    return read(form, kind, written(form, value))


def written(form: str, value: Any) -> bytes:
    sink = BytesIO()
    FORMATS[form].write(value, sink, {})  # type: ignore[arg-type]
    return sink.getvalue()


def read(form: str, kind: Kind, content: bytes) -> Any:
    return FORMATS[form].read(BytesIO(content), kind, {})  # type: ignore[arg-type]


def columns_of(value: Any) -> dict[str, list[Any]]:
    match value:
        case list():
            return {name: [row[name] for row in value] for name in value[0]}
        case pa.Table():
            return value.to_pydict()
        case pl.DataFrame():
            return value.to_dict(as_series=False)
    return value.astype(object).where(value.notna(), None).to_dict("list")


@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "excel"])
def test_polars_reads_what_comes_up_after_many_rows(form: str) -> None:
    rows = [{"a": 1, "late": None}] * 150 + [{"a": 2.5, "late": "x"}]

    back = read(form, "polars", written(form, rows))

    assert back["a"].to_list() == [1.0] * 150 + [2.5]
    assert back["late"].to_list()[-1] == "x"


def test_polars_keeps_a_column_that_no_early_row_of_ndjson_has() -> None:
    rows = [{"a": 1}] * 150 + [{"a": 2, "late": "x"}]

    assert read("ndjson", "polars", written("ndjson", rows))["late"].to_list()[-1] == "x"


def test_polars_reads_an_ndjson_file_without_rows() -> None:
    assert there_and_back("ndjson", "polars", pl.DataFrame({"a": []})).shape == (0, 0)
    assert there_and_back("ndjson", "lazy", pl.DataFrame({"a": []})).collect().shape == (0, 0)


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_pandas_writes_15_digits_and_the_whole_of_a_time(form: str) -> None:
    moment = datetime(2026, 11, 27, 6, 0, 0, 123456)
    frame = pd.DataFrame({"x": [0.123456789012345], "t": [moment], "o": pd.Series([moment], dtype=object)})
    fine = pd.DataFrame({"t": pd.to_datetime(["2026-11-27T06:00:00.123456789"])})

    (row,) = there_and_back(form, "list", frame)

    assert row["x"] == 0.123456789012345
    assert row["t"] == row["o"] == "2026-11-27T06:00:00.123456"
    assert there_and_back(form, "list", fine) == [{"t": "2026-11-27T06:00:00.123456789"}]


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "parquet", "feather"])
def test_no_letter_breaks_a_row(form: str, kind: Kind) -> None:
    texts = ["a\rb", "a\nb", "a\r\nb", 'say "hi"', "a,b;c\td", "=1+1", " x ", "\u2028", "\x85", "\x0b", "日本", "🌻"]
    columns = {"ünï,'cödé'\nb\r": texts, "n": [str(n) + "x" for n in range(len(texts))]}

    back = there_and_back(form, kind, MAKERS[kind](columns))

    assert columns_of(back) == columns


def test_a_file_of_pandas_has_short_line_ends_where_it_can() -> None:
    assert written("csv", pd.DataFrame({"a": ["x\ny"]})) == b'a\n"x\ny"\n'


@pytest.mark.parametrize("kind", FRAMES)
def test_a_text_is_no_formula_and_no_link_in_excel(kind: Kind) -> None:
    columns = {"a": ["=1+1", "http://x.example/" + "a" * 3000, "@SUM(A1)"], "n": [1, 2, 3]}

    assert columns_of(there_and_back("excel", kind, MAKERS[kind](columns))) == columns


@pytest.mark.parametrize("kind", FRAMES)
def test_a_text_that_fits_into_no_cell_is_not_cut_off(kind: Kind) -> None:
    fits, too_long = ({"a": ["x" * length, "y"]} for length in (32_767, 32_768))

    assert columns_of(there_and_back("excel", kind, MAKERS[kind](fits))) == fits
    with pytest.raises(ValueError, match="a text of 32,768 letters fits into no cell"):
        written("excel", MAKERS[kind](too_long))


def test_a_fraction_that_is_none_is_an_empty_cell_in_excel() -> None:
    frame = pl.DataFrame({"a": [1.5, float("nan")], "b": ["x", "y"]})

    assert there_and_back("excel", "polars", frame)["a"].to_list() == [1.5, None]


@pytest.mark.parametrize("lines", [[], [""], ["a", "", "b"], ["a\u2028b", "c\x85d\x0be\x1cf"]])
def test_a_line_ends_where_it_was_ended(lines: list[str]) -> None:
    assert there_and_back("text", "list", lines) == lines


def test_lines_of_other_systems_end_too() -> None:
    assert read("text", "list", b"a\r\nb") == ["a", "b"]


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_parts_are_put_together_though_one_has_a_wider_type(kind: Kind) -> None:
    parts = [MAKERS[kind]({"a": [1]}), MAKERS[kind]({"a": [1.5], "b": ["x"]})]

    assert columns_of(joined(parts, kind)) == {"a": [1.0, 1.5], "b": [None, "x"]}


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_the_name_of_a_column_is_no_number_to_pandas(form: str) -> None:
    frame = pd.DataFrame({"007": [1], "2026": [2]})

    assert list(there_and_back(form, "pandas", frame).columns) == ["007", "2026"]


@pytest.mark.parametrize("orient", ["table", "split", "index"])
def test_pandas_reads_other_shapes_of_json_in_its_own_way(orient: str) -> None:
    frame, sink = pd.DataFrame({"a": [1, 2]}), BytesIO()

    FORMATS["json"].write(frame, sink, {"orient": orient})  # type: ignore[arg-type]
    back = FORMATS["json"].read(BytesIO(sink.getvalue()), "pandas", {"orient": orient})  # type: ignore[arg-type]

    pd.testing.assert_frame_equal(back, frame, check_names=False)


@pytest.mark.parametrize("letter", ["\x85", "\u2028", "\u2029", "\ufeff", "ü", "日"])
def test_yaml_keeps_every_letter(letter: str) -> None:
    value = {letter: [f"a{letter}b", letter]}

    assert there_and_back("yaml", "dict", value) == value
    assert letter not in "ü日" or letter.encode() in written("yaml", value)


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "parquet", "feather"])
def test_a_text_may_be_long(form: str, kind: Kind) -> None:
    columns = {"a": ["x" * 200_000, "y"], "b": ["1x", "2x"]}

    assert columns_of(there_and_back(form, kind, MAKERS[kind](columns))) == columns
