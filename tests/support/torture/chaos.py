"""Torment a world for a while, let it come to rest, and gather the evidence."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import redis

from flowerpower.apply import apply_plan
from flowerpower.jobs.by_hand.holds import resume_schedules
from flowerpower.planning.diff import make_plan
from flowerpower.state.connection import connect
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store
from support.redis_state import dump_keys
from support.states import SOURCE
from support.torture.evidence import OFFSET_KEY, Evidence, read_log, recording_clock
from support.torture.roles import let_executions_expire
from support.torture.troubles import TROUBLES
from support.torture.wants import HOLDABLE, KEYS, OTHER, REST, number_of, source, wanted
from support.torture.weather import Link
from support.torture.world import Actors, Server

CAST = {"scheduler": 3, "worker": 2, "apply": 2, "other": 2, "clock": 1}
NEIGHBOUR = Keys("acme", "other")  # nobody works for it, so its bytes must stay as they are
PACE = 250  # seconds of the clock in one of ours
PATIENCE = 40.0  # seconds in which fewer runs must be left, until none is
PAGE = Path(__file__).resolve().parents[3] / "docs" / "redis.md"


def documented() -> frozenset[str]:
    """Return the names of our keys that the page on what lies in Redis tells of."""
    return frozenset(re.findall(r"`…:(\w+)", PAGE.read_text(encoding="utf-8")))


@dataclass
class Torture:
    """One torture; the seed decides what is done to whom and when."""

    folder: Path
    seed: int
    seconds: float
    deeds: Counter[str] = field(default_factory=Counter)

    @property
    def begins_behind(self) -> bool:
        """Whether the clock that decides begins behind the one that plans are made by: with every third seed.

        So it is where Redis' clock steps back between a plan and its apply, as when a replica takes over.
        """
        return self.seed % 3 == 0

    def run(self) -> Evidence:
        """Torment, rest, and return what is there to be read."""
        self.server = Server(self.folder)
        self.server.start()
        self.link = Link(self.folder, self.folder / "s")
        self.link.start()
        self.actors = Actors(self.server.url, self.folder / "actors.log", self.seed, self.link.url)
        try:
            before = self._prepare()
            for role, number in CAST.items():
                for _ in range(number):
                    self.actors.hire(role)
            self._torment()
            differences = self._half_applied()
            calm = self._rest()
            return self._gather(before, differences, calm=calm)
        finally:
            for role in CAST:
                self.actors.dismiss(role)
            self.link.stop()
            self.server.kill()

    def _store(self, keys: Keys = KEYS) -> Store:
        return Store(connect(self.server.url), keys, recording_clock(KEYS))

    def _prepare(self) -> dict[bytes, Any]:
        """Fill Redis with what belongs to others, and apply for the first time."""
        store = self._store()
        connection = store.connection
        other = Store(connection, NEIGHBOUR, recording_clock(KEYS))
        apply_plan(make_plan(NEIGHBOUR, wanted(7, NEIGHBOUR), other.read(), SOURCE), other, "apply")
        connection.rpush("rq:queue:default", "somebody-elses")
        connection.hset("rq:job:somebody-elses", mapping={"data": "[]", "status": "queued", "origin": "default"})
        connection.zadd("rq:scheduled:default", {"somebody-elses-later": 1})
        connection.set("precious", "bytes")
        ahead = (
            -int(self.seconds * PACE / 2) if self.begins_behind else 3600
        )  # it can step back from the first moment on
        connection.set(OFFSET_KEY, ahead)
        before = dump_keys(connection, without=("test:", "rq:queues"))
        apply_plan(make_plan(KEYS, wanted(0), store.read(), source(0)), store, "first")
        return before

    def _torment(self) -> None:
        dice = Random(self.seed)
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            self._one_deed(dice)
            until = time.monotonic() + dice.random() * 0.3
            while time.monotonic() < until:
                self.tend()
        self.link.clear()

    def tend(self) -> None:
        """Give the others a moment: wake, replace, let the weather change."""
        self.actors.tend()
        self.link.tend()
        time.sleep(0.02)

    def _one_deed(self, dice: Random) -> None:
        deeds: dict[str, tuple[int, Callable[[], None]]] = {
            "scheduler killed": (8, lambda: self._to_one(dice, "scheduler", self.actors.kill)),
            "scheduler stopped": (8, lambda: self._to_one(dice, "scheduler", self._sleeper(dice))),
            "worker killed": (4, lambda: self._to_one(dice, "worker", self.actors.kill)),
            "worker stopped": (4, lambda: self._to_one(dice, "worker", self._sleeper(dice))),
            "apply killed": (6, lambda: self._to_one(dice, "apply", self.actors.kill)),
            "apply stopped": (4, lambda: self._to_one(dice, "apply", self._sleeper(dice))),
            "Redis killed": (2, self.restart),
            "scripts flushed": (2, lambda: self._ask("SCRIPT", "FLUSH")),
            "connections cut": (2, lambda: self._ask("CLIENT", "KILL", "TYPE", "normal")),
            **{name: (weight, partial(trouble, self, dice)) for name, (weight, trouble) in TROUBLES.items()},
        }
        (deed,) = dice.choices(list(deeds), [weight for weight, _ in deeds.values()])
        deeds[deed][1]()
        self.deeds[deed] += 1

    def _to_one(self, dice: Random, role: str, deed: Callable[[int], None]) -> None:
        awake = [pid for pid in self.actors.of(role) if pid not in self.actors.asleep]
        if awake:
            deed(dice.choice(awake))

    def _sleeper(self, dice: Random) -> Callable[[int], None]:
        seconds = 0.2 + dice.random() * 3
        return lambda pid: self.actors.stop(pid, seconds)

    def restart(self) -> None:
        """Kill Redis and start it again on what it had written."""
        self.server.kill()
        self.server.start()

    def _ask(self, *words: str) -> None:
        with redis.Redis.from_url(self.server.url) as client:
            client.execute_command(*words)

    def _half_applied(self) -> tuple[str, ...]:
        """Look, with nobody about, whether what is live is what the last apply wanted."""
        for role in ("apply", "other", "scheduler", "clock"):
            self.actors.dismiss(role)
        found: list[str] = []
        for keys in (KEYS, OTHER):
            store = Store(connect(self.server.url), keys, recording_clock(KEYS))
            with closing(store.connection):
                reading = store.read()
                number = number_of(reading.head.commit)
                plan = make_plan(keys, wanted(number, keys), reading, source(number))
            found += [f"{keys.project}: {change.address}: {change.action}" for change in plan.changes]
        return tuple(found)

    def _rest(self) -> bool:
        """Let nothing be due any more, and wait until every run has ended."""
        store = self._store()
        resume_schedules(store, list(HOLDABLE), "bob")
        for _ in range(20):
            self.actors.hire("scheduler") if not self.actors.of("scheduler") else None
            try:
                apply_plan(make_plan(KEYS, wanted(REST), store.read(), source(REST)), store, "rest")
                break
            except Exception as error:  # a tick fired in between: plan again
                self.deeds[f"apply again: {type(error).__name__}"] += 1
        least, end = self._left(store), time.monotonic() + PATIENCE
        while least and time.monotonic() < end:
            self.actors.tend()
            store.connection.incrby(OFFSET_KEY, 2)
            let_executions_expire(store.connection)
            if (left := self._left(store)) < least:  # on a busy machine hundreds may wait
                least, end = left, time.monotonic() + PATIENCE
            time.sleep(0.05)
        return not self._left(store)

    def _left(self, store: Store) -> int:
        """Return how much has not ended yet."""
        keys, connection = KEYS, store.connection
        queues = sum(connection.llen(keys.queue_list(keys.queue(name))) for name in ("default", "heavy"))
        return int(queues + connection.hlen(keys.active) + connection.hlen(keys.buffers))

    def _gather(self, before: dict[bytes, Any], differences: tuple[str, ...], *, calm: bool) -> Evidence:
        for role in CAST:
            self.actors.dismiss(role)
        with closing(self._store().connection) as connection:
            after = dump_keys(connection, without=("test:", "rq:queues"))
            buffers = connection.hgetall(KEYS.buffers)
            history = connection.xrange(KEYS.history)
            names = {
                key.decode().removeprefix(KEYS.prefix).split(":")[0] for key in after if KEYS.prefix in key.decode()
            }
            lists = [KEYS.queue_list(KEYS.queue(name)) for name in ("default", "heavy")]
            return Evidence(
                log=read_log(connection),
                cursors={name.decode(): raw.decode() for name, raw in connection.hgetall(KEYS.cursors).items()},
                active=frozenset(run.decode() for run in connection.hkeys(KEYS.active)),
                waiting={
                    name.decode(): frozenset(item[0] for item in json.loads(raw)["ticks"])
                    for name, raw in buffers.items()
                },
                queued=tuple(run.decode() for name in lists for run in connection.lrange(name, 0, -1)),
                foreign=tuple(key.decode() for key in before if after.get(key) != before[key]),
                undocumented=tuple(sorted(names - documented())),
                differences=differences,
                generations=tuple(int(fields[b"generation"]) for _, fields in history),
                calm=calm,
            )


def described(evidence: Evidence, deeds: Counter[str]) -> str:
    """Return what was done and what came of it, in a few lines."""
    pushes = Counter(entry.by for entry in evidence.log if entry.op == "push")
    events = Counter(entry.data["event"] for entry in evidence.log if entry.op == "event")
    ticks = sum(int(entry.data["count"]) for entry in evidence.log if entry.op == "outcome")
    applies = sum(1 for entry in evidence.log if entry.op == "head")
    lines = [
        f"{ticks} ticks have an outcome; {applies} applies; pushed: {dict(pushes)}",
        f"events: {dict(events.most_common())}",
        f"done to them: {dict(deeds.most_common())}",
    ]
    return "\n".join(lines)


def folder_of(seed: int) -> Path:
    """Return a new folder whose socket's path is short enough."""
    path = Path(f"/tmp/torture-{os.getpid()}-{seed}")
    path.mkdir()
    return path
