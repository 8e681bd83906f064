"""What undoes an apply: a small text, and beside it what the apply has changed.

The text is JSON, compressed as gzip does, so that people can look at it; it says what was not there before. What was
there, the commit has moved beside it: the raw records, their checksums in them, and the run specs that they name, for
once nothing names a run spec any more it is collected. What lies in Redis may be damaged or hostile, so reading it
checks all of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, TypeVar

from flowerpower.errors import HistoryError
from flowerpower.state.codec import digest, packed
from flowerpower.state.models import Inverse

VERSION = 3  # 2 held the records themselves, the first one their fields alone, which is not enough
_GZIP = 31  # zlib's `wbits` for the format of gzip
_LARGEST = 1 << 29  # bytes once inflated: some 200,000 objects
_DENSEST = 400  # times as many once inflated, and some: texts of ours stay below 200, a bomb comes near 1,000
_SIZE, _RUN = b"bytes", "run "  # what else lies among the records; see undo.lua
_DAMAGES = (ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error)
T = TypeVar("T")


def encode_inverse(inverse: Inverse, moved: int) -> bytes:
    """Return the compressed text of an inverse; so many more objects lie beside it, as they were."""
    objects = {
        address: None if raw is None else raw.decode(errors="replace") for address, raw in inverse.objects.items()
    }
    specs, renamed = sorted(inverse.run_specs.values()), dict(inverse.renamed)
    text = packed({"version": VERSION, "moved": moved, "objects": objects, "run_specs": specs, "renamed": renamed})
    return zlib.compress(text, level=1, wbits=_GZIP)


def decode_inverse(raw: bytes | None, beside: Mapping[bytes, bytes]) -> Inverse:
    """Return an inverse, with what was moved beside its text.

    Raises `HistoryError`, which says what is wrong with it, when it cannot be used.
    """
    if raw is None:
        raise HistoryError("what would undo it is no longer kept")
    try:
        return _checked(_inflated(raw), beside)
    except _DAMAGES as error:
        raise HistoryError("what would undo it is damaged in Redis") from error


def renames_in(raw: bytes | None) -> Mapping[str, str]:
    """Return what an apply renamed, name after it -> before it, by the text alone; nothing where it cannot be read."""
    try:
        return _renamed(_inflated(raw)) if raw is not None else {}
    except _DAMAGES:
        return {}


def _inflated(raw: bytes) -> Any:
    inflater = zlib.decompressobj(wbits=_GZIP)
    text = inflater.decompress(raw, min(_LARGEST, _DENSEST * len(raw) + 65_536))
    if not inflater.eof:
        raise ValueError("cut off, or too large")
    return json.loads(text)


def _renamed(data: Any) -> dict[str, str]:
    return {str(new): str(old) for new, old in data["renamed"].items()}


def _checked(data: Any, beside: Mapping[bytes, bytes]) -> Inverse:
    if int(data["version"]) > VERSION:
        raise HistoryError("what would undo it was written by a newer flowerpower")
    texts: Mapping[str, str | None] = data["objects"]
    objects = {address: None if text is None else text.encode() for address, text in _known_kinds(texts).items()}
    run_specs = {digest(text): text for text in data["run_specs"]}  # their names do not compress, so are left out
    moved = {name.decode(): value for name, value in beside.items() if name != _SIZE}
    records = {name: value for name, value in moved.items() if not name.startswith(_RUN)}
    if len(_known_kinds(records)) != int(data.get("moved", 0)):
        raise ValueError("some of it is missing")
    run_specs |= {name.removeprefix(_RUN): value.decode() for name, value in moved.items() if name.startswith(_RUN)}
    return Inverse(
        objects={**objects, **records},
        run_specs=run_specs,
        renamed=_renamed(data),
    )


def _known_kinds(objects: Mapping[str, T]) -> Mapping[str, T]:
    strange = [address for address in objects if address.partition(".")[0] not in ("schedule", "pipeline")]
    if strange:
        raise ValueError(f"no such kind: {strange[0]}")
    return objects
