"""What a store of fsspec holds below a folder, listed and read with few requests.

A store and what it has opened, such as an archive, is used for one reading of a project: all of it is from one look.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, unquote

from flowerpower.errors import FlowerPowerError
from flowerpower.filesystem import Filesystem
from flowerpower.specs.files.kinds import SKIPPED_FOLDERS, SPEC_FOLDERS

_WALKING = ("fsspec.spec", "fsspec.asyn")  # whose `find` walks, and passes over folders that it cannot list
_PAGES = ("http", "https")
_AT_ONCE = 16  # pages
_DEEPEST, _MOST_FOLDERS = 32, 20_000  # pages that link to others may go on for ever
_OUT_OF_RANGE = 416  # what a server says of an empty file

Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder: its path below the root, its name in the store, and its size in bytes where the store tells."""

    path: str
    name: str
    kind: Kind
    size: int | None = None
    offset: int = 0  # in an archive, which is read from its beginning to its end


class Tree:
    """The files below the root of a filesystem."""

    def __init__(self, files: Filesystem) -> None:
        self._store, self._base = files.opened()
        self._pages = files.root.partition("://")[0] in _PAGES
        self._walks = self._store.find.__module__ in _WALKING

    def top(self) -> list[Entry]:
        """Return what lies directly in the root; raise FileNotFoundError where it is not there."""
        found = self._listed(self._base)
        if self._pages and any(entry.kind == "file" and entry.path in SPEC_FOLDERS for entry in found):
            what = "the pages of this server do not tell folders from files, so some might be missed"
            raise FlowerPowerError(what, hint="let it serve an archive: zip://::https://host/acme.zip")
        return found

    def below(self, folder: str) -> Iterator[Entry]:
        """Yield every file below a folder; nothing where it is not there."""
        if self._walks:
            yield from self._walked(folder)
            return
        top = self._full(folder)
        try:
            found = self._store.find(top, detail=True)
        except FileNotFoundError:
            if self._store.exists(top):
                raise _changed(folder) from None
            return
        yield from (entry for entry in self._entries(found.values()) if entry.kind != "folder")

    def contents(self, entries: Sequence[Entry], most: int) -> Iterator[tuple[str, bytes | Exception]]:
        """Yield the path and the content of each file, or why it could not be read.

        Of a file whose size was not known it is no more than one byte above *most*, where the store can stop there.
        """
        known = sorted((entry for entry in entries if entry.size), key=lambda entry: entry.offset)
        yield from ((entry.path, b"") for entry in entries if entry.size == 0)
        yield from self._read(known, None, None)
        yield from self._read([entry for entry in entries if entry.size is None], 0, most + 1)

    def _read(
        self, entries: Sequence[Entry], start: int | None, end: int | None
    ) -> Iterator[tuple[str, bytes | Exception]]:
        if not entries:
            return
        found = self._store.cat_ranges([entry.name for entry in entries], start, end, on_error="return")
        for entry, content in zip(entries, found, strict=True):
            yield entry.path, b"" if getattr(content, "status", 0) == _OUT_OF_RANGE else content

    def _full(self, folder: str) -> str:
        inner = quote(folder) if self._pages else folder
        return f"{self._base.rstrip('/')}/{inner}" if self._base.strip("/") else inner

    def _entries(self, found: Iterator[Mapping[str, Any]] | Sequence[Mapping[str, Any]]) -> Iterator[Entry]:
        start = f"{self._base.strip('/')}/" if self._base.strip("/") else ""
        for info in found:
            name = str(info.get("name") or "")
            inner = name.lstrip("/").removeprefix(start)
            if not name.lstrip("/").startswith(start) or not inner.strip("/") or (self._pages and "?" in inner):
                continue
            kind = _kind_of(info)
            path = unquote(inner, errors="surrogateescape") if self._pages else inner
            size, offset = info.get("size"), info.get("header_offset")
            yield Entry(path.rstrip("/"), name, kind, None if size is None else int(size), int(offset or 0))

    def _walked(self, folder: str) -> Iterator[Entry]:
        """Yield the files below a folder, one depth after the other; pages of one depth are asked for at once."""
        folders, listed_before, may_lack = [self._full(folder)], 0, "/" in folder
        with ThreadPoolExecutor(_AT_ONCE if getattr(self._store, "async_impl", False) else 1) as pool:
            for _ in range(_DEEPEST):
                listed_before += len(folders)
                if listed_before > _MOST_FOLDERS:
                    break
                try:
                    listed = list(pool.map(self._listed, folders))
                except FileNotFoundError:
                    if may_lack:
                        return
                    raise _changed(folder) from None
                may_lack = False
                entries = [entry for found in listed for entry in found]
                yield from (entry for entry in entries if entry.kind != "folder")
                folders = [entry.name for entry in entries if entry.kind == "folder" and _may_hold_files(entry.path)]
                if not folders:
                    return
        raise FlowerPowerError(f"there is no end to the folders in {folder or 'it'}", hint="is it a web site?")

    def _listed(self, folder: str) -> list[Entry]:
        name = f"{folder.rstrip('/')}/" if self._pages else folder
        return list(self._entries(self._store.ls(name, detail=True)))


def _changed(folder: str) -> FlowerPowerError:
    return FlowerPowerError(f"{folder} was changed while it was read", hint="run the command again")


def _may_hold_files(path: str) -> bool:
    return not any(part == "" or part.startswith(".") or part in SKIPPED_FOLDERS for part in path.split("/"))


def _kind_of(info: Mapping[str, Any]) -> Kind:
    kind = info.get("type")
    mode = int(info.get("external_attr") or 0) >> 16  # of a file in a ZIP archive
    if info.get("islink") or kind == "link" or stat.S_ISLNK(mode):
        return "link"
    if kind == "directory" or str(info.get("name")).endswith("/"):
        return "folder"
    return "file" if kind == "file" else "other"
