"""Plan files on disk: written whole or not at all, read with a clear word about what is wrong."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.planned import PlannedChanges


def read_plan(file: Path) -> PlannedChanges:
    """Return the plan in a file; raise `UsageError` when it cannot be read, `PlanFileError` when it is none."""
    from flowerpower.planned import PlannedChanges

    hint = "make a plan file with: flowerpower plan --out FILE"
    try:
        return PlannedChanges.from_file(file.read_bytes())
    except IsADirectoryError:
        raise UsageError(f"{file} is a folder, not a plan file", hint=hint) from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", hint=hint) from None


def write_whole(file: Path, content: bytes) -> None:
    """Write a file, or leave what stood there; to a device, as /dev/stdout, or a pipe it is only written."""
    if file.exists() and not file.is_file():
        file.write_bytes(content)
        return
    from flowerpower.filesystem import replace_file

    place = file.resolve()  # what a link names is replaced, not the link
    if not place.parent.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    with replace_file(place, durable=False) as handle:
        handle.write(content)
