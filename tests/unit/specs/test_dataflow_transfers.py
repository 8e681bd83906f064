"""What is said of files without running anything is what the formats themselves say of values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow
import pytest
from support.dataflow import static_graph

from flowerpower.pipelines.formats import Format, find_format, kind_of
from flowerpower.pipelines.formats.format import computed
from flowerpower.specs.dataflow_transfers import wrong_transfers
from flowerpower.specs.parts import LoadSpec, SaveSpec

HEADER = """
import datetime
import numpy
import pandas
import pathlib
import polars
import pyarrow
"""
VALUES: dict[str, Any] = {
    "bool": True,
    "int": 1,
    "float": 1.5,
    "str": "a",
    "bytes": b"a",
    "list": [],
    "tuple": (),
    "dict": {"a": 1},
    "set": {1},
    "datetime.date": date(2026, 11, 27),
    "datetime.datetime": datetime(2026, 11, 27, tzinfo=UTC),
    "pathlib.Path": Path("a"),
    "pandas.DataFrame": pd.DataFrame({"a": [1]}),
    "pandas.Series": pd.Series([1]),
    "polars.DataFrame": pl.DataFrame({"a": [1]}),
    "polars.LazyFrame": pl.LazyFrame({"a": [1]}),
    "polars.Series": pl.Series([1]),
    "pyarrow.Table": pyarrow.table({"a": [1]}),
    "numpy.ndarray": np.array([1]),
}


def said_of(kind: str, loads: dict[str, LoadSpec], saves: list[SaveSpec]) -> bool:
    text = f"{HEADER}\ndef made(needed: {kind}) -> {kind}: ...\n"
    return bool(list(wrong_transfers(static_graph({"m0.py": text}, ["m0"], {}), loads, saves)))


@pytest.mark.parametrize("name", ["csv", "json", "ndjson", "parquet", "feather", "excel", "text", "yaml", "pickle"])
@pytest.mark.parametrize("kind", VALUES)
def test_a_value_that_a_format_cannot_write_is_known_by_its_type(kind: str, name: str) -> None:
    form = find_format(name)
    assert isinstance(form, Format)
    try:
        form.write(computed(VALUES[kind]), BytesIO(), {})
        writes = True
    except TypeError:
        writes = False

    assert said_of(kind, {}, [SaveSpec(outputs=("made",), format=name, path="x")]) is not writes


@pytest.mark.parametrize("kind", VALUES)
def test_a_node_that_no_file_fills_is_known_by_its_type(kind: str) -> None:
    try:
        kind_of(type(VALUES[kind]))
        fills = True
    except TypeError:
        fills = False
    load = LoadSpec(format="json", path="x")

    assert said_of(kind, {"needed": load}, []) is not fills
    assert said_of(kind, {"made": load}, []) is not fills
    assert not said_of(kind, {"made": LoadSpec(format="pickle", path="x")}, [])
