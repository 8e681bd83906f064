"""The files of a project folder that count, found with few questions to the file system and few imports."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from flowerpower.errors import ProjectNotFoundError, UsageError
from flowerpower.specs.files.kinds import PROJECT_FILES, SKIPPED_FOLDERS, SPEC_FOLDERS, SPEC_STARTS, kind_of_file
from flowerpower.specs.files.reading import Reading

File = tuple[str, bool]
"""A file's path in the project, and whether it is a regular file, not a link or anything odd."""
NOT_CHECKED_OUT = "it is a git submodule that is not checked out"
_COLLAPSED = re.compile(r"[a-z][a-z0-9+.-]+:/[^/]")
_OF_FOLDERS = ("file", "local", "git+file")  # schemes of URLs that name a folder of this machine


def refuse_no_folder(folder: Path) -> None:
    """Raise `ProjectNotFoundError` for what is no folder, or may not be looked at."""
    try:
        if folder.is_dir():
            return
        is_file = folder.is_file()
    except OSError as error:  # a name that is too long, a folder above that is closed to this user
        raise ProjectNotFoundError(f"{folder} cannot be looked at: {error.strerror}", hint="name another") from None
    if is_file:
        raise ProjectNotFoundError(f"{folder} is a file, and no folder", hint="name its folder")
    raise ProjectNotFoundError(f"there is no folder {folder}")


def find_project(start: Path) -> Path:
    """Return the nearest folder from *start* upwards that holds a project; stops at the root of its git repository.

    Raises ProjectNotFoundError.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if any((folder / name).is_file() for name in PROJECT_FILES):
            return folder
        if (folder / ".git").exists():
            break
    raise ProjectNotFoundError(f"no flowerpower.yaml in {here} or a folder above it")


def spec_files(root: Path, reading: Reading) -> Iterator[File]:
    """Yield the files that should hold specs, also those that will turn out to be unreadable."""
    for name in PROJECT_FILES:
        if (root / name).is_symlink() or (root / name).exists():
            yield name, (root / name).is_file() and not (root / name).is_symlink()
    for path, is_regular in _files_below(root, SPEC_FOLDERS, reading):
        if kind_of_file(path):
            yield path, is_regular
        else:
            reading.report_lookalike(path)


def module_files(root: Path, folders: Iterable[str], reading: Reading) -> Iterator[File]:
    """Yield the Python files below the module folders; note a folder that lies in a submodule which is not there."""
    folders = tuple(folders)
    for path in dict.fromkeys(_existing(root, folder) for folder in folders):
        if path != root and _is_empty(path) and _is_submodule(path):
            reading.report("FP023", path.relative_to(root).as_posix(), NOT_CHECKED_OUT)
    yield from (file for file in _files_below(root, folders, reading) if file[0].endswith(".py"))


def _existing(root: Path, folder: str) -> Path:
    """Return a folder, or the nearest one around it that there is."""
    path = root / folder
    while path != root and not path.exists():
        path = path.parent
    return path


def _is_empty(folder: Path) -> bool:
    try:
        with os.scandir(folder) as scan:
            return next(scan, None) is None
    except OSError:
        return False


def _files_below(root: Path, folders: Iterable[str], reading: Reading) -> Iterator[File]:
    found: dict[str, bool] = {}
    for folder in folders:
        top = root if folder == "." else root / folder
        if not top.is_dir():
            continue
        if not top.resolve().is_relative_to(root):
            reading.report("FP005", folder, "the folder is a link that leaves the project")
        else:
            found |= dict(_walk(str(top), "" if folder == "." else f"{folder}/", reading))
    return iter(sorted(found.items()))


def _walk(folder: str, prefix: str, reading: Reading) -> Iterator[File]:
    """Yield the files below a folder; links to folders are not followed."""
    for entry in _entries(folder, prefix, reading):
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            if not name.startswith(".") and name not in SKIPPED_FOLDERS:
                yield from _walk(entry.path, f"{prefix}{name}/", reading)
        elif entry.is_symlink() and Path(entry.path).is_dir():
            if prefix.startswith(SPEC_STARTS):  # what is not read would be deleted by apply
                reading.report("FP005", f"{prefix}{name}", "it is a link to a folder, and those are not followed")
        elif not name.startswith(".") and reading.accepts(f"{prefix}{name}"):
            yield f"{prefix}{name}", entry.is_file(follow_symlinks=False)


def _entries(folder: str, prefix: str, reading: Reading) -> list[os.DirEntry[str]]:
    """Return what is in a folder; note one that cannot be read, or is empty where a submodule should be."""
    path = prefix.removesuffix("/") or "."
    try:
        with os.scandir(folder) as scan:
            entries = list(scan)
    except OSError as error:
        reading.report("FP001", path, why_unreadable(Path(folder), error))
        return []
    if not entries and prefix.startswith(SPEC_STARTS) and _is_submodule(Path(folder)):
        reading.report("FP023", path, NOT_CHECKED_OUT)
    return entries


def _is_submodule(folder: Path) -> bool:
    """Tell whether the `.gitmodules` of the repository around an empty folder names it."""
    for parent in folder.parents:
        file = parent / ".gitmodules"
        if file.is_file():
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            named = [line.partition("=")[2].strip().strip('"') for line in lines if line.strip().startswith("path")]
            return any(parent / path == folder for path in named)
        if (parent / ".git").exists():
            break
    return False


def why_unreadable(file: Path, error: OSError | RuntimeError) -> str:
    """Return what kept a file from being read, in a few words."""
    if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:  # until Python 3.12 it was a RuntimeError
        return "it is a link that leads to itself"
    if isinstance(error, FileNotFoundError) and file.is_symlink():
        return f"it is a link to {str(file.readlink())!r}, where nothing is"
    return f"it cannot be read: {error.strerror or type(error).__name__}"


class Named(NamedTuple):
    """Where somebody says that a project is: in a folder, perhaps at a revision of git there, or at a URL of fsspec."""

    folder: Path = Path()
    ref: str | None = None
    url: str = ""


def named_place(text: str) -> Named:
    """Return what a path or URL names, such as `acme`, `git+file:///repository@main` or `s3://bucket/acme`."""
    scheme, separator, _ = text.partition("://")
    scheme = scheme.lower()
    if not separator:
        if _COLLAPSED.match(text) and not Path(text).exists():
            raise UsageError("a slash of that URL is lost", hint="give it as a text: a Path keeps one of two slashes")
        return Named(Path(text))
    if scheme not in _OF_FOLDERS:
        if scheme.startswith("git+"):
            hint = "name a clone of it, perhaps with a revision: git+file:///repository@main"
            raise UsageError(f"a project cannot be read from {scheme}://", hint=hint)
        return Named(url=text)
    try:
        parts = urlsplit(text)
    except ValueError:  # its words would quote the URL, which may hold a password
        raise UsageError("that is no URL", hint="give a folder, or git+file:///repository@ref") from None
    if parts.netloc not in ("", "localhost"):
        hint = "for a folder of this machine write three slashes: file:///folder"
        raise UsageError("the URL of the project names a host", hint=hint)
    path = unquote(parts.path)
    if scheme != "git+file":
        return Named(Path(path))
    folder, _, ref = path.partition("@")
    return Named(Path(folder), ref or "HEAD")
