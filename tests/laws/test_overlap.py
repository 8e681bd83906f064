"""Whatever runs, ends, fails, dies, is applied or held in between: one outcome for each tick, and runs take turns."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from support.players import Player, reference
from support.redis_state import SHIFTED_CLOCK, shift_clock
from support.states import KEYS, SOURCE, desired, schedule, ticks_between

from flowerpower.apply import apply_plan
from flowerpower.jobs.holds import pause_schedules, resume_schedules
from flowerpower.jobs.ledger import Ledger
from flowerpower.jobs.run import _fire_if_pending
from flowerpower.jobs.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.schedule.trigger import Trigger
from flowerpower.state.desired import trigger_of
from flowerpower.state.store import Store

QUEUE = KEYS.queue("default")
OVERLAPS = ("skip", "buffer_one", "buffer_all", "cancel_other", "allow")
CHANGES = st.fixed_dictionaries(
    {"every": st.sampled_from([1000, 1700]), "timeout": st.sampled_from([60, 61]), "paused": st.booleans()},
    optional={"overlap": st.sampled_from(OVERLAPS), "on_inflight": st.just("cancel"), "buffer_limit": st.just(2)},
)
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([30, 700, 1000, 5000])),
    st.tuples(st.just("fire"), st.none()),
    st.tuples(st.just("tick"), st.none()),
    st.tuples(st.just("tick"), st.none()),
    st.tuples(st.just("take"), st.none()),
    st.tuples(st.just("take"), st.none()),
    st.tuples(st.just("end"), st.sampled_from(["succeeded", "failed", "retry", "died"])),
    st.tuples(st.just("end"), st.sampled_from(["succeeded", "failed", "retry", "died"])),
    st.tuples(st.just("stock"), st.none()),
    st.tuples(st.just("pause"), st.none()),
    st.tuples(st.just("resume"), st.none()),
    st.tuples(st.just("apply"), CHANGES),
)


@dataclass
class World:
    """A namespace with one schedule, the worker that runs it, and what is to be expected."""

    store: Store
    fields: dict[str, Any]
    player: Player
    reigns: list[tuple[Trigger, int]] = field(default_factory=list)  # from after that moment on
    started: list[int] = field(default_factory=list)  # ticks, as workers were allowed to run them
    together: bool = False  # `allow` was in force at some time

    def act(self, what: str, how: Any) -> None:
        getattr(self, what)(how)
        self.together = self.together or self.fields["overlap"] == "allow"
        active = self.store.read().active
        index = self.store.connection.zcard(KEYS.active_index)
        assert len(active) == index
        assert self.together or len(active) <= 1, active

    def wait(self, seconds: int) -> None:
        shift_clock(self.store.connection, seconds)

    def fire(self, _: None) -> None:
        self.store.connection.delete(KEYS.lease)
        Scheduler(self.store, "one").step()

    def tick(self, _: None) -> None:
        self.wait(1000)
        self.fire(None)

    def take(self, _: None) -> None:
        run = self.player.take()
        if run and run not in self.player.running[:-1] and tick_of(run) not in self.started[-1:]:
            self.started.append(tick_of(run))

    def end(self, how: str) -> None:
        if not self.player.running:
            return
        if how != "died":
            self.player.end("failed" if how == "retry" else how, final=how != "retry")
            return
        run = self.player.running.pop(0)
        self.store.connection.hset(KEYS.job(run), "status", "failed")
        self.fire(None)

    def stock(self, _: None) -> None:
        """Let a stock scheduler hand the occurrence, when it is due, to a worker of ours."""
        run = self.store.read().cursors["often"].pending or ""
        self.wait(1000)
        due = self.store.connection.zscore(KEYS.scheduled(QUEUE), run)
        if due is None or due > self.store.time():
            return
        self.store.connection.zrem(KEYS.scheduled(QUEUE), run)
        _fire_if_pending(self.store, Ledger(self.store), reference(self.store, run))
        if not self.player.claim(run).refused:
            self.started.append(tick_of(run))

    def pause(self, _: None) -> None:
        pause_schedules(self.store, ["often"], who="ana", why="x", until=None, replace=True)

    def resume(self, _: None) -> None:
        resume_schedules(self.store, ["often"], "bob")

    def apply(self, change: dict[str, Any]) -> None:
        fields = {**self.fields, **change}
        wanted = schedule("often", **fields)
        live = self.store.read()
        plan = make_plan(KEYS, desired([wanted]), live, SOURCE)
        before = live.state.schedules.get("often")
        apply_plan(replace(plan, may_stop=True), self.store, "apply")
        self.fields = fields
        if before is None or before.timing != wanted[0].timing:
            self.reigns.append((trigger_of(wanted[0].fields), self.store.time()))

    def expected(self, until: int) -> list[int]:
        ends = [since for _, since in self.reigns[1:]] + [until]
        return [
            tick
            for (trigger, since), end in zip(self.reigns, ends, strict=True)
            for tick in ticks_between(trigger, since, end)
        ]

    def told(self, until: int) -> Counter[int]:
        """Count how often each tick is named by an outcome."""
        found: Counter[int] = Counter()
        for raw in self.store.connection.zrange(KEYS.outcomes("often"), 0, -1):
            outcome = json.loads(raw)
            meant = [tick for tick in self.expected(until) if outcome["first"] <= tick <= outcome["last"]]
            assert len(meant) == outcome["count"], outcome
            found.update(meant)
        return found

    def settle(self) -> None:
        """Let everything that waits run to its end."""
        self.apply({"paused": False})
        self.resume(None)
        for _ in range(500):
            self.fire(None)
            self.take(None)
            if not self.player.running:
                break
            self.end("succeeded")


def tick_of(run: str) -> int:
    return int(run.rpartition("--")[2])


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    overlap=st.sampled_from(OVERLAPS),
    catchup=st.sampled_from(["latest", "all", "none"]),
    steps=st.lists(STEPS, max_size=25),
)
def test_every_tick_has_one_outcome_and_runs_take_turns(
    redis_connection: Redis, overlap: str, catchup: str, steps: list[tuple[str, Any]]
) -> None:
    redis_connection.flushall()
    # All waits are of whole tens, so that no tick of any trigger lies within the seconds that this takes.
    shift_clock(redis_connection, 102_000 + 11 - int(redis_connection.time()[0]) % 102_000)
    store = Store(redis_connection, KEYS, SHIFTED_CLOCK)
    world = World(store, {"overlap": overlap, "catchup": catchup}, Player(store, QUEUE))
    world.apply({"every": 1000})

    for what, how in steps:
        world.act(what, how)
    world.settle()

    cursor = store.read().cursors["often"].tick
    assert (store.connection.exists(KEYS.buffers), store.read().active) == (0, {})
    assert world.told(cursor) == Counter(world.expected(cursor))
    assert [tick for tick in world.expected(store.time()) if tick > cursor] == []
    assert world.together or world.started == sorted(set(world.started))
