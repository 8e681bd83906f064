"""A Redis that takes the connection and says nothing: who said how long to wait waits no longer."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.mortal_server import mortal_server
from support.projects import write_project

from flowerpower import FlowerPowerProject
from flowerpower.errors import StoreError, WaitTimeoutError
from flowerpower.jobs.by_hand.manual import RunHandle
from flowerpower.state.connection import connect
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")


def test_a_wait_ends_in_time_where_redis_keeps_silent(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "acme")
    with mortal_server(tmp_path / "r") as url, FlowerPowerProject.load(folder, redis=url) as project:
        project.apply(project.plan())
        run = project.jobs.enqueue("report")
        server = project.store.connection.info("server")["process_id"]
        os.kill(server, signal.SIGSTOP)
        try:
            with pytest.raises(StoreError, match="Timeout"):  # over a connection that is open
                _in_seconds(15, lambda: run.wait(timeout=0.2))
            with pytest.raises(StoreError, match="Timeout"):  # over a new one
                _in_seconds(15, lambda: run.wait(timeout=0.2))
        finally:
            os.kill(server, signal.SIGCONT)

        with pytest.raises(WaitTimeoutError):
            run.wait(timeout=0)
        assert project.store.connection.blpop(["nothing"], timeout=2) is None, "what is no wait is as patient as ever"


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel"])
def test_a_wait_ends_in_time_where_a_server_says_nothing_from_the_first(scheme: str) -> None:
    database = "main" if "+" in scheme else "0"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = Store(connect(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/{database}"), KEYS)
        run = RunHandle(store, KEYS.run_id("report", "m1"))

        with pytest.raises(StoreError, match=r"(?i)time"):
            _in_seconds(4, lambda: run.wait(timeout=0.2))


def _in_seconds(most: float, call: Callable[[], object]) -> None:
    began = time.monotonic()
    try:
        call()
    finally:
        assert time.monotonic() - began < most
