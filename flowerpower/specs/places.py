"""Where the values of resolved specs were written: environment patch, spec file, or defaults of the project."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flowerpower.errors import Place
from flowerpower.specs.placeholders import Path
from flowerpower.specs.text.documents import Document
from flowerpower.specs.text.yaml import find, parse


class Origin(NamedTuple):
    """The document a spec came from."""

    kind: str  # "project", "pipeline" or "schedule"
    file: str
    number: int
    line: int

    @property
    def place(self) -> Place:
        """The place of its first line."""
        return Place(self.file, self.line)


def origin_of(kind: str, document: Document) -> Origin:
    """Return the origin of a spec in *document*."""
    return Origin(kind, document.file, document.number, document.line)


def as_written(path: Path, misspelt: Mapping[Path, str]) -> Path:
    """Return a path with the keys that were written; *misspelt* has them by the paths of what they are taken for."""
    if not misspelt:
        return path
    return tuple(misspelt.get(path[: depth + 1], step) for depth, step in enumerate(path))


def is_variable(content: bytes, place: Place) -> bool:
    """Tell whether a variable stands at a place of a file, with or without quotes."""
    lines = content.split(b"\n")[place.line - 1 : place.line]
    return any(re.match(r"[\"']?\$\{var:", line.decode("utf-8", "replace")[place.column - 1 :]) for line in lines)


def ends_line(content: bytes, place: Place) -> bool:
    """Tell whether nothing is written from a place to the end of its line."""
    lines = content.split(b"\n")[place.line - 1 : place.line]
    return not any(line.decode("utf-8", "replace")[place.column - 1 :].strip() for line in lines)


class Places(Mapping[str, Place]):
    """The places of all specs by address: `project`, `pipeline.<name>`, `schedule.<name>`.

    `at` goes further into a spec. It parses that file again, so it is for problems, not for every value.
    """

    def __init__(self, texts: Mapping[str, bytes], env: str, project: Origin | None) -> None:
        self._texts, self._env, self._project = texts, env, project
        self._origins: dict[str, Origin] = {} if project is None else {"project": project}
        self._misspelt: dict[Origin, Mapping[Path, str]] = {}
        self._documents: dict[str, tuple[Document, ...]] = {}  # of files whose layers were asked for

    def __getitem__(self, address: str) -> Place:
        return self._origins[address].place

    def __iter__(self) -> Iterator[str]:
        return iter(self._origins)

    def __len__(self) -> int:
        return len(self._origins)

    def add(self, address: str, origin: Origin) -> None:
        """Note where the spec at *address* came from."""
        self._origins[address] = origin

    def add_misspelt(self, origin: Origin, keys: Mapping[Path, str]) -> None:
        """Note by path which keys of the spec from *origin* were written in their place."""
        self._misspelt[origin] = keys

    def at(self, address: str, *path: str | int, key: bool = False) -> Place:
        """Return the place of a value (or *key*) in a spec, or of what is nearest to it if it was not written."""
        origin = self._origins.get(address)
        return self.within(origin, path, key=key) if origin else Place(address)

    def within(self, origin: Origin, path: Path, *, key: bool = False) -> Place:
        """Return the place of *path* in the spec from *origin*, in whichever layer has it."""
        path = as_written(path, self._misspelt.get(origin, {}))
        best, most = origin.place, 0
        for layer, prefix in self._layers(origin):
            place, found = find(layer.file, layer.number, self._texts[layer.file], (*prefix, *path), key=key)
            if found - len(prefix) > most:
                best, most = place, found - len(prefix)
        return best

    def layers(self, address: str) -> list[tuple[Origin, Path, Any]]:
        """Return the layers of the spec at *address* that were written, highest first: document, path in it, data."""
        found = []
        for layer, prefix in self._layers(self._origins[address]):
            found.append((layer, prefix, self._data(layer)))
        return found

    def removed(self, origin: Origin) -> list[str]:
        """Return the fields that the spec from *origin* has, and its patch for the environment takes away."""
        data = self._data(origin)
        environments = data.get("environments") if isinstance(data, dict) else None
        patch = environments.get(self._env) if isinstance(environments, dict) else None
        return [name for name, value in patch.items() if value is None] if isinstance(patch, dict) else []

    def _data(self, origin: Origin) -> Any:
        """Return what one document says; each file is read once, however often that is asked."""
        documents = self._documents.get(origin.file)
        if documents is None:
            documents = self._documents[origin.file] = parse(origin.file, self._texts[origin.file]).documents
        return documents[origin.number].data

    def line(self, layer: Origin, path: Path) -> Place:
        """Return the place of what is written at *path* of one document."""
        return find(layer.file, layer.number, self._texts[layer.file], path)[0]

    def _layers(self, origin: Origin) -> Iterator[tuple[Origin, Path]]:
        yield origin, ("environments", self._env)
        yield origin, ()
        if self._project is not None and origin.kind != "project":
            yield self._project, ("environments", self._env, "defaults", origin.kind)
            yield self._project, ("defaults", origin.kind)
