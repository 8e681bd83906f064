"""Which code a run on this machine has, told by the digest that apply has recorded of the code it saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from flowerpower.dataflow.reader import code_digest
from flowerpower.errors import FlowerPowerError
from flowerpower.pipelines.edits import code_fingerprint


def code_on_disk(root: Path, modules: Sequence[str], folders: Sequence[str]) -> str:
    """Return the digest of *modules* and what they import as they lie on disk; the files are read when they change."""
    return code_digest(modules, files_on_disk(root, folders), folders)


def files_on_disk(root: Path, folders: Sequence[str]) -> Mapping[str, bytes]:
    """Return the modules below some folders of a project; they are read when they change."""
    return _files(root, tuple(folders), code_fingerprint(root, folders))


@lru_cache(maxsize=4)
def _files(root: Path, folders: tuple[str, ...], fingerprint: str) -> Mapping[str, bytes]:
    from flowerpower.specs.files.folder import read_modules

    return read_modules(root, folders)


def commit_at(root: Path, named: str = "") -> str:
    """Return the commit that a project on this machine is at: the one that is named, else what git says, if it can."""
    from flowerpower.revision import read_revision

    if named:
        return named
    try:
        revision = read_revision(root)
    except FlowerPowerError:
        return ""
    return f"{revision.commit}+dirty" if revision.commit and revision.dirty is not False else revision.commit
