"""The code of applied commits, for `code: git`: taken from git into folders that nobody changes, one for each commit.

The objects come from the repository that the worker's own clone came from, into a bare repository of the worker's
cache; only commits of the worker's own branch count. Several workers may share a cache.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from flowerpower.errors import FlowerPowerError, UsageError
from flowerpower.git import GitError, git, repository_of
from flowerpower.revision import COMMIT
from flowerpower.specs.files.objects import read_objects

_LFS = b"version https://git-lfs.github.com/spec/"
_KEPT, _KEPT_SECONDS = 20, 86400.0  # folders that are kept in any case, and for how long after a use
_FETCH_SECONDS, _ASK_SECONDS = 1800, 20
_PARTS = ("HEAD", "config", "objects", "refs")  # of a repository that is whole
_LINK, _SUBMODULE = "120000", "160000"


class CheckoutError(FlowerPowerError):
    """The code of a commit cannot be had."""


@dataclass(frozen=True, slots=True)
class Checkouts:
    """Where the code of commits comes from, and where it is kept."""

    clone: Path  # the project in the worker's own clone
    branch: str
    cache: Path

    @classmethod
    def of(cls, project: Path, branch: str, cache: Path | None) -> Checkouts:
        """Return those of a project; without a *branch* it is the one that its clone is on. Raises `UsageError`."""
        if repository_of(project) is None:
            raise UsageError("`code: git` needs the project to be in a git clone", hint="or use `code: local`")
        if cache is None:
            raise UsageError("there is no place for a cache", hint="name one with FLOWERPOWER_CACHE_DIR")
        try:
            named = branch or git(project, "symbolic-ref", "--short", "HEAD").decode().strip()
        except GitError:
            raise UsageError(
                "this clone is on no branch, so nothing says which commits may be run", hint="--branch main"
            ) from None
        if named.startswith("-") or ".." in named or not named.isprintable():
            raise UsageError(f"{named!r} is no name of a branch")
        return cls(project.resolve(), named, cache)

    def heads(self) -> list[str] | None:
        """Return the branches that can be fetched, None where nobody can tell now."""
        try:
            said = git(self.clone, "ls-remote", "--heads", "--end-of-options", self._source(), seconds=_ASK_SECONDS)
        except GitError:
            return None
        lines = said.decode("utf-8", "surrogateescape").splitlines()
        return [line.partition("\trefs/heads/")[2] for line in lines]

    def at(self, commit: str, folders: Sequence[str]) -> Path:
        """Return a folder with the module folders of a commit, laid out as in the project; raise `CheckoutError`."""
        if not COMMIT.fullmatch(commit):
            raise CheckoutError(
                f"{commit or 'what was applied'} is no commit, and `code: git` runs commits only",
                hint="commit, push and apply again",
            )
        source = self._source()
        home = self.cache / "code" / _short(f"{source}\0{self.branch}\0{self.clone}")
        place = home / f"{commit}-{_short(chr(0).join(folders))}"
        try:
            if not place.is_dir():
                self._take(home, place, commit, folders, source)
        except OSError as error:
            raise CheckoutError(
                f"the code of {commit[:12]} cannot be written to {home}: {error.strerror or error}",
                hint="make room, or name another place with FLOWERPOWER_CACHE_DIR",
            ) from None
        with suppress(OSError):  # of another user: then it is theirs to tidy up
            os.utime(place)
        return place

    def _take(self, home: Path, place: Path, commit: str, folders: Sequence[str], source: str) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(home / "lock"):
            if place.is_dir():
                return
            mirror = home / "repository.git"
            self._fetch(mirror, commit, source)
            unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=home))
            try:
                self._write(mirror, commit, folders, unfinished)
                unfinished.rename(place)
            except BaseException:
                _remove(unfinished)
                raise
            _tidy(home)

    def _source(self) -> str:
        """Return the URL to fetch from: that of the clone's origin, or the clone itself if it has none."""
        with suppress(GitError):
            return git(self.clone, "config", "--get", "remote.origin.url").decode().strip()
        return str(repository_of(self.clone))

    def _fetch(self, mirror: Path, commit: str, source: str) -> None:
        """Make sure that the branch in the mirror has the commit."""
        self._make(mirror)
        if self._has(mirror, commit):
            return
        shallow = git(self.clone, "rev-parse", "--is-shallow-repository").strip() == b"true"
        if shallow and source == str(repository_of(self.clone)):
            raise CheckoutError(
                "this clone is shallow and has no origin to fetch from", hint="git fetch --unshallow, or git remote add"
            )
        ref = f"refs/heads/{self.branch}"
        fetch = (f"--git-dir={mirror}", "fetch", "--quiet", "--no-tags", "--end-of-options", source, f"+{ref}:{ref}")
        try:
            git(self.clone, *fetch, seconds=_FETCH_SECONDS)
        except GitError as error:
            _raise_where_full(error)
            raise CheckoutError(
                f"branch {self.branch!r} could not be fetched: {_plain(error)}",
                hint="try it by hand: git fetch origin",
            ) from None
        if not self._has(mirror, commit):
            raise CheckoutError(
                f"commit {commit[:12]} is not on branch {self.branch!r}, and nothing else is run",
                hint="push it there; a worker for another branch: --branch",
            )

    def _make(self, mirror: Path) -> None:
        """Make a repository whole or not at all; one that was left half made goes."""
        if all((mirror / part).exists() for part in _PARTS):
            return
        _remove(mirror)
        place = Path(tempfile.mkdtemp(prefix="unfinished-", dir=mirror.parent))
        try:
            git(
                self.clone, "init", "--quiet", "--bare", str(place / "mirror")
            )  # below, since others may share the cache
            (place / "mirror").rename(mirror)
        except GitError as error:
            _raise_where_full(error)
            raise
        finally:
            _remove(place)

    def _has(self, mirror: Path, commit: str) -> bool:
        try:
            git(self.clone, f"--git-dir={mirror}", "merge-base", "--is-ancestor", commit, f"refs/heads/{self.branch}")
        except GitError:
            return False
        return True

    def _write(self, mirror: Path, commit: str, folders: Sequence[str], place: Path) -> None:
        """Write the files of the module folders, unchanged: no filter of git runs, and nothing is left out."""
        prefix = git(self.clone, "rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").rstrip("\n")
        paths = [str(PurePosixPath(prefix) / folder) for folder in folders]
        listing = git(self.clone, f"--git-dir={mirror}", "ls-tree", "-r", "-z", "--full-tree", commit, "--", *paths)
        files = dict(_entries(listing, prefix))

        def ask(*arguments: str, feed: bytes = b"") -> bytes:
            return git(self.clone, f"--git-dir={mirror}", *arguments, feed=feed)

        contents = read_objects(ask, [blob for _, blob in files.values()])
        for (path, (mode, _)), content in zip(files.items(), contents, strict=True):
            _write_file(place / path, path, mode, content)
        for folder in (path for path in place.rglob("*") if path.is_dir()):
            folder.chmod(0o555)


