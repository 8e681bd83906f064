"""Texts of a project, from its folder, from a git revision or from a URL; the only part of specs that reads files.

A git revision is read from the object store by two `git` processes, without a checkout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from flowerpower.errors import FlowerPowerError, ProjectNotFoundError
from flowerpower.specs.files.folder import module_folders, read_folder
from flowerpower.specs.files.kinds import SKIPPED_FOLDERS, SPEC_STARTS, kind_of_file
from flowerpower.specs.files.reading import MAX_MODULE_BYTES, MAX_SPEC_BYTES, Reading, Sources
from flowerpower.specs.files.walk import find_project

if TYPE_CHECKING:
    from flowerpower.filesystem import Filesystem

__all__ = ["Sources", "find_project", "read"]


def read(place: Path | Filesystem, ref: str | None = None, *, wary: bool = False) -> Sources:
    """Return the spec files and modules at *place*, as they are there now, or in the git revision *ref* of a folder.

    A file that cannot be used is a Problem; FlowerPowerError only if the place or the revision itself is not there.
    Be *wary* of somebody else's checkout: what git does not have is not fetched.
    """
    if not isinstance(place, Path):
        from flowerpower.specs.files.remote import read_remote

        return read_remote(place)
    folder = place
    if ref is not None:
        from flowerpower.git import git

        return _read_revision(folder, ref, partial(git, folder, wary=wary))
    if not folder.is_dir():
        raise ProjectNotFoundError(f"there is no folder {folder}")
    reading = Reading()
    read_folder(folder.resolve(), reading)
    return reading.done()


def _read_revision(folder: Path, ref: str, ask: Callable[..., bytes]) -> Sources:
    if not ref or ref.startswith("-") or "\0" in ref:
        raise FlowerPowerError(f"{ref!r} is not a git revision", hint="name a branch, tag or commit")
    reading = Reading()
    prefix = ask("rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").rstrip("\n")
    commit = ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").decode().strip()
    submodules: list[str] = []
    entries = dict(_list_tree(ask, commit, prefix, reading, submodules))
    specs = {path: blob for path, blob in entries.items() if kind_of_file(path)}
    for path in sorted(entries.keys() - specs.keys()):
        reading.report_lookalike(path)
    _read_blobs(ask, specs, MAX_SPEC_BYTES, reading.texts, reading)
    folders = tuple("" if name == "." else f"{name}/" for name in module_folders(reading.texts))
    for path in submodules:
        if f"{path}/".startswith(SPEC_STARTS) or any(folder.startswith(f"{path}/") for folder in folders):
            reading.report("FP023", path, "it is a git submodule, and those are no part of a git revision")
    modules = {path: blob for path, blob in entries.items() if path.endswith(".py") and path.startswith(folders)}
    _read_blobs(ask, modules if folders else {}, MAX_MODULE_BYTES, reading.modules, reading)
    return reading.done()


def _list_tree(
    ask: Callable[..., bytes], commit: str, prefix: str, reading: Reading, submodules: list[str]
) -> Iterator[tuple[str, str]]:
    """Yield path in the project and object of each regular file of a commit; note its *submodules*."""
    listing = ask("ls-tree", "-r", "-z", "--full-tree", commit, "--", prefix or ".")
    for entry in listing.split(b"\0")[:-1]:
        description, _, name = entry.partition(b"\t")
        mode, kind, blob = description.decode().split(" ")
        path = name.decode("utf-8", "surrogateescape").removeprefix(prefix)
        if kind == "commit":
            submodules.append(path)
        hidden = any(part.startswith(".") or part in SKIPPED_FOLDERS for part in PurePosixPath(path).parts)
        if kind != "blob" or hidden or not reading.accepts(path):
            continue
        if mode != "120000":
            yield path, blob
        elif kind_of_file(path) or path.endswith(".py"):
            reading.report("FP005", path, "the file is a link; in a git revision links are not followed")


def _read_blobs(
    ask: Callable[..., bytes], wanted: Mapping[str, str], limit: int, into: dict[str, bytes], reading: Reading
) -> None:
    """Read objects by one process."""
    from flowerpower.specs.files.objects import read_objects

    for path, content in zip(wanted, read_objects(ask, list(wanted.values())), strict=False):
        if content is None:
            reading.report("FP001", path, "git does not have its content")
        elif len(content) > limit:
            reading.report("FP002", path, f"the file has {len(content):,} bytes, more than {limit:,}")
        else:
            into[path] = bytes(content)
