"""Which code a run on this machine has, told by the digest that apply has recorded of the code it saw."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from flowerpower.dataflow.reader import code_digest
from flowerpower.errors import FlowerPowerError


def code_fingerprint(root: Path, folders: Sequence[str]) -> str:
    """Return a value that changes when a module below the folders is edited, added or removed, without reading one."""
    seen = hashlib.sha256()
    for folder in folders:
        for line in sorted(_facts(str(root / folder))):
            seen.update(line.encode("utf-8", "surrogateescape"))
    return seen.hexdigest()


def code_on_disk(root: Path, modules: Sequence[str], folders: Sequence[str]) -> str:
    """Return the digest of *modules* and what they import as they lie on disk; the files are read when they change."""
    return code_digest(modules, _files(root, tuple(folders), code_fingerprint(root, folders)), folders)


@lru_cache(maxsize=4)
def _files(root: Path, folders: tuple[str, ...], fingerprint: str) -> Mapping[str, bytes]:
    from flowerpower.specs.files.folder import read_modules

    return read_modules(root, folders)


def _facts(folder: str) -> Iterator[str]:
    """Yield a line for each module below a folder; links to folders are not followed."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    with suppress(OSError):  # a link to nothing, as editors leave beside what is edited
                        stat = entry.stat()
                        yield f"{entry.path}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}\n"
                elif entry.is_dir(follow_symlinks=False):
                    yield from _facts(entry.path)
    except OSError:
        return


def commit_at(root: Path, named: str = "") -> str:
    """Return the commit that a project on this machine is at: the one that is named, else what git says, if it can."""
    from flowerpower.revision import read_revision

    if named:
        return named
    try:
        revision = read_revision(root)
    except FlowerPowerError:
        return ""
    return f"{revision.commit}+dirty" if revision.commit and revision.dirty is not False else revision.commit
