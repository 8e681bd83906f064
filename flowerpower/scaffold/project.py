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


def init(target: Path, answers: Answers | None = None, **given: Any) -> list[Path]:
    """Write a new project into folder *target* and return its files, relative to it and sorted.

    Without *answers*, those are taken that `answers_for` makes of what is *given*. Raises UsageError, and leaves all as
    it was, when a file would be overwritten, an answer is not a valid one, or the folder cannot be written.
    """
    refuse_taken(target)
    return write_new(target, template_files(answers_for(target, **given) if answers is None else answers.checked()))


def refuse_taken(target: Path) -> None:
    """Raise UsageError when no project fits into folder *target*, whatever the answers: before anybody is asked."""
    if os.path.lexists(target / _MARK):
        raise UsageError(
            f"{target} is a project already: it has {_MARK}; nothing was written",
            hint="`flowerpower new` adds to it; for another project name another folder",
        )
    refuse_to_overwrite(target, template_files(Answers("any", ci="none", compose=False)))


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
