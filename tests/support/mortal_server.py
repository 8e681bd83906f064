"""A Redis of one's own that a test may kill and start again, its data kept."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from flowerpower.embedded import find_server
from flowerpower.settings import read_settings


@contextmanager
def mortal_server(folder: Path) -> Iterator[str]:
    """Run a server that keeps every write, yield its URL, and kill it at the end of the block."""
    folder.mkdir(exist_ok=True)
    binary = read_settings().redis_server or find_server()
    options = ["--port", "0", "--unixsocket", "s", "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    process = subprocess.Popen([binary, *options], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_up(folder)
        yield f"unix://{folder / 's'}"
    finally:
        process.kill()
        process.wait(timeout=30)


def _wait_until_up(folder: Path) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            with redis.Redis(unix_socket_path=str(folder / "s")) as client:
                client.ping()
                return
        except redis.exceptions.RedisError:
            assert time.monotonic() < end
            time.sleep(0.05)
