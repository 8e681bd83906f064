"""Where a code host sends a question on to another place, and what becomes of the token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from support.serving import serving

from flowerpower.hosting.web import HostingError, Web

TOKEN = "ghp_marker"


@dataclass
class Host:
    """A code host that wants a token, and sends on what is asked of a place below /from."""

    port: int = 0
    onwards: str = ""
    heard: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def web(self) -> Web:
        """A client of it."""
        return Web(f"http://127.0.0.1:{self.port}", {"Authorization": TOKEN}, refused="look at the token")


class _Handler(BaseHTTPRequestHandler):
    host: Host

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        given = self.headers["Authorization"]
        self.host.heard.append((self.path, given))
        away = self.path.startswith("/from")
        self.send_response(301 if away else 200 if given == TOKEN else 401)
        if away:
            self.send_header("Location", f"{self.host.onwards}/to")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


@pytest.fixture
def host() -> Iterator[Host]:
    found = Host()
    with serving(type("Handler", (_Handler,), {"host": found})) as found.port:
        yield found


def test_a_repository_that_was_renamed_is_asked_under_its_new_name_with_the_token(host: Host) -> None:
    host.onwards = f"http://127.0.0.1:{host.port}"

    assert host.web.call("GET", "from/here") == {}
    assert host.heard == [("/from/here", TOKEN), ("/to", TOKEN)]


def test_another_host_is_not_told_the_token_and_the_token_is_not_blamed(host: Host) -> None:
    host.onwards = f"http://localhost:{host.port}"

    with pytest.raises(HostingError) as caught:
        host.web.call("GET", "from/here")

    assert host.heard == [("/from/here", TOKEN), ("/to", None)]
    assert str(caught.value) == f"http://localhost:{host.port} answered 401 to GET /to"
    assert caught.value.hint == (
        f"http://127.0.0.1:{host.port} sent us there, and it is not told the token: "
        "if the API has moved there, name its new address"
    )


def test_a_token_that_the_host_itself_refuses_is_blamed(host: Host) -> None:
    web = Web(host.web.address, {"Authorization": "old"}, refused="look at the token")

    with pytest.raises(HostingError, match="answered 401 to GET /here") as caught:
        web.call("GET", "here")

    assert caught.value.hint == "look at the token"
