"""A proxy before Redis that can drop a reply: the command has run, and the client does not learn of it."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Relay:
    """Accepts connections at one unix socket, and hands each with one to another socket to `forward`."""

    def __init__(self, target: str, path: Path) -> None:
        self.url = f"unix://{path}"
        self.connected = 0
        self._target = target
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()

    def serve(self) -> None:
        """Accept connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Stop accepting connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def forward(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what both sides say, until one of them ends it."""
        raise NotImplementedError

    def _connect(self, client: socket.socket) -> None:
        self.connected += 1
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._target)
        with client, server, suppress(OSError):
            self.forward(client, server)


@contextmanager
def running(relay: Relay) -> Iterator[None]:
    """Let a relay serve for the length of a block."""
    serving = threading.Thread(target=relay.serve)
    serving.start()
    try:
        yield
    finally:
        relay.close()
        serving.join(timeout=10)


class Proxy(Relay):
    """Forwards one unix socket to another; cuts the connection instead of passing on the reply to a marked command."""

    def __init__(self, target: str, path: Path) -> None:
        super().__init__(target, path)
        self.cut: bytes = b""  # what the command whose reply is dropped contains; empty for none
        self.dropped = 0

    def forward(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what both sides say, but not the reply to the marked command."""
        cutting = False
        while True:
            ready, _, _ = select.select([client, server], [], [])
            if client in ready:
                request = client.recv(1 << 20)
                cutting = cutting or bool(self.cut and self.cut in request)
                server.sendall(request)
                if not request:
                    return
            if server in ready:
                reply = server.recv(1 << 20)
                if reply.startswith(b"-NOSCRIPT"):
                    cutting = False  # it did not run; the client sends it once more, with the script
                if cutting:
                    self.dropped += 1
                    self.cut = b""
                    return
                client.sendall(reply)
                if not reply:
                    return


class BlackHole(Relay):
    """Forwards one unix socket to another; what was connected while it was dark never hears anything again."""

    dark = False

    def forward(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what both sides say, until it is dark once: then take in everything and say nothing."""
        doomed = False
        while True:
            ready, _, _ = select.select([client, server], [], [], 0.05)
            doomed = doomed or self.dark
            for side in ready:
                said = side.recv(1 << 20)
                if not said:
                    return
                if not doomed:
                    (server if side is client else client).sendall(said)


@contextmanager
def proxy_before(target: str, path: Path) -> Iterator[Proxy]:
    """Run a proxy before the server at the unix socket *target* for the length of a block."""
    proxy = Proxy(target, path)
    with running(proxy):
        yield proxy
