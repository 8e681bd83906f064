"""How frames are read by the functions of pandas and polars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

from flowerpower.pipelines.formats.format import Kind, Options

ALL_ROWS: Mapping[str, Any] = {"infer_schema_length": None}
"""Polars takes the types from all rows: of the first hundred alone it drops columns, or fails at the next one."""


class By(NamedTuple):
    """A function of a library that reads frames, and what it is told beside the options of the spec."""

    function: str
    told: Callable[[Options], Options] = lambda _: {}


def all_rows(_: Options) -> Options:
    """Tell polars to look at all rows."""
    return ALL_ROWS


def frame_reader(pandas: By, polars: By, plain: Callable[[BinaryIO, Kind, Options], Any]) -> Any:
    """Return a reader that leaves frames to functions of pandas and polars."""

    def read(handle: BinaryIO, kind: Kind, options: Options) -> Any:
        if kind == "pandas":
            import pandas as library

            return getattr(library, pandas.function)(handle, **{**pandas.told(options), **options})
        if kind in ("polars", "lazy"):
            import polars as library

            frame = getattr(library, polars.function)(handle, **{**polars.told(options), **options})
            return frame.lazy() if kind == "lazy" else frame
        return plain(handle, kind, options)

    return read
