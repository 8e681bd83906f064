"""Where each value of a resolved spec came from: which file and line, which layer, which variable, or nobody.

The layers are those of `loader`; a value comes from the highest layer that has it, and a null in one hides all below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeAlias

from flowerpower.errors import Place
from flowerpower.specs.placeholders import Path, variables_in
from flowerpower.specs.places import Places

DEFAULT, FILE_NAME, PROJECT_ZONE = "default", "file name", "project timezone"


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """Where one value came from; without a place nobody wrote it."""

    layer: str  # "", `defaults.schedule`, `environments.prod`, or what stands in for a value that nobody wrote
    place: Place | None = None
    variables: tuple[tuple[str, str], ...] = ()  # name, and how it was given
    removed: Place | None = None  # the null that hides what lower layers say

    def __str__(self) -> str:
        where = self.layer
        if self.place is not None:
            where = f"{_line(self.place)} ({self.layer})" if self.layer else _line(self.place)
        removed = [f"removed in {_line(self.removed)}"] if self.removed else []
        return ", ".join([where, *removed, *(f"{name} from {given}" for name, given in self.variables)])


_OF_DEFAULT, _OF_FILE_NAME = ValueOrigin(DEFAULT), ValueOrigin(FILE_NAME)


def _line(place: Place) -> str:
    return f"{place.file}:{place.line}"


OriginTree: TypeAlias = "ValueOrigin | dict[str, OriginTree] | list[OriginTree]"


def origins_of(
    places: Places, address: str, values: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, OriginTree]:
    """Return the origin of every value of a spec, in the shape of *values*; a list of plain values has one.

    *given* says how each variable got its value, such as `--var REGION`; one that is not in it has its own default.
    """
    finder = _Finder(places, address, given)
    return {key: finder.tree((key,), value) for key, value in values.items()}


class _Nothing(Enum):
    """What a layer has where a value was looked for, if it has none."""

    SAID = 1  # lower layers may have it
    SHOWS = 2  # it hides what lower layers have


class _Finder:
    def __init__(self, places: Places, address: str, given: Mapping[str, str]) -> None:
        self._places, self._address, self._given = places, address, given
        self._layers = places.layers(address)

    def tree(self, path: Path, value: Any) -> OriginTree:
        if isinstance(value, dict) and value:
            return {key: self.tree((*path, key), inner) for key, inner in value.items()}
        if isinstance(value, list) and any(isinstance(inner, (dict, list)) for inner in value):
            return [self.tree((*path, position), inner) for position, inner in enumerate(value)]
        return self._origin(path, value)

    def _origin(self, path: Path, value: Any) -> ValueOrigin:
        for layer, prefix, data in self._layers:
            found = _follow(data, (*prefix, *path), top=2 if prefix[:1] == ("environments",) else 0)
            if found is _Nothing.SAID:
                continue
            place = self._places.line(layer, (*prefix, *path))
            if found is _Nothing.SHOWS or (found is None and value is not None):
                return replace(self._unwritten(path), removed=place)
            return ValueOrigin(".".join(map(str, prefix)), place, self._variables(found))
        return self._unwritten(path)

    def _unwritten(self, path: Path) -> ValueOrigin:
        if path == ("name",):
            return _OF_FILE_NAME
        if path == ("timezone",) and self._address.startswith("schedule."):
            above = _Finder(self._places, "project", self._given)._origin(path, "")
            return ValueOrigin(PROJECT_ZONE if above.place else DEFAULT, above.place, above.variables)
        return _OF_DEFAULT

    def _variables(self, written: object) -> tuple[tuple[str, str], ...]:
        names = dict.fromkeys(name for text in _texts(written) for name in variables_in(text))
        return tuple((name, self._given.get(name, "its default")) for name in names)


def _follow(data: Any, path: Path, *, top: int) -> Any:
    """Return what a layer has at *path*; the first *top* steps only lead to the layer, which may be empty."""
    node = data
    for depth, step in enumerate(path):
        if isinstance(node, dict):
            if step not in node:
                return _Nothing.SAID
            node = node[step]
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            node = node[step]
        else:
            return _Nothing.SAID if depth <= top else _Nothing.SHOWS
    return node


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if "${" in value else []
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    return [text for inner in value for text in _texts(inner)] if isinstance(value, list) else []
