"""The projects of a repository: a hook and a CI job start at its root, and a project may lie anywhere below."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from flowerpower.git import GitError, git, repository_of
from flowerpower.specs.files.kinds import PROJECT_FILES, SKIPPED_FOLDERS

_MOST_FOLDERS = 20_000


def projects_below(folder: Path) -> list[Path]:
    """Return the folder of each project in *folder* or below it, sorted: what git tracks or could; outside git, all.

    Hidden folders and `node_modules` are left out. A template (`flowerpower.yaml.jinja`) is no project.
    """
    start = folder.resolve()
    found = _known_to_git(start) if repository_of(start) else None
    files = _on_disk(start) if found is None else found
    return sorted({start / path.parent for path in files if not _is_skipped(path) and (start / path).is_file()})


def _known_to_git(start: Path) -> list[PurePosixPath] | None:
    names = [pattern for name in PROJECT_FILES for pattern in (name, f"**/{name}")]
    patterns = [f":(glob){pattern}" for pattern in names]
    try:
        said = git(start, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns)
    except GitError:
        return None  # no git here, or a repository that it does not trust
    return [PurePosixPath(name) for name in said.decode("utf-8", "surrogateescape").split("\0")[:-1]]


def _on_disk(start: Path) -> Iterator[PurePosixPath]:
    for number, (folder, names, files) in enumerate(os.walk(start)):
        names[:] = [name for name in names if not name.startswith(".") and name not in SKIPPED_FOLDERS]
        yield from (PurePosixPath(Path(folder, name).relative_to(start)) for name in PROJECT_FILES if name in files)
        if number == _MOST_FOLDERS:
            return


def _is_skipped(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part in SKIPPED_FOLDERS for part in path.parent.parts)