def _entries(listing: bytes, prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield path in the project, mode and object of each file; raise `CheckoutError` for what is not taken."""
    for entry in listing.split(b"\0")[:-1]:
        description, _, name = entry.partition(b"\t")
        mode, _, blob = description.decode().split(" ")
        path = name.decode("utf-8", "surrogateescape").removeprefix(prefix)
        if mode in (_LINK, _SUBMODULE) or ".." in PurePosixPath(path).parts:
            kind = "git submodule" if mode == _SUBMODULE else "link"
            raise CheckoutError(
                f"{path} is a {kind}, and `code: git` takes plain files only", hint="keep it outside the module folders"
            )
        yield path, (mode, blob)


def _write_file(file: Path, path: str, mode: str, content: memoryview | None) -> None:
    if content is None:
        raise CheckoutError(f"git does not have the content of {path}")
    if bytes(content[: len(_LFS)]) == _LFS:
        raise CheckoutError(
            f"{path} is kept in Git LFS, which `code: git` does not fetch", hint="keep it outside the module folders"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(0o555 if mode == "100755" else 0o444)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Let one process at a time into the block; the kernel lets go for one that dies."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tidy(home: Path) -> None:
    """Remove what a killed process left, and the folders that were not used for long."""
    places = [(path.stat().st_mtime, path) for path in home.iterdir() if path.is_dir() and path.suffix != ".git"]
    unfinished = [path for _, path in places if path.name.startswith("unfinished-")]
    kept = sorted((place for place in places if place[1] not in unfinished), reverse=True)
    old = [path for used, path in kept[_KEPT:] if time.time() - used > _KEPT_SECONDS]
    for path in (*unfinished, *old):
        _remove(path)


def _remove(place: Path) -> None:
    for folder in (place, *(path for path in place.rglob("*") if path.is_dir())):
        with suppress(OSError):
            folder.chmod(0o755)
    shutil.rmtree(place, ignore_errors=True)


def _raise_where_full(error: GitError) -> None:
    """Raise what any file raises for which there is no room, if that is what git has to say."""
    if "no space left" in error.said.lower():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def _plain(error: GitError) -> str:
    """Return what git said without the URL, which may hold a password."""
    said = next((line for line in error.said.splitlines() if line.strip()), str(error))
    return re.sub(r"[a-z+]+://\S+", "(its URL)", said)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
