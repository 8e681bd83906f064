"""What a format is, and the questions that all of them ask of nodes and values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, BinaryIO, Literal, Union, get_args, get_origin

from flowerpower.filesystem import Filesystem
from flowerpower.specs.typed import type_name

Kind = Literal["pandas", "polars", "lazy", "list", "dict", "str", "bytes", "any"]
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files. A plug-in in the entry-point group `flowerpower.io` is an object of this class.

    `read` gets a file open for reading, the kind of value wanted and the spec's options; `write` a value, a file open
    for writing and the options. Both raise TypeError for a kind of value they do not know. They never see a path, so
    that no library can go round the project's filesystem. `needs` names modules of which one must be installed, and
    `extra` the extra of flowerpower that has them.
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


def kind_of(annotation: Any) -> Kind:
    """Return what a node of that type wants to be filled with; raises TypeError for a type no file holds."""
    if annotation is Any or annotation is object:
        return "any"
    origin = get_origin(annotation)
    if origin is Annotated:
        return kind_of(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return kind_of(next(one for one in get_args(annotation) if one is not type(None)))
    kind = origin or annotation
    for base, name in ((str, "str"), (bytes, "bytes"), (list, "list"), (Sequence, "list"), (dict, "dict")):
        if kind is base:
            return name  # type: ignore[return-value]
    if kind is Mapping or (isinstance(kind, type) and issubclass(kind, dict)):
        return "dict"
    frame = _frame_library(kind)
    if frame is None:
        raise TypeError(f"a node of type {type_name(annotation)} cannot be filled from a file")
    return frame


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
    """Return *value* with nothing left to compute, and a series as a frame of one column."""
    kind = type(value)
    match kind.__module__.partition(".")[0], kind.__name__:
        case "polars", "LazyFrame":
            return value.collect()
        case "polars", "Series":
            return value.to_frame()
        case "pandas", "Series":
            return value.to_frame("value" if value.name is None else value.name)
    return value


def library_of(value: Any) -> Literal["pandas", "polars", "plain"]:
    """Return which library writes a computed *value*."""
    found = _frame_library(type(value))
    return "plain" if found is None or found == "lazy" else found


def records(value: Any, what: str) -> list[dict[str, Any]]:
    """Return *value* as the list of mappings that it is; raises TypeError when it is none."""
    if isinstance(value, (list, tuple)) and all(isinstance(row, dict) for row in value):
        return list(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as {what}; a frame or a list of mappings can")


def arrow_table(value: Any, what: str) -> Any:
    """Return a list of mappings as a table with the columns of all rows; pyarrow alone looks at the first row only."""
    import pyarrow

    rows = records(value, what)
    return pyarrow.Table.from_pydict({column: [row.get(column) for row in rows] for column in columns_of(rows)})


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns that any of the rows has, in the order in which they come up."""
    return list(dict.fromkeys(column for row in rows for column in row))


def joined(parts: Sequence[Any], kind: Kind) -> Any:
    """Return what several files hold as one value: frames below each other, lists end to end."""
    if len(parts) == 1:
        return parts[0]
    if kind == "list":
        return [item for part in parts for item in part]
    library = _frame_library(type(parts[0]))
    if library == "pandas":
        import pandas

        return pandas.concat(parts, ignore_index=True)
    if library in ("polars", "lazy"):
        import polars

        return polars.concat(parts, how="diagonal")
    raise TypeError("several files can fill a frame or a list")


def _frame_library(kind: Any) -> Literal["pandas", "polars", "lazy"] | None:
    library = getattr(kind, "__module__", "").partition(".")[0]
    match library, getattr(kind, "__name__", ""):
        case "pandas", "DataFrame":
            return "pandas"
        case "polars", "DataFrame":
            return "polars"
        case "polars", "LazyFrame":
            return "lazy"
    return None
