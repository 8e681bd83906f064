"""What meets a scheduler at its work: an apply in between, an old copy of Redis, a clock that leaps, a bad script."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from support.holds import queued
from support.players import Player
from support.redis_state import OFFSET_KEY, SHIFTED_CLOCK, shift_clock
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.doctor.records import read_records
from flowerpower.jobs.by_hand.backfill import Backfill, plan_backfill
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.jobs.scheduling.watch import ClockWatch
from flowerpower.planning.diff import make_plan
from flowerpower.state.models import Desired
from flowerpower.state.store import Store

HOUR = 3600  # long enough that no real tick comes in between
QUEUE = KEYS.queue("default")


def apply(store: Store, wanted: Desired) -> None:
    apply_plan(make_plan(store.keys, wanted, store.read(), SOURCE), store, "apply")


def outcomes(store: Store, name: str) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in store.connection.zrange(KEYS.outcomes(name), 0, -1)]


def tick_to_come(store: Store, name: str) -> int:
    return int(str(store.read().cursors[name].pending).rpartition("--")[2])


class MeanwhileStore(Store):
    """A store in which something happens between the stage and the commit of an apply."""

    meanwhile: Callable[[], object]

    def commit(self, order: Mapping[str, Any]) -> Any:
        self.meanwhile()
        return super().commit(order)


@pytest.mark.parametrize("fired_until", [0, 3, 6])
def test_each_tick_has_one_outcome_though_some_fire_during_the_apply_that_removes_them(
    store: Store, fired_until: int
) -> None:
    apply(store, desired([schedule("often", every=HOUR, overlap="allow", catchup="all")]))
    first = tick_to_come(store, "often")
    cursors = Scheduler(store, "one").fleet.cursors(["often"])
    shift_clock(store.connection, 6 * HOUR)
    during = MeanwhileStore(store.connection, KEYS, SHIFTED_CLOCK)
    until = first + (fired_until - 1) * HOUR
    during.meanwhile = lambda: fired_until and Scheduler(store, "two").fleet.fire(cursors, until)

    apply(during, desired([schedule("often", every=HOUR - 1)]))

    passed = set(range(first, store.time() + 1, HOUR))
    queued_ticks = [int(run.rpartition("--")[2]) for run in queued(store)]
    ranges = [set(range(one["first"], one["last"] + 1, HOUR)) for one in outcomes(store, "often")]
    assert sorted([*queued_ticks, *(tick for one in ranges for tick in one)]) == sorted(passed)
    assert sum(one["count"] for one in outcomes(store, "often")) == len(passed) - fired_until


def test_a_tick_of_the_new_timing_is_not_missed_as_one_of_the_old(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    tick = tick_to_come(store, "often")
    shift_clock(store.connection, tick - store.time() - 1000)
    during = MeanwhileStore(store.connection, KEYS, SHIFTED_CLOCK)
    during.meanwhile = lambda: shift_clock(store.connection, 1010)

    apply(during, desired([schedule("often", every=HOUR // 4)]))
    Scheduler(store, "one").step()

    assert queued(store) == [KEYS.run_id("often", tick)]
    assert [one["last"] for one in outcomes(store, "often")] == [tick - HOUR // 4]


def test_a_scheduler_that_only_stood_by_knows_an_old_copy_when_it_takes_over(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    old = {key: store.connection.dump(key) for key in store.connection.scan_iter()}
    shift_clock(store.connection, 60)
    apply(store, desired([schedule("often", every=HOUR, timeout=5)]))
    first, standby = Scheduler(store, "one"), Scheduler(store, "two")
    first.step()
    standby.step()
    store.connection.flushall()
    for key, dumped in old.items():
        store.connection.restore(key, 0, dumped)
    shift_clock(store.connection, 2 * HOUR)

    assert standby.step() == 0
    assert "generation 1, but 2 was seen" in read_status(store).troubles[0]

    apply(store, desired([schedule("often", every=HOUR, timeout=6)]))
    assert standby.step() == 1
    assert read_status(store).troubles == ()


def test_a_leap_of_the_clock_is_confirmed_once_before_anything_fires(store: Store) -> None:
    apply(store, desired([schedule("often", every=HOUR)]))
    scheduler = Scheduler(store, "one", watch=ClockWatch())
    scheduler.step()

    shift_clock(store.connection, HOUR)
    assert scheduler.step() == 0
    shift_clock(store.connection, -HOUR)  # it was a slip
    assert scheduler.step() == 0
    shift_clock(store.connection, HOUR)
    assert [scheduler.step(), scheduler.step()] == [0, 1]


def test_a_script_that_fails_for_one_schedule_fires_the_others(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    apply(store, desired([schedule(name, every=HOUR) for name in ("a", "bad", "c")]))
    scheduler = Scheduler(store, "one")
    scheduler.step()
    scheduler.fleet._compiled["bad"] = replace(scheduler.fleet._compiled["bad"], meta="one field more\0")
    shift_clock(store.connection, HOUR)

    for _ in range(3):
        scheduler.step()

    assert [run.split("--")[2] for run in queued(store)] == ["a", "c"]
    assert sum("schedule bad cannot be fired" in text for text in caplog.messages) == 1


def test_doctor_names_what_waits_for_a_clock_that_was_ahead_and_its_ticks_can_be_run_meanwhile(
    store: Store, player: Player
) -> None:
    store.connection.delete(OFFSET_KEY)  # doctor goes by the clock of Redis itself
    apply(store, desired([schedule("often", every=60), schedule("never", at="2099-01-01T00:00:00")]))
    shift_clock(store.connection, 86_400)
    Scheduler(store, "one").step()
    shift_clock(store.connection, -86_400)
    player.take()
    player.end()

    assert [*read_records(store).ahead] == ["often"]
    tick = store.time() // 60 * 60
    plan = plan_backfill(store, "often", tick, tick)
    steps = Backfill(store, plan, pause=lambda seconds: None).steps()
    assert [next(steps).total, next(steps).total] == [1, 1]
    assert queued(store) == [KEYS.run_id("often", tick)]
