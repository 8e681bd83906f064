"""`--all`: the projects of a whole repository, for hooks and CI jobs that start at its root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flowerpower.errors import ProjectNotFoundError, UsageError


def every_project(folders: Sequence[Path]) -> list[Path]:
    """Return the folder of every project below *folders*, or of this repository when there are none named.

    Raises UsageError for a name that is no folder, ProjectNotFoundError where there is no project.
    """
    from flowerpower.git import repository_of
    from flowerpower.repository import projects_below

    found: dict[Path, None] = {}
    for folder in folders or [repository_of(Path()) or Path()]:
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}", hint="with --all, name folders that hold projects")
        projects = projects_below(folder)
        if not projects:
            raise ProjectNotFoundError(f"no flowerpower.yaml in {folder.resolve()} or below it")
        found |= dict.fromkeys(projects)
    return list(found)
