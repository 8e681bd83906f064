"""A namespace in a real Redis that operators handle, what is known of it, and what must hold after every step.

It knows which ticks the specs in force called for, under whatever name, and no more: what becomes of each tick is the
business of `tick_model`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from redis import Redis

from flowerpower.jobs.by_hand.backfill import Progress
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.state.codec import decode_cursor
from flowerpower.state.history import read_history
from flowerpower.state.models import Hold, Reading
from flowerpower.state.store import Store
from support.states import KEYS
from support.tick_bench import NOW, QUEUES, Frozen
from support.tick_model import Rules, ticks
from support.tick_world import FROZEN_CLOCK, START

NAMES = ("alpha", "beta", "gamma")
MOST = 2  # runs of a backfill at once
FOREIGN = "rq:queue:theirs", "rq:scheduled:theirs", "flowerpower:other.test:schedules", "theirs"


@dataclass(slots=True)
class Line:
    """One schedule under whatever names: which ticks were called for, and which may run more than once."""

    reigns: list[tuple[int, int, int]] = field(default_factory=list)  # every, after, until (-1: still)
    again: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)  # that a backfill or a rerun has run
    won: Counter[int] = field(default_factory=Counter)  # ticks that succeeded
    merged: bool = False  # with what was left of another one of that name
    names: set[str] = field(default_factory=set)  # that it has had

    def called_for(self, cursor: int) -> set[int]:
        """Return every tick up to the cursor that the specs in force called for."""
        spans = ((every, after, cursor if until < 0 else until) for every, after, until in self.reigns)
        return {tick for every, after, until in spans for tick in ticks(every, after, until)}


@dataclass(frozen=True, slots=True)
class Wish(Rules):
    """What a spec says, as far as time goes, and which other schedule it comes after."""

    after: str = ""

    @property
    def fields(self) -> dict[str, object]:
        """Return the fields of the schedule's spec."""
        own: dict[str, object] = Rules.fields.__get__(self)
        return {**own, "after": [self.after]} if self.after else own


