"""`overlap: cancel_other`: a newer tick takes the place of what is active, with played and with real workers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from redis import Redis
from support.holds import HOUR, QUEUE, apply, events, outcomes, queued, step
from support.players import Player, reference
from support.projects import FLOW, PIPELINE, running_worker, wanted, write_project
from support.redis_state import SHIFTED_CLOCK, dump_keys, shift_clock, start_at_half_past
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.ledger import Claimant, Ledger
from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.planning.diff import make_plan
from flowerpower.state.keys import Keys
from flowerpower.state.models import Desired
from flowerpower.state.store import Store

REAL = Keys("acme", "default")
TOOK = "overlap: a newer tick took its place"
STOPPABLE = FLOW.replace("return number * 2", "return __import__('time').sleep(number) or number")


def start(store: Store, **more: object) -> int:
    """Apply, let the first tick be pushed, and return it."""
    apply(store, schedule("often", **{"every": HOUR, "overlap": "cancel_other", **more}))
    tick_after(store)
    (run,) = queued(store)
    return int(run.rpartition("--")[2])


def tick_after(store: Store) -> None:
    shift_clock(store.connection, HOUR)
    step(store)


def run(tick: int) -> str:
    return KEYS.run_id("often", tick)


def test_a_queued_run_is_removed_and_recorded_at_once(store: Store) -> None:
    first = start(store)

    tick_after(store)

    assert queued(store) == [run(first + HOUR)]
    assert outcomes(store) == [(first, first, 1, "cancelled", TOOK)]
    assert (list(store.read().active), store.connection.exists(KEYS.job(run(first)))) == ([run(first + HOUR)], 0)


def test_a_run_that_a_worker_has_in_hand_is_refused(store: Store) -> None:
    first = start(store)
    store.connection.delete(KEYS.queue_list(QUEUE))
    store.connection.rpush(f"{KEYS.queue_list(QUEUE)}:intermediate", run(first))
    tick_after(store)

    claim = Ledger(store).claim(reference(store, run(first)), Claimant("slow", "x"), digest="d")

    assert claim.refused == f"it was cancelled: {TOOK}"
    assert list(store.read().active) == [run(first + HOUR)]


def test_a_running_run_is_told_to_stop_and_the_new_one_waits_for_its_end(store: Store, player: Player) -> None:
    first = start(store)
    player.take()
    heard = store.connection.pubsub()
    heard.subscribe("rq:pubsub:player")
    heard.get_message(timeout=5)

    tick_after(store)

    assert (queued(store), list(store.read().active)) == ([], [run(first)])
    message = heard.get_message(timeout=5)
    heard.close()
    assert message is not None
    assert json.loads(message["data"]) == {"command": "stop-job", "job_id": run(first)}
    player.end("failed", final=False)
    assert outcomes(store) == [(first, first, 1, "cancelled", TOOK)]
    assert queued(store) == [run(first + HOUR)]


def test_the_newest_of_several_ticks_takes_the_place(store: Store, player: Player) -> None:
    first = start(store, catchup="all")
    player.take()
    tick_after(store)
    shift_clock(store.connection, 3 * HOUR)
    step(store)

    gone = [first + hours * HOUR for hours in (1, 2, 3)]
    assert outcomes(store) == [(tick, tick, 1, "cancelled", TOOK) for tick in gone]
    player.end()

    assert queued(store) == [run(first + 4 * HOUR)]
    assert outcomes(store)[0] == (first, first, 1, "succeeded", "")
    assert len(events(store, "not stopped")) == 1


def test_a_retry_that_waits_is_removed(store: Store, player: Player) -> None:
    first = start(store)
    player.take()
    player.end("failed", final=False)
    store.connection.delete(KEYS.queue_list(QUEUE))
    store.connection.hset(KEYS.job(run(first)), "status", "scheduled")
    store.connection.zadd(KEYS.scheduled(QUEUE), {run(first): store.time() + 9 * HOUR})

    tick_after(store)

    assert queued(store) == [run(first + HOUR)]
    assert store.connection.zscore(KEYS.scheduled(QUEUE), run(first)) is None
    assert outcomes(store) == [(first, first, 1, "cancelled", TOOK)]


def test_a_run_made_under_another_name_makes_way_too(store: Store) -> None:
    first = start(store)
    state = desired([schedule("sales", every=HOUR, overlap="cancel_other")])
    renamed = Desired(state.state, state.run_specs, {}, previous_names={"sales": ("often",)})
    apply_plan(make_plan(KEYS, renamed, store.read(), SOURCE), store, "rename")

    tick_after(store)

    assert queued(store) == [KEYS.run_id("sales", first + HOUR)]
    assert outcomes(store, "sales") == [(first, first, 1, "cancelled", TOOK)]


def test_a_run_that_was_made_under_the_name_that_is_anothers_now_is_left_alone(store: Store) -> None:
    rules = {"every": HOUR, "overlap": "cancel_other"}
    apply(store, schedule("often", **rules), schedule("other", **rules))
    tick_after(store)
    for previous in ({"calm": "often", "other": ""}, {"often": "other", "calm": ""}):
        specs = desired([schedule(name, **(rules if name != "calm" else {"every": 9 * HOUR})) for name in previous])
        specs = replace(specs, previous_names={new: (old,) for new, old in previous.items() if old})
        apply_plan(make_plan(KEYS, specs, store.read(), SOURCE), store, "rename")
    first = reference(store, queued(store)[0]).tick

    tick_after(store)

    assert (outcomes(store, "calm"), run(first) in queued(store)) == ([], True)
    assert [outcome[2:] for outcome in outcomes(store, "often")] == [(1, "cancelled", TOOK)]
    assert KEYS.run_id("other", first) not in queued(store)


def test_a_job_of_another_type_in_the_way_leaves_the_schedule_as_it_was(store: Store) -> None:
    first = start(store)
    store.connection.delete(KEYS.job(run(first)))
    store.connection.set(KEYS.job(run(first)), "not ours")
    shift_clock(store.connection, HOUR)
    cursor = store.read().cursors["often"]
    ours = dump_keys(store.connection, without=("test:", "rq:scheduler-lock", KEYS.lease))

    assert Scheduler(store, "one").fleet.fire({"often": cursor}, store.time()) == 0

    assert store.read().cursors["often"] == cursor
    assert dump_keys(store.connection, without=("test:", "rq:scheduler-lock", KEYS.lease)) == ours


def test_other_schedules_are_left_alone(store: Store) -> None:
    calm = schedule("often-calm", every=10 * HOUR, overlap="cancel_other")
    apply(store, schedule("often", every=HOUR, overlap="cancel_other"), calm)
    shift_clock(store.connection, 10 * HOUR)
    step(store)
    (other,) = (found for found in queued(store) if "calm" in found)

    tick_after(store)

    assert other in queued(store)
    assert outcomes(store, "often-calm") == []


def test_a_real_worker_stops_the_running_run_and_runs_the_new_one(
    redis_connection: Redis, redis_url: str, tmp_path: Path
) -> None:
    start_at_half_past(redis_connection)
    store = Store(redis_connection, REAL, SHIFTED_CLOCK)
    slow = PIPELINE.replace("number: 21", "number: 60") + "retry: {max: 2}\n"
    write_project(tmp_path, flow=STOPPABLE, pipeline=slow, schedule="every: 1h\noverlap: cancel_other")
    apply_plan(make_plan(REAL, wanted(tmp_path), store.read(), SOURCE), store, "slow")
    tick_after(store)
    (first,) = store.read().active
    with running_worker(redis_url, REAL, tmp_path) as worker:
        worker.wait_for(lambda: store.read().active[first].execution)
        quick = slow.replace("number: 60", "number: 0")
        write_project(tmp_path, flow=STOPPABLE, pipeline=quick, schedule="every: 1h\noverlap: cancel_other")
        apply_plan(make_plan(REAL, wanted(tmp_path), store.read(), SOURCE), store, "quick")
        tick_after(store)
        worker.wait_for(lambda: store.connection.zcard(REAL.outcomes("often")) == 2)
        worker.stop()

    told = [fields[b"event"].decode() for _, fields in store.connection.xrange(REAL.runs)]
    assert told == ["started", "stopping", "buffered", "cancelled", "released", "started", "succeeded"]
    assert store.read().active == {}
