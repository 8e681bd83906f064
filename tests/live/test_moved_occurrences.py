"""A stock scheduler has moved what a schedule waits for to its queue, and somebody changes the schedule just then."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from support.holds import HOUR, QUEUE, apply, outcomes, pause, queued, step
from support.players import Player, reference
from support.projects import wanted, work_until_empty, write_project
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.ledger import Claimant, Ledger
from flowerpower.jobs.run import _fire_if_pending
from flowerpower.jobs.running.admission import read_papers
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store


def move(store: Store, hours: int = 1) -> int:
    """Let hours pass without any scheduler of ours, and one of RQ's do its work; return the tick that it moved."""
    shift_clock(store.connection, hours * HOUR)
    run = str(store.read().cursors["often"].pending)
    store.connection.zrem(KEYS.scheduled(QUEUE), run)
    store.connection.hset(KEYS.job(run), "status", "queued")
    store.connection.rpush(KEYS.queue_list(QUEUE), run)
    return int(run.rpartition("--")[2])


def often(**more: Any) -> Any:
    return schedule("often", **{"every": HOUR, **more})


def test_a_run_that_is_refused_does_not_hold_its_schedule_up(
    redis_url: str, redis_connection: Redis, tmp_path: Path
) -> None:
    keys = Keys("acme", "default")
    store = Store(redis_connection, keys)
    folder = write_project(tmp_path, schedule="every: 1s")
    apply_plan(make_plan(keys, wanted(folder), store.read(), SOURCE), store, "apply")
    run, queue = str(store.read().cursors["often"].pending), keys.queue("default")
    tick = int(run.rpartition("--")[2])
    while store.time() < tick:
        time.sleep(0.1)
    redis_connection.zrem(keys.scheduled(queue), run)
    redis_connection.hset(keys.job(run), "status", "queued")
    redis_connection.rpush(keys.queue_list(queue), run)
    redis_connection.delete(keys.specs)

    log = work_until_empty(redis_url, keys, folder)

    assert "is not in Redis" in log
    assert store.read().cursors["often"].pending not in (None, run), "the next occurrence waits"
    ends = [json.loads(raw) for raw in redis_connection.zrange(keys.outcomes("often"), 0, -1)]
    assert [end["status"] for end in ends if end.get("run") == run or end["first"] <= tick <= end["last"]] in (
        ["failed"],
        ["missed"],  # a newer tick was due by the time the worker asked
    )


@pytest.mark.parametrize("overlap", ["skip", "buffer_all", "buffer_one", "cancel_other"])
def test_what_has_to_wait_or_is_skipped_does_not_stay_in_the_queue(store: Store, player: Player, overlap: str) -> None:
    apply(store, often(overlap=overlap))
    move(store)
    step(store)
    player.take()
    tick = move(store)

    step(store)
    assert queued(store) == []
    player.end()

    [_, *later] = [status for *_, status, _ in outcomes(store)]
    assert (queued(store), later) == (([], ["skipped"]) if overlap == "skip" else ([KEYS.run_id("often", tick)], []))


def test_what_is_too_late_does_not_stay_in_the_queue(store: Store) -> None:
    apply(store, often(catchup="none"))
    tick = move(store)
    shift_clock(store.connection, HOUR)

    step(store)

    assert outcomes(store)[0][:4] == (tick, tick, 1, "missed")
    assert KEYS.run_id("often", tick) not in queued(store)


def test_the_run_of_what_is_deleted_does_not_stay_in_the_queue(store: Store) -> None:
    apply(store, often(), schedule("other"))
    run = KEYS.run_id("often", move(store))

    apply(store, schedule("other"))

    assert (queued(store), store.connection.exists(KEYS.job(run))) == ([], 0)


def test_what_a_worker_has_in_hand_is_left_to_it(store: Store) -> None:
    apply(store, often(catchup="none"))
    run = KEYS.run_id("often", move(store))
    store.connection.delete(KEYS.queue_list(QUEUE))
    shift_clock(store.connection, HOUR)

    step(store)

    assert store.connection.exists(KEYS.job(run)) == 1
    claim = Ledger(store).claim(reference(store, run), Claimant("w", "e"), digest="d")
    assert claim.refused.startswith("it was missed")


def test_other_timing_keeps_the_run_and_records_the_ticks_behind_it(store: Store, player: Player) -> None:
    apply(store, often())
    tick = move(store, hours=3)

    apply(store, often(every=7200))
    player.take()
    player.end()

    assert [(first, last, count, status) for first, last, count, status, _ in outcomes(store)] == [
        (tick, tick, 1, "succeeded"),
        (tick + HOUR, tick + 2 * HOUR, 2, "missed"),
    ]


