"""The text form of what undoes an apply: JSON, compressed as gzip does, so that people can look at it.

It holds the raw records as they were, their checksums in them, and the run specs that they name: once nothing names a
run spec any more it is collected. What lies in Redis may be damaged or hostile, so reading it checks all of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from flowerpower.errors import HistoryError
from flowerpower.state.codec import digest
from flowerpower.state.models import Inverse

VERSION = 2  # the first one held the fields alone, which is not enough
_GZIP = 31  # zlib's `wbits` for the format of gzip
_LARGEST = 1 << 29  # bytes once inflated: some 200,000 objects


def encode_inverse(inverse: Inverse) -> bytes:
    """Return the compressed text of an inverse."""
    from pydantic_core import to_json

    objects = {
        address: None if raw is None else raw.decode(errors="replace") for address, raw in inverse.objects.items()
    }
    specs, renamed = sorted(inverse.run_specs.values()), dict(inverse.renamed)
    text = to_json({"version": VERSION, "objects": objects, "run_specs": specs, "renamed": renamed})
    return zlib.compress(text, level=1, wbits=_GZIP)


def decode_inverse(raw: bytes | None) -> Inverse:
    """Return an inverse; raise `HistoryError`, which says what is wrong with it, when it cannot be used."""
    if raw is None:
        raise HistoryError("what would undo it is no longer kept")
    try:
        inflater = zlib.decompressobj(wbits=_GZIP)
        text = inflater.decompress(raw, _LARGEST)
        if not inflater.eof:
            raise ValueError("cut off, or too large")
        return _checked(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error) as error:
        raise HistoryError("what would undo it is damaged in Redis") from error


def _checked(data: Any) -> Inverse:
    if int(data["version"]) > VERSION:
        raise HistoryError("what would undo it was written by a newer flowerpower")
    objects: Mapping[str, str | None] = data["objects"]
    return Inverse(
        objects={address: None if text is None else text.encode() for address, text in _known_kinds(objects).items()},
        run_specs={digest(text): text for text in data["run_specs"]},  # their names do not compress, so are left out
        renamed={str(new): str(old) for new, old in data["renamed"].items()},
    )


def _known_kinds(objects: Mapping[str, str | None]) -> Mapping[str, str | None]:
    strange = [address for address in objects if address.partition(".")[0] not in ("schedule", "pipeline")]
    if strange:
        raise ValueError(f"no such kind: {strange[0]}")
    return objects
