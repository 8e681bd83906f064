"""What a format is, and the questions that all of them ask of nodes and values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, BinaryIO, Literal, Union, get_args, get_origin

from flowerpower.errors import FlowerPowerError, MissingExtraError, PipelineError
from flowerpower.filesystem import Filesystem
from flowerpower.specs.wording import type_name

Kind = Literal["pandas", "polars", "lazy", "arrow", "batches", "list", "dict", "str", "bytes", "any"]
Library = Literal["pandas", "polars", "arrow", "plain"]
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files. A plug-in in the entry-point group `flowerpower.io` is an object of this class.

    `read` gets a file open for reading, the kind of value wanted and the spec's options; `write` a value, a file open
    for writing and the options. Both raise TypeError for a kind of value they do not know. They never see a path, so
    that no library can go round the project's filesystem. `needs` names modules of which one must be installed, and
    `extra` the extra of flowerpower that has them, if one has.
    """

    read: Callable[[BinaryIO, Kind, Options], Any]
    write: Callable[[Any, BinaryIO, Options], None]
    needs: tuple[str, ...] = ()
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a `PlaceFormat` reads or writes: what its `prepare` returned, and the filesystem of the project."""

    path: str
    files: Filesystem


@dataclass(frozen=True, slots=True)
class PlaceFormat:
    """A format that opens its place by itself, as a database does. Plug-ins may offer one, too.

    `prepare` gets the path as written, the filesystem, the options and whether it is to be written. It returns where
    that is, or raises FlowerPowerError, before anything runs: for a place that the project does not allow, and for
    options that cannot work.
    """

    read: Callable[[Place, Kind, Options], Any]
    write: Callable[[Any, Place, Options], None]
    prepare: Callable[[str, Filesystem, Options, bool], str]
    needs: tuple[str, ...] = ()
    extra: str = ""


def lacks_library(what: str, form: Format | PlaceFormat) -> FlowerPowerError | None:
    """Return what to say where nothing that a format needs is installed; *what* names the format."""
    if not form.needs or any(map(is_installed, form.needs)):
        return None
    if form.extra:
        return MissingExtraError(what, form.extra)
    return PipelineError(f"{what} needs {' or '.join(form.needs)}", hint="install it where the pipeline runs")


def is_installed(module: str) -> bool:
    """Tell whether there is a module, without importing it; what it lies in is imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it lies in
        return False


