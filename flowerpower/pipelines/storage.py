"""Reads what `load:` names into nodes, and writes what `save:` names from them, through one filesystem."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from flowerpower.errors import FlowerPowerError, MissingExtraError, PipelineError, RefusedError
from flowerpower.filesystem import Filesystem, hide_credentials
from flowerpower.pipelines.context import RunContext
from flowerpower.pipelines.failures import is_time_limit
from flowerpower.pipelines.formats import Format, Kind, Place, PlaceFormat, find_format, kind_of, shape_of
from flowerpower.pipelines.formats.format import computed, is_read_once, joined, lacks_library, refuse_other_items
from flowerpower.pipelines.placeholders import fill
from flowerpower.pipelines.troubles import harmless, is_absent, told, way_out_of, way_to
from flowerpower.plugins import IO_GROUP, OWN
from flowerpower.specs.models import PipelineSpec
from flowerpower.specs.parts import LoadSpec, SaveSpec
from flowerpower.stores import PageError

_FILES = ("parquet", "feather")
_PARTS = frozenset({"partition_by", "partition_cols", "partition_on"})  # as libraries call them
_NO_PAGES = frozenset(OWN[IO_GROUP]) - {"text"}
_MAPPINGS = ("json", "yaml")  # formats that can hold several outputs in one file, by name


@dataclass(frozen=True, slots=True)
class Access:
    """What the project allows: `allow.paths` beyond its own folder, `plugins` to be used, and `allow.pickle`."""

    paths: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    pickle: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """One `load` or `save` that is ready to be done: checked, and with nothing left to fill in."""

    where: str  # "load.orders", "save[0]": for messages
    nodes: tuple[str, ...]
    format_name: str
    format: Format | PlaceFormat
    path: str
    place: str  # the path as a `PlaceFormat` or the filesystem understands it
    options: Mapping[str, Any]
    files: Filesystem


@dataclass(frozen=True, slots=True)
class SaveRecord:
    """What was written where; rows, columns and bytes are None for values and places that have none."""

    outputs: tuple[str, ...]
    format: str
    path: str
    rows: int | None
    columns: int | None
    bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        names = ("format", "path", "rows", "columns", "bytes")
        return {"outputs": list(self.outputs), **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """What was read from where into a node; rows, columns and bytes are None where there are none."""

    node: str
    format: str
    path: str
    rows: int | None
    columns: int | None
    bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return {name: getattr(self, name) for name in ("node", "format", "path", "rows", "columns", "bytes")}


def prepare_loads(spec: PipelineSpec, context: RunContext, root: Path, access: Access) -> tuple[Transfer, ...]:
    """Return the loads of *spec*, filled in and checked; raises FlowerPowerError, before anything is read."""
    loads = tuple(_prepare(load, f"load.{node}", (node,), (context, root, access)) for node, load in spec.load.items())
    for load in loads:
        if load.format_name == "pickle" and not access.pickle:
            raise RefusedError(
                f"{load.where}: to read a pickle file is to run whatever is in it",
                hint="use parquet or json, or set `allow: {pickle: true}` in flowerpower.yaml",
            )
    return loads


def prepare_saves(spec: PipelineSpec, context: RunContext, root: Path, access: Access) -> tuple[Transfer, ...]:
    """Return the saves of *spec*, filled in and checked; raises FlowerPowerError, before anything is written."""
    saves = tuple(
        _prepare(save, f"save[{position}]", save.outputs, (context, root, access))
        for position, save in enumerate(spec.save)
    )
    seen: dict[tuple[Any, ...], str] = {}
    for save in saves:
        table = () if isinstance(save.format, Format) else (save.options.get("schema"), save.options.get("table"))
        full = (save.place, *table)
        if full in seen:
            raise PipelineError(f"{save.where}: {seen[full]} writes the same path", hint="give each its own path")
        seen[full] = save.where
        if "*" in save.path and isinstance(save.format, Format):
            raise PipelineError(f"{save.where}: `*` in a path finds files, it cannot name one")
        if save.format_name in _FILES and (found := _PARTS & save.options.keys()):
            raise PipelineError(
                f"{save.where}: {save.format_name} writes one file, and {sorted(found)[0]!r} would make many",
                hint="put what parts them into the path: out/${tick:%Y-%m-%d}.parquet",
            )
        if len(save.nodes) > 1 and save.format_name not in _MAPPINGS:
            raise PipelineError(
                f"{save.where}: a {save.format_name} file holds one output, not {len(save.nodes)}",
                hint="write one entry under `save:` for each, or use json or yaml",
            )
    return saves


def read(load: Transfer, annotation: Any) -> tuple[Any, LoadRecord]:
    """Return what lies at the path of *load*, as a node of that type wants it; raises PipelineError."""
    shown = hide_credentials(load.path)
    try:
        kind: Kind = "any" if load.format_name == "pickle" else kind_of(annotation)
        if kind == "list":
            refuse_other_items(load.format_name, annotation)
        value, size = _read(load, "arrow" if kind == "batches" else kind)
    except FlowerPowerError:
        raise
    except FileNotFoundError as error:
        if is_absent(error):
            raise PipelineError(f"{load.where}: there is no file {shown}") from None
        what = f"{load.where}: {shown} cannot be read: {told(error.__cause__ or error)}"
        raise PipelineError(what, hint=way_to(error)) from None
    except ImportError as error:
        raise _missing(load, error) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - readers are foreign code, and a panic of polars is no Exception
        what = f"{load.where}: {shown} cannot be read as {load.format_name}: {told(error)}"
        raise PipelineError(what, hint=way_to(error)) from harmless(error)
    rows, columns = shape_of(value)
    value = value.to_reader() if kind == "batches" else value
    return value, LoadRecord(load.nodes[0], load.format_name, shown, rows, columns, size)


def _read(load: Transfer, kind: Kind) -> tuple[Any, int | None]:
    """Return the value and how many bytes hold it."""
    if isinstance(load.format, PlaceFormat):
        return _something(load.format.read(Place(load.place, load.files), kind, load.options), kind), None
    paths = load.files.find(load.path) if "*" in load.path else (load.path,)
    if not paths:
        raise PipelineError(f"{load.where}: no file matches {hide_credentials(load.path)}")
    parts = []
    sizes = []
    for path in paths:
        with _opened(load, path) as handle:
            sizes.append(_size(handle))
            parts.append(_something(load.format.read(handle, kind, load.options), kind))
    return joined(parts, kind), None if None in sizes else sum(size or 0 for size in sizes)


@contextmanager
def _opened(load: Transfer, path: str) -> Iterator[BinaryIO]:
    try:
        with load.files.open(path, page=load.format_name not in _NO_PAGES) as handle:
            yield handle
    except PageError as error:
        shown, found = hide_credentials(path), hide_credentials(error.url)
        leads = "" if shown.endswith(found) else f"leads to {found}, which "
        what = f"{load.where}: {shown} {leads}is a page of HTML, and no {load.format_name}"
        raise PipelineError(what, hint=error.hint) from None
    except FlowerPowerError as error:
        error.args = (f"{load.where}: {error}",)
        raise


def _something(value: Any, kind: Kind) -> Any:
    if value is None and kind != "any":
        raise TypeError(f"its reader returned nothing, the node wants a {kind}")
    return value


def _size(handle: BinaryIO) -> int | None:
    try:
        size = handle.seek(0, io.SEEK_END)
        handle.seek(0)
    except (OSError, ValueError):  # a web server may not say
        return None
    return size


def read_out(
    values: Mapping[str, Any], saves: Sequence[Transfer], users: Callable[[str], Sequence[str]]
) -> Mapping[str, Any]:
    """Return values with those read out that are saved and can be read only once; *users* are the nodes that took one.

    Raises PipelineError where one of them was read before: what is left of it is not what should be saved.
    """
    found = dict(values)
    for save in saves:
        for name in save.nodes:
            if is_read_once(found[name]):
                if took := users(name):
                    raise PipelineError(
                        f"{save.where}: {name!r} is a {type(found[name]).__name__}, which can be read only once, and "
                        f"the node {took[0]!r} reads it, too",
                        hint="let it be a pyarrow.Table",
                    )
                found[name] = computed(found[name])
    return found


def write(save: Transfer, values: Sequence[Any]) -> SaveRecord:
    """Write *values*, those of the save's nodes, in one step, and return what was written; raises PipelineError."""
    shown = hide_credentials(save.path)
    try:
        value = computed(values[0]) if len(values) == 1 else dict(zip(save.nodes, values, strict=True))
        size = _write(save, value)
    except FlowerPowerError:
        raise
    except ImportError as error:
        raise _missing(save, error) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - writers are foreign code, and a panic of polars is no Exception
        what = f"{', '.join(save.nodes)} cannot be written to {shown} as {save.format_name}: {told(error)}"
        raise PipelineError(f"{save.where}: {what}", hint=way_out_of(error) or way_to(error)) from harmless(error)
    rows, columns = shape_of(value)
    return SaveRecord(save.nodes, save.format_name, shown, rows, columns, size)


