"""An HTTP server on localhost for the length of a block, and answers as the API of a code host gives them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve with a handler and yield the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class PagedHandler(BaseHTTPRequestHandler):
    """Sends what was asked for, a long list in pages that name the next one."""

    def log_message(self, *_: Any) -> None: ...

    def send_page(self, answer: Any, port: int, size: int, *, missing: Any = None) -> None:
        """Send a page of an answer; without one, *missing* and that it is not there."""
        parts, links = urlsplit(self.path), {}
        if isinstance(answer, list):
            page = int(parse_qs(parts.query).get("page", ["1"])[0])
            if len(answer) > page * size:
                links = {"Link": f'<http://127.0.0.1:{port}{parts.path}?page={page + 1}>; rel="next"'}
            answer = answer[(page - 1) * size : page * size]
        found = answer is not None
        self.send_body(200 if found else 404, json.dumps(answer if found else missing).encode(), links)

    def send_body(self, status: int, body: bytes, headers: Mapping[str, str] = {}) -> None:
        """Send a status, bytes and headers; who asks too often may ask again at once."""
        self.send_response(status)
        for name, value in {**({"Retry-After": "0"} if status == 429 else {}), **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
