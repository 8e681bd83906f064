"""The format `ini`: a mapping of sections, each a mapping of texts."""

from __future__ import annotations

from configparser import ConfigParser
from io import TextIOWrapper
from typing import Any, BinaryIO

from flowerpower.pipelines.formats import Format, Kind, Options


def read(handle: BinaryIO, kind: Kind, options: Options) -> Any:
    """Return the sections of an open file; raises TypeError for a node that wants something else than a mapping."""
    if kind not in ("dict", "any"):
        raise TypeError(f"ini cannot fill a {kind}")
    parser = ConfigParser(interpolation=None, **options)
    parser.read_file(TextIOWrapper(handle, encoding="utf-8"))
    return {name: dict(parser[name]) for name in parser.sections()}


def write(value: Any, handle: BinaryIO, options: Options) -> None:
    """Write sections into an open file; raises TypeError for a value that has none."""
    if not isinstance(value, dict) or not all(isinstance(section, dict) for section in value.values()):
        raise TypeError(f"a {type(value).__name__} cannot be written as ini; a mapping of mappings can")
    parser = ConfigParser(interpolation=None, **options)
    parser.read_dict(value)
    text = TextIOWrapper(handle, encoding="utf-8", write_through=True)
    parser.write(text)
    text.detach()  # the file is not ours to close


INI = Format(read, write)
