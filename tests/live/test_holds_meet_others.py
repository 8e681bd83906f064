"""A hold and a fire, an apply, another hold, the end of its time: who wins, and what becomes of the ticks."""

from __future__ import annotations

from typing import Any

import pytest
from support.holds import HELD, HOUR, QUEUE, apply, events, outcomes, pause, queued, resume, step
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import StalePlanError
from flowerpower.jobs.by_hand.holds import Lifter
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.codec import encode_cursor
from flowerpower.state.store import Store


def test_a_pause_between_look_and_fire_wins(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    shift_clock(store.connection, HOUR)
    scheduler = Scheduler(store, "one")
    cursors = scheduler.fleet.cursors(["often"])
    pause(store, "often")

    assert scheduler.fleet.fire(cursors, store.time()) == 0

    assert queued(store) == []
    assert store.read().cursors["often"].pending is None


def test_a_pause_between_look_and_heal_wins(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    cursor = store.read().cursors["often"]
    store.connection.hset(KEYS.cursors, "often", f"{cursor.tick} {cursor.revision} -")
    scheduler = Scheduler(store, "one")
    cursors = scheduler.fleet.cursors(["often"])
    pause(store, "often")
    assert store.connection.hget(KEYS.cursors, "often").decode() == encode_cursor(cursors["often"])  # as it was read

    assert scheduler.fleet.fire(cursors, store.time(), mode="heal") == 0

    assert store.read().cursors["often"].pending is None


def test_a_fire_before_the_pause_is_a_run_that_goes_on(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    shift_clock(store.connection, HOUR)
    step(store)
    runs = queued(store)

    pause(store, "often")
    shift_clock(store.connection, HOUR)
    resume(store, "often")

    assert queued(store) == runs
    assert [(count, status) for _, _, count, status, _ in outcomes(store)] == [(1, "skipped")]


def test_an_occurrence_that_a_stock_scheduler_has_handed_on_stays_a_run(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    run = str(store.read().cursors["often"].pending)
    shift_clock(store.connection, HOUR)
    store.connection.zrem(KEYS.scheduled(QUEUE), run)
    store.connection.hset(KEYS.job(run), "status", "queued")

    (held,) = pause(store, "often").held

    assert held.pending is None
    assert store.connection.hget(KEYS.job(run), "status") == b"queued"
    assert store.read().cursors["often"].tick == int(run.rpartition("--")[2])
    resume(store, "often")
    assert outcomes(store) == []


def test_a_hold_that_comes_while_an_apply_is_staged_stays(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    plan = make_plan(KEYS, desired([schedule("often", cron="0 * * * *")]), store.read(), SOURCE)
    shift_clock(store.connection, HOUR)
    due = store.read().cursors["often"].tick // HOUR * HOUR + HOUR

    apply_plan(plan, store, "two", lambda done, total: pause(store, "often") and None)

    assert store.read().state.schedules["often"].occurrence is None
    assert outcomes(store) == [(due, due, 1, "skipped", HELD)]


def test_a_hold_that_goes_while_an_apply_is_staged_makes_the_plan_stale(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    pause(store, "often")
    plan = make_plan(KEYS, desired([schedule("often", every=HOUR, timeout=5)]), store.read(), SOURCE)

    with pytest.raises(StalePlanError, match="not any more: often"):
        apply_plan(plan, store, "two", lambda done, total: resume(store, "often") and None)

    assert store.read().head.generation == 1
    assert store.read().cursors["often"].pending is not None


def test_an_apply_that_leaves_the_times_alone_leaves_the_range_whole(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    pause(store, "often")
    shift_clock(store.connection, 2 * HOUR)
    apply(store, schedule("often", every=HOUR, timeout=5))
    shift_clock(store.connection, 2 * HOUR)

    resume(store, "often")

    assert [(count, reason) for _, _, count, _, reason in outcomes(store)] == [(4, HELD)]


def test_an_apply_that_changes_the_times_closes_the_range_of_the_old_ones(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    pause(store, "often")
    shift_clock(store.connection, 2 * HOUR)
    apply(store, schedule("often", cron="15,45 * * * *"))
    shift_clock(store.connection, 2 * HOUR)

    resume(store, "often")

    assert [(count, reason) for _, _, count, _, reason in outcomes(store)] == [(2, HELD), (4, HELD)]


def test_ticks_that_were_paused_in_the_spec_are_one_range_when_it_resumes(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    apply(store, schedule("often", every=HOUR, paused=True))
    first = store.time() // HOUR * HOUR + HOUR
    shift_clock(store.connection, 3 * HOUR)
    apply(store, schedule("often", every=HOUR, paused=True, timeout=5))
    shift_clock(store.connection, 3 * HOUR)

    apply(store, schedule("often", every=HOUR, timeout=5))

    assert outcomes(store) == [(first, first + 5 * HOUR, 6, "skipped", "paused in its spec")]
    assert store.read().state.schedules["often"].occurrence.due == first + 6 * HOUR


def test_a_deleted_schedule_takes_its_hold_with_it(store: Store) -> None:
    apply(store, schedule("often", every=HOUR), schedule("other"))
    pause(store, "often")
    shift_clock(store.connection, HOUR)

    apply(store, schedule("other"))

    assert store.read().holds == {}
    assert [(count, reason) for _, _, count, _, reason in outcomes(store)] == [(1, HELD)]


def test_two_resumes_at_once_lift_once(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    pause(store, "often")
    real, calls = store.scripts.call, list[str]()

    def call(name: str, arguments: Any = ()) -> Any:
        if name == "resume" and not calls:
            calls.append(name)
            resume(store, "often")
        return real(name, arguments)

    store.scripts.call = call  # type: ignore[method-assign]

    assert resume(store, "often").not_held == ("often",)

    assert len(events(store, "resumed")) == 1


def test_a_hold_ends_by_itself_and_the_tick_of_that_moment_runs(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    first = store.read().state.schedules["often"].occurrence.due
    pause(store, "often", until=first + 2 * HOUR)
    scheduler = Scheduler(store, "one")
    scheduler.step()
    shift_clock(store.connection, first + 2 * HOUR - store.time())

    assert scheduler.step() == 1

    assert queued(store) == [KEYS.run_id("often", first + 2 * HOUR)]
    assert outcomes(store) == [(first, first + HOUR, 2, "skipped", HELD)]
    assert [(one["who"], one["reason"]) for one in events(store, "resumed")] == [("scheduler", "its time was over")]


def test_a_hold_that_ended_long_ago_makes_no_surprise_run(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    first = store.read().state.schedules["often"].occurrence.due
    pause(store, "often", until=first + HOUR)
    shift_clock(store.connection, 4 * HOUR)

    step(store)

    assert queued(store) == []
    assert outcomes(store) == [
        (first, first, 1, "skipped", HELD),
        (first + HOUR, first + 3 * HOUR, 3, "missed", "its hold was over, and no scheduler was there to lift it"),
    ]


def test_schedulers_that_lift_at_once_lift_once(store: Store) -> None:
    apply(store, schedule("often", every=HOUR), schedule("other", every=HOUR))
    pause(store, "*", until="1h")
    shift_clock(store.connection, 2 * HOUR)
    now = store.time()
    one, two = Lifter(store), Lifter(store)
    real, answers = store.scripts.call, list[int]()

    def call(name: str, arguments: Any = ()) -> Any:
        if name == "resume" and not answers:
            answers.append(0)
            answers.append(two.step(now))
        return real(name, arguments)

    store.scripts.call = call  # type: ignore[method-assign]

    assert (one.step(now), answers) == (0, [0, 2])
    assert len(events(store, "resumed")) == 2


def test_a_hold_that_is_extended_while_it_is_lifted_stays(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    pause(store, "often", until="1h")
    shift_clock(store.connection, 2 * HOUR)
    real, calls = store.scripts.call, list[str]()

    def call(name: str, arguments: Any = ()) -> Any:
        if name == "resume" and not calls:
            calls.append(name)
            pause(store, "often", until="1d", replace=True)
        return real(name, arguments)

    store.scripts.call = call  # type: ignore[method-assign]

    assert Lifter(store).step(store.time()) == 0
    assert "often" in store.read().holds


def test_one_hold_that_cannot_be_lifted_does_not_stop_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    apply(store, *(schedule(name, every=HOUR) for name in ("bad", "blocked", "good")))
    following = str(store.read().cursors["blocked"].pending)
    pause(store, "*", until="1h")
    store.connection.hset(KEYS.schedules, "bad", "{")
    shift_clock(store.connection, 2 * HOUR)
    store.connection.set(KEYS.job(KEYS.run_id("blocked", int(following.rpartition("--")[2]) + 2 * HOUR)), "x")
    lifter = Lifter(store)

    lifter.step(store.time())
    lifter.step(store.time() + 20)

    assert sorted(decode.decode() for decode in store.connection.hkeys(KEYS.holds)) == ["bad", "blocked"]
    assert [record.message.split(" is ")[0] for record in caplog.records] == ["the hold of bad"]
