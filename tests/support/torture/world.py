"""The world of a torture: a real Redis that keeps every write, and processes that may be killed and stopped."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from flowerpower.embedded import find_server
from flowerpower.settings import read_settings
from support.torture.roles import be

ROUNDABOUT = ("scheduler", "worker", "apply", "other")


@dataclass
class Server:
    """A Redis that writes each command to its disk before it answers."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"unix://{self.folder / 's'}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        binary = read_settings().redis_server or find_server()
        options = ["--port", "0", "--unixsocket", "s", "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        with (self.folder / "redis.log").open("ab") as log:
            # Python ignores SIGXFSZ; so must the server, where a write to a full disk fails and is no signal either.
            command = [binary, *options]
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, restore_signals=False)
        end = time.monotonic() + 30
        while True:
            with suppress(redis.RedisError), redis.Redis.from_url(self.url) as client:
                client.ping()
                return
            if time.monotonic() > end:
                raise TimeoutError((self.folder / "redis.log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it where it stands."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=30)

    def fill_disk(self, room: int) -> None:
        """Let its append-only file grow by no more than some bytes: writes fail as on a disk that is full."""
        assert self.process is not None
        # The base beside it may be larger: then the file would fill the difference, and a write end in the middle.
        files = [file.stat() for file in self.folder.glob("appendonlydir/*.incr.aof")]
        written = max(files, key=lambda file: file.st_mtime_ns).st_size if files else 0
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (written + room, resource.RLIM_INFINITY))

    def free_disk(self) -> None:
        """Let it write again; without an end."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            everything = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, everything)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None


@dataclass
class Actors:
    """The processes by role; one that dies is born again unless it is dismissed."""

    url: str
    log: Path
    seed: int
    other_url: str = ""  # where every second one of those finds Redis that have no need of the direct way
    living: dict[int, str] = field(default_factory=dict)  # pid -> role
    asleep: dict[int, float] = field(default_factory=dict)  # pid -> when it wakes
    born: int = 0

    def hire(self, role: str) -> None:
        """Fork one more process of a role."""
        self.born += 1
        pid = os.fork()
        if pid == 0:
            try:
                with self.log.open("ab", buffering=0) as log:
                    os.dup2(log.fileno(), 1)
                    os.dup2(log.fileno(), 2)
                url = self.other_url if self.other_url and role in ROUNDABOUT and self.born % 2 else self.url
                be(role, url, self.seed * 10_000 + self.born)
            finally:
                os._exit(1)
        self.living[pid] = role

    def of(self, role: str) -> list[int]:
        """Return the processes of a role."""
        return [pid for pid, one in self.living.items() if one == role]

    def tend(self) -> None:
        """Wake those whose sleep is over, and replace the dead."""
        for pid, until in list(self.asleep.items()):
            if time.monotonic() > until:
                self.wake(pid)
        for pid, role in list(self.living.items()):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._bury(pid)
                self.hire(role)

    def kill(self, pid: int) -> None:
        """Kill a process; `tend` replaces it."""
        os.kill(pid, signal.SIGKILL)

    def stop(self, pid: int, seconds: float) -> None:
        """Let a process sleep in the middle of whatever it does."""
        os.kill(pid, signal.SIGSTOP)
        self.asleep[pid] = time.monotonic() + seconds

    def wake(self, pid: int) -> None:
        """Let a process go on where it stood."""
        os.kill(pid, signal.SIGCONT)
        self.asleep.pop(pid, None)

    def dismiss(self, role: str) -> None:
        """Kill all processes of a role for good."""
        for pid in self.of(role):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self._bury(pid)

    def _bury(self, pid: int) -> None:
        self.living.pop(pid, None)
        self.asleep.pop(pid, None)
