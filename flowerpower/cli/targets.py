"""Which projects the arguments of `validate` name: files belong to the project around them, a folder may hold many."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.cli.projects import every_project
from flowerpower.cli.session import Session
from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject


def named_projects(session: Session, files: Sequence[Path]) -> list[FlowerPowerProject]:
    """Return the projects that the arguments name, each once; without any the one of the session.

    Raises UsageError for a file that does not exist, ProjectNotFoundError for one outside any project.
    """
    if not files:
        return [session.find_project()]
    found: dict[Path, FlowerPowerProject] = {}
    for file in files:
        for project in _projects_of(session, file):
            found.setdefault(project.folder, project)
    return list(found.values())


def every_named_project(session: Session, folders: Sequence[Path]) -> list[FlowerPowerProject]:
    """Return every project below *folders*, or of this repository when there are none; raises as `every_project`."""
    return [_project(session, folder) for folder in every_project(folders)]


def _projects_of(session: Session, file: Path) -> Iterator[FlowerPowerProject]:
    if file.is_dir():
        from flowerpower.repository import projects_below

        for folder in projects_below(file) or [file]:
            yield _project(session, folder)
        return
    if session.ref is None and not os.path.lexists(file) and not _was_deleted(file):
        raise UsageError(f"there is no file {file}", hint=_hint(file))
    yield _project(session, next(folder for folder in file.parents if folder.is_dir()))


def _project(session: Session, folder: Path) -> FlowerPowerProject:
    return session._replace(settings=session.settings._replace(project=folder)).find_project()


def _hint(file: Path) -> str:
    if str(file) == "-":
        return "a spec is checked together with its project, not from standard input; name the file"
    from flowerpower.nearest import SURE, nearest

    folder = file.parent
    beside = [one.name for one in folder.iterdir()] if folder.is_dir() and os.access(folder, os.R_OK) else []
    if meant := nearest(file.name, beside, cutoff=SURE):
        return f"did you mean {folder / meant}?"
    return "name files or folders of the project, or none to check all"


def _was_deleted(file: Path) -> bool:
    """Tell whether git has or had the file: a deleted one is no typing error, and what names it must be checked."""
    from flowerpower.git import GitError, git

    folder = next(parent for parent in file.absolute().parents if parent.is_dir())
    path = f"./{os.path.relpath(file.absolute(), folder)}"
    try:
        return bool(git(folder, "ls-files", "--", path) or git(folder, "ls-tree", "HEAD", "--", path))
    except GitError:
        return False
