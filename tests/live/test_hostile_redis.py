"""Whoever can write to Redis cannot make a worker run anything: one worker, every attack, one test for each."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.hostile import Hostile, Touch, damages, foreign_runs, functions, misplaced_runs
from support.projects import FLOW, running_worker, wanted, write_project
from support.states import SOURCE

from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.signing import VARIABLE, Signer
from flowerpower.state.store import Store

KEYS = Keys("acme", "default")
KEY = "the-key-of-this-test-which-nobody-else-has"
RECORDING = FLOW.replace(
    "    return number * 2",
    "    with open(SEEN, 'a') as seen:\n        print(number, file=seen)\n    return number * 2",
)
NAMES = [
    *functions(Hostile(Redis(), KEYS, Path(), None, 0, 0), ""),
    *damages(),
    *foreign_runs(),
    *misplaced_runs(),
]


@dataclass(frozen=True)
class Battlefield:
    """What was left when the worker had met every attack."""

    hostile: Hostile
    status: Mapping[str, str]  # of the job of each attack
    seen: tuple[str, ...]  # inputs of the runs that ran
    log: str
    called: bool  # whether a webhook arrived


@pytest.fixture(scope="module")
def signed(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Battlefield:
    """Every attack on a worker that has a key."""
    return battle(redis_server, tmp_path_factory.mktemp("signed"), KEY, NAMES)


@pytest.fixture(scope="module")
def unsigned(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Battlefield:
    """Those that need no key to be seen through, on a worker that has none."""
    return battle(redis_server, tmp_path_factory.mktemp("unsigned"), "", list(misplaced_runs()))


def battle(url: str, folder: Path, key: str, names: list[str]) -> Battlefield:
    """Apply a project, plant the attacks and one honest run, and let a worker work."""
    with (
        Redis.from_url(url) as connection,
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.MonkeyPatch.context() as patch,
    ):
        connection.flushall()
        if key:
            patch.setenv(VARIABLE, key)
        project = folder / "project"
        write_project(project, flow=f"SEEN = {str(folder / 'seen')!r}\n{RECORDING}")
        (project / "schedules/other.yaml").write_text("pipeline: report\nevery: 1h\ninputs: {number: 22}\n")
        (folder / "outside").mkdir()
        (folder / "outside/evil.py").write_text(f"open({str(folder / 'harm-module')!r}, 'w')\n")
        store, signer = Store(connection, KEYS), Signer.of(key or None)
        apply_plan(make_plan(KEYS, wanted(project), store.read(), SOURCE), store, "apply", signer=signer)
        hour = int(time.time()) // 3600 * 3600
        hostile = Hostile(connection, KEYS, folder, signer, listener.getsockname()[1], hour)
        jobs = {name: all_attacks(hostile, name)[name](hostile, re.sub(r"\W+", "-", name)) for name in names}
        plant_for_maintenance(hostile)
        hostile.run(30, hostile.spec())
        with running_worker(url, KEYS, project, "burst") as worker:
            assert worker.process.wait(timeout=100) == 0, worker.output()
            log = worker.output()
        status = {name: connection.hget(KEYS.job(job), "status").decode() for name, job in jobs.items()}
        listener.setblocking(False)
        try:
            called = bool(listener.accept())
        except BlockingIOError:
            called = False
        seen = tuple((folder / "seen").read_text().split()) if (folder / "seen").exists() else ()
        return Battlefield(hostile, status, seen, log, called)


def all_attacks(hostile: Hostile, name: str) -> Mapping[str, Any]:
    return {**functions(hostile, name), **_damages(), **foreign_runs(), **misplaced_runs()}


_damages = cache(damages)


def plant_for_maintenance(hostile: Hostile) -> None:
    """Plant what RQ's own maintenance would unpickle or call: an abandoned job, and a group."""
    import pickle

    evil, connection, queue = (
        pickle.dumps(Touch(hostile.harm("maintenance"))),
        hostile.connection,
        KEYS.queue("default"),
    )
    fields = {"data": evil, "meta": evil, "status": "started", "origin": queue, "created_at": "2026-01-01T00:00:00Z"}
    for name in ("abandoned", "grouped"):
        connection.hset(KEYS.job(name), mapping={**fields, "failure_callback_name": "this.s"})
    connection.zadd(f"rq:wip:{queue}", {"abandoned:1": 1})
    connection.sadd("rq:groups", "evil")
    connection.sadd("rq:group:evil", "grouped")


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_fails(signed: Battlefield, name: str) -> None:
    assert not signed.hostile.harm(name).exists()
    assert signed.status[name] == "failed", signed.log


def test_nothing_ran_but_the_honest_run(signed: Battlefield) -> None:
    assert signed.seen == ("21",), signed.log
    assert not list(signed.hostile.folder.glob("harm-*"))
    assert not signed.called
    assert "Zen of Python" not in signed.log, "an import of `this` prints it"


@pytest.mark.parametrize("name", misplaced_runs())
def test_a_worker_without_a_key_runs_nothing_that_is_out_of_place(unsigned: Battlefield, name: str) -> None:
    assert unsigned.status[name] == "failed", unsigned.log


def test_a_worker_without_a_key_imports_nothing_from_outside(unsigned: Battlefield) -> None:
    assert unsigned.seen == ("21",), unsigned.log
    assert not list(unsigned.hostile.folder.glob("harm-*"))


def test_the_signing_key_is_nowhere_to_be_found(signed: Battlefield) -> None:
    assert KEY not in signed.log
    assert signed.log
