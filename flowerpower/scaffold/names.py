"""Names of projects, pipelines and schedules."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from flowerpower.errors import UsageError
from flowerpower.specs.values import NAME_LENGTH, is_name

_NO_TEXTS = {"true", "false", "null"}  # what YAML does not read as a text


def name_from(folder: Path, kind: str = "project") -> str:
    """Return a valid name that is as close as possible to the folder's own."""
    plain = unicodedata.normalize("NFKD", folder.resolve().name.casefold()).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    if not words:
        return kind
    started = words if words[0].isalpha() and words not in _NO_TEXTS else f"{kind}-{words}"
    return started[:NAME_LENGTH].rstrip("-")


def checked_name(name: str, kind: str) -> str:
    """Return a name, for a spec also one with folders before it; raises UsageError when it is not a valid one."""
    parts = [name] if kind == "project" else name.split("/")
    if not all(is_name(part) and part not in _NO_TEXTS for part in parts):
        raise UsageError(
            f"{name!r} cannot be a {kind}'s name",
            hint=f"at most {NAME_LENGTH} of a-z, 0-9, _ and single -, beginning with a letter, for example "
            f"{name_from(Path('/') / name.replace('/', '-'), kind)}",
        )
    return name
