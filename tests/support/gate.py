"""A gate before Redis that lets a number of commands through and then kills who sends them, or loses a reply."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from support.proxy import Relay, running

Accident = Literal["killed before", "killed after", "reply lost"]


class Gate(Relay):
    """Forwards one unix socket to another, command by command; at the one numbered `at` the accident happens.

    `killed before`: the command never arrives. `killed after`: it runs, and nobody is there to read the reply.
    `reply lost`: it runs, the connection is cut, and the sender lives.
    """

    def __init__(self, target: str, path: Path, accident: Accident, victim: Callable[[], int]) -> None:
        super().__init__(target, path)
        self.at = 0
        self.seen = 0
        self._accident = accident
        self._victim = victim

    def arm(self, at: int) -> None:
        """Let *at* - 1 commands pass from now on."""
        self.at, self.seen = at, 0

    def forward(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what both sides say, command by command, until the accident."""
        waiting = b""
        while True:
            ready, _, _ = select.select([client, server], [], [])
            if client in ready:
                received = client.recv(1 << 20)
                if not received:
                    return
                waiting += received
                while (size := _command_length(waiting)) > 0:
                    command, waiting = waiting[:size], waiting[size:]
                    if not self._pass(command, server):
                        return
            if server in ready:
                reply = server.recv(1 << 20)
                client.sendall(reply)
                if not reply:
                    return

    def _pass(self, command: bytes, server: socket.socket) -> bool:
        """Forward one command; False when the accident has happened."""
        self.seen += 1
        if self.seen != self.at:
            server.sendall(command)
            return True
        if self._accident == "killed before":
            os.kill(self._victim(), signal.SIGKILL)
            return False
        server.sendall(command)
        server.settimeout(10)
        server.recv(1 << 20)  # what was sent before may still be answered here: the last command has then not run yet
        self._ask(server)
        if self._accident == "killed after":
            os.kill(self._victim(), signal.SIGKILL)
        return False

    @staticmethod
    def _ask(server: socket.socket) -> None:
        """Wait until everything that was sent has run: Redis answers one connection in order."""
        server.sendall(b"*2\r\n$4\r\nECHO\r\n$12\r\nall-has-run!\r\n")
        answer = b""
        while b"all-has-run!" not in answer:
            answer = answer[-64:] + server.recv(1 << 20)


def _command_length(data: bytes) -> int:
    """Return the length of the first whole command in the bytes of a RESP stream, 0 when there is none yet."""
    end = data.find(b"\r\n")
    if end < 0:
        return 0
    position = end + 2
    for _ in range(int(data[1:end])):
        end = data.find(b"\r\n", position)
        if end < 0:
            return 0
        position = end + 2 + int(data[position + 1 : end]) + 2
    return position if position <= len(data) else 0


@contextmanager
def gate_before(target: str, path: Path, accident: Accident, victim: Callable[[], int]) -> Iterator[Gate]:
    """Run a gate before the server at the unix socket *target* for the length of a block."""
    gate = Gate(target, path, accident, victim)
    with running(gate):
        yield gate
