"""Keys with nothing behind them where a null takes something away: the author most likely forgot the value.

A null that is written, as `null` or `~`, is a decision, of which nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flowerpower.specs.layers import no_patch
from flowerpower.specs.merge import lay_over, without_other_triggers
from flowerpower.specs.messages import Finding
from flowerpower.specs.text.documents import Document
from flowerpower.specs.text.yaml import is_left_open
from flowerpower.specs.wording import SHOWN

_MOST = 4  # values that are named in one message


class _Layer(NamedTuple):
    """A layer of a document and what it is laid over; `told` says where a null in it counts."""

    path: tuple[str, ...]
    data: Mapping[str, Any]
    below: object
    told: str


def left_open(kind: str, document: Document, content: bytes, defaults: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a doubt for each key of a document, and of its patches, that is left open and would remove a value."""
    if not isinstance(document.data, dict):
        return
    data = {key: value for key, value in document.data.items() if key != "environments"}
    environments = document.data.get("environments")
    patches = environments.items() if isinstance(environments, dict) else ()
    for env, patch in patches:
        path = ("environments", env)
        if patch is None and kind != "project" and is_left_open(document.file, document.number, content, path):
            yield no_patch(env, None, kind)
    whole = lay_over(without_other_triggers(defaults, data), data)
    layers = [_Layer((), data, defaults, "")]
    layers += [
        _Layer(("environments", env), patch, whole, f" in '{env[:SHOWN]}'")
        for env, patch in patches
        if isinstance(patch, dict)
    ]
    for layer in layers:
        for found, below in _nulls(layer.data, layer.below, layer.path):
            removes = below is not None
            if (removes or layer.told) and is_left_open(document.file, document.number, content, found):
                yield _doubt(found, below, layer)


def _nulls(data: Mapping[str, Any], below: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the paths of nulls in a layer, each with the value below it."""
    for key, value in data.items():
        lower = below.get(key) if isinstance(below, dict) else None
        if value is None:
            yield (*path, key), lower
        elif isinstance(value, dict):
            yield from _nulls(value, lower, (*path, key))


def _doubt(path: tuple[str, ...], below: object, layer: _Layer) -> Finding:
    """Return the doubt about one key that is left open."""
    key = path[-1][:SHOWN]
    if below is None:
        what = f"`{key}:` without a value says nothing{layer.told}"
        return Finding("FP024", path, what, "write a value, or remove the key", at_key=True)
    gone = [".".join(leaf) for leaf in _leaves(below, path[len(layer.path) :])]
    more = f" and {len(gone) - _MOST} more" if len(gone) > _MOST else ""
    where = layer.told or ", which the defaults of the project have"
    what = f"`{key}:` without a value removes {', '.join(gone[:_MOST])}{more}{where}"
    return Finding("FP024", path, what, f"write `{key}: null` if that is meant, else a value", at_key=True)


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the paths of the values inside a value, by their keys."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key[:SHOWN]))
    else:
        yield path
