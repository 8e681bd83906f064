"""Real servers of files: sftp and ftp in a thread each, smb as the process of Samba where it is installed."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SMBD = shutil.which("smbd") or "/usr/sbin/smbd"


@dataclass(frozen=True)
class FileServer:
    """A folder of this machine, and the URL under which a server offers it."""

    folder: Path
    url: str
    options: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def sftp_server(
    folder: Path, *, port: int = 0, refuses: tuple[str, ...] = (), room: int | None = None, silent: str = ""
) -> Iterator[FileServer]:
    """Offer a folder by sftp.

    *refuses* are operations for which the user lacks permission, *room* is that of a file, and *silent* the operation
    that is answered seconds late.
    """
    import asyncssh

    sessions: list[Any] = []

    class Login(asyncssh.SSHServer):
        def connection_made(self, conn: Any) -> None:
            sessions.append(conn)

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("user", "secret")

    async def listen() -> Any:
        keys = [asyncssh.generate_private_key("ssh-ed25519")]
        files = _sftp_files(folder, refuses, room, silent)
        return await asyncssh.listen("127.0.0.1", port, server_factory=Login, server_host_keys=keys, sftp_factory=files)

    with _loop() as loop:
        server = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
        try:
            options = {"look_for_keys": False, "allow_agent": False}
            yield FileServer(folder, f"sftp://user:secret@127.0.0.1:{server.get_port()}", options)
        finally:
            asyncio.run_coroutine_threadsafe(_ended(server, sessions), loop).result(30)


def _sftp_files(folder: Path, refuses: tuple[str, ...], room: int | None, silent: str) -> type:
    import asyncssh

    def refuse(*_: Any) -> None:
        raise asyncssh.SFTPPermissionDenied("not for you")

    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=str(folder))
            answers = dict.fromkeys(set(refuses) - {"new"}, refuse) | (
                {silent: _say_nothing_for_long} if silent else {}
            )
            for operation, answer in answers.items():
                setattr(self, operation, answer)

        def open(self, path: bytes, *how: Any) -> Any:
            if "new" in refuses and not Path(self.map_path(path).decode()).exists():
                refuse()
            return super().open(path, *how)

        def write(self, file: Any, offset: int, data: bytes) -> Any:
            if room is not None and offset + len(data) > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(file, offset, data)

    return Files


async def _say_nothing_for_long(*_: Any) -> None:
    await asyncio.sleep(2)


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _ended(server: Any, sessions: list[Any]) -> None:
    server.close()
    for session in sessions:
        session.abort()
    await server.wait_closed()
    await asyncio.sleep(0.1)  # in which connections say goodbye
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left, timeout=10)


@contextmanager
def ftp_server(folder: Path, *, rights: str = "elradfmwMT") -> Iterator[FileServer]:
    """Offer a folder by ftp; *rights* are as pyftpdlib has them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it begins with modules that Python gives up
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import FTPHandler
        from pyftpdlib.servers import ThreadedFTPServer

    authorizer = DummyAuthorizer()
    authorizer.add_user("user", "secret", str(folder), perm=rights)
    server = ThreadedFTPServer(("127.0.0.1", 0), type("Handler", (FTPHandler,), {"authorizer": authorizer}))
    ended = threading.Event()

    def serve() -> None:  # and close: another thread would take away what this one still waits for
        while not ended.is_set():
            server.serve_forever(timeout=0.1, blocking=False, handle_exit=False)
        server.close_all()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield FileServer(folder, f"ftp://user:secret@127.0.0.1:{server.address[1]}")
    finally:
        ended.set()
        thread.join(30)


@contextmanager
def smb_server(folder: Path) -> Iterator[FileServer]:
    """Offer a folder by smb."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="smb-") as work:  # a short path, as names of sockets are
        settings = _smb_settings(folder, Path(work), port)
        known = ["smbpasswd", "-c", str(settings), "-s", "-a", "root"]
        subprocess.run(known, input=b"secret\nsecret\n", check=True, capture_output=True)
        command = [SMBD, "-s", str(settings), "-F", "--no-process-group"]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # it ends with its group
        try:
            _wait_for(port)
            yield FileServer(folder, f"smb://root:secret@127.0.0.1:{port}/share")
        finally:
            server.terminate()
            server.wait(30)


def _smb_settings(folder: Path, work: Path, port: int) -> Path:
    places = ("private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir")
    for place in places:
        (work / place).mkdir()
    lines = ["[global]", "server role = standalone server", f"smb ports = {port}", "interfaces = lo"]
    lines += ["bind interfaces only = yes", "disable spoolss = yes", f"log file = {work}/log"]
    lines += [f"{place} = {work / place}" for place in places]
    lines += ["[share]", f"path = {folder}", "read only = no", "force user = root"]
    settings = work / "smb.conf"
    settings.write_text("\n".join(lines))
    return settings


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
