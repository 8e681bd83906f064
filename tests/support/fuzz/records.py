"""What lies in Redis: anything in any of our keys, and in RQ's of ours."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import cycle
from typing import Any

from hypothesis import strategies as st
from redis import Redis

from flowerpower.state.keys import Keys
from support.fuzz.case import Case, Damage
from support.fuzz.odd import TEXTS, VALUES, as_bytes, changed_somewhere

KEYS = Keys("acme", "default")
SCHEDULER = "three rounds of a scheduler"
RECORDS = (  # texts that JSON parsers stumble over, and numbers that stand in our records as texts
    *(
        "[" * 100_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        "[1" + ",1" * 200_000 + "]",
        "9" * 5_000,
        "1e999",
        "NaN",
        "{}",
        "[]",
    ),
    *(
        "null",
        "true",
        '"x"',
        '{"a": 1, "a": 2}',
        "{",
        "\udcff",
        "1 2 3",
        "1 1 -",
        "-1 1 -",
        "99999999999999999999 1 x",
        "0 0 -",
    ),
    *(
        "1:2:3",
        "acme--default--nightly--1",
        "acme--default--nightly--99999999999999999999",
        "acme--other--x--1",
        "--",
        "2026-01-01T00:00:00Z",
    ),
)
HOWS = (
    "string",
    "list",
    "set",
    "zset",
    "hash",
    "stream",
    "delete",
    "expire",
    "persist",
    "value",
    "json",
    "json",
    "truncate",
    "flip",
    "add",
    "score",
)
SCORES = ("inf", "-inf", "1e17", "-1e17", "1e300", "-1", "1.5", "0", "253402300800", "9007199254740993")
COMMANDS = (
    *(
        ("status",),
        ("status", "--json"),
        ("status", "nightly"),
        ("plan",),
        ("plan", "--json"),
        ("plan", "--format", "markdown"),
    ),
    *(
        ("drift",),
        ("drift", "--json"),
        ("history",),
        ("history", "--json"),
        ("runs",),
        ("runs", "--json"),
        ("runs", "nightly"),
    ),
    *(("runs", "--job", "{failed}"), ("runs", "--job", "{failed}", "--log"), ("runs", "--job", "{active}", "--json")),
    *(
        ("next",),
        ("next", "--json"),
        ("forecast",),
        ("forecast", "--json"),
        ("export", "--out", "out"),
        ("export", "--json"),
    ),
    *(("apply", "--auto-approve"), ("apply", "--auto-approve", "--json", "--allow-deletes", "100%")),
    *(("rollback", "{apply}", "--auto-approve"), ("rollback", "{apply}", "--plan")),
    *(
        ("pause", "nightly", "--reason", "x"),
        ("resume", "held"),
        ("resume", "nightly"),
        ("forget", "nightly"),
        ("doctor",),
        ("doctor", "--json"),
    ),
    *(
        ("trigger", "report"),
        ("trigger", "nightly"),
        ("cancel", "{active}"),
        ("cancel", "{queued}"),
        ("rerun", "{failed}"),
    ),
    *(("rerun", "fails", "--tick", "{tick}"), ("adopt",), ("adopt", "--json"), ("dag", "report")),
    ("backfill", "hourly", "--from", "2026-11-01", "--to", "2026-11-02", "--dry-run"),
    *((SCHEDULER,), (SCHEDULER,), (SCHEDULER,), (SCHEDULER,), ("worker", "--burst")),
)
SCHEDULER_CODE = """
import logging, os, sys
logging.basicConfig(stream=sys.stderr, level=logging.INFO)
from flowerpower.jobs.messages.messenger import Messenger
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.state.connection import connect
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store

class Rounds:
    left = 3
    def is_set(self):
        return self.left == 0
    def wait(self, seconds):
        self.left -= 1
        return self.left <= 0

store = Store(connect(os.environ["FLOWERPOWER_REDIS"]), Keys("acme", "default"))
Scheduler(store, "fuzz").run(Rounds())
Messenger(store, "fuzz", lambda name: "").run(Rounds())
"""


def cases(families: Iterable[str]) -> st.SearchStrategy[Case]:
    """Return damages of keys of these families, and commands that meet them."""
    names = sorted(families)
    damage = st.builds(
        Damage,
        family=st.sampled_from(names),
        number=st.integers(0, 3),
        how=st.sampled_from(HOWS),
        place=st.integers(0, 60),
        value=st.one_of(st.sampled_from(VALUES), st.sampled_from(TEXTS), st.sampled_from(RECORDS)),
    )
    commands = st.lists(st.sampled_from(COMMANDS), min_size=3, max_size=5).map(tuple)
    return st.builds(
        lambda damages, commands: Case("redis", commands, damages=tuple(damages)),
        st.lists(damage, min_size=1, max_size=2),
        commands,
    )


def sweep(families: Iterable[str], number: int) -> list[Case]:
    """Return each damage of each family once, with a value and commands by turns; every command meets many of them."""
    commands, values = cycle(dict.fromkeys(COMMANDS)), cycle((*RECORDS, *VALUES, *TEXTS))
    for _ in range(number * 7 % len(COMMANDS)):  # another sweep, other pairs
        next(commands)
        next(values)
    pairs = [(family, how) for family in sorted(families) for how in dict.fromkeys(HOWS)]
    found = []
    for at, (family, how) in enumerate(pairs):
        damage = Damage(family, number, how, (number * 13 + at) % 61, next(values))
        found.append(Case("redis", tuple(next(commands) for _ in range(5)), damages=(damage,)))
    return found


def family_of(key: str) -> str:
    """Return the name that all keys of the same kind share."""
    key = re.sub(r"--m[0-9a-zA-Z]{20,}|--\d{9,}", "--RUN", key)
    key = re.sub(r":[0-9a-f]{8,}$|:\d{10,}-\d+$", ":ID", key)
    return re.sub(r"(rq:workers?:)[0-9a-f.]{20,}|rq:worker:.*", r"\1NAME", key)


def families(connection: Redis) -> dict[str, list[str]]:
    """Return the keys that are ours, or RQ's of ours, by family; those that are not there are there with one name."""
    found = defaultdict(list)
    for raw in sorted(connection.scan_iter()):
        key = raw.decode(errors="replace")
        if key.startswith(KEYS.prefix) or KEYS.queue("") in key or key.startswith("rq:worker"):
            found[family_of(key)].append(key)
    absent = [
        *KEYS.types(),
        KEYS.outcomes("nightly"),
        KEYS.older("nightly"),
        KEYS.handed("hourly"),
        KEYS.called_off("hourly"),
        KEYS.kept_of("nightly"),
    ]
    queue = KEYS.queue("default")
    absent += [KEYS.stage("x"), KEYS.queue_list(queue), KEYS.scheduled(queue), f"rq:wip:{queue}", f"rq:failed:{queue}"]
    absent += [KEYS.workers(queue), f"rq:scheduler-lock:{queue}", f"rq:finished:{queue}"]
    for key in absent:
        found.setdefault(family_of(key), [key])
    return dict(found)


