"""Projects at URLs: the same files in memory, in an archive, in an object store and behind a web server."""

from __future__ import annotations

import os
import tarfile
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from flowerpower.filesystem import Filesystem
from support.object_store import Bucket
from support.serving import serving

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Site:
    """Where a project is, and what opens it."""

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def filesystem(self) -> Filesystem:
        return Filesystem(self.url, options=self.options)


def in_memory(files: Files) -> Site:
    """Put files into the memory of this process."""
    import fsspec

    site, memory = Site(f"memory://{uuid.uuid4().hex}/acme"), fsspec.filesystem("memory")
    for path, content in files.items():
        memory.pipe_file(f"{site.url}/{path}", content)
    return site


def in_archive(archive: Path, files: Files) -> Site:
    """Put files into the folder `acme` of an archive."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for path, content in files.items():
            written.writestr(f"acme/{path}", content)
    return Site(f"zip://acme::{archive}")


def in_tar(archive: Path, folder: Path) -> Site:
    """Put all that is in a folder into the folder `acme` of a compressed archive."""
    with tarfile.open(archive, "w:gz") as written:
        written.add(folder, "acme")
    return Site(f"tar://acme::{archive}")


def in_bucket(bucket: Bucket, files: Files, prefix: str = "acme") -> Site:
    """Put files into a bucket."""
    for path, content in files.items():
        bucket.client.put_object(Bucket=bucket.name, Key=f"{prefix}/{path}".removeprefix("/"), Body=content)
    return Site(f"{bucket.url}/{prefix}".rstrip("/"), bucket.options)


@contextmanager
def on_the_web(folder: Path) -> Iterator[str]:
    """Serve a folder, with a page for each folder in it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    with serving(partial(Quiet, directory=str(folder))) as port:  # type: ignore[arg-type]
        yield f"http://127.0.0.1:{port}"


def files_of(folder: Path) -> dict[str, bytes]:
    """Return all that is in a folder but git."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return {os.fsdecode(path.relative_to(folder).as_posix()): path.read_bytes() for path in found}


def write_files(folder: Path, files: Files) -> Path:
    """Write files into a folder."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder
