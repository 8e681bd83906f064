"""What specs may say but this version would silently ignore; each entry is removed when its behaviour is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Unsupported(NamedTuple):
    """A value of a spec that nothing acts on yet."""

    path: tuple[str, ...]
    is_used: Callable[[Any], bool]
    what: str
    hint: str


_REMOVE = "remove it; this version would ignore it"

UNSUPPORTED: Mapping[str, tuple[Unsupported, ...]] = {
    "project": (),
    "pipeline": (),
    "schedule": (Unsupported(("after",), lambda spec: bool(spec.after), "`after`", _REMOVE),),
}
