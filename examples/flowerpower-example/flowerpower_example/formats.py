"""A format: a text file as a list of its lines."""

from __future__ import annotations

from typing import Any, BinaryIO

from flowerpower.pipelines.formats import Format, Kind, Options


def read(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    """Return the lines of an open file; raise TypeError for a node that wants something else than a list."""
    if kind not in ("list", "any"):
        raise TypeError(f"lines cannot fill a {kind}")
    return handle.read().decode(options.get("encoding", "utf-8")).splitlines()


def write(value: Any, handle: BinaryIO, options: Options) -> None:
    """Write lines into an open file; raise TypeError for a value that has none."""
    if not isinstance(value, list):
        raise TypeError(f"a {type(value).__name__} cannot be written as lines; a list can")
    handle.write("".join(f"{line}\n" for line in value).encode(options.get("encoding", "utf-8")))


LINES = Format(read, write)
