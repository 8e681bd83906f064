"""Cancel a run wherever it is, and run a tick again; with workers played by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.holds import HOUR, QUEUE, apply, events, outcomes, queued, step
from support.players import Player
from support.redis_state import dump_keys, shift_clock
from support.states import KEYS, schedule

from flowerpower.errors import FlowerPowerError, RefusedError, UsageError
from flowerpower.jobs.by_hand.past import HandOut
from flowerpower.jobs.by_hand.rerun import rerun_tick
from flowerpower.jobs.by_hand.stopping import stop_run
from flowerpower.jobs.manager import RQManager
from flowerpower.render.stopped import stopped_text
from flowerpower.state.store import Store


@pytest.fixture
def manager(store: Store) -> RQManager:
    return RQManager(store, "", who=lambda: "ana")


def often(overlap: str = "allow", **more: Any) -> Any:
    return schedule("often", **{"every": HOUR, "overlap": overlap, **more})


def fire(store: Store) -> str:
    """Let an hour pass and return the run that was pushed."""
    shift_clock(store.connection, HOUR)
    step(store)
    return queued(store)[-1]


def status_of(store: Store) -> list[str]:
    return [status for *_, status, _ in outcomes(store)]


def test_a_queued_run_is_dropped_recorded_and_makes_room(store: Store, player: Player, manager: RQManager) -> None:
    apply(store, often("buffer_all"))
    first = fire(store)
    shift_clock(store.connection, HOUR)
    step(store)

    assert manager.cancel(KEYS.short_run_id(first), "wrong input") == "dropped"

    assert outcomes(store)[0][3:] == ("cancelled", "cancelled by ana: wrong input")
    assert not store.connection.exists(KEYS.job(first))
    (released,) = queued(store)
    assert released != first
    assert player.claim(first).refused == "it was cancelled: cancelled by ana: wrong input"
    assert stop_run(store, first, "again").word == "over"


def test_a_running_run_is_told_to_stop_and_its_retry_does_not_come(
    store: Store, player: Player, manager: RQManager
) -> None:
    apply(store, often())
    run = fire(store)
    player.take()
    channel = store.connection.pubsub()
    channel.subscribe("rq:pubsub:player")
    channel.get_message(timeout=1)

    assert manager.cancel("often") == "stopping"

    message = channel.get_message(timeout=1)
    channel.close()
    assert message is not None
    assert run.encode() in message["data"]
    player.end("failed", final=False)
    assert status_of(store) == ["cancelled"]
    assert store.read().active == {}


def test_a_worker_that_does_not_hear_it_is_stopped_at_its_next_word(
    store: Store, player: Player, manager: RQManager
) -> None:
    apply(store, often())
    fire(store)
    run = player.take()

    assert manager.cancel(run) == "deaf"

    assert manager.run(run).record.reason == "told to stop: cancelled by ana"
    player.end("failed", final=False)
    assert status_of(store) == ["cancelled"]


def test_a_run_that_waits_for_its_retry_or_its_turn_is_removed(
    store: Store, player: Player, manager: RQManager
) -> None:
    apply(store, often("buffer_all"))
    fire(store)
    run = player.take()
    player.end("failed", final=False)
    shift_clock(store.connection, HOUR)
    step(store)
    waiting = KEYS.run_id("often", int(run.rpartition("--")[2]) + HOUR)

    assert [manager.cancel(waiting), manager.cancel(run)] == ["dropped", "dropped"]

    assert status_of(store) == ["cancelled", "cancelled"]
    assert (queued(store), store.read().active, store.connection.exists(KEYS.buffers)) == ([], {}, 0)


def test_letters_that_no_text_can_hold_are_escaped_in_what_is_recorded(store: Store) -> None:
    apply(store, often("buffer_all"))
    run = fire(store)
    odd = RQManager(store, "", who=lambda: "Zo\udceb")

    odd.cancel(run, "caf\udce9")
    odd.rerun("often", int(run.rpartition("--")[2]))
    odd.forget("often")

    assert outcomes(store)[0][4] == "cancelled by Zo\\udceb: caf\\udce9"
    assert queued(store) == [run]
    assert "often" in store.read().forgotten


def test_what_cannot_be_cancelled_says_why(store: Store, manager: RQManager) -> None:
    apply(store, often())
    pending = str(store.read().cursors["often"].pending)
    for name, what in {
        pending: "has not fired yet",
        "often": "no run of 'often' is active",
        "often--1": "no run often--1 is known",
        "a--b--c--d": "not a run of acme.test",
    }.items():
        with pytest.raises(UsageError, match=what):
            manager.cancel(name)
    fire(store)
    fire(store)
    with pytest.raises(UsageError, match="2 runs of often are active"):
        manager.cancel("often")


def test_a_failed_tick_runs_again_and_its_attempts_are_counted_on(
    store: Store, player: Player, manager: RQManager
) -> None:
    apply(store, often())
    run = fire(store)
    tick = int(run.rpartition("--")[2])
    player.take()
    player.end("failed")
    store.connection.zadd(f"rq:failed:{QUEUE}", {run: 1})

    again = manager.rerun("often", tick)
    with pytest.raises(UsageError, match="is queued already"):
        manager.rerun("often", tick)

    assert (again.id, player.take()) == (run, run)
    assert not store.connection.exists(f"rq:failed:{QUEUE}")
    player.end("succeeded")
    assert [(one["attempt"], one["event"]) for one in (*events(store, "started"), *events(store, "succeeded"))] == [
        ("1", "started"),
        ("2", "started"),
        ("2", "succeeded"),
    ]
    assert status_of(store) == ["succeeded"]
    assert [(one.number, one.status) for one in manager.run(run).attempts] == [(1, "failed"), (2, "succeeded")]


def test_a_tick_that_succeeded_runs_again_only_when_that_is_said(
    store: Store, player: Player, manager: RQManager
) -> None:
    apply(store, often())
    run = fire(store)
    tick = int(run.rpartition("--")[2])
    player.take()
    player.end()

    with pytest.raises(RefusedError, match="has succeeded") as raised:
        manager.rerun("often", tick)
    assert "--again" in raised.value.hint

    manager.rerun("often", tick, again=True)
    assert player.take() == run
    player.end("failed")
    assert status_of(store) == ["failed"]


def test_a_missed_tick_of_a_range_runs_and_what_is_no_tick_does_not(
    store: Store, player: Player, manager: RQManager
) -> None:
    apply(store, often())
    shift_clock(store.connection, 5 * HOUR)
    step(store)
    player.take()
    player.end()
    first, last, count, status, _ = outcomes(store)[0]
    assert (count, status) == (4, "missed")

    manager.rerun("often", first + HOUR)
    player.take()
    player.end()

    with pytest.raises(UsageError, match="has no tick at") as raised:
        manager.rerun("often", first + 60)
    assert "those around it" in raised.value.hint
    with pytest.raises(UsageError, match="is still to come"):
        manager.rerun("often", last + 100 * HOUR)
    assert [run.status for run in manager.runs("often").runs] == ["succeeded", "missed", "succeeded"]
    assert manager.run(KEYS.run_id("often", first + HOUR)).record.status == "succeeded"


def test_a_run_of_a_past_tick_is_signed_where_there_is_a_key(store: Store, player: Player) -> None:
    apply(store, often())
    run = fire(store)
    player.take()
    player.end("failed")
    how = HandOut("again", {}, sign=lambda run_id, digest, tick: f"{run_id} {len(digest)} {tick} \"'")

    rerun_tick(store, "often", int(run.rpartition("--")[2]), how)

    meta = json.loads(store.connection.hget(KEYS.job(run), "meta"))
    assert meta["signature"] == f"{run} 64 {run.rpartition('--')[2]} \"'"
    assert meta["schedule"] == "often"


def test_a_key_that_is_not_ours_is_left_alone(store: Store, manager: RQManager) -> None:
    apply(store, often())
    run = fire(store)
    store.connection.delete(KEYS.job(run))
    store.connection.set(KEYS.job(run), "not ours")
    before = dump_keys(store.connection)

    with pytest.raises(FlowerPowerError, match="not ours"):
        manager.cancel(run)

    assert dump_keys(store.connection) == before


def test_what_waits_for_its_retry_is_not_said_to_have_never_started(
    store: Store, player: Player, manager: RQManager
) -> None:
    apply(store, often())
    fire(store)
    run = player.take()
    player.end("failed", final=False)

    told = stopped_text(manager.stop(run))

    assert told == f"Cancelled {KEYS.short_run_id(run)}: it waited for attempt 2, and will not run again"
