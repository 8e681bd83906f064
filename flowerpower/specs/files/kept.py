"""Texts kept in files for later commands: each with its digest in front, and written in one step."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path


def load(path: Path) -> bytes | None:
    """Return the text that a file keeps, if it is still what was written."""
    with suppress(OSError):
        found, _, text = path.read_bytes().partition(b"\n")
        if found == digest(text).encode():
            return text
    return None


def store(path: Path, text: bytes, mode: int = 0o600) -> bool:
    """Keep a text, so that nobody reads half of it; return whether that was possible. *mode*: who may read it."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{path.parent}/new-{os.urandom(8).hex()}"  # tempfile loads compressors and random numbers
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(digest(text).encode() + b"\n" + text)
        Path(name).replace(path)
        return True
    return False


def digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()
