"""Types of nodes against what files hold: a `save:` that would fail in the end, a `load:` that fills nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from flowerpower.dataflow.check import Finding
from flowerpower.dataflow.fits import Classes
from flowerpower.dataflow.graph import Graph

if TYPE_CHECKING:
    from flowerpower.specs.parts import LoadSpec, SaveSpec

_NUMBERS = frozenset({"None", "bool", "int", "float"})
_TEXTS = frozenset({"str", "bytes"})
_MOMENTS = frozenset({"datetime.date", "datetime.datetime"})
_FRAMES = frozenset({"pandas.DataFrame", "pandas.Series", "polars.DataFrame", "polars.LazyFrame", "polars.Series"})
_OTHERS = frozenset({"pathlib.Path", "pyarrow.Table"})
_NO_ROWS = _NUMBERS | _TEXTS | _MOMENTS | _OTHERS | {"dict", "set", "numpy.ndarray"}
_NO_TEXT = _NUMBERS | _MOMENTS | _FRAMES | _OTHERS | {"dict", "set", "numpy.ndarray"}
_NO_FILE = _NUMBERS | _MOMENTS | _OTHERS | {"set", "tuple", "numpy.ndarray", "pandas.Series", "polars.Series"}
_ROWS = "it holds a frame or a list of mappings; json and yaml hold any plain value"
_NOT_HELD: Mapping[str, tuple[Classes, str]] = {
    **dict.fromkeys(("csv", "parquet", "feather", "excel", "sql", "duckdb", "ndjson"), (_NO_ROWS, _ROWS)),
    "text": (_NO_TEXT, "it holds a text, bytes or a list of lines; json and yaml hold any plain value"),
    **dict.fromkeys(("json", "yaml"), (_OTHERS | {"bytes"}, "it holds frames and plain values; text holds bytes")),
}


def wrong_transfers(graph: Graph, loads: Mapping[str, LoadSpec], saves: Sequence[SaveSpec]) -> Iterator[Finding]:
    """Yield the nodes that are saved in a format that cannot hold them, and those that cannot come out of a file."""
    if graph.edges is None or not graph.decided:
        return
    for position, save in enumerate(saves):
        refused, hint = _NOT_HELD.get(save.format, (frozenset(), ""))
        for index, name in enumerate(save.outputs):
            if (made := graph.edges.made(name)) and made <= refused:
                what = f"{save.format} cannot hold {name!r}, which is made as `{graph.edges.written(name)}`"
                yield Finding("not held", ("save", position, "outputs", index), what, hint)
    for name, load in loads.items():
        wanted = graph.edges.made(name) or graph.edges.wanted(name)
        if load.format != "pickle" and wanted and wanted <= _NO_FILE:
            what = f"no file fills {name!r}, which is wanted as `{graph.edges.written(name)}`"
            yield Finding("not held", ("load", name), what, "load what it is made from, or give it under `inputs`")
