"""A tick that is due and comes after others that are not done: no worker has to do with it before they are."""

from __future__ import annotations

import pytest
from support.chains import ask, awaited, waiting
from support.holds import HOUR, QUEUE, apply, events, queued, step
from support.players import Player, reference
from support.redis_state import shift_clock
from support.states import KEYS, schedule

from flowerpower.jobs.records import active_run
from flowerpower.state.store import Store


def due_in_turn(store: Store, **more: object) -> tuple[str, str]:
    """Let `first` and `second`, which comes after it, be due; return the run of `first`, and that of `second`."""
    apply(store, schedule("first", every=HOUR), schedule("second", every=HOUR, after=["first"], **more))
    shift_clock(store.connection, HOUR)
    step(store)
    first, second = sorted(store.read().active)
    return first, second


@pytest.mark.parametrize("overlap", ["skip", "allow", "buffer_all", "buffer_one", "cancel_other"])
def test_what_is_due_and_has_to_wait_is_no_business_of_a_worker(store: Store, player: Player, overlap: str) -> None:
    first, second = due_in_turn(store, overlap=overlap)

    assert (queued(store), waiting(store)) == ([first], [second])
    record = active_run(store, second)
    assert record is not None
    assert (record.status, record.reason) == ("scheduled", "after: first is not done")
    assert [event["job"] for event in events(store, "waiting")] == [second]

    player.take()
    player.end()

    assert (queued(store), waiting(store), awaited(store)) == ([second], [], [])
    assert ask(store, second).attempt == 1


def test_what_is_due_and_need_not_wait_is_handed_to_the_workers(store: Store, player: Player) -> None:
    apply(store, schedule("first", every=HOUR), schedule("second", cron="15 13 * * *", after=["first"]))
    shift_clock(store.connection, 1800)  # it was half past twelve
    step(store)
    player.take()
    player.end()
    shift_clock(store.connection, 900)
    step(store)

    assert [reference(store, run).name for run in queued(store)] == ["second"]
    assert not events(store, "waiting")


def when(store: Store, run: str) -> int:
    """Return in how many seconds it is time for a run that waits to ask."""
    due_at = store.connection.zscore(KEYS.scheduled(QUEUE), run)
    assert due_at is not None
    return int(due_at) - store.time()


def test_whose_time_to_ask_has_come_goes_on_waiting_and_is_found_again(store: Store, player: Player) -> None:
    _, second = due_in_turn(store)
    player.take()
    store.connection.delete(KEYS.awaited)
    assert 59 <= when(store, second) <= 60
    shift_clock(store.connection, 60)

    step(store)
    assert (queued(store), waiting(store)) == ([], [second])
    assert 59 <= when(store, second) <= 60

    player.end()
    assert queued(store) == [second]


def test_who_waits_long_is_looked_at_less_often(store: Store, player: Player) -> None:
    _, second = due_in_turn(store)
    player.take()
    shift_clock(store.connection, 2 * HOUR)
    step(store)

    assert 599 <= when(store, second) <= 600


def test_whose_start_deadline_is_over_asks_and_is_missed(store: Store, player: Player) -> None:
    _, second = due_in_turn(store, start_deadline=100)
    player.take()
    for seconds, left in [(60, 41), (41, None)]:
        assert seconds - 1 <= when(store, second) <= seconds
        shift_clock(store.connection, seconds)
        step(store)
        assert left is None or left - 1 <= when(store, second) <= left

    assert queued(store) == [second]
    assert "start_deadline" in ask(store, second, deadline=100).refused


def test_whose_time_to_ask_comes_when_it_may_run_is_handed_to_the_workers(store: Store, player: Player) -> None:
    _, second = due_in_turn(store)
    store.connection.delete(KEYS.awaited)
    player.take()
    player.end()
    assert queued(store) == []
    shift_clock(store.connection, 60)

    step(store)

    assert queued(store) == [second]


def test_hundreds_are_woken_by_one_end_and_more_in_some_steps(store: Store, player: Player) -> None:
    names = [f"then-{number}" for number in range(1100)]
    apply(store, schedule("first", every=HOUR), *(schedule(name, every=HOUR, after=["first"]) for name in names))
    shift_clock(store.connection, HOUR)
    step(store)
    player.take()
    assert len(waiting(store)) == len(names)

    player.end()
    assert len(queued(store)) == 500
    step(store)

    assert (len(set(queued(store))), len(queued(store)), waiting(store)) == (len(names), len(names), [])
