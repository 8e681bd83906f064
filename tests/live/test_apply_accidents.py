"""An apply that is killed at any command, or that meets anything in any key, leaves the old state or the new one."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote

import pytest
from redis import Redis
from support.gate import Accident, gate_before
from support.redis_state import dump_keys, keep_keys, put_back
from support.states import KEYS, SOURCE, desired, pipeline, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import AppliedError, FlowerPowerError
from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import Plan
from flowerpower.state.models import Desired
from flowerpower.state.store import Store

STAGE = f"{KEYS.prefix}stage"
OLD = desired(
    [schedule("stays"), schedule("changes"), schedule("goes"), schedule("was", every=3600), schedule("held")],
    [pipeline("report"), pipeline("goes")],
)
NEW = replace(
    desired(
        [
            schedule("stays"),
            schedule("changes", cron="0 3 * * *"),
            schedule("comes", every=60),
            schedule("is", every=3600),
            schedule("held", timeout=7),
        ],
        [pipeline("report", code="1" * 64), pipeline("comes")],
    ),
    previous_names={"is": ("was",)},
)

# Reads a Redis URL a line; for each, a process of its own applies NEW there. Tells its id, then how it ended.
APPLIER = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from live.test_apply_accidents import apply_new
for line in sys.stdin:
    process = os.fork()
    if process == 0:
        os._exit(apply_new(line.strip()))
    print(process, flush=True)
    print(os.waitpid(process, 0)[1], flush=True)
"""


def plan_for(store: Store, wanted: Desired) -> Plan:
    return make_plan(store.keys, wanted, store.read(), SOURCE)


def apply_new(url: str) -> int:
    """Apply NEW as a process of its own, and return its exit code."""
    from flowerpower.state.connection import connect

    with connect(url, timeout=20) as connection:
        store = Store(connection, KEYS)
        try:
            apply_plan(plan_for(store, NEW), store, "new")
        except FlowerPowerError as error:
            return error.exit_code
    return 0


_made: dict[int, tuple[dict[bytes, Any], dict[bytes, tuple[int, bytes]]]] = {}  # by the minute: time goes on


def reset(connection: Redis) -> dict[bytes, Any]:
    """Make Redis hold OLD, with a hold and a run in flight, and return what it then holds."""
    minute = int(connection.time()[0]) // 60
    if minute in _made:
        put_back(connection, _made[minute][1])
    else:
        _made[minute] = _make(connection), keep_keys(connection)
    return dict(_made[minute][0])


def _make(connection: Redis) -> dict[bytes, Any]:
    connection.flushall()
    store = Store(connection, KEYS)
    apply_plan(plan_for(store, OLD), store, "old")
    run = KEYS.run_id("was", 5)
    connection.hset(KEYS.active, run, '{"name": "was", "tick": 5, "attempt": 1, "since": 5}')
    connection.zadd(KEYS.active_index, {"was--5": 0})
    connection.zadd(KEYS.outcomes("was"), {'{"first": 1, "last": 1, "count": 1, "status": "succeeded"}': 1})
    connection.hset(KEYS.holds, "held", '{"who": "ana", "why": "", "since": 1}')
    pending = str(store.read().cursors["held"].pending)
    connection.zrem(KEYS.scheduled(KEYS.queue("default")), pending)
    connection.delete(KEYS.job(pending))
    connection.hset(KEYS.cursors, "held", "1 1 -")
    return dump_keys(connection)


def without_ticks(keys: Iterable[bytes]) -> list[bytes]:
    """Return the names of keys without the ticks and entries at their ends, which depend on the moment."""
    return sorted(re.sub(rb"\d{9,}(-\d+)?$", b"", key) for key in keys)


