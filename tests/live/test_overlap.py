"""`overlap: buffer_one | buffer_all`: ticks that wait, what starts them, and what applies and holds do to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.holds import HOUR, QUEUE, apply, events, outcomes, pause, queued, resume, step
from support.players import Player, reference
from support.redis_state import dump_keys, shift_clock, start_at_half_past
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.ledger import Claimant, Ledger, Terms
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.render.notes import in_flight_words
from flowerpower.state.models import Desired
from flowerpower.state.store import Store

TOOK = "overlap: a newer tick took its place in the buffer"


def often(overlap: str = "buffer_all", **more: Any) -> Any:
    return schedule("often", **{"every": HOUR, "overlap": overlap, **more})


def start(store: Store, player: Player, overlap: str = "buffer_all", *, later: int = 2, **more: Any) -> int:
    """Apply, let a worker claim the first tick, let some more come, and return the first tick."""
    apply(store, often(overlap, **more))
    tick_after(store, 1)
    run = player.take()
    tick_after(store, later)
    return int(run.rpartition("--")[2])


def tick_after(store: Store, hours: int) -> None:
    for _ in range(hours):
        shift_clock(store.connection, HOUR)
        step(store)


def waiting(store: Store, name: str = "often") -> list[int]:
    raw = store.connection.hget(KEYS.buffers, name)
    return [tick for tick, *_ in json.loads(raw)["ticks"]] if raw else []


def runs(*ticks: int, name: str = "often") -> list[str]:
    return [KEYS.run_id(name, tick) for tick in ticks]


def test_buffer_all_runs_every_tick_in_order_one_at_a_time(store: Store, player: Player) -> None:
    first = start(store, player)
    assert (waiting(store), queued(store)) == ([first + HOUR, first + 2 * HOUR], [])

    player.end()
    assert (waiting(store), queued(store)) == ([first + 2 * HOUR], runs(first + HOUR))
    player.take()
    player.end("failed")
    player.take()
    player.end()

    assert [status for *_, status, _ in outcomes(store)] == ["succeeded", "failed", "succeeded"]
    assert (waiting(store), queued(store), store.read().active) == ([], [], {})
    assert not store.connection.exists(KEYS.buffers)


def test_a_released_tick_has_the_job_that_it_would_have_had_at_once(store: Store, player: Player) -> None:
    first = start(store, player, "allow", later=1)
    at_once = store.connection.hgetall(KEYS.job(KEYS.run_id("often", first + HOUR)))
    store.connection.flushdb()
    start_at_half_past(store.connection)
    first = start(store, player, later=1)

    player.running = player.running[-1:]
    player.end()
    released = store.connection.hgetall(KEYS.job(KEYS.run_id("often", first + HOUR)))

    assert released.keys() == at_once.keys()
    moving = {b"created_at", b"enqueued_at", b"data"}  # the data names the run spec: another overlap
    assert {key for key in released if released[key] != at_once[key]} <= moving
    assert KEYS.queue_list(QUEUE).encode() in store.connection.smembers("rq:queues")


def test_buffer_one_keeps_the_newest_and_records_the_one_that_falls_out(store: Store, player: Player) -> None:
    first = start(store, player, "buffer_one", later=3)

    assert waiting(store) == [first + 3 * HOUR]
    assert outcomes(store) == [
        (first + HOUR, first + HOUR, 1, "skipped", TOOK),
        (first + 2 * HOUR, first + 2 * HOUR, 1, "skipped", TOOK),
    ]


def test_buffer_all_lets_the_oldest_fall_out_when_it_is_full(store: Store, player: Player) -> None:
    first = start(store, player, buffer_limit=2, later=3)

    assert waiting(store) == [first + 2 * HOUR, first + 3 * HOUR]
    assert outcomes(store) == [(first + HOUR, first + HOUR, 1, "skipped", "overlap: the buffer was full")]


def test_catching_up_starts_the_oldest_and_lets_the_others_wait(store: Store) -> None:
    apply(store, often(catchup="all"))
    first = int(str(store.read().cursors["often"].pending).rpartition("--")[2])
    shift_clock(store.connection, 5 * HOUR)

    step(store)

    assert queued(store) == runs(first)
    assert waiting(store) == [first + hours * HOUR for hours in range(1, 5)]


def test_an_attempt_that_will_be_retried_starts_nothing(store: Store, player: Player) -> None:
    first = start(store, player, later=1)

    player.end("failed", final=False)
    assert waiting(store) == [first + HOUR]
    player.take()
    player.end()

    assert queued(store) == runs(first + HOUR)


def test_a_run_that_missed_its_start_deadline_lets_the_next_one_start(store: Store, player: Player) -> None:
    first = start(store, player, later=2)
    player.end()
    shift_clock(store.connection, 600)

    claim = Ledger(store).claim(
        reference(store, KEYS.run_id("often", first + HOUR)), Claimant("a", "b"), digest="d", terms=Terms(deadline=HOUR)
    )

    assert claim.refused == "it waited longer than its start_deadline"  # counted from the tick's decision
    assert queued(store)[-1:] == runs(first + 2 * HOUR)


def lose_the_run(store: Store, run: str) -> None:
    store.connection.hdel(KEYS.active, run)
    store.connection.delete(KEYS.active_index)


def lose_the_job(store: Store, run: str) -> None:
    store.connection.delete(KEYS.job(run))


@pytest.mark.parametrize("accident", [lose_the_run, lose_the_job])
def test_a_buffer_without_an_active_run_is_healed(
    store: Store, player: Player, accident: Callable[[Store, str], None]
) -> None:
    first = start(store, player, later=1)
    accident(store, KEYS.run_id("often", first))

    step(store)

    assert queued(store) == runs(first + HOUR)
    assert [event["tick"] for event in events(store, "released")] == [str(first + HOUR)]


def test_what_waits_is_before_what_is_due_also_when_the_run_was_lost(store: Store, player: Player) -> None:
    first = start(store, player, later=1)
    lose_the_run(store, KEYS.run_id("often", first))
    scheduler = Scheduler(store, "one")
    shift_clock(store.connection, HOUR)

    assert scheduler.fleet.fire(scheduler.fleet.cursors(["often"]), store.time()) == 1

    assert (queued(store), waiting(store)) == (runs(first + HOUR), [first + 2 * HOUR])


def test_a_waiting_tick_runs_with_the_spec_in_force_when_it_starts(store: Store, player: Player) -> None:
    first = start(store, player, later=1)
    apply(store, often(timeout=77, queue="heavy"))

    player.end()

    run = KEYS.run_id("often", first + HOUR)
    job = store.connection.hgetall(KEYS.job(run))
    assert (job[b"timeout"], job[b"origin"]) == (b"77", KEYS.queue("heavy").encode())
    assert store.connection.lrange(KEYS.queue_list(KEYS.queue("heavy")), 0, -1) == [run.encode()]
    wanted, _ = often(timeout=77, queue="heavy")
    assert json.loads(job[b"data"])[2][-1] == wanted.run


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ([often(timeout=77)], "2 ticks, to run with the new spec"),
        ([often("buffer_one")], "2 ticks, to run with the new spec, but for the 1 oldest, to be skipped"),
        ([often("skip")], "2 ticks, to be skipped (overlap: skip)"),
        ([often(on_inflight="cancel")], "2 ticks, to be cancelled (on_inflight: cancel)"),
        ([], "2 ticks, cancelled with the schedule"),
    ],
)
def test_a_plan_and_the_status_tell_of_what_waits(store: Store, player: Player, wanted: list[Any], words: str) -> None:
    start(store, player, later=2)

    (change,) = make_plan(KEYS, desired(wanted), store.read(), SOURCE).changes

    assert in_flight_words(change)[-1] == f"waiting for the run before: {words}"
    assert read_status(store).schedules[0].waiting == 2


def test_a_change_of_timing_keeps_what_waits_and_no_tick_runs_twice(store: Store, player: Player) -> None:
    first = start(store, player, later=1)
    apply(store, often(every=HOUR // 2))
    shift_clock(store.connection, HOUR // 2)
    step(store)

    assert waiting(store)[0] == first + HOUR
    assert waiting(store) == sorted(set(waiting(store)))


@pytest.mark.parametrize(
    ("overlap", "left", "started"), [("skip", 0, 0), ("buffer_one", 1, 0), ("cancel_other", 1, 0), ("allow", 0, 3)]
)
def test_a_change_of_overlap_holds_for_what_waits(
    store: Store, player: Player, overlap: str, left: int, started: int
) -> None:
    first = start(store, player, later=3)

    apply(store, often(overlap))

    ticks = [first + hours * HOUR for hours in (1, 2, 3)]
    assert waiting(store) == ticks[3 - left :]
    assert queued(store) == runs(*ticks[3 - started :])
    gone = ticks[: 3 - left - started]
    assert outcomes(store) == [(tick, tick, 1, "skipped", "its overlap was changed") for tick in gone]


def test_deleting_a_schedule_cancels_what_waits_and_keeps_the_run(store: Store, player: Player) -> None:
    first = start(store, player, later=2)

    apply(store)

    ticks = [first + HOUR, first + 2 * HOUR]
    assert outcomes(store) == [(tick, tick, 1, "cancelled", "its schedule was deleted") for tick in ticks]
    player.end()
    assert (waiting(store), queued(store)) == ([], [])


def test_on_inflight_cancel_drops_what_waits(store: Store, player: Player) -> None:
    apply(store, often(on_inflight="cancel"))
    tick_after(store, 2)
    (run,) = queued(store)
    first = int(run.rpartition("--")[2])

    apply(store, often(on_inflight="cancel", timeout=5))

    ticks = [first, first + HOUR]
    assert outcomes(store) == [(tick, tick, 1, "cancelled", "its schedule was changed") for tick in ticks]
    assert (waiting(store), queued(store), store.read().active) == ([], [], {})


def test_a_renamed_schedule_takes_along_what_waits(store: Store, player: Player) -> None:
    first = start(store, player, later=2)
    wanted, spec = schedule("sales", every=HOUR, overlap="buffer_all")
    state = desired([(wanted, spec)])
    renamed = Desired(state.state, state.run_specs, {}, previous_names={"sales": ("often",)})
    apply_plan(make_plan(KEYS, renamed, store.read(), SOURCE), store, "rename")
    assert (waiting(store), len(waiting(store, "sales"))) == ([], 2)

    player.end()

    assert queued(store) == runs(first + HOUR, name="sales")
    job = store.connection.hgetall(KEYS.job(KEYS.run_id("sales", first + HOUR)))
    assert job[b"description"].startswith(b"sales @ ")
    assert json.loads(job[b"meta"])["schedule"] == "sales"
    assert json.loads(job[b"data"])[2][1:] == ["sales", wanted.run]


def test_a_hold_keeps_what_waits_and_resume_starts_it(store: Store, player: Player) -> None:
    first = start(store, player, later=2)
    pause(store, "often")
    player.end()
    step(store)
    assert (len(waiting(store)), queued(store)) == (2, [])

    resume(store, "often")

    assert queued(store) == runs(first + HOUR)


def test_a_schedule_paused_in_its_spec_keeps_what_waits_until_it_goes_on(store: Store, player: Player) -> None:
    first = start(store, player, later=1)
    apply(store, often(paused=True))
    player.end()
    step(store)
    assert (waiting(store), queued(store)) == ([first + HOUR], [])

    apply(store, often())

    assert queued(store) == runs(first + HOUR)


@pytest.mark.parametrize(
    "raw",
    [
        "5",
        "[]",
        "{",
        "null",
        '{"ticks": []}',
        '{"queue": "rq", "digest": "", "meta": "", "job": [], "ticks": [[1, 1, "", ""]]}',
        '{"queue": "acme--test--default", "digest": "", "meta": "", "job": ["a"], "ticks": [[1, 1, "", ""]]}',
        '{"queue": "acme--test--default", "digest": "", "meta": "", "job": [], "ticks": [[1.5, 1, "", ""]]}',
        '{"queue": "acme--test--default", "digest": "", "meta": "", "job": [], "ticks": [[1, 1e99, "", null]]}',
    ],
)
def test_a_buffer_that_cannot_be_read_is_removed_and_told_of(store: Store, player: Player, raw: str) -> None:
    start(store, player, later=1)
    store.connection.hset(KEYS.buffers, "often", raw)

    player.end()

    assert (queued(store), store.connection.exists(KEYS.buffers)) == ([], 0)
    assert [event["reason"] for event in events(store, "removed")] == ["the ticks in its buffer could not be read"]
    tick_after(store, 1)
    assert len(queued(store)) == 1


def test_a_buffer_of_another_type_is_in_everybodys_way_and_nothing_is_written(store: Store, player: Player) -> None:
    start(store, player, later=0)
    store.connection.set(KEYS.buffers, "not ours")
    shift_clock(store.connection, HOUR)
    without = (KEYS.lease, KEYS.troubles, "test:", "rq:scheduler-lock")
    before = dump_keys(store.connection, without=without)

    step(store)

    assert KEYS.buffers.encode() in store.connection.get(KEYS.troubles)
    assert dump_keys(store.connection, without=without) == before


def test_a_job_of_another_type_leaves_its_tick_waiting(store: Store, player: Player) -> None:
    first = start(store, player, later=1)
    key = KEYS.job(KEYS.run_id("often", first + HOUR))
    store.connection.set(key, "not ours")

    player.end()
    assert waiting(store) == [first + HOUR]
    store.connection.delete(key)
    step(store)

    assert queued(store) == runs(first + HOUR)


def test_what_waits_for_a_schedule_that_is_gone_is_recorded(store: Store, player: Player) -> None:
    first = start(store, player, later=1)
    store.connection.hdel(KEYS.schedules, "often")
    store.connection.hdel(KEYS.cursors, "often")

    step(store)

    assert outcomes(store) == [(first + HOUR, first + HOUR, 1, "cancelled", "its schedule is gone")]
    assert store.connection.ttl(KEYS.outcomes("often")) > 0


@pytest.mark.parametrize("overlap", ["skip", "buffer_all"])
def test_a_tick_that_a_stock_scheduler_pushed_meets_the_rule_too(store: Store, player: Player, overlap: str) -> None:
    from flowerpower.jobs.run import _fire_if_pending
    from flowerpower.jobs.running.admission import read_papers

    first = start(store, player, overlap, later=0)
    pending = KEYS.run_id("often", first + HOUR)
    shift_clock(store.connection, HOUR)
    store.connection.zrem(KEYS.scheduled(QUEUE), pending)

    _fire_if_pending(store, Ledger(store), reference(store, pending), read_papers(store, reference(store, pending), ""))
    claim = Ledger(store).claim(reference(store, pending), Claimant("stock", "x"), digest="d")

    assert claim.refused
    assert store.read().cursors["often"].tick == first + HOUR
    assert list(store.read().active) == runs(first)
    if overlap == "skip":
        assert outcomes(store) == [(first + HOUR, first + HOUR, 1, "skipped", "overlap")]
    else:
        player.end()
        assert queued(store) == runs(first + HOUR)
