"""The projects of a whole repository: for hooks and CI jobs, and for people, who start at its root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.errors import ProjectNotFoundError, UsageError

if TYPE_CHECKING:
    from flowerpower.filesystem import Filesystem


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


def name_of(place: Path | Filesystem) -> str:
    """Return what a project is called by where it is: its folder's name, or its URL without secrets."""
    return place.name if isinstance(place, Path) else str(place)


def hint_below(folder: Path) -> str:
    """Return what to do where there is no project but git knows some further down; nothing where there are none."""
    from flowerpower.git import repository_of
    from flowerpower.render.words import count, listed
    from flowerpower.repository import projects_below

    if not folder.is_dir() or not repository_of(folder):  # outside git the search might take long
        return ""
    below = [str(folder / project.relative_to(folder.resolve())) for project in projects_below(folder)]
    if not below:
        return ""
    return (
        f"{count(len(below), 'project')} below: name one with --project ({listed(below)}); validate and fmt take --all"
    )
