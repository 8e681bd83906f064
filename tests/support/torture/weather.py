"""The link between half of the processes and Redis: a proxy of its own that can be slow, mute, dark or cut."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

MOST = 1 << 20
BLINK = 0.02  # seconds


@dataclass
class Link:
    """The tormentor's hand on the proxy; `tend` lets bad weather end."""

    folder: Path
    target: Path
    pid: int = 0
    until: float = 0.0

    @property
    def url(self) -> str:
        """Return where the proxy listens."""
        return f"unix://{self.folder / 'p'}"

    def start(self) -> None:
        """Fork the proxy, which lives as long as its parent lets it."""
        listener, orders = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(str(self.folder / "p"))
        listener.listen(64)
        orders.bind(str(self.folder / "o"))
        self.pid = os.fork()
        if self.pid == 0:
            try:
                Proxy(listener, orders, self.target).serve()
            finally:
                os._exit(1)
        listener.close()
        orders.close()

    def stop(self) -> None:
        """Kill the proxy."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0

    def be(self, weather: str, seconds: float) -> None:
        """Let it be `slow SECONDS`, `mute`, `dark` or `cut`, for a while."""
        self._order(weather)
        self.until = time.monotonic() + seconds

    def tend(self) -> None:
        """Let it be clear again when the time of bad weather is over."""
        if self.until and time.monotonic() > self.until:
            self.clear()

    def clear(self) -> None:
        """Let it be clear now."""
        self._order("clear")
        self.until = 0.0

    def _order(self, weather: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(weather.encode(), str(self.folder / "o"))


@dataclass
class Proxy:
    """Passes on what both sides say, late, one way only, or not at all.

    What was swallowed cannot be made up for, so the connections of that time are cut when it clears.
    """

    listener: socket.socket
    orders: socket.socket
    target: Path
    weather: str = "clear"
    delay: float = 0.0
    peers: dict[socket.socket, socket.socket] = field(default_factory=dict)
    clients: set[socket.socket] = field(default_factory=set)
    late: deque[tuple[float, socket.socket, bytes]] = field(default_factory=deque)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def serve(self) -> None:
        """Work until killed."""
        for one in (self.listener, self.orders):
            self.selector.register(one, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select(BLINK):
                one = key.fileobj
                assert isinstance(one, socket.socket)
                if one is self.listener:
                    self._accept()
                elif one is self.orders:
                    self._obey(one.recv(100).decode())
                elif one in self.peers:
                    self._pass_on(one)
            while self.late and self.late[0][0] <= time.monotonic():
                _, to, said = self.late.popleft()
                self._send(to, said)

    def _accept(self) -> None:
        client, server = self.listener.accept()[0], socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self.target))
        except OSError:  # Redis is down
            client.close()
            server.close()
            return
        self.peers |= {client: server, server: client}
        self.clients.add(client)
        for one in (client, server):
            self.selector.register(one, selectors.EVENT_READ)

    def _obey(self, order: str) -> None:
        word, _, seconds = order.partition(" ")
        if word == "cut" or self.weather in ("mute", "dark"):
            for one in list(self.clients):
                self._close(one)
        self.weather, self.delay = word, float(seconds or 0)

    def _pass_on(self, one: socket.socket) -> None:
        try:
            said = one.recv(MOST)
        except OSError:
            said = b""
        if not said:
            self._close(one)
        elif self.weather == "dark" or (self.weather == "mute" and one not in self.clients):
            return
        elif self.delay or self.late:
            self.late.append((time.monotonic() + self.delay, self.peers[one], said))
        else:
            self._send(self.peers[one], said)

    def _send(self, to: socket.socket, said: bytes) -> None:
        if to in self.peers:
            try:
                to.sendall(said)
            except OSError:
                self._close(to)

    def _close(self, one: socket.socket) -> None:
        for each in (one, self.peers.get(one)):
            if each is not None and self.peers.pop(each, None) is not None:
                self.clients.discard(each)
                with suppress(KeyError, ValueError):
                    self.selector.unregister(each)
                each.close()
