"""Answers scrapes over HTTP; only the process that serves them loads what that needs."""

from __future__ import annotations

import gzip
import logging
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from flowerpower.jobs.monitoring.metrics import Exposition

_SLOWEST = 10.0  # seconds that one who asks may take
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

logger = logging.getLogger("flowerpower.metrics")


class MetricsServer(ThreadingHTTPServer):
    """Serves one exposition at a socket that is bound already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, exposition: Exposition) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.exposition = exposition

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over one who goes away before the end, which is none of our business."""
        logger.debug("a scrape was not answered", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = _SLOWEST

    def do_GET(self) -> None:
        """Answer one scrape."""
        if self.path.partition("?")[0] not in ("/metrics", "/"):
            self.send_error(404, "the metrics are at /metrics")
            return
        body = self.server.exposition.text()
        self.send_response(200)
        self.send_header("Content-Type", _CONTENT_TYPE)
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Answer as a scrape would be, without its body."""
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of scrapes: there is one every few seconds."""
