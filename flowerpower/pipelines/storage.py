"""Reads what `load:` names into nodes, and writes what `save:` names from them, through one filesystem."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from flowerpower.errors import FlowerPowerError, PipelineError
from flowerpower.filesystem import Filesystem, hide_credentials
from flowerpower.pipelines.context import RunContext
from flowerpower.pipelines.failures import describe
from flowerpower.pipelines.formats import Format, Kind, find_format, kind_of, shape_of
from flowerpower.pipelines.placeholders import fill
from flowerpower.specs.models import PipelineSpec
from flowerpower.specs.parts import LoadSpec, SaveSpec

_MAPPINGS = ("json", "yaml")  # formats that can hold several outputs in one file, by name


@dataclass(frozen=True, slots=True)
class Access:
    """What the project allows beyond its own folder: `allow.paths`, and the `plugins` whose formats may be used."""

    paths: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transfer:
    """One `load` or `save` that is ready to be done: checked, and with nothing left to fill in."""

    where: str  # "load.orders", "save[0]": for messages
    nodes: tuple[str, ...]
    format_name: str
    format: Format
    path: str
    options: Mapping[str, Any]
    files: Filesystem


@dataclass(frozen=True, slots=True)
class SaveRecord:
    """What was written where; rows and columns are None for values that have none."""

    outputs: tuple[str, ...]
    format: str
    path: str
    rows: int | None
    columns: int | None
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        names = ("format", "path", "rows", "columns", "bytes")
        return {"outputs": list(self.outputs), **{name: getattr(self, name) for name in names}}


def prepare_loads(spec: PipelineSpec, context: RunContext, root: Path, access: Access) -> tuple[Transfer, ...]:
    """Return the loads of *spec*, filled in and checked; raises FlowerPowerError, before anything is read."""
    return tuple(_prepare(load, f"load.{node}", (node,), (context, root, access)) for node, load in spec.load.items())


def prepare_saves(spec: PipelineSpec, context: RunContext, root: Path, access: Access) -> tuple[Transfer, ...]:
    """Return the saves of *spec*, filled in and checked; raises FlowerPowerError, before anything is written."""
    saves = tuple(
        _prepare(save, f"save[{position}]", save.outputs, (context, root, access))
        for position, save in enumerate(spec.save)
    )
    seen: dict[str, str] = {}
    for save in saves:
        full = save.files.resolve(save.path)
        if full in seen:
            raise PipelineError(f"{save.where}: {seen[full]} writes the same path", hint="give each its own path")
        seen[full] = save.where
        if len(save.nodes) > 1 and save.format_name not in _MAPPINGS:
            raise PipelineError(
                f"{save.where}: a {save.format_name} file holds one output, not {len(save.nodes)}",
                hint="write one entry under `save:` for each, or use json or yaml",
            )
    return saves


def read(load: Transfer, annotation: Any) -> Any:
    """Return what lies at the path of *load*, as a node of that type wants it; raises PipelineError."""
    shown = hide_credentials(load.path)
    try:
        kind: Kind = kind_of(annotation)
        with load.files.open(load.path) as handle:
            value = load.format.read(handle, kind, load.options)
    except FlowerPowerError:
        raise
    except FileNotFoundError:
        raise PipelineError(f"{load.where}: there is no file {shown}") from None
    except Exception as error:  # readers are foreign code
        raise PipelineError(f"{load.where}: {shown} cannot be read as {load.format_name}: {describe(error)}") from error
    return value


def write(save: Transfer, values: Sequence[Any]) -> SaveRecord:
    """Write *values*, those of the save's nodes, in one step, and return what was written; raises PipelineError."""
    value = values[0] if len(values) == 1 else dict(zip(save.nodes, values, strict=True))
    shown = hide_credentials(save.path)
    try:
        with save.files.write(save.path) as handle:
            sink = _Sink(handle)
            save.format.write(value, cast("BinaryIO", sink), save.options)
    except FlowerPowerError:
        raise
    except Exception as error:  # writers are foreign code
        raise PipelineError(
            f"{save.where}: {', '.join(save.nodes)} cannot be written to {shown} as {save.format_name}: "
            f"{describe(error)}"
        ) from error
    rows, columns = shape_of(value)
    return SaveRecord(save.nodes, save.format_name, shown, rows, columns, sink.written)


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
    path = fill(spec.path, context, f"{where}.path")
    path = path.isoformat() if isinstance(path, datetime) else str(path)
    storage = fill(spec.storage_options, context, f"{where}.storage_options")
    files = Filesystem(str(root), allowed=access.paths, options=storage)
    try:
        files.resolve(path)
    except FlowerPowerError as error:
        raise type(error)(f"{where}: {error}", hint=error.hint) from None
    return Transfer(where, nodes, spec.format, found, path, fill(spec.options, context, f"{where}.options"), files)


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
