"""Whatever people, applies and schedulers do one after the other, every tick has exactly one outcome."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from support.redis_state import SHIFTED_CLOCK, shift_clock
from support.states import KEYS, SOURCE, desired, schedule, ticks_between

from flowerpower.apply import apply_plan
from flowerpower.jobs.by_hand.holds import pause_schedules, resume_schedules
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.schedule.trigger import Trigger
from flowerpower.state.desired import trigger_of
from flowerpower.state.models import Schedule
from flowerpower.state.store import Store

TIMINGS = ({"every": 1000}, {"every": 1700}, {"cron": "*/20 * * * *"})
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([30, 90, 700, 5000])),
    st.tuples(st.just("fire"), st.none()),
    st.tuples(st.just("pause"), st.sampled_from([None, "50s", "20m"])),
    st.tuples(st.just("resume"), st.none()),
    st.tuples(st.just("apply"), st.tuples(st.sampled_from(TIMINGS), st.booleans(), st.sampled_from([60, 61]))),
)


@dataclass
class World:
    """A namespace with one schedule, and which trigger was in force from when to when."""

    store: Store
    reigns: list[tuple[Trigger, int]] = field(default_factory=list)  # from after that moment on

    def act(self, what: str, how: Any) -> None:
        match what:
            case "wait":
                shift_clock(self.store.connection, how)
            case "fire":
                self.store.connection.delete(KEYS.lease)
                Scheduler(self.store, "one").step()
            case "pause":
                pause_schedules(self.store, ["often"], who="ana", why="x", until=how, replace=True)
            case "resume":
                resume_schedules(self.store, ["often"], "bob")
            case "apply":
                timing, paused, timeout = how
                self.apply(schedule("often", overlap="allow", paused=paused, timeout=timeout, **timing))

    def apply(self, wanted: tuple[Schedule, str]) -> None:
        live = self.store.read()
        plan = make_plan(KEYS, desired([wanted]), live, SOURCE)
        before = live.state.schedules.get("often")
        apply_plan(plan, self.store, "apply")
        moment = self.store.time()
        if before is None or (plan.changes and before.timing != wanted[0].timing):
            self.reigns.append((trigger_of(wanted[0].fields), moment))

    def expected(self, until: int) -> list[int]:
        ends = [since for _, since in self.reigns[1:]] + [until]
        return [
            tick
            for (trigger, since), end in zip(self.reigns, ends, strict=True)
            for tick in ticks_between(trigger, since, end)
        ]

    def told(self) -> Counter[int]:
        """Count how often each tick was pushed as a run or named by an outcome."""
        connection = self.store.connection
        runs = [
            int(run.rpartition(b"--")[2]) for run in connection.lrange(KEYS.queue_list(KEYS.queue("default")), 0, -1)
        ]
        found = Counter(runs)
        for raw in connection.zrange(KEYS.outcomes("often"), 0, -1):
            outcome = json.loads(raw)
            meant = [tick for tick in self.expected(outcome["last"]) if outcome["first"] <= tick <= outcome["last"]]
            assert (meant[0], meant[-1], len(meant)) == (outcome["first"], outcome["last"], outcome["count"])
            found.update(meant)
        return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, max_size=14))
def test_every_tick_has_exactly_one_outcome(redis_connection: Redis, steps: list[tuple[str, Any]]) -> None:
    redis_connection.flushall()
    # All waits are of whole tens, so that no tick of any trigger lies within the seconds that this takes.
    shift_clock(redis_connection, 102_000 + 11 - int(redis_connection.time()[0]) % 102_000)
    world = World(Store(redis_connection, KEYS, SHIFTED_CLOCK))
    world.act("apply", ({"every": 1000}, False, 60))

    for what, how in steps:
        world.act(what, how)
    world.act("resume", None)
    world.act("fire", None)

    cursor = world.store.read().cursors["often"]
    counted = world.told()
    assert counted == Counter(world.expected(cursor.tick))
    assert [tick for tick in world.expected(world.store.time()) if tick > cursor.tick] == [] or paused(world)


def paused(world: World) -> bool:
    """Tell whether the ticks are still to be told: by the apply that resumes the schedule."""
    return bool(world.store.read().state.schedules["often"].fields["paused"])
