"""A new project: its files, and the repository that it begins with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from flowerpower.errors import UsageError
from flowerpower.git import GitError, git
from flowerpower.scaffold.answers import Answers, answers_for
from flowerpower.scaffold.template import template_files
from flowerpower.scaffold.writing import refuse_to_overwrite, write_new

Repository = Literal["committed", "not committed", "already in one", "no git"]

_MARK = "flowerpower.yaml"
_WAYS_OUT = "--keep leaves them as they are and writes the others; or name a new folder"


def init(target: Path, answers: Answers | None = None, *, keep: bool = False, **given: Any) -> list[Path]:
    """Write a new project into folder *target* and return its files, relative to it and sorted.

    Without *answers*, those are taken that `answers_for` makes of what is *given*. Raises UsageError, and leaves all as
    it was, when a file would be overwritten, an answer is not a valid one, or the folder cannot be written. Told to
    *keep* files that are there already, it writes the others.
    """
    refuse_taken(target, keep=keep)
    files = template_files(answers_for(target, **given) if answers is None else answers.checked())
    if keep:
        files = {path: content for path, content in files.items() if not (target / path).is_file()}
    refuse_to_overwrite(target, files, _WAYS_OUT)
    return write_new(target, files)


def kept_files(target: Path, answers: Answers) -> list[Path]:
    """Return the files of a project that are in folder *target* already, sorted."""
    return sorted(path for path in template_files(answers) if (target / path).is_file())


def refuse_taken(target: Path, *, keep: bool = False) -> None:
    """Raise UsageError when no project fits into folder *target*, whatever the answers: before anybody is asked."""
    if os.path.lexists(target / _MARK):
        raise UsageError(
            f"{target} is a project already: it has {_MARK}; nothing was written",
            hint="`flowerpower new` adds to it; for another project name another folder",
        )
    files = [] if keep else template_files(Answers("any", ci="none", compose=False))
    refuse_to_overwrite(target, files, _WAYS_OUT)


def start_repository(folder: Path, files: list[Path]) -> Repository:
    """Put the new project under git, with a first commit of *files*, unless it lies in a repository already."""
    if _git(folder, "rev-parse", "--git-dir"):
        return "already in one"
    if not _git(folder, "init", "--quiet", "--initial-branch=main"):
        return "no git"
    added = _git(folder, "add", "--force", "--", *map(str, files))
    # Fails where git does not know who the author is: the files then wait, added.
    committed = added and _git(folder, "commit", "--quiet", "--message=Start the project with flowerpower init")
    return "committed" if committed else "not committed"


def _git(folder: Path, *arguments: str) -> bool:
    try:
        git(folder, "-c", "commit.gpgsign=false", *arguments)
    except GitError:
        return False
    return True
