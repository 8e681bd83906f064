"""Which projects the arguments of `validate` name: files belong to the project around them, a folder may hold many."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.cli.session import Session
from flowerpower.errors import ProjectNotFoundError, UsageError
from flowerpower.git import GitError, git

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject

_SKIPPED = ("node_modules", "__pycache__")


def named_projects(session: Session, files: Sequence[Path]) -> list[FlowerPowerProject]:
    """Return the projects that the arguments name, each once; without any the one of the session.

    Raises UsageError for a file that does not exist, ProjectNotFoundError for one outside any project.
    """
    if not files:
        return [_nearest(session)]
    found: dict[Path, FlowerPowerProject] = {}
    for file in files:
        for project in _projects_of(session, file):
            found.setdefault(project.folder, project)
    return list(found.values())


def _nearest(session: Session) -> FlowerPowerProject:
    try:
        return session.find_project()
    except ProjectNotFoundError as error:
        if not session.settings.project.is_dir():
            raise
        hint = f"{error.hint}; `flowerpower validate .` checks every project below this folder"
        raise ProjectNotFoundError(str(error), hint=hint) from None


def _projects_of(session: Session, file: Path) -> Iterator[FlowerPowerProject]:
    if file.is_dir():
        below = list(_projects_below(file))
        for folder in below or [file]:
            yield _project(session, folder)
        return
    if session.ref is None and not os.path.lexists(file) and not _was_deleted(file):
        raise UsageError(f"there is no file {file}", hint=_hint(file))
    yield _project(session, next(folder for folder in file.parents if folder.is_dir()))


def _project(session: Session, folder: Path) -> FlowerPowerProject:
    return replace(session, settings=replace(session.settings, project=folder)).find_project()


def _hint(file: Path) -> str:
    if str(file) == "-":
        return "a spec is checked together with its project, not from standard input; name the file"
    return "name files or folders of the project, or none to check all"


def _projects_below(start: Path) -> Iterator[Path]:
    """Yield the folders at and below *start* that hold a project, sorted; nothing inside a project is looked at."""
    from flowerpower.specs.kinds import PROJECT_FILES

    for folder, names, files in os.walk(start):
        if not set(PROJECT_FILES).isdisjoint(files):
            names.clear()
            yield Path(folder)
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in _SKIPPED)


def _was_deleted(file: Path) -> bool:
    """Tell whether git has or had the file: a deleted one is no typing error, and what names it must be checked."""
    folder = next(parent for parent in file.absolute().parents if parent.is_dir())
    path = f"./{os.path.relpath(file.absolute(), folder)}"
    try:
        return bool(git(folder, "ls-files", "--", path) or git(folder, "ls-tree", "HEAD", "--", path))
    except GitError:
        return False
