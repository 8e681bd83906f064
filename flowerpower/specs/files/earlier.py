"""The modules of a project as they were at earlier commits: one `git` process for each commit, and one for all files.

What is still the same today is not read again: git names a content by its digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from flowerpower.git import GitError, git, repository_of
from flowerpower.specs.files.kinds import SKIPPED_FOLDERS
from flowerpower.specs.files.objects import read_objects
from flowerpower.specs.files.reading import MAX_MODULE_BYTES

_LINK = "120000"
_NOT_HERE = ("not a tree object", "Not a valid object name", "bad object", "unable to read tree")
Files = Mapping[str, bytes]
Ask = Callable[..., bytes]


def modules_at(
    folder: Path | None, today: Files, commits: Sequence[str], folders: Collection[str], *, wary: bool = False
) -> dict[str, Files | str]:
    """Return the modules below some folders of the project in each commit, or in a few words why they are not known.

    Be *wary* of somebody else's checkout: what git does not have is not fetched.
    """
    if folder is None or repository_of(folder) is None:
        return dict.fromkeys(commits, "this folder is not in git")
    ask = partial(git, folder, wary=wary)
    listings: dict[str, dict[str, str]] = {}
    found: dict[str, Files | str] = {}
    for commit in commits:
        try:
            listings[commit] = dict(_list_modules(ask, commit, folders))
        except GitError as error:
            found[commit] = _why(error, commit)
    try:
        contents = _contents(ask, today, listings.values())
    except GitError as error:
        return found | dict.fromkeys(listings, str(error))
    for commit, listing in listings.items():
        found[commit] = {path: contents[name] for path, name in listing.items() if name in contents}
    return found


def _list_modules(ask: Ask, commit: str, folders: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield path in the project and object of each module of a commit, as a reader of the folder finds them."""
    if not folders:
        return
    places = [f"{PurePosixPath(name)}/" if name not in ("", ".") else "." for name in folders]
    for entry in ask("ls-tree", "-r", "-z", commit, "--", *places).split(b"\0")[:-1]:
        description, _, name = entry.partition(b"\t")
        mode, kind, content = description.decode().split(" ")
        path = name.decode("utf-8", "replace")  # a name that is not UTF-8 is no module's
        hidden = any(part.startswith(".") or part in SKIPPED_FOLDERS for part in PurePosixPath(path).parts)
        if kind == "blob" and mode != _LINK and path.endswith(".py") and not hidden:
            yield path, content


def _contents(ask: Ask, today: Files, listings: Collection[Mapping[str, str]]) -> dict[str, bytes]:
    """Return the contents of all that is listed, by object."""
    wanted = dict.fromkeys(name for listing in listings for name in listing.values())
    paths = {path for listing in listings for path in listing}
    algorithm = "sha256" if any(len(name) == 64 for name in wanted) else "sha1"
    found = {_name_of(content, algorithm): content for path, content in today.items() if path in paths}
    missing = [name for name in wanted if name not in found]
    for name, content in zip(missing, read_objects(ask, missing), strict=False):
        if content is not None and len(content) <= MAX_MODULE_BYTES:
            found[name] = bytes(content)
    return found


def _name_of(content: bytes, algorithm: str) -> str:
    """Return the name that git gives to a content."""
    return hashlib.new(algorithm, b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()


def _why(error: GitError, commit: str) -> str:
    if any(words in error.said for words in _NOT_HERE):
        return f"commit {commit[:7]} is not in this clone; fetch the whole history (`fetch-depth: 0` in CI)"
    return str(error)
