"""Files of web servers: slow ones, silent ones, and the folders they list."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import aiohttp
import pytest
from support.serving import serving

from flowerpower.filesystem import Filesystem

INDEX = b'<html><a href="/days/1.csv">1</a> <a href="/days/2.csv">2</a> <a href="/days/notes.txt">notes</a></html>'


class Handler(BaseHTTPRequestHandler):
    """Sends /slow in pieces over a second, /silent never, and a page of links for the folder /days/."""

    protocol_version = "HTTP/1.0"

    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        self.begin()

    def do_GET(self) -> None:
        self.begin()
        if self.path == "/days/":
            self.wfile.write(INDEX)
        elif self.path == "/silent":
            time.sleep(1)
        else:
            for _ in range(5):
                with suppress(BrokenPipeError):  # who asked has had enough
                    self.wfile.write(b"part\n")
                    self.wfile.flush()
                time.sleep(0.2 if self.path == "/slow" else 0)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "text/plain")
        self.end_headers()


@pytest.fixture
def web() -> Iterator[str]:
    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def get(url: str, allowed: str, **options: Any) -> bytes:
    with Filesystem("/nowhere", allowed=[allowed], options=options).open(url) as handle:
        return handle.read()


@pytest.mark.parametrize("chain", ["", "simplecache::"])
def test_a_download_may_take_longer_than_the_library_allows(
    web: str, chain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiohttp.client.DEFAULT_TIMEOUT", aiohttp.ClientTimeout(total=0.5))  # which is five minutes

    assert get(f"{chain}{web}/slow", web) == b"part\n" * 5


def test_a_download_that_stands_still_ends(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowerpower.stores._SECONDS_OF_SILENCE", 0.3)

    with pytest.raises(TimeoutError):
        get(f"{web}/silent", web)


@pytest.mark.parametrize("timeout", [0.5, {"total": 0.5}])
def test_a_timeout_of_the_spec_counts(web: str, timeout: Any) -> None:
    with pytest.raises(TimeoutError):
        get(f"{web}/slow", web, client_kwargs={"timeout": timeout})


def test_files_of_a_listed_folder_are_found_and_can_be_opened(web: str) -> None:
    found = Filesystem("/nowhere", allowed=[web]).find(f"{web}/days/*.csv")

    assert found == (f"{web}/days/1.csv", f"{web}/days/2.csv")
    assert get(found[0], web) == b"part\n" * 5