def test_a_pause_makes_an_active_run_of_it(store: Store) -> None:
    apply(store, often())
    tick = move(store)

    pause(store, "often")

    run: Any = store.connection.hget(KEYS.active, KEYS.run_id("often", tick))
    entry = json.loads(run)
    assert (entry["name"], entry["queue"], store.read().cursors["often"].tick) == ("often", QUEUE, tick)
    assert store.connection.hexists(KEYS.specs, entry["digest"])


def test_a_delete_records_it_and_no_worker_may_run_it(store: Store, player: Player) -> None:
    apply(store, often())
    tick = move(store)

    apply(store)

    assert outcomes(store) == [(tick, tick, 1, "cancelled", "its schedule was deleted")]
    assert player.claim(KEYS.run_id("often", tick)).refused == "it was cancelled: its schedule was deleted"


@pytest.mark.parametrize(
    ("catchup", "said"),
    [
        ("latest", ["missed", "missed", "succeeded"]),
        ("all", ["succeeded", "succeeded", "succeeded"]),
        ("none", ["missed", "missed", "missed"]),
    ],
)
def test_a_worker_that_asks_late_is_told_what_catch_up_says(
    store: Store, player: Player, catchup: str, said: list[str]
) -> None:
    apply(store, often(catchup=catchup, overlap="buffer_all"))
    tick = move(store, hours=3)
    run = KEYS.run_id("often", tick)

    _fire_if_pending(store, Ledger(store), reference(store, run), read_papers(store, reference(store, run), ""))
    taken = player.take()
    while player.running:
        player.end()
        player.take()

    assert [status for _, _, count, status, _ in outcomes(store) for _ in range(count)] == said
    assert (taken == run) == (catchup == "all")
    assert store.read().active == {}


def test_a_stock_scheduler_whose_clock_is_ahead_fires_nothing_twice(store: Store, player: Player) -> None:
    apply(store, often())
    tick = move(store, hours=0)

    run = KEYS.run_id("often", tick)
    _fire_if_pending(store, Ledger(store), reference(store, run), read_papers(store, reference(store, run), ""))
    player.take()
    player.end()
    shift_clock(store.connection, HOUR)
    step(store)

    cursor = store.read().cursors["often"]
    assert (cursor.tick, cursor.pending, queued(store)) == (tick, KEYS.run_id("often", tick + HOUR), [])
    assert [status for *_, status, _ in outcomes(store)] == ["succeeded"]


@pytest.mark.parametrize("change", ["pause", "timing", "paused"])
def test_it_is_skipped_where_another_run_is_active(store: Store, player: Player, change: str) -> None:
    apply(store, often())
    shift_clock(store.connection, HOUR)
    step(store)
    player.take()
    tick = move(store)

    if change == "pause":
        pause(store, "often")
    else:
        apply(store, often(every=7200) if change == "timing" else often(paused=True))

    assert outcomes(store) == [(tick, tick, 1, "skipped", "overlap")]
    assert (queued(store), store.connection.exists(KEYS.job(KEYS.run_id("often", tick)))) == ([], 0)
    assert len(store.read().active) == 1


def test_it_is_skipped_where_another_run_is_active_also_as_one_of_a_schedule_that_is_renamed(
    store: Store, player: Player
) -> None:
    apply(store, often())
    shift_clock(store.connection, HOUR)
    step(store)
    player.take()
    tick = move(store)
    renamed = replace(desired([schedule("hourly", every=HOUR)]), previous_names={"hourly": ("often",)})

    apply_plan(make_plan(KEYS, renamed, store.read(), SOURCE), store, "rename")

    assert outcomes(store, "hourly") == [(tick, tick, 1, "skipped", "overlap")]
    assert (queued(store), store.connection.exists(KEYS.job(KEYS.run_id("often", tick)))) == ([], 0)
    assert [run.name for run in store.read().active.values()] == ["hourly"]


def test_one_that_waits_for_a_worker_does_not_hold_its_schedule_up(store: Store, player: Player) -> None:
    apply(store, often())
    tick = move(store)

    step(store)
    shift_clock(store.connection, HOUR)
    step(store)

    assert queued(store) == [KEYS.run_id("often", tick)]
    assert outcomes(store) == [(tick + HOUR, tick + HOUR, 1, "skipped", "overlap")]
    player.take()
    player.end()
    assert outcomes(store)[0] == (tick, tick, 1, "succeeded", "")


def test_one_that_was_lost_on_its_way_to_a_worker_is_delivered_again_and_its_schedule_goes_on(
    store: Store, player: Player
) -> None:
    apply(store, often())
    tick = move(store)
    store.connection.delete(KEYS.queue_list(QUEUE))  # a worker took it, and was killed
    scheduler = Scheduler(store, "one")

    for _ in range(10):
        scheduler.step()
        shift_clock(store.connection, 15)

    assert queued(store) == [KEYS.run_id("often", tick)]
    assert store.read().cursors["often"].pending == KEYS.run_id("often", tick + HOUR)
    player.take()
    player.end()
    assert outcomes(store) == [(tick, tick, 1, "succeeded", "")]
