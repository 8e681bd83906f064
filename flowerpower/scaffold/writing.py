"""New files, all or none, never in the place of others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from flowerpower.errors import UsageError


def write_new(target: Path, files: dict[Path, bytes]) -> list[Path]:
    """Write *files* into *target*, all or none, and return their paths."""
    try:
        refuse_to_overwrite(target, list(files))
        _write_all(target, files)
    except OSError as error:
        raise UsageError(
            f"cannot write {error.filename or target}: {error.strerror or error}; nothing was left behind",
            hint="name a folder that you can write, on a disk with room",
        ) from error
    return sorted(files)


_WAY_OUT = "choose another name, or move these files away"


def refuse_to_overwrite(target: Path, files: Iterable[Path], hint: str = _WAY_OUT) -> None:
    """Raise UsageError when one of *files* exists in *target*, or cannot."""
    if os.path.lexists(target) and not target.is_dir():
        raise UsageError(f"{target} is not a folder", hint="name a new folder, or an empty one")
    in_the_way = [str(file) for file in files if _is_blocked(target, file)]
    if in_the_way:
        raise UsageError(
            f"{target} already has {', '.join(in_the_way)}; nothing was written",
            hint=hint,
        )


def _is_blocked(target: Path, file: Path) -> bool:
    """Say whether *file* exists in *target*, or one of its folders is something else there."""
    parents = [target / parent for parent in file.parents]
    return os.path.lexists(target / file) or any(os.path.lexists(path) and not path.is_dir() for path in parents)


def _write_all(target: Path, files: dict[Path, bytes]) -> None:
    made: list[Path] = []
    try:
        for file, content in files.items():
            _make_folders((target / file).parent, made)
            with (target / file).open("xb") as stream:  # x: what appeared meanwhile is not overwritten either
                made.append(target / file)
                stream.write(content)
    except BaseException:
        _remove(made)
        raise


def _make_folders(folder: Path, made: list[Path]) -> None:
    missing = [path for path in [folder, *folder.parents] if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        made.append(path)


def _remove(made: list[Path]) -> None:
    for path in reversed(made):
        with suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