class Applier:
    """A process that starts an apply, and another one, and another one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._victim = 0
        self._known = threading.Event()

    def start(self, url: str) -> None:
        """Begin an apply through that URL."""
        assert self._process.stdin is not None
        self._known.clear()
        self._process.stdin.write(f"{url}\n")
        self._process.stdin.flush()
        self._victim = self._line()
        self._known.set()

    def victim(self) -> int:
        """Return the process id of the apply, which may send its first command before it is known here."""
        assert self._known.wait(10)
        return self._victim

    def wait(self) -> int:
        """Return the wait status of the apply: 0 when it succeeded, 9 when it was killed."""
        return self._line()

    def _line(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@contextmanager
def applier() -> Iterator[Applier]:
    process = subprocess.Popen(
        [sys.executable, "-c", APPLIER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Applier(process)
    finally:
        process.communicate()


@pytest.mark.parametrize("accident", get_args(Accident))
def test_an_apply_leaves_the_old_or_the_new_state_whatever_befalls_it_at_whatever_command(
    redis_connection: Redis, redis_url: str, tmp_path: Path, accident: Accident
) -> None:
    store = Store(redis_connection, KEYS)
    reset(redis_connection)
    apply_plan(plan_for(store, NEW), store, "new")
    new_keys = without_ticks(dump_keys(redis_connection))
    ends: list[str] = []
    codes: set[int] = set()
    target = unquote(redis_url.removeprefix("unix://"))

    with applier() as process, gate_before(target, tmp_path / "gate", accident, process.victim) as gate:
        for number in range(1, 200):
            old = reset(redis_connection)
            gate.arm(number)
            process.start(gate.url)
            status = process.wait()
            found = dump_keys(redis_connection, without=(STAGE,))
            if store.head().apply_id == "old":
                assert found == old
                ends.append("old")
            else:
                assert plan_for(store, NEW).changes == ()
                assert without_ticks(found) == new_keys
                ends.append("new")
            if gate.seen < number:
                assert status == 0
                break
            assert status == (9 if accident.startswith("killed") else status)
            if accident == "reply lost":  # who reads the exit code knows whether it was applied
                assert status >> 8 in ((1,) if ends[-1] == "old" else (0, AppliedError.exit_code))
            codes.add(status >> 8)

    commit = ends.index("new")
    assert ends == ["old"] * commit + ["new"] * (len(ends) - commit)
    assert 10 < commit < len(ends) - 1, "there were commands before and after the commit"
    assert accident != "reply lost" or codes == {0, 1, AppliedError.exit_code}


def tampered_keys(dump: dict[bytes, Any]) -> list[tuple[bytes, str]]:
    return [(key, kind) for key in dump for kind in ("string", "list", "hash", "zset", "set")]


def replace_key(connection: Redis, key: bytes, kind: str) -> None:
    """Put something of another kind, or of the same but empty of sense, under a key."""
    connection.delete(key)
    if kind == "string":
        connection.set(key, "x")
    elif kind == "list":
        connection.rpush(key, "x")
    elif kind == "hash":
        connection.hset(key, "x", "y")
    elif kind == "zset":
        connection.zadd(key, {"x": 1})
    else:
        connection.sadd(key, "x")


def assert_nothing_or_everything(store: Store, plan: Plan, where: tuple[bytes, bytes]) -> None:
    """Apply a plan that was made before a field was tampered with."""
    tampered = dump_keys(store.connection)
    try:
        apply_plan(plan, store, "new")
    except FlowerPowerError:
        if store.connection.type(KEYS.head) != b"hash" or store.connection.hget(KEYS.head, "apply_id") != b"new":
            assert dump_keys(store.connection, without=(STAGE,)) == tampered, where
            return
    key, name = where
    if isinstance(tampered[key], dict) and store.connection.hget(key, name) == tampered[key].get(
        name
    ):  # nothing had to be written there, so it is there
        store.connection.hdel(key, name)
    left = {change.name for change in plan_for(store, NEW).changes if not change.drifted}
    assert left <= {name.decode(errors="replace")}, where


def test_an_apply_that_meets_anything_under_any_key_writes_nothing_or_everything(redis_connection: Redis) -> None:
    store = Store(redis_connection, KEYS)
    for key, kind in tampered_keys(reset(redis_connection)):
        reset(redis_connection)
        plan = plan_for(store, NEW)
        replace_key(redis_connection, key, kind)

        assert_nothing_or_everything(store, plan, (key, b"x"))


def test_an_apply_overwrites_nothing_that_lies_where_it_wants_to_write(redis_connection: Redis) -> None:
    store = Store(redis_connection, KEYS)
    old = reset(redis_connection)
    apply_plan(plan_for(store, NEW), store, "new")
    wanted = dump_keys(redis_connection).keys() - old.keys()
    wanted = {key for key in wanted if b":inverse:" not in key}  # named by the moment: nothing can lie there before

    for key in wanted:
        reset(redis_connection)
        plan = plan_for(store, NEW)
        replace_key(redis_connection, key, "string")

        with pytest.raises(FlowerPowerError, match=r"Redis|not ours to overwrite"):
            apply_plan(plan, store, "new")

        assert (redis_connection.get(key), store.head().apply_id) == (b"x", "old"), key
    assert len(wanted) > 3


def values(dump: dict[bytes, Any]) -> Iterator[tuple[bytes, bytes]]:
    for key, value in dump.items():
        if isinstance(value, dict):
            yield from ((key, name) for name in value)


BROKEN = (b"", b"{", b"[]", b"null", b'"x"', b"-1", b"\xff\xfe", b"[" * 300, b"1 1 acme--test--was--x", b'{"name": {}}')


@pytest.mark.parametrize("broken", BROKEN)
def test_an_apply_that_meets_any_value_writes_nothing_or_everything(redis_connection: Redis, broken: bytes) -> None:
    store = Store(redis_connection, KEYS)
    for key, name in values(reset(redis_connection)):
        reset(redis_connection)
        plan = plan_for(store, NEW)
        redis_connection.hset(key, name, broken)

        assert_nothing_or_everything(store, plan, (key, name))