def kind_of(annotation: Any) -> Kind:
    """Return what a node of that type wants to be filled with; raises TypeError for a type no file holds."""
    if annotation is Any or annotation is object:
        return "any"
    origin = get_origin(annotation)
    if origin is Annotated:
        return kind_of(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return _first_kind([one for one in get_args(annotation) if one is not type(None)])
    kind = origin or annotation
    for base, name in ((str, "str"), (bytes, "bytes"), (list, "list"), (Sequence, "list"), (dict, "dict")):
        if kind is base:
            return name  # type: ignore[return-value]
    if kind is Mapping or (isinstance(kind, type) and issubclass(kind, dict)):
        return "dict"
    frame = _FRAMES.get(_named(kind))
    if frame is None:
        raise TypeError(f"a node of type {type_name(annotation)} cannot be filled from a file")
    return frame


def _first_kind(annotations: Sequence[Any]) -> Kind:
    """Return what the first of several types is filled with that a file can fill."""
    *others, last = annotations
    for annotation in others:
        with suppress(TypeError):
            return kind_of(annotation)
    return kind_of(last)


def refuse_other_items(name: str, annotation: Any) -> None:
    """Raise TypeError where a list of that type is none of what the format *name* fills lists with."""
    if (held := _ITEMS.get(name)) and _holds_other(annotation, held):
        what = "lines" if held is str else "mappings"
        raise TypeError(f"{name} fills a list of {what}, the node wants a {type_name(annotation)}")


def _holds_other(annotation: Any, held: type) -> bool:
    """Tell whether everything in a list of that type is for certain no *held*."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _holds_other(parts[0], held)
    if origin in (Union, UnionType):
        lists = [part for part in parts if get_origin(part) in (list, Sequence)]
        return bool(lists) and all(_holds_other(part, held) for part in lists)
    return len(parts) == 1 and _is_other(parts[0], held)


def _is_other(item: Any, held: type) -> bool:
    if get_origin(item) in (Union, UnionType):
        return all(_is_other(part, held) for part in get_args(item))
    kind = get_origin(item) or item
    return kind is not held and (kind in _PLAIN or _named(kind) in _FRAMES or _named(kind) in _COMPUTED)


def shape_of(value: Any) -> tuple[int | None, int | None]:
    """Return rows and columns of a value, as far as it has them."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and len(shape) in (1, 2):
        return int(shape[0]), int(shape[1]) if len(shape) == 2 else 1
    if isinstance(value, list):
        width = len(value[0]) if value and all(isinstance(row, dict) for row in value) else None
        return len(value), width
    return None, None


def computed(value: Any) -> Any:
    """Return *value* with nothing left to compute or to read, and a series as a frame of one column."""
    compute = _COMPUTED.get(_family(value))
    return compute(value) if compute else value


def is_read_once(value: Any) -> bool:
    """Tell whether a value is empty for whoever comes second."""
    return _family(value) == ("pyarrow", "RecordBatchReader")


def library_of(value: Any) -> Library:
    """Return which library writes a computed *value*."""
    match _FRAMES.get(_family(value)):
        case "pandas" | "polars" | "arrow" as found:
            return found
    return "plain"


def records(value: Any, what: str) -> list[dict[str, Any]]:
    """Return *value* as the list of mappings that it is; raises TypeError when it is none."""
    if is_rows(value):
        return list(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as {what}; a frame or a list of mappings can")


def is_rows(value: Any) -> bool:
    """Tell whether a value is a list of mappings."""
    return isinstance(value, (list, tuple)) and all(isinstance(row, dict) for row in value)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns that any of the rows has, in the order in which they come up."""
    return list(dict.fromkeys(column for row in rows for column in row))


def texts_of(frame: Any) -> Iterator[str]:
    """Yield the texts in the cells of a frame of pandas."""
    for _, column in frame.items():
        if str(column.dtype) in ("object", "str", "string", "category"):
            yield from (cell for cell in column if isinstance(cell, str))


def joined(parts: Sequence[Any], kind: Kind) -> Any:
    """Return what several files hold as one value: frames below each other, lists end to end."""
    if len(parts) == 1:
        return parts[0]
    if kind == "list":
        return [item for part in parts for item in part]
    match _FRAMES.get(_family(parts[0])):
        case "pandas":
            import pandas

            return pandas.concat(parts, ignore_index=True)
        case "polars" | "lazy":
            import polars

            return polars.concat(parts, how="diagonal_relaxed")
        case "arrow":
            import pyarrow

            return pyarrow.concat_tables(parts, promote_options="permissive")
    raise TypeError("several files can fill a frame or a list")


_FRAMES: Mapping[tuple[str, str], Kind] = {
    ("pandas", "DataFrame"): "pandas",
    ("polars", "DataFrame"): "polars",
    ("polars", "LazyFrame"): "lazy",
    ("pyarrow", "Table"): "arrow",
    ("pyarrow", "RecordBatchReader"): "batches",
}
_ITEMS: Mapping[str, type] = {
    **dict.fromkeys(("csv", "parquet", "feather", "excel", "sql", "duckdb"), dict),
    "text": str,
}
_PLAIN = (type(None), bool, int, float, str, bytes, date, datetime, list, tuple, dict, set, Path)
_COMPUTED: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("polars", "LazyFrame"): lambda value: value.collect(),
    ("polars", "Series"): lambda value: value.to_frame(),
    ("pandas", "Series"): lambda value: value.to_frame("value" if value.name is None else value.name),
    ("pyarrow", "RecordBatchReader"): lambda value: value.read_all(),
    ("pyarrow", "RecordBatch"): lambda value: value.schema.empty_table().from_batches([value]),
    ("duckdb", "DuckDBPyRelation"): lambda value: value.to_arrow_table(),
}


def _family(value: Any) -> tuple[str, str]:
    """Return the library and the class that *value* is one of, as far as formats know it: its own or one above."""
    names = [_named(kind) for kind in type(value).__mro__]
    return next((name for name in names if name in _FRAMES or name in _COMPUTED), names[0])


def _named(kind: Any) -> tuple[str, str]:
    library = str(getattr(kind, "__module__", "")).partition(".")[0]
    return library.lstrip("_"), str(getattr(kind, "__name__", ""))