def _write(save: Transfer, value: Any) -> int | None:
    if isinstance(save.format, PlaceFormat):
        save.format.write(value, Place(save.place, save.files), save.options)
        return None
    with save.files.write(save.path) as handle:
        sink = _Sink(handle)
        save.format.write(value, cast("BinaryIO", sink), save.options)
    return sink.written


def _missing(transfer: Transfer, error: ImportError) -> FlowerPowerError:
    """Return what to say of a library that a format lacks."""
    if transfer.format.extra:
        return MissingExtraError(f"{transfer.where}: format {transfer.format_name}", transfer.format.extra)
    return PipelineError(f"{transfer.where}: format {transfer.format_name} needs a library: {error}")


def _prepare(
    spec: LoadSpec | SaveSpec, where: str, nodes: tuple[str, ...], around: tuple[RunContext, Path, Access]
) -> Transfer:
    context, root, access = around
    try:
        found = find_format(spec.format, access.plugins)
    except PipelineError as error:
        raise PipelineError(f"{where}: {error}", hint=error.hint) from None
    if spec.path is None:
        raise PipelineError(f"{where}: format {spec.format} needs a `path`")
    if lack := lacks_library(f"{where}: format {spec.format}", found):
        raise lack
    path = fill(spec.path, context, f"{where}.path")
    path = path.isoformat() if isinstance(path, datetime) else str(path)
    storage = fill(spec.storage_options, context, f"{where}.storage_options")
    options = fill(spec.options, context, f"{where}.options")
    files = Filesystem(str(root), allowed=access.paths, options=storage)
    try:
        if isinstance(found, PlaceFormat):
            place = _prepared(found, f"format {spec.format}", (path, files, options, isinstance(spec, SaveSpec)))
        else:
            place = files.resolve(path)
            files.refuse_without_library(path)
            if isinstance(spec, SaveSpec):
                files.refuse_unwritable(path)
    except FlowerPowerError as error:
        error.args = (f"{where}: {error}",)
        raise
    return Transfer(where, nodes, spec.format, found, path, place, options, files)


def _prepared(found: PlaceFormat, name: str, told_it: tuple[str, Filesystem, Mapping[str, Any], bool]) -> str:
    """Return where a format that opens its place itself says that this is; it may be foreign code."""
    try:
        place: Any = found.prepare(*told_it)
    except FlowerPowerError:
        raise
    except Exception as error:
        if is_time_limit(error):
            raise
        what = f"{name} could not prepare {hide_credentials(told_it[0])}: {told(error)}"
        raise PipelineError(what) from harmless(error)
    if not isinstance(place, str):
        raise PipelineError(f"{name}: its `prepare` returned a {type(place).__name__}, where it should return a text")
    return place


class _Sink(io.RawIOBase):
    """Counts what is written, and stays open when a library closes what it was given."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self.written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._handle.write(view)
        self.written += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self.written
