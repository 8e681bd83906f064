"""The real server of the Hamilton UI, on SQLite, with a project; it is installed apart, since its libraries clash."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

USER = "eve@example.org"
_PROJECT = {
    "name": "Shop",
    "description": "",
    "tags": {},
    "attributes": [],
    "documentation": [],
    "visibility": {
        "user_ids_visible": [],
        "team_ids_visible": [],
        "user_ids_writable": [USER],
        "team_ids_writable": [],
    },
}


@dataclass(frozen=True)
class HamiltonUi:
    """A server that runs; what it knows lies in `folder`."""

    url: str
    folder: Path
    project: int = 0

    def ask(self, path: str, body: Any = None) -> Any:
        """Return what its API answers."""
        headers = {"x-api-user": USER, "Content-Type": "application/json"}
        request = Request(f"{self.url}/api/v1{path}", None if body is None else json.dumps(body).encode(), headers)
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def runs(self) -> list[Any]:
        """Return all runs with their nodes, the first first."""
        latest = self.ask(f"/dag_runs/latest/?project_id={self.project}")
        numbers = sorted(run["id"] for run in latest)
        return [self.ask(f"/dag_runs/{number}?attr=primitive&attr=error")[0] for number in numbers]

    def holds(self, text: bytes) -> bool:
        """Return whether a text is in any of its files."""
        return any(text in file.read_bytes() for file in self.folder.rglob("*") if file.is_file())


@contextmanager
def hamilton_ui(program: str, folder: Path) -> Iterator[HamiltonUi]:
    """Run the server for the length of a block; *program* is its `hamilton`."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = [f"{program}", "ui", "--port", str(port), "--base-dir", str(folder / "ui"), "--no-open"]
    environment = os.environ | {"HAMILTON_TELEMETRY_ENABLED": "false", "DD_TRACE_ENABLED": "false"}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(  # it starts another process that serves
            settings, stdout=log, stderr=log, env=environment, start_new_session=True
        ) as process,
    ):
        try:
            server = HamiltonUi(f"http://127.0.0.1:{port}", folder / "ui")
            _await(server, process, folder / "log")
            yield HamiltonUi(server.url, server.folder, server.ask("/projects", _PROJECT)["id"])
        finally:
            os.killpg(process.pid, 9)


def _await(server: HamiltonUi, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            return server.ask("/health")  # type: ignore[no-any-return]
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"the server of the Hamilton UI did not start: {log.read_text()[-2000:]}")
