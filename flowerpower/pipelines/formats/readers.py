"""How frames are read by the functions of pandas and polars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from flowerpower.pipelines.formats.format import Kind, Options


def frame_reader(pandas: str, polars: str, plain: Callable[[BinaryIO, Kind, Options], Any], **fixed: Any) -> Any:
    """Return a reader that leaves frames to the named functions of pandas and polars."""

    def read(handle: BinaryIO, kind: Kind, options: Options) -> Any:
        if kind == "pandas":
            import pandas as library

            return getattr(library, pandas)(handle, **{**fixed, **options})
        if kind in ("polars", "lazy"):
            import polars as library

            frame = getattr(library, polars)(handle, **options)
            return frame.lazy() if kind == "lazy" else frame
        return plain(handle, kind, options)

    return read
