"""Law: what a format can hold comes back as it was saved, whatever stands in it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowerpower.pipelines.formats import FORMATS, Kind

LETTERS = st.characters(codec="utf-8", exclude_characters="\x00")
NAMES = st.text(LETTERS, min_size=1, max_size=8).filter(
    lambda name: '"' not in name
)  # polars doubles it in a head of csv
# Pandas takes some words for nothing, and every format but excel keeps what looks like a number only in quotes.
WORDS = st.text(LETTERS, max_size=12).map(lambda text: f"a{text}")
WHOLE = st.integers(-(2**53), 2**53)
FRACTIONS = st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1))
PLAIN = {"whole": WHOLE, "word": WORDS, "truth": st.booleans()}
RICH = {
    **PLAIN,
    "fraction": FRACTIONS,
    "moment": MOMENTS,
    "zoned": MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
    "day": st.dates(date(1800, 1, 1), date(2200, 1, 1)),
    "decimal": st.decimals(-(10**9), 10**9, places=3).map(lambda value: value.quantize(Decimal("0.001"))),
    "list": st.lists(WHOLE, max_size=3),
    "mapping": st.fixed_dictionaries({"x": WHOLE, "y": WORDS}),
    "bytes": st.binary(max_size=8),
}
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def columns(draw: st.DrawFn, kinds: dict[str, st.SearchStrategy[Any]]) -> dict[str, list[Any]]:
    """Columns of a few rows by their names, each of one type."""
    rows = draw(st.integers(1, 5))
    names = draw(st.lists(NAMES, min_size=2, max_size=4, unique_by=lambda name: name.strip().lower()))
    chosen = [draw(st.sampled_from(sorted(kinds))) for _ in names]
    return {
        name: draw(st.lists(kinds[kind], min_size=rows, max_size=rows))
        for name, kind in zip(names, chosen, strict=True)
    }


def there_and_back(form: str, kind: Kind, value: Any) -> Any:
    sink = BytesIO()
    found = FORMATS[form]
    found.write(value, sink, {})  # type: ignore[arg-type]
    return found.read(BytesIO(sink.getvalue()), kind, {})  # type: ignore[arg-type]


@SETTINGS
@given(table=columns(RICH))
@pytest.mark.parametrize("form", ["parquet", "feather", "pickle"])
def test_a_columnar_file_holds_every_type_of_every_library(form: str, table: dict[str, list[Any]]) -> None:
    arrow, polars = pa.table(table), pl.DataFrame(table, strict=False)
    rows = arrow.to_pylist()

    assert there_and_back(form, "arrow", arrow).equals(arrow)
    assert there_and_back(form, "polars", polars).equals(polars)
    assert there_and_back(form, "list", rows) == rows


@SETTINGS
@given(table=columns({name: RICH[name] for name in ("whole", "word", "truth", "fraction", "moment", "zoned")}))
@pytest.mark.parametrize("form", ["parquet", "feather", "pickle"])
def test_a_columnar_file_holds_frames_of_pandas(form: str, table: dict[str, list[Any]]) -> None:
    frame = pd.DataFrame(table)

    pd.testing.assert_frame_equal(there_and_back(form, "pandas", frame), frame, check_exact=True)


@SETTINGS
@given(table=columns({**PLAIN, "fraction": FRACTIONS}))
@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
def test_a_text_file_holds_numbers_words_and_truth(form: str, table: dict[str, list[Any]]) -> None:
    arrow, polars = pa.table(table), pl.DataFrame(table)
    rows = arrow.to_pylist()

    assert loosely(there_and_back(form, "arrow", arrow).to_pylist()) == loosely(rows)
    assert loosely(there_and_back(form, "polars", polars).to_dicts()) == loosely(rows)
    if form != "csv":  # all of it is text there
        assert there_and_back(form, "list", rows) == rows


@SETTINGS
@given(table=columns(PLAIN))
@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
def test_a_text_file_holds_frames_of_pandas(form: str, table: dict[str, list[Any]]) -> None:
    frame = pd.DataFrame(table)

    pd.testing.assert_frame_equal(there_and_back(form, "pandas", frame), frame)


@SETTINGS
@given(table=columns({"word": st.text(LETTERS, max_size=12)}))
def test_csv_holds_every_text_that_it_does_not_take_for_something_else(table: dict[str, list[str]]) -> None:
    rows = pa.table(table).to_pylist()

    assert there_and_back("csv", "list", rows) == rows


PLAIN_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), FRACTIONS, st.text(st.characters(codec="utf-8"))),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=10,
)


@SETTINGS
@given(value=PLAIN_VALUES)
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_json_and_yaml_hold_every_plain_value(form: str, value: Any) -> None:
    assert same(there_and_back(form, "any", value), value)


PRINTED = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
EXCEL_ROW = st.fixed_dictionaries(
    {"n": st.integers(-(10**15), 10**15), "=a": PRINTED.map(lambda text: f"={text}"), "t": st.booleans()}
)


@SETTINGS
@given(lines=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"))))
def test_a_text_holds_every_line(lines: list[str]) -> None:
    assert there_and_back("text", "list", lines) == lines


@SETTINGS
@given(rows=st.lists(EXCEL_ROW, min_size=1, max_size=5))
def test_excel_holds_numbers_of_15_digits_words_and_truth(rows: list[dict[str, Any]]) -> None:
    assert there_and_back("excel", "list", rows) == rows


def loosely(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Values without their types: a whole fraction may come back as a whole number."""
    return [[float(value) if isinstance(value, (int, float)) else value for value in row.values()] for row in rows]


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one == other or (isinstance(one, float) and math.isclose(one, other)))
