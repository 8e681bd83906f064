"""A real Redis, two schedulers and a worker that a test plays by hand, beside the model of what should be there."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from redis import Redis

from flowerpower.apply import apply_plan
from flowerpower.jobs.by_hand.holds import pause_schedules, resume_schedules
from flowerpower.jobs.by_hand.manual import manual_order
from flowerpower.jobs.by_hand.stopping import stop_run
from flowerpower.jobs.ledger import Claimant, Ledger
from flowerpower.jobs.run import _fire_if_pending
from flowerpower.jobs.running.admission import read_papers
from flowerpower.jobs.scheduling.firing import fire_message
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.store import Store
from support.states import KEYS, SOURCE, desired, pipeline
from support.tick_bench import NAMES, NOW, QUEUES, Bench, wanted
from support.tick_model import Rules, changed, ticks

START = 1_700_000_000
MOST_TICKS = 700  # that a schedule may have in one history: older outcomes are forgotten
FROZEN_CLOCK = f"local function now() return tonumber(redis.call('GET', '{NOW}')), 0 end\n"


@dataclass
class World(Bench):
    """What a history does to it, step by step; after each step Redis and the models must agree."""

    running: list[tuple[str, str]] = field(default_factory=list)  # run id, execution
    attempts: Counter[str] = field(default_factory=Counter)
    by_hand: list[str] = field(default_factory=list)
    frozen: tuple[int, dict[str, str]] = (0, {})
    count: int = 0
    back: int = 0  # seconds that the clock was ever set back, which runs wait for too

    @classmethod
    def make(cls, connection: Redis) -> World:
        """Return a world in which nothing has happened, in an empty Redis."""
        connection.flushall()
        connection.set(NOW, START)
        store = Store(connection, KEYS, FROZEN_CLOCK)
        return cls(store, [Scheduler(store, "one"), Scheduler(store, "two")])

    def act(self, what: str, name: str, how: Any) -> None:
        """Do one step of a history and look whether all is as it should be."""
        getattr(self, what)(name, how)
        self.look()

    # Time and schedulers.

    def wait(self, _: str, seconds: int) -> None:
        """Let time pass, or step back."""
        for model in self.models.values():
            rules = model.rules
            if rules and (self.now + seconds - model.cursor) // rules.every + len(model.outcomes) > MOST_TICKS:
                return
        self.redis.incrby(NOW, seconds)
        self.back += max(-seconds, 0)

    def fire(self, _: str, which: int) -> None:
        """Let a scheduler that holds the lease look twice."""
        self.redis.delete(KEYS.lease)
        for _again in range(2):
            waits = {name for name, model in self.models.items() if self._has_pending(name, model)}
            self.schedulers[which].step()
            for name, model in self.models.items():
                if name in waits and name not in self.inexact:
                    model.fire(self.now)
                self._bury(name)
                if name not in waits | self.inexact and self._has_pending(name, model):  # the reconciler saw it last
                    model.fire(self.now)

    def tick(self, name: str, which: int) -> None:
        """Let time pass until there is something to do, and do it."""
        self.wait(name, 1000)
        self.fire(name, which)

    def freeze(self, name: str, which: int) -> None:
        """Let time pass, and a scheduler decide what is due and be held up before it says so."""
        self.wait(name, 1000)
        fleet = self.schedulers[which].fleet
        cursors = {name: cursor for name, cursor in fleet.cursors(NAMES).items() if name not in self.inexact}
        fleet.compile({name: cursor.revision for name, cursor in cursors.items()})
        self.frozen = (
            self.now,
            {
                name: fire_message(KEYS, compiled, cursor, self.now)
                for name, cursor in cursors.items()
                if (compiled := fleet._compiled.get(name)) and compiled.trigger.next_tick(cursor.tick) <= self.now
            },
        )

    def thaw(self, name: str, seconds: int) -> None:
        """Let it go on, whatever has happened meanwhile."""
        moment, messages = self.frozen
        if not messages:
            return
        self.wait(name, seconds)
        first = {one: self.models[one].due(moment)[:1] for one in messages}
        said = Ledger(self.store).fire(list(messages.values()))
        self.frozen = 0, {}
        for one, answer in zip(messages, said, strict=True):
            if answer == "fired" and one not in self.inexact:
                assert first[one] <= [self.now], "it fired before its time"
                self.models[one].fire(moment)

    def restart(self, _: str, which: int) -> None:
        """Let a scheduler die and another take its place."""
        self.schedulers[which] = Scheduler(self.store, f"new {self.count}")
        self.count += 1

    def lose(self, name: str, _: Any) -> None:
        """Let a stranger delete what a schedule waits for."""
        pending = self._pending(name)
        if pending and any(self.redis.zrem(KEYS.scheduled(queue), pending) for queue in QUEUES):
            self.redis.delete(KEYS.job(pending))

    def stock(self, _: str, __: Any) -> None:
        """Let a stock scheduler move what is due to its queue, as RQ does."""
        for queue in QUEUES:
            found: Any = self.redis.zrangebyscore(KEYS.scheduled(queue), "-inf", self.now)
            for run in found:
                self.redis.zrem(KEYS.scheduled(queue), run)
                self._push(run.decode(), queue)
                for name in NAMES:
                    if run.decode() == self._pending(name):
                        self.inexact.add(name)

    # People.

    def apply(self, name: str, change: dict[str, object] | None) -> None:
        """Apply a schedule anew, or delete it (None)."""
        model = self.models[name]
        if change is None or model.rules is None:
            ends = [model.cursor, *(until for _, _, until in model.reigns)]
            if self.now < max(ends):
                return  # a deleted schedule is forgotten, with what it has fired while the clock was ahead
        rules = None if change is None else changed(model.rules or Rules(), change)
        rules_of = {other: one.rules for other, one in self.models.items()} | {name: rules}
        specs = [wanted(other, one) for other, one in rules_of.items() if one]
        live = replace(self.store.read(), now=self.now)
        plan = make_plan(KEYS, desired(specs, [pipeline("report")]), live, SOURCE)
        self._mark(name, rules)
        before = self._cursor(name)
        apply_plan(replace(plan, may_stop=True), self.store, "apply")
        if name in self.inexact:
            self._follow(name, rules, before)
        else:
            model.change(rules, self.now)

    def pause(self, name: str, seconds: int | None) -> None:
        """Hold a schedule, for some time or until it is resumed."""
        if self.models[name].rules is None:
            return
        until = None if seconds is None else self.now + seconds
        pause_schedules(self.store, [name], who="ana", why="x", until=until, replace=True)
        self.models[name].pause(self.now, until)

    def resume(self, name: str, _: Any) -> None:
        """Lift a hold."""
        if self.models[name].rules is not None:
            resume_schedules(self.store, [name], "bob")
            if name not in self.inexact:
                self.models[name].lift(self.now)
            self.models[name].hold = None

    def manual(self, name: str, _: Any) -> None:
        """Run a schedule now."""
        if self.models[name].rules is None:
            return
        self.count += 1
        order = manual_order(self.store, name, {}, due=0, entropy=self.count.to_bytes(10, "big"), millis=self.now)
        Ledger(self.store).enqueue(order)
        self.by_hand.append(str(order["id"]))
        self.models[name].active[str(order["id"])] = "queued"
        self.together.add(name)

    def cancel(self, name: str, _: Any) -> None:
        """Drop a run that waits in its queue."""
        for run in self._active():
            if self._name_of(run) == name and self._status(run) == b"queued":
                stop_run(self.store, run, "by hand")
                self._end_in_model(run, "cancelled")
                return

    # Workers.

    def take(self, _: str, which: int) -> None:
        """Let a worker take a run from a queue, as `run_scheduled` begins."""
        queue = QUEUES[which]
        raw: Any = self.redis.lpop(KEYS.queue_list(queue))
        if raw is None:
            return
        run, name = raw.decode(), self._name_of(raw.decode())
        self.count += 1
        execution = f"execution-{self.count}"
        mapping = {"status": "started", "worker_name": "player", "origin": queue}
        self.redis.hset(KEYS.job(run), mapping=mapping)
        was_active = bool(self.redis.hexists(KEYS.active, run))
        asked = self._reference(run)
        _fire_if_pending(self.store, Ledger(self.store), asked, read_papers(self.store, asked, ""))
        claim = Ledger(self.store).claim(self._reference(run), Claimant("player", execution), digest="d")
        if was_active and name not in self.inexact:
            assert self.models[name].claim(self._in_model(run)) == (not claim.refused), claim
        if claim.refused:
            self.redis.hset(KEYS.job(run), "status", "finished")
            return
        self.redis.hset(KEYS.execution(run, execution), "id", execution)  # it renews that until the end
        self.attempts[run] += 1
        assert claim.attempt == self.attempts[run], (run, claim)
        self.running.append((run, execution))

    def end(self, _: str, how: str) -> None:
        """End the run that was claimed first."""
        if not self.running:
            return
        run, execution = self.running.pop(0)
        self.redis.delete(KEYS.execution(run, execution))
        if how == "abandoned":  # its worker died, and RQ hands it to another
            self._push(run, self._queue_of(run))
            if self._name_of(run) not in self.inexact:
                self.models[self._name_of(run)].active[self._in_model(run)] = "queued"
            return
        if how in ("died", "vanished"):
            if how == "died":
                self.redis.hset(KEYS.job(run), "status", "failed")
            else:
                self.redis.delete(KEYS.job(run))
            if self._in_model(run) in self.models[self._name_of(run)].active:
                self.models[self._name_of(run)].active[self._in_model(run)] = "dead"
            return
        retries = how in ("retry", "later")
        status = "failed" if retries else how
        known = Ledger(self.store).finish(
            self._reference(run), execution=execution, status=status, reason="", final=not retries, duration=1.0
        )
        assert known, run
        self._end_in_model(run, "retry" if retries else how)
        if self.redis.hexists(KEYS.active, run):
            self._try_again(run, how)
        else:
            self.redis.hset(KEYS.job(run), "status", "finished")

    def crash(self, _: str, which: int) -> None:
        """Kill a worker that has taken a run from its queue and has not started it."""
        self.redis.lpop(KEYS.queue_list(QUEUES[which]))

    # What must hold.

    def look(self) -> None:
        """Compare Redis with the model, and with what holds for every history."""
        self._mark_together()
        active, index = self._active(), self.redis.zcard(KEYS.active_index)
        assert len(active) == index
        queued = [run for queue in QUEUES for run in self.redis.lrange(KEYS.queue_list(queue), 0, -1)]
        assert len(queued) == len(set(queued)), queued
        for name, model in self.models.items():
            mine = sorted(str(self._in_model(run)) for run in active if self._name_of(run) == name)
            running = [run for run, _ in self.running if self._name_of(run) == name]
            assert name in self.together or len(running) <= 1, running
            if name not in self.inexact:
                assert mine == sorted(map(str, model.active)), (name, mine, model)
                assert self.waiting(name) == model.waiting, (name, self.waiting(name), model)
                assert model.rules is None or self._cursor(name) == model.cursor, (self._cursor(name), model)

    def settle(self) -> None:
        """Let everything go on and run to its end."""
        for name in NAMES:
            rules = self.models[name].rules
            if rules and rules.paused:  # another apply would repair what a scheduler has to heal
                self.act("apply", name, {"paused": False})
            self.act("resume", name, None)
        for _ in range(60 + self.back // 100):
            self.act("wait", "", 100)
            self.act("fire", "", 0)
            for which in (0, 1):
                for _each in range(200):
                    self.act("take", "", which)
                    if not self.running:
                        break
                    self.act("end", "", "succeeded")
            late = any(
                ticks(one.rules.every, self._cursor(name), self.now) for name, one in self.models.items() if one.rules
            )
            if not late and not self._active() and not self.redis.exists(KEYS.buffers):
                return

    def check(self) -> None:
        """Compare what was recorded with what the specs in force called for."""
        assert (self.redis.exists(KEYS.buffers), self._active()) == (0, [])
        for name, model in self.models.items():
            model.cursor = cursor = self._cursor(name) if model.rules else model.cursor
            told, by_hand = self.told(name)
            called_for = dict.fromkeys(model.called_for(), 1)
            assert {tick: len(said) for tick, said in told.items()} == called_for, (
                name,
                told,
                called_for.keys() - told,
            )
            assert model.rules is None or ticks(model.rules.every, cursor, self.now) == []
            assert sorted(by_hand) == sorted(run for run in self.by_hand if self._name_of(run) == name)
            ran = {KEYS.run_id(name, tick) for tick, said in told.items() if said[0] in ("succeeded", "failed")}
            assert ran <= self.attempts.keys(), "an outcome of a run that never started"
            started = {run for run in self.attempts if self._name_of(run) == name and run not in self.by_hand}
            ended = {KEYS.run_id(name, tick) for tick, said in told.items() if said[0] not in ("missed", "skipped")}
            assert started <= ended, "a run that started was recorded as if it had not"
            if name not in self.inexact:
                assert {**told, **by_hand} == model.outcomes

    def told(self, name: str) -> tuple[dict[int, list[str]], dict[int | str, list[str]]]:
        """Return the outcomes of each tick, and of each run by hand."""
        told: dict[int, list[str]] = {}
        by_hand: dict[int | str, list[str]] = {}
        called_for = self.models[name].called_for()
        for raw in self.redis.zrange(KEYS.outcomes(name), 0, -1):  # type: ignore[union-attr]
            outcome = json.loads(raw)
            if outcome.get("run") in self.by_hand:
                by_hand.setdefault(outcome["run"], []).append(outcome["status"])
                continue
            meant = [tick for tick in called_for if outcome["first"] <= tick <= outcome["last"]]
            assert len(meant) == outcome["count"], outcome
            for tick in meant:
                told.setdefault(tick, []).append(outcome["status"])
        return told, by_hand

    def waiting(self, name: str) -> list[int]:
        """Return the ticks in the buffer."""
        raw: Any = self.redis.hget(KEYS.buffers, name)
        return [tick for tick, *_ in json.loads(raw)["ticks"]] if raw else []
