"""What git says of the project's folder: commit, repository, uncommitted changes, ancestry.

Git is asked by subprocess, with fixed arguments; outside a repository there is nothing to say.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Revision:
    """The revision a project folder is at; `commit` is empty outside git and before the first commit."""

    commit: str = ""
    repository: str = ""  # host/path of the origin, lower case, without user and .git; empty without one
    dirty: bool = False
    author: str = ""

    @property
    def in_git(self) -> bool:
        """Tell whether there is a commit to speak of."""
        return bool(self.commit)


def read_revision(folder: Path, ref: str | None = None) -> Revision:
    """Return the revision of a folder: of its work tree, or of `ref` (which is never dirty)."""
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref or 'HEAD'}^{{commit}}")
    if not commit:
        return Revision()
    status = "" if ref else _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".") or ""
    return Revision(
        commit=commit,
        repository=normal_remote(_git(folder, "config", "--get", "remote.origin.url") or ""),
        dirty=bool(status),
        author=_git(folder, "log", "-1", "--format=%an", commit) or "",
    )


def descends(folder: Path, commit: str, ancestor: str) -> bool | None:
    """Tell whether `commit` is `ancestor` or comes after it; None when git cannot know (a shallow clone)."""
    if commit == ancestor:
        return True
    if _git(folder, "cat-file", "-e", f"{ancestor}^{{commit}}") is None:
        return None
    return _git(folder, "merge-base", "--is-ancestor", ancestor, commit) is not None


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


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, None when it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
