"""Receivers on localhost that keep what they are told: a web hook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from support.serving import serving


@dataclass
class Hook:
    """A web hook: what it got, and what it answers next (200 when nothing is said)."""

    port: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    retry_after: str = ""
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook?token=marker-of-the-hook"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The documents it got."""
        return [json.loads(body) for _, body in self.got]

    @property
    def kinds(self) -> list[str]:
        """The kinds of message it got."""
        return [event["data"]["kind"] for event in self.events]


class _Handler(BaseHTTPRequestHandler):
    hook: Hook

    def log_message(self, *_: Any) -> None: ...

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.hook.paths.append(self.path)
        self.hook.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.hook.answers.pop(0) if self.hook.answers else 200)
        self.send_header("Location", f"http://127.0.0.1:{self.hook.port}/elsewhere")
        if self.hook.retry_after:
            self.send_header("Retry-After", self.hook.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def web_hook() -> Iterator[Hook]:
    """Run a web hook for the length of a block."""
    hook = Hook()
    with serving(type("Handler", (_Handler,), {"hook": hook})) as hook.port:
        yield hook