@dataclass
class OperatorBench(Frozen):
    """A namespace, and what is known of it."""

    store: Store
    scheduler: Scheduler
    lines: dict[str, Line] = field(default_factory=dict)  # by the name now, or the last one
    rules: dict[str, int] = field(default_factory=dict)  # live schedule -> every
    line_of: dict[str, Line] = field(default_factory=dict)  # by active run
    running: list[tuple[str, str]] = field(default_factory=list)  # run id, execution
    applies: list[str] = field(default_factory=list)  # that changed something
    before: dict[str, dict[str, str]] = field(default_factory=dict)  # apply -> what was live
    holds_lost: dict[str, dict[str, Hold]] = field(default_factory=dict)  # apply -> those that it deleted
    forgotten_once: set[str] = field(default_factory=set)
    backfills: list[tuple[str, Iterator[Progress]]] = field(default_factory=list)
    foreign: dict[str, Any] = field(default_factory=dict)
    is_blurred: bool = False  # the clock was set back, or a stock scheduler was here: more may be told of than was due
    commit: str = ""
    count: int = 0

    @classmethod
    def make(cls, connection: Redis) -> Self:
        """Return a namespace in which nothing has happened, in a Redis that others use too."""
        connection.flushall()
        connection.set(NOW, START)
        connection.rpush(FOREIGN[0], "job")
        connection.zadd(FOREIGN[1], {"job": START})
        connection.hset(FOREIGN[2], "alpha", "{}")
        connection.set(FOREIGN[3], "x")
        store = Store(connection, KEYS, FROZEN_CLOCK)
        made = cls(store, Scheduler(store, "one"))
        made.foreign = made._theirs()
        return made

    @property
    def live(self) -> list[str]:
        """Return the names of the live schedules."""
        return sorted(self.rules)

    # What must hold.

    def look(self) -> None:
        """Compare what lies in Redis with what must hold after every step."""
        reading = self._read()
        assert reading.damaged == {}
        assert reading.state.schedules.keys() == self.rules.keys()
        assert self._cursors() == reading.state.schedules.keys()
        assert reading.holds.keys() | reading.waiting.keys() | reading.forgotten <= reading.state.schedules.keys()
        assert (reading.head.generation, reading.head.commit) == (len(self.applies), self.commit)
        self._note_lines()
        history = read_history(self.store)
        assert [past.apply_id for past in history.applies] == self.applies[::-1]
        active = self.active()
        assert len([run for run in active if not self.entry(run).get("alone")]) == self.redis.zcard(KEYS.active_index)
        handed = Counter(self.entry(run).get("name") for run in active if self.entry(run).get("by") == "backfill")
        assert max(handed.values(), default=0) <= MOST, handed
        queued = [run.decode() for queue in QUEUES for run in self.redis.lrange(KEYS.queue_list(queue), 0, -1)]
        assert len(queued) == len(set(queued)), queued
        self._look_at_jobs(reading, {*active, *queued})
        assert self._theirs() == self.foreign

    def check(self) -> None:
        """Compare what was recorded with what the specs in force called for."""
        for name in self.live:
            line, told, succeeded = self.lines[name], Counter[int](), set[int]()
            called_for = line.called_for(self.cursor(name))
            for raw in [*self.redis.zrange(KEYS.outcomes(name), 0, -1), *self.redis.zrange(KEYS.older(name), 0, -1)]:
                outcome = json.loads(raw)
                if "--m" not in outcome.get("run", ""):
                    first, last = outcome["first"], outcome["last"]
                    succeeded |= {last} if outcome["status"] == "succeeded" else set()
                    told.update([first] if first == last else [tick for tick in called_for if first <= tick <= last])
            called_for -= self.waiting(paused=True).get(name, set())
            assert called_for <= told.keys(), (name, sorted(called_for - told.keys()), line)
            assert {*line.won} - line.again <= succeeded, (name, {*line.won} - line.again - succeeded)
            if not line.merged and not self.is_blurred:
                assert told.keys() <= called_for | line.asked, (name, sorted(told.keys() - called_for), line)
                assert [tick for tick, times in told.items() if times > 1 and tick not in line.asked] == [], (
                    name,
                    told,
                )

    # Pieces.

    def active(self) -> list[str]:
        """Return the ids of the active runs."""
        found: Any = self.redis.hkeys(KEYS.active)
        return sorted(run.decode() for run in found)

    def waiting(self, *, paused: bool = False) -> dict[str, set[int]]:
        """Return the ticks that wait for the run before them; with *paused* those that their spec lets wait on."""
        found: Any = self.redis.hgetall(KEYS.buffers)
        buffers = {name.decode(): json.loads(raw) for name, raw in found.items()}
        return {
            name: {tick for tick, *_ in one["ticks"]} for name, one in buffers.items() if one["paused"] or not paused
        }

    def entry(self, run: str) -> dict[str, Any]:
        """Return the entry of an active run."""
        raw: Any = self.redis.hget(KEYS.active, run)
        return dict(json.loads(raw)) if raw else {}

    def cursor(self, name: str) -> int:
        """Return the last decided tick of a schedule."""
        raw: Any = self.redis.hget(KEYS.cursors, name)
        return decode_cursor(name, raw).tick

    def _read(self) -> Reading:
        return replace(self.store.read(), now=self.now)

    def _looks(self) -> dict[str, str]:
        """Return what is live, as far as a rollback restores it."""
        return {name: one.digest for name, one in self.store.read().state.schedules.items()}

    def _cursors(self) -> set[str]:
        found: Any = self.redis.hkeys(KEYS.cursors)
        return {name.decode() for name in found}

    def _theirs(self) -> dict[str, Any]:
        return {name: self.redis.dump(name) for name in FOREIGN}

    def _note_lines(self) -> None:
        """Note of which schedule each active run is, since it may be renamed before the run ends."""
        names = {run: str(self.entry(run).get("name")) for run in self.active()}
        self.line_of = {run: self.line_of.get(run) or self.lines[name] for run, name in names.items()}

    def _win(self, run: str, line: Line) -> None:
        tick = int(run.rpartition("--")[2])
        line.won[tick] += 1
        assert line.won[tick] == 1 or tick in line.again or line.merged, f"{run} succeeded twice"

    def _follow(self, renamed: Mapping[str, str]) -> None:
        """Keep account of the specs in force after an apply."""
        found = self._read()
        before, self.rules = (
            self.rules,
            {name: int(str(one.fields["every"])) for name, one in found.state.schedules.items()},
        )
        moved = {new: (self.lines.pop(old), before.pop(old)) for new, old in renamed.items()}
        for name, (line, every) in moved.items():
            line.merged |= name in self.lines
            self.lines[name], before[name] = line, every
        for name in before.keys() | self.rules.keys():
            line = self.lines.setdefault(name, Line())
            line.names.add(name)
            self.forgotten_once |= line.names if line.names & self.forgotten_once else set()
            old, new = before.get(name), self.rules.get(name)
            if old == new:
                continue
            cursor = found.cursors[name].tick if name in found.cursors else self.now
            if old is not None:
                every, after, _ = line.reigns.pop()
                line.reigns.append((every, after, cursor))
            if new is not None:
                line.reigns.append((new, cursor, -1))

    def _look_at_jobs(self, reading: Reading, runs: set[str]) -> None:
        """No job of ours is there that nothing expects; that of a run whose worker died is looked after later."""
        pending = {cursor.pending for cursor in reading.cursors.values() if cursor.pending}
        jobs = {
            raw.decode().removeprefix(KEYS.job("")) for raw in self.redis.scan_iter(f"{KEYS.job('')}{KEYS.queue('')}*")
        }
        waiting = {raw.decode() for queue in QUEUES for raw in self.redis.zrange(KEYS.scheduled(queue), 0, -1)}
        dead = {run for run in jobs if self.redis.hget(KEYS.job(run), "status") == b"failed"}
        assert jobs - dead <= pending | runs, jobs - pending - runs
        assert waiting <= pending | runs, waiting - pending - runs
