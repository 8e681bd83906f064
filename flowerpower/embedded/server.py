"""Start, ask and stop the embedded server; every call is made by the process whose turn it is."""

from __future__ import annotations

import os
import re
import signal
import socket as sockets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowerpower.embedded.home import Home
from flowerpower.embedded.locks import Locks, spawn_holding, wait_until
from flowerpower.errors import StoreError
from flowerpower.installing import install_command

_LONGEST_LOG = 1 << 20
_LONGEST_START = 30.0  # seconds; reading a long append-only file does not count
_LONGEST_SILENCE = 5.0
_CANNOT_READ = re.compile(r"Bad file format|Check RDB|AOF manifest|obtain the AOF|Can't handle RDB|Unrecoverable error")
_STAMP = re.compile(r"\d+:[A-Z] \d+ \w+ \d{4} [\d:.]+ [.*#-] ")  # process, moment and level of a line of its log
_LONGEST_ABSENCE = 1.0  # of the socket of a server that runs: somebody deleted it


@dataclass(frozen=True, slots=True)
class Server:
    """The server of one home."""

    home: Home
    locks: Locks

    def ensure(self) -> Path:
        """Return the socket of a server that answers: the running one, else a new one."""
        if self.locks.server_lives():
            socket, _ = self.home.read_record()
            listens = wait_until(lambda: _ask(socket, b"PING\r\n") is not None, _LONGEST_ABSENCE)
            if listens and self._comes_to_answer(socket, _LONGEST_SILENCE):
                return socket
            self.stop()
        self._start()
        if not self._comes_to_answer(self.home.socket, _LONGEST_START):
            raise self._not_started()
        self._refuse_to_hide_data()
        return self.home.socket

    def _not_started(self) -> StoreError:
        words, hint = _last_words(self.home.log), f"read {self.home.log}"
        if _CANNOT_READ.search(words):
            hint = (
                f"what it kept is damaged, or a newer server wrote it: move {self.home.data} away and apply again, "
                f"which brings all but past runs and holds; {self.home.log} says more"
            )
        return StoreError(f"the embedded server did not start: {words}", hint=hint)

    def _refuse_to_hide_data(self) -> None:
        # A server before version 7 does not look into this folder: it would start empty and say nothing.
        newer = self.home.data / "appendonlydir"
        if newer.exists() and _ask(self.home.socket, b"CONFIG GET appenddirname\r\n") == b"*0\r\n":
            self.stop()
            raise StoreError(
                f"{newer} was written by a newer server than {self.home.binary}",
                hint=f"{install_command('embedded')}, or use Redis 7 or newer",
            )

    def stop(self) -> None:
        """End the server if it runs: gently, then firmly; its append-only file is complete either way."""
        if not self.locks.server_lives():
            return
        socket, pid = self.home.read_record()
        asked = _ask(socket, b"SHUTDOWN\r\n", timeout=_LONGEST_SILENCE) is not None
        stopped = asked and self._is_gone_within(2.0)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if stopped or pid is None:
                break
            with suppress(ProcessLookupError):
                os.kill(pid, number)  # while the lock is held, the process of the record lives
            stopped = self._is_gone_within(_LONGEST_SILENCE)
        if not stopped:
            raise StoreError(f"the embedded server (process {pid}) cannot be stopped", hint="end that process by hand")
        with suppress(OSError):
            socket.unlink(missing_ok=True)

    def _is_gone_within(self, seconds: float) -> bool:
        return wait_until(lambda: not self.locks.server_lives(), seconds)

    def _start(self) -> None:
        home = self.home
        if home.log.exists() and home.log.stat().st_size > _LONGEST_LOG:
            home.log.write_bytes(b"")
        options = {
            "port": "0",
            "unixsocket": str(home.socket),
            "unixsocketperm": "700",
            "dir": ".",
            "appendonly": "yes" if home.durable else "no",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        home.write_record(None)  # an old process id must not outlive its server
        home.write_record(spawn_holding(home.data / "server.lock", [str(home.binary), *words], log=home.log))

    def _comes_to_answer(self, socket: Path, seconds: float) -> bool:
        """Wait for an answer; False when the server died or nobody listens, StoreError when it stays silent."""
        seen: list[bytes | None] = [None]

        def is_settled() -> bool:
            seen[0] = _ask(socket, b"PING\r\n")
            return bool(seen[0]) or not self.locks.server_lives()

        while wait_until(is_settled, seconds):
            if not (seen[0] or b"").startswith(b"-LOADING"):
                return bool(seen[0])
            wait_until(lambda: False, 0.05)
        if seen[0] is None:
            return False
        _, pid = self.home.read_record()
        raise StoreError(
            f"the embedded server (process {pid}) runs but does not answer",
            hint=f"look at {self.home.log}, or end that process: the next command starts a new one",
        )


def _ask(socket: Path, request: bytes, timeout: float = 1.0) -> bytes | None:
    """Return the server's answer, empty when it gave none in time, None when nobody listens."""
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(socket))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError:
            return b""
        with suppress(OSError):
            connection.sendall(request)
            return connection.recv(512)
    return b""


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return "it left no log"
    return _STAMP.sub("", lines[-1].strip()) if lines else "it said nothing"
