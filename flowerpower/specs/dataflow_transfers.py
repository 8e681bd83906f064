"""Types of nodes against what files hold: a `save:` that would fail in the end, a `load:` that fills nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flowerpower.dataflow.check import Finding
from flowerpower.dataflow.fits import Classes
from flowerpower.dataflow.graph import Graph

if TYPE_CHECKING:
    from flowerpower.specs.parts import LoadSpec, SaveSpec

_NONE: Classes = frozenset()
_NUMBERS = frozenset({"None", "bool", "int", "float"})
_TEXTS = frozenset({"str", "bytes"})
_MOMENTS = frozenset({"datetime.date", "datetime.datetime"})
_FRAMES = frozenset(
    [
        *("pandas.DataFrame", "pandas.Series", "polars.DataFrame", "polars.LazyFrame", "polars.Series"),
        *("pyarrow.Table", "pyarrow.RecordBatch", "pyarrow.RecordBatchReader", "duckdb.DuckDBPyRelation"),
    ]
)
_UNFILLED = frozenset({"pandas.Series", "polars.Series", "pyarrow.RecordBatch", "duckdb.DuckDBPyRelation"})
_PATHS = frozenset({"pathlib.Path"})
_SETS = frozenset({"set", "numpy.ndarray"})
_LISTS = frozenset({"list", "tuple"})
_NO_TEXT = _NUMBERS | _MOMENTS | _FRAMES | _PATHS | _SETS | {"dict"}
_NO_FILE = _NUMBERS | _MOMENTS | _PATHS | _SETS | _UNFILLED | {"tuple"}
_NO_MAPPING = _NUMBERS | _TEXTS | _MOMENTS | _FRAMES | _PATHS | _SETS | _LISTS
_NO_JSON = _PATHS | {"bytes"}


class _Held(NamedTuple):
    """What a format does not hold: types of nodes that are saved, of what is in them, and of nodes that are loaded."""

    saved: Classes
    in_saved: Classes
    loaded: Classes
    in_loaded: Classes
    hint: str


_ROWS = _Held(
    _NO_MAPPING - _FRAMES - _LISTS | {"dict"},
    _NO_MAPPING,
    _NO_FILE | _TEXTS | {"dict"},
    _NO_MAPPING,
    "it holds a frame or a list of mappings; json and yaml hold any plain value",
)
_VALUES = _Held(_NO_JSON, _NO_JSON, _NO_FILE | {"bytes"}, _NONE, "it holds frames and plain values; text holds bytes")
_LINES = _Held(
    _NO_TEXT,
    _NO_TEXT | _LISTS | {"bytes"},
    _NO_FILE | _NO_TEXT,
    _NO_TEXT | _LISTS | {"bytes"},
    "it holds a text, bytes or a list of lines; json and yaml hold any plain value",
)
_HELD: Mapping[str, _Held] = {
    **dict.fromkeys(("csv", "parquet", "feather", "excel", "sql", "duckdb"), _ROWS),
    **dict.fromkeys(("json", "yaml"), _VALUES),
    "ndjson": _ROWS._replace(in_saved=_NO_JSON, in_loaded=_NONE),
    "text": _LINES,
}
_OF_PLUGINS = _Held(_NONE, _NONE, _NO_FILE, _NONE, "")


def wrong_transfers(graph: Graph, loads: Mapping[str, LoadSpec], saves: Sequence[SaveSpec]) -> Iterator[Finding]:
    """Yield the nodes that are saved in a format that cannot hold them, and those that cannot come out of a file."""
    if graph.edges is None or not graph.decided:
        return
    for position, save in enumerate(saves):
        held = _HELD.get(save.format, _OF_PLUGINS)
        for index, name in enumerate(save.outputs):
            if _is_refused(graph.edges.made(name), graph.edges.items_made(name), held.saved, held.in_saved):
                what = f"{save.format} cannot hold {name!r}, which is made as `{graph.edges.written(name)}`"
                yield Finding("not held", ("save", position, "outputs", index), what, held.hint)
    for name, load in loads.items():
        if load.format != "pickle":
            yield from _unfilled(graph, name, load)


def _unfilled(graph: Graph, name: str, load: LoadSpec) -> Iterator[Finding]:
    edges, held = graph.edges, _HELD.get(load.format, _OF_PLUGINS)
    if edges is None:
        return
    wanted, items = edges.made(name) or edges.wanted(name), edges.items_made(name) or edges.items_wanted(name)
    if _is_refused(wanted, items, _NO_FILE, _NONE):
        what = f"no file fills {name!r}, which is wanted as `{edges.written(name)}`"
        yield Finding("not held", ("load", name), what, "load what it is made from, or give it under `inputs`")
    elif _is_refused(wanted, items, held.loaded, held.in_loaded):
        what = f"{load.format} cannot fill {name!r}, which is wanted as `{edges.written(name)}`"
        yield Finding("not held", ("load", name), what, held.hint)


def _is_refused(classes: Classes, items: Classes, refused: Classes, refused_items: Classes) -> bool:
    """Tell whether a value of one of the classes is refused for certain: as what it is, or for what is in it."""
    if items and items <= refused_items:
        refused = refused | {"list", "tuple", "set", "dict"}
    return bool(classes) and classes <= refused
