"""What git says of the project's folder: commit, repository, uncommitted changes, ancestry.

Outside a repository there is nothing to say. Inside one that git cannot read there is no guessing: guards rest on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flowerpower.git import GitError, git, repository_of

_OF_REMOTES = ("refs/remotes", "refs/pipelines")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_READ = ("*.yaml", "*.yml", "*.py")  # what specs and modules are made of


@dataclass(frozen=True, slots=True)
class Revision:
    """The revision a project folder is at; `commit` is empty outside git and before the first commit."""

    commit: str = ""
    repository: str = ""  # host/path of the origin, lower case, without user and .git; empty without one
    dirty: bool | None = False  # None: git could not tell
    absent: tuple[str, ...] = ()  # files of the index, by path in the folder, that a sparse checkout leaves out

    @property
    def in_git(self) -> bool:
        """Tell whether there is a commit to speak of."""
        return bool(self.commit)


def read_revision(folder: Path, ref: str | None = None, *, wary: bool = False) -> Revision:
    """Return the revision of a folder: of its work tree, or of `ref` (which is never dirty).

    In somebody else's checkout be *wary*: whether it is dirty is not asked, since git runs filters to tell.

    Raises `GitError` when the folder is in a repository that git cannot read, or does not know `ref`.
    """
    if ref is None and repository_of(folder) is None:
        return Revision()
    git(folder, "rev-parse", "--git-dir", wary=wary)
    try:
        asked = f"{ref or 'HEAD'}^{{commit}}"
        commit = _ask(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", asked, wary=wary)
    except GitError:
        if ref is not None:
            raise
        return Revision()  # a repository without a commit
    return Revision(
        commit=commit,
        repository=normal_remote(_ask_if_set(folder, "config", "--get", "remote.origin.url")),
        dirty=False if ref or wary else _is_dirty(folder),
        absent=() if ref else tuple(_left_out(folder)),
    )


def _is_dirty(folder: Path) -> bool | None:
    """Tell of changes to what git tracks, and of new files that could be specs or modules; a saved plan is neither."""
    try:
        if _ask(folder, "status", "--porcelain", "--untracked-files=no", "--", "."):
            return True
        return bool(_ask(folder, "ls-files", "--others", "--exclude-standard", "--", *_READ))
    except GitError:
        return None


def _left_out(folder: Path) -> list[str]:
    """Return what is in the commit and not in the work tree because a sparse checkout wants it so."""
    if _ask_if_set(folder, "config", "--type=bool", "--get", "core.sparseCheckout") != "true":
        return []
    listed = git(folder, "ls-files", "-t", "-z", "--", ".").decode("utf-8", "surrogateescape").split("\0")
    return [entry[2:] for entry in listed if entry.startswith("S ")]


def is_pushed(folder: Path, commit: str, *, wary: bool = False) -> bool | None:
    """Tell whether a branch of a remote is known to hold a commit; None when a shallow clone knows no branch of one.

    Without a remote workers take the clone itself, which has it. CI on GitLab fetches to `refs/pipelines`.
    """
    try:
        if not _ask_if_set(folder, "config", "--get", "remote.origin.url"):
            return True
        if not _ask(folder, "for-each-ref", "--count=1", "--format=%(refname)", *_OF_REMOTES, wary=wary):
            return None if _ask(folder, "rev-parse", "--is-shallow-repository") == "true" else False
        known = [f"--glob={refs}" for refs in _OF_REMOTES]
        return not _ask(folder, "rev-list", "--max-count=1", commit, "--not", *known, wary=wary)
    except GitError:
        return None


def descends(folder: Path, commit: str, ancestor: str, *, wary: bool = False) -> bool | None:
    """Tell whether `commit` is `ancestor` or comes after it; None when git cannot know (a shallow clone).

    A whole history that does not hold `ancestor` was written anew: then nothing in it comes after that commit.
    """
    if commit == ancestor:
        return True
    if not COMMIT.fullmatch(ancestor):
        return None
    try:
        answer = git(folder, "cat-file", "--batch-check", feed=f"{ancestor}\n".encode(), wary=wary).split()
        behind = ("rev-list", "--count", "--end-of-options", f"{commit}..{ancestor}")
        if answer[1:2] == [b"commit"] and _ask(folder, *behind, wary=wary) == "0":
            return True
        return None if _ask(folder, "rev-parse", "--is-shallow-repository") == "true" else False
    except GitError:
        return None


def precedes(folder: Path, commit: str, others: Sequence[str], *, wary: bool = False) -> bool | None:
    """Tell whether `commit` is one of `others` or comes before one; None when git cannot know.

    Commits are as they are recorded: `+dirty` after one is looked past, `tree:...` stands for files outside git.
    """
    wanted, bases = commit.removesuffix("+dirty"), [other.removesuffix("+dirty") for other in others]
    if wanted in bases:
        return True
    commits = [base for base in bases if base and not base.startswith("tree:")]
    if not commits or not wanted or wanted.startswith("tree:"):
        return False
    asked = "".join(f"{one}\n" for one in commits).encode()
    answers = git(folder, "cat-file", "--batch-check", feed=asked, wary=wary).decode()
    known = [
        one for one, answer in zip(commits, answers.splitlines(), strict=True) if answer.split()[1:2] == ["commit"]
    ]
    if known and not _ask(folder, "rev-list", "--max-count=1", wanted, "--not", *known, wary=wary):
        return True
    return False if len(known) == len(commits) else None


def has_line(folder: Path, commit: str, pattern: str, names: Iterable[str], *, wary: bool = False) -> bool:
    """Tell whether files of these names, anywhere in a commit, have a line that fits a POSIX regular expression."""
    places = (f":(top,glob)**/{name}" for name in names)
    try:
        git(folder, "grep", "--quiet", "--extended-regexp", "-e", pattern, commit, "--", *places, wary=wary)
    except GitError:
        return False
    return True


def normal_remote(url: str) -> str:
    """Return host/path of a remote URL, so that https, ssh and user names do not make one repository look like two."""
    text = url.strip().lower().removesuffix("/").removesuffix(".git")
    if not text:
        return ""
    if "://" not in text and ":" in text.partition("/")[0]:  # git@host:path
        host, _, path = text.partition(":")
        return f"{host.rpartition('@')[2]}/{path.strip('/')}"
    parts = urlsplit(text)
    return f"{parts.hostname or ''}/{parts.path.strip('/')}" if parts.hostname else text.removeprefix("file://")


def _ask(folder: Path, *arguments: str, wary: bool = False) -> str:
    return git(folder, *arguments, wary=wary).decode("utf-8", "replace").strip()


def _ask_if_set(folder: Path, *arguments: str) -> str:
    try:
        return _ask(folder, *arguments)
    except GitError:
        return ""
