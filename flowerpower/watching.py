"""Whether the files of a project that count have changed since one looked last."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from flowerpower.specs.files.kinds import PROJECT_FILES, SKIPPED_FOLDERS, SPEC_FOLDERS

Snapshot = frozenset[tuple[str, int, int]]
"""Path, time of the last change in nanoseconds, and size of each file."""

_ENDINGS = (".yaml", ".yml", ".py")


def snapshot(root: Path, folders: Iterable[str]) -> Snapshot:
    """Return what the spec files of a project and the modules below *folders* look like now.

    What vanishes while one looks counts as gone; an editor that saves by renaming is seen as one change.
    """
    tops = [root / name for name in (*SPEC_FOLDERS, *folders)]
    return frozenset(_look([*(root / name for name in PROJECT_FILES), *_files_below(tops)]))


def _files_below(tops: Iterable[Path]) -> Iterator[Path]:
    for top in tops:
        for folder, names, files in os.walk(top):
            names[:] = [name for name in names if name not in SKIPPED_FOLDERS and not name.startswith(".")]
            yield from (Path(folder, file) for file in files if file.endswith(_ENDINGS) and not file.startswith("."))


def _look(files: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for file in files:
        try:
            found = file.stat()
        except OSError:
            continue
        yield str(file), found.st_mtime_ns, found.st_size
