"""The texts of a project as they are on disk, with as few questions to the file system as can be."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from flowerpower.specs.loader import kind_of_file
from flowerpower.specs.project import PROJECT_FILES
from flowerpower.specs.reading import MAX_MODULE_BYTES, SKIPPED_FOLDERS, SPEC_FOLDERS, Reading, module_folders
from flowerpower.specs.yaml import MAX_BYTES

# A named pipe would wait for its writer for ever; NONBLOCK opens it at once, to be refused as no regular file.
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_MUST_BE_WHOLE = tuple(f"{folder}/" for folder in SPEC_FOLDERS)  # a spec that is not read would be deleted by apply

File = tuple[str, bool]
"""A file's path in the project, and whether it is a link."""


def read_folder(root: Path, reading: Reading) -> None:
    """Read the spec files and the modules below *root*, a folder without links in its path."""
    for path, is_link in spec_files(root, reading):
        _read_file(root, path, MAX_BYTES, reading.texts, reading, is_link=is_link)
    for path, is_link in module_files(root, module_folders(reading.texts), reading):
        _read_file(root, path, MAX_MODULE_BYTES, reading.modules, reading, is_link=is_link)


def spec_files(root: Path, reading: Reading) -> Iterator[File]:
    """Yield the files that should hold specs, also those that will turn out to be unreadable."""
    for name in PROJECT_FILES:
        path = root / name
        if path.is_symlink() or path.exists():
            yield name, path.is_symlink()
    yield from (file for file in _files_below(root, SPEC_FOLDERS, reading) if kind_of_file(file[0]))


def module_files(root: Path, folders: Iterable[str], reading: Reading) -> Iterator[File]:
    """Yield the Python files below the module folders."""
    yield from (file for file in _files_below(root, folders, reading) if file[0].endswith(".py"))


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
    try:
        with os.scandir(folder) as scan:
            entries = list(scan)
    except OSError as error:
        reading.report("FP001", prefix.removesuffix("/") or ".", _reason(error))
        return
    for entry in entries:
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            if not name.startswith(".") and name not in SKIPPED_FOLDERS:
                yield from _walk(entry.path, f"{prefix}{name}/", reading)
        elif entry.is_symlink() and Path(entry.path).is_dir():
            if prefix.startswith(_MUST_BE_WHOLE):
                reading.report(
                    "FP005", f"{prefix}{name}", "the folder is a link, and links to folders are not followed"
                )
        elif reading.accepts(f"{prefix}{name}"):
            yield f"{prefix}{name}", entry.is_symlink()


def _read_file(root: Path, path: str, limit: int, into: dict[str, bytes], reading: Reading, *, is_link: bool) -> None:
    file = f"{root}/{path}"
    try:
        if is_link and not Path(file).resolve(strict=True).is_relative_to(root):
            reading.report("FP005", path, "the file is a link that leaves the project")
            return
        descriptor = os.open(file, _OPEN)
        try:
            content = _content(descriptor, limit)
        finally:
            os.close(descriptor)
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        reason = _reason(error) if isinstance(error, OSError) else "it is a link that leads to itself"
        reading.report("FP001", path, reason)
        return
    if content is None:
        reading.report("FP001", path, "it is not a regular file")
    elif len(content) > limit:
        reading.report("FP002", path, f"the file has more than {limit:,} bytes")
    else:
        into[path] = content


def _content(descriptor: int, limit: int) -> bytes | None:
    """Return what a file holds, one byte more than *limit* at most; None for what is no regular file."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return None
    content = os.read(descriptor, min(status.st_size, limit) + 1)
    while len(content) <= limit and (more := os.read(descriptor, limit + 1 - len(content))):
        content += more
    return content


def _reason(error: OSError) -> str:
    return f"it cannot be read: {error.strerror or type(error).__name__}"