def inflict(connection: Redis, damage: Damage, known: dict[str, list[str]]) -> None:
    """Do one damage."""
    keys = known.get(damage.family)
    if not keys:
        return
    key, value = keys[damage.number % len(keys)], _raw(damage.value)
    if damage.how in ("string", "list", "set", "zset", "hash", "stream"):
        connection.delete(key)
        _create(connection, key, damage.how, value)
    elif damage.how == "delete":
        connection.delete(key)
    elif damage.how == "score":
        _set_score(connection, key, damage.place)
    elif damage.how in ("expire", "persist"):
        connection.pexpire(key, 20) if damage.how == "expire" else connection.persist(key)
    else:
        _edit(connection, key, damage)


def _create(connection: Redis, key: str, kind: str, value: bytes) -> None:
    match kind:
        case "string":
            connection.set(key, value)
        case "list":
            connection.rpush(key, value)
        case "set":
            connection.sadd(key, value)
        case "zset":
            connection.zadd(key, {value: 5})
        case "hash":
            connection.hset(key, value, value)
        case "stream":
            connection.xadd(key, {value: value})


def _set_score(connection: Redis, key: str, place: int) -> None:
    if connection.type(key) == b"zset":
        connection.zadd(key, {_pick(connection.zrange(key, 0, -1), place): SCORES[place % len(SCORES)]})


def _edit(connection: Redis, key: str, damage: Damage) -> None:
    kind = connection.type(key).decode()
    new = _raw(damage.value)
    if damage.how == "add" or kind == "none":
        _create(connection, key, kind if kind != "none" else "hash", new)
        return
    if kind == "string":
        connection.set(key, _changed(connection.get(key) or b"", damage), keepttl=True)
    elif kind == "hash":
        field, old = _pick(sorted(connection.hgetall(key).items()), damage.place)
        connection.hset(key, field, _changed(old, damage))
    elif kind == "list":
        place = damage.place % connection.llen(key)
        connection.lset(key, place, _changed(connection.lindex(key, place) or b"", damage))
    elif kind == "set":
        old = _pick(sorted(connection.smembers(key)), damage.place)
        connection.srem(key, old)
        connection.sadd(key, _changed(old, damage))
    elif kind == "zset":
        old, score = _pick(connection.zrange(key, 0, -1, withscores=True), damage.place)
        connection.zrem(key, old)
        connection.zadd(key, {_changed(old, damage): score})
    elif kind == "stream":
        _edit_stream(connection, key, damage)


def _edit_stream(connection: Redis, key: str, damage: Damage) -> None:
    entries: Any = connection.xrange(key)
    entry, fields = _pick(entries, damage.place)
    field = _pick(sorted(fields), damage.place // 3)
    fields[field] = _changed(fields[field], damage)
    connection.delete(key)
    for id, each in entries:
        connection.xadd(key, fields if id == entry else each, id=id)


def _pick(items: Any, place: int) -> Any:
    return items[place % len(items)]


def _changed(old: bytes, damage: Damage) -> bytes:
    if damage.how == "truncate":
        return old[: len(old) * (damage.place % 10) // 10]
    if damage.how == "flip" and old:
        at = damage.place * 7919 % len(old)
        return old[:at] + bytes([old[at] ^ (damage.place % 255 + 1)]) + old[at + 1 :]
    if damage.how == "json":
        return _json_changed(old, damage)
    return _raw(damage.value)


def _json_changed(old: bytes, damage: Damage) -> bytes:
    try:
        tree = json.loads(old)
    except ValueError:
        return _raw(damage.value)
    how = ("replace", "replace", "remove", "add")[damage.place % 4]
    return json.dumps(changed_somewhere(tree, damage.place * 31, how, damage.value)).encode()


def _raw(value: Any) -> bytes:
    return as_bytes(value) if isinstance(value, str) else json.dumps(value).encode()
