"""How the processes that share an embedded server agree: by locks on files beside its data.

The kernel drops such a lock when its holder dies, however it dies, so nothing can be left stuck:

- `turn.lock`: one process at a time starts, stops or counts users;
- `users.lock`: shared by every user, so that whoever gets it alone knows that nobody is left;
- `server.lock`: held by the server process itself, so "free" means "no server touches the data";
- `keeper.lock`: held by the keeper.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flowerpower.errors import StoreError

_PATIENCE = 60.0  # seconds; longer than any start or stop takes


@dataclass(slots=True)
class Locks:
    """The lock files of one server, opened once: they stay the same even if the folder is deleted."""

    turns: int
    users: int
    others: int  # users.lock a second time, to ask whether anybody holds it
    server: int
    process: int = field(default_factory=os.getpid)

    @classmethod
    def open(cls, data: Path) -> Locks:
        """Open the lock files in *data*, holding none of them."""
        turns, server = (_open(data / name) for name in ("turn.lock", "server.lock"))
        users, others = (_open(data / "users.lock") for _ in range(2))
        return cls(turns, users, others, server)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other process starts, stops or counts, then keep them waiting."""
        if not wait_until(lambda: _try(self.turns), _PATIENCE):
            raise StoreError(
                "another process has been starting or stopping the embedded server for too long",
                hint="find it among the processes of this project and end it",
            )
        try:
            yield
        finally:
            fcntl.flock(self.turns, fcntl.LOCK_UN)

    def join(self) -> None:
        """Become a user."""
        fcntl.flock(self.users, fcntl.LOCK_SH)

    def leave(self) -> None:
        """Be a user no longer; closed, not unlocked, because a forked child may still share the lock."""
        os.close(self.users)
        self.users = -1

    def is_used(self) -> bool:
        """Say whether any process is a user."""
        return _is_held(self.others)

    def server_lives(self) -> bool:
        """Say whether a server process exists, answering or not."""
        return _is_held(self.server)

    def close(self) -> None:
        """Close every file."""
        for descriptor in (self.turns, self.users, self.others, self.server):
            if descriptor >= 0:
                os.close(descriptor)


def is_free(path: Path) -> bool:
    """Say whether nobody holds the lock file *path*."""
    descriptor = _open(path)
    try:
        return not _is_held(descriptor)
    finally:
        os.close(descriptor)


def spawn_holding(lock: Path, command: list[str], *, log: Path) -> int:
    """Start *command* in a session of its own, holding *lock* for as long as it lives; return its process id."""
    descriptor = _open(lock)
    try:
        if not _try(descriptor):
            raise StoreError(f"{lock} is held by another process")
        # The shell ends at once, so the process is nobody's child: no zombie, and no Ctrl-C reaches it.
        shell = subprocess.run(
            ["/bin/sh", "-c", '"$@" >>"$0" 2>&1 </dev/null & echo $!', str(log), *command],
            cwd=lock.parent,
            start_new_session=True,
            pass_fds=(descriptor,),
            stdout=subprocess.PIPE,
            check=True,
        )
        return int(shell.stdout)
    finally:
        os.close(descriptor)  # closed, not unlocked: the new process keeps it


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask *condition* again and again until it holds, and say whether it came to hold in time."""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_held(descriptor: int) -> bool:
    if not _try(descriptor):
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
