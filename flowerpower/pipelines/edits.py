"""Modules that are edited while a process lives: noticed by their files, and imported anew, never reloaded in place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from flowerpower.pipelines.extensions import load_hamilton
from flowerpower.pipelines.modules import forget_modules
from flowerpower.specs.files.kinds import SKIPPED_FOLDERS

_seen: dict[tuple[str, ...], str] = {}  # the fingerprint of module folders when this process last looked


def forget_edited(root: Path, folders: Sequence[str]) -> None:
    """Forget the project's modules if any was edited since this was last asked, so that the next run imports them anew.

    All of them, since each may hold what another made. To a process that lives on, as a notebook's, it would otherwise
    seem as if an edit had changed nothing.
    """
    key, found = (str(root.resolve()), *folders), code_fingerprint(root, folders)
    if _seen.setdefault(key, found) != found:
        forget_modules(root, folders)
        load_hamilton.cache_clear()  # the modules may need other extensions now
        _seen[key] = found


def code_fingerprint(root: Path, folders: Sequence[str]) -> str:
    """Return a value that changes when a module below the folders is edited, added or removed, without reading one."""
    seen = hashlib.sha256()
    for folder in folders:
        for line in sorted(_facts(str(root / folder))):
            seen.update(line.encode("utf-8", "surrogateescape"))
    return seen.hexdigest()


def _facts(folder: str) -> Iterator[str]:
    """Yield a line for each module below a folder; links to folders and hidden ones are not followed."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    with suppress(OSError):  # a link to nothing, as editors leave beside what is edited
                        stat = entry.stat()
                        yield f"{entry.path}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}\n"
                elif entry.is_dir(follow_symlinks=False) and not _is_skipped(entry.name):
                    yield from _facts(entry.path)
    except OSError:
        return


def _is_skipped(folder: str) -> bool:
    return folder.startswith(".") or folder in SKIPPED_FOLDERS
