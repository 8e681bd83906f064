"""Who waits for another schedule is handed to the workers when that is done, and does not have to ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.chains import ask, awaited, due, let_wait, next_hour, put_away, waiting
from support.holds import HOUR, QUEUE, apply, outcomes, pause, queued, step
from support.players import Player, reference
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.by_hand.stopping import stop_run
from flowerpower.jobs.ledger import Ledger
from flowerpower.jobs.records import active_run
from flowerpower.planning.diff import make_plan
from flowerpower.state.store import Store


def rename(store: Store, old: str, new: str, *others: str) -> None:
    wanted = desired([schedule(name, every=HOUR) for name in (new, *others)])
    plan = make_plan(store.keys, replace(wanted, previous_names={new: (old,)}), store.read(), SOURCE)
    apply_plan(plan, store, "rename")


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_the_end_of_the_other_hands_the_run_to_the_workers(store: Store, player: Player, status: str) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    let_wait(store, runs["second"])

    player.end(status)

    assert (queued(store), waiting(store)) == ([runs["second"]], [])
    assert store.connection.hget(KEYS.job(runs["second"]), "status") == b"queued"
    assert awaited(store) == []
    record = active_run(store, runs["second"])
    assert record is not None
    assert (record.status, record.reason) == ("queued", "")
    assert ask(store, runs["second"]).attempt == (1 if status == "succeeded" else 0)


def test_an_attempt_that_is_not_the_last_wakes_nobody(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    let_wait(store, runs["second"])

    player.end("failed", final=False)

    assert (queued(store), waiting(store)) == ([runs["first"]], [runs["second"]])


def test_who_waits_for_several_is_woken_by_the_last_of_them(store: Store, player: Player) -> None:
    runs = due(store, "first", "other", "second")
    player.claim(runs["first"])
    player.claim(runs["other"])
    let_wait(store, runs["second"], ["first", "other"])

    player.end()
    assert queued(store) == []
    player.end()

    assert (queued(store), awaited(store)) == ([runs["second"]], [])


def test_a_failure_of_one_of_several_wakes_at_once(store: Store, player: Player) -> None:
    runs = due(store, "first", "other", "second")
    player.claim(runs["other"])
    let_wait(store, runs["second"], ["first", "other"])

    player.end("failed")

    assert queued(store) == [runs["second"]]
    assert ask(store, runs["second"], ["first", "other"]).refused == "after: other failed"


def test_a_skip_wakes_the_next_in_line(store: Store, player: Player) -> None:
    runs = due(store, "first", "second", "third")
    player.claim(runs["first"])
    let_wait(store, runs["second"])
    let_wait(store, runs["third"], ["second"])

    player.end("failed")
    assert queued(store) == [runs["second"]]
    ask(store, runs["second"])

    assert queued(store) == [runs["second"], runs["third"]]


def cancel(store: Store, run: str, player: Player) -> None:
    stop_run(store, run, "not today")


def delete(store: Store, run: str, player: Player) -> None:
    wanted = desired([schedule("second", every=HOUR)])
    store.connection.hset(KEYS.job(run), "status", "queued")
    apply_plan(make_plan(store.keys, wanted, store.read(), SOURCE), store, "delete")
    player.claim(run)  # `on_inflight` lets it run to its end
    player.end()
    step(store)


def lose(store: Store, run: str, player: Player) -> None:
    """Let the other end as when nobody is there to wake: by hand, in Redis."""
    player.claim(run)
    store.connection.hdel(KEYS.active, run)
    store.connection.zrem(KEYS.active_index, f"first--{reference(store, run).tick}")
    step(store)


def rename_it(store: Store, run: str, player: Player) -> None:
    rename(store, "first", "primary", "second")
    player.claim(run)
    player.end()


@pytest.mark.parametrize(
    ("change", "then"),
    [
        (cancel, "after: first was cancelled"),
        (delete, "after: there is no first"),
        (lose, "after: first has not run yet"),
        (rename_it, ""),
    ],
)
def test_whatever_becomes_of_the_other_it_wakes(
    store: Store, player: Player, change: Callable[[Store, str, Player], None], then: str
) -> None:
    runs = due(store, "first", "second")
    let_wait(store, runs["second"])

    change(store, runs["first"], player)
    step(store)

    assert runs["second"] in queued(store)
    assert ask(store, runs["second"]).refused == then


def wait_for_a_late_tick(store: Store, player: Player) -> str:
    """Let `second` wait for a tick of `first` that is due and was not decided; return its run."""
    for run in due(store, "first", "second").values():
        player.claim(run)
        player.end()
    late = str(store.read().cursors["first"].pending)
    store.connection.zadd(KEYS.scheduled(QUEUE), {late: store.time() + 2 * HOUR})
    runs = next_hour(store)
    assert "first" not in runs
    let_wait(store, runs["second"])
    return runs["second"]


def test_a_tick_that_is_missed_wakes(store: Store, player: Player) -> None:
    run = wait_for_a_late_tick(store, player)
    shift_clock(store.connection, 2 * HOUR)

    step(store)

    assert run in queued(store)
    assert ask(store, run).refused == "after: first was missed"


def test_a_hold_wakes(store: Store, player: Player) -> None:
    run = wait_for_a_late_tick(store, player)
    pause(store, "first")

    step(store)

    assert queued(store) == [run]
    assert ask(store, run).attempt == 1


def test_who_waits_for_what_was_renamed_waits_for_it_by_its_new_name(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    let_wait(store, runs["second"])

    rename(store, "first", "primary", "second")
    step(store)
    assert [member.partition("--")[0] for member in awaited(store)] == ["primary"]
    player.end()

    assert queued(store) == [runs["second"]]
    assert ask(store, runs["second"]).attempt == 1


def test_the_end_under_a_new_name_hands_the_run_on_also_where_no_scheduler_has_looked(
    store: Store, player: Player
) -> None:
    runs = due(store, "first", "other", "second")
    player.claim(runs["first"])
    let_wait(store, runs["second"])
    let_wait(store, runs["other"], ["second"])

    rename(store, "first", "primary", "other", "second")
    player.end()

    assert queued(store) == [runs["second"]]
    assert [member.partition("--")[0] for member in awaited(store)] == ["second"]


def test_more_than_are_handed_on_at_once_follow_with_the_next_look_of_a_scheduler(store: Store, player: Player) -> None:
    dependents = [schedule(f"after-{number}", every=HOUR, after=["first"]) for number in range(520)]
    apply(store, schedule("first", every=HOUR), *dependents)
    next_hour(store)
    player.claim(KEYS.run_id("first", store.time() // HOUR * HOUR))

    player.end()
    assert len(queued(store)) == 500
    step(store)

    assert (len(queued(store)), awaited(store)) == (520, [])


def test_who_asks_for_the_first_time_after_a_rename_follows_it_too(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    rename(store, "first", "primary", "second")
    rename(store, "primary", "main", "second")
    player.claim(runs["first"])

    assert ask(store, runs["second"]).waits == "after: main is not done"
    player.end()
    assert ask(store, runs["second"]).attempt == 1


@pytest.mark.parametrize("name", ["first", "primary"])
def test_a_run_by_hand_is_waited_for_also_under_a_new_name(store: Store, player: Player, name: str) -> None:
    apply(store, *(schedule(one, every=HOUR) for one in ("first", "second")))
    order = {"id": KEYS.run_id("first", "m01"), "name": "first", "run": "m01", "tick": store.time(), "due": 0}
    order |= {"queue": QUEUE, "digest": "d", "run_spec": "{}", "job": {}, "description": "", "meta": {}}
    Ledger(store).enqueue(order)
    player.take()
    run = next_hour(store)["second"]
    if name != "first":
        rename(store, "first", name, "second")

    assert ask(store, run).waits == f"after: {name} is not done"
    player.end("failed")
    assert ask(store, run).refused == f"after: {name} failed"


def test_a_name_that_is_taken_again_is_that_of_who_has_it(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    rename(store, "first", "primary", "second")
    apply(store, *(schedule(name, every=HOUR) for name in ("first", "primary", "second")))
    apply(store, *(schedule(name, every=HOUR) for name in ("primary", "second")))
    player.claim(runs["first"])
    player.end()

    assert not store.connection.exists(KEYS.renamed)
    assert ask(store, runs["second"]).refused == "after: there is no first"


def test_who_got_the_name_of_what_it_waits_for_does_not_wait_for_itself(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    let_wait(store, runs["second"])
    apply(store, schedule("second", every=HOUR))

    rename(store, "second", "first")

    assert ask(store, runs["second"]).refused == "after: there is no first"
    assert outcomes(store, "first")[-1][3:] == ("skipped", "after: there is no first")


def test_two_whose_order_was_turned_round_do_not_wait_for_each_other(store: Store, player: Player) -> None:
    for run in due(store, "first", "second").values():
        player.claim(run)
        player.end()
    runs = next_hour(store)
    let_wait(store, runs["second"], after=("first",))

    assert ask(store, runs["first"], after=("second",)).attempt == 1
    assert ask(store, runs["second"], after=("first",)).waits == "after: first is not done"


def test_who_is_gone_is_forgotten(store: Store) -> None:
    runs = due(store, "first", "second")
    let_wait(store, runs["second"])
    assert awaited(store)

    stop_run(store, runs["second"], "not today")
    step(store)

    assert (awaited(store), queued(store)) == ([], [])


def test_an_end_before_rq_has_put_the_run_away_is_made_up_for_within_a_second(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    store.connection.hset(KEYS.job(runs["second"]), "status", "started")
    claim = ask(store, runs["second"])
    player.end()
    assert queued(store) == []  # the worker still has it in hand
    step(store)
    put_away(store, runs["second"], claim.seconds)

    step(store)
    step(store)

    assert (queued(store), waiting(store), awaited(store)) == ([runs["second"]], [], [])


def test_nobody_is_handed_out_twice(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    let_wait(store, runs["second"])
    store.connection.zrem(KEYS.scheduled(QUEUE), runs["second"])  # as a stock scheduler does when it is time to ask
    store.connection.hset(KEYS.job(runs["second"]), "status", "queued")
    store.connection.rpush(KEYS.queue_list(QUEUE), runs["second"])

    player.end()
    step(store)

    assert queued(store) == [runs["second"]]
    assert awaited(store) == []


def test_jobs_of_others_are_left_alone(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    let_wait(store, runs["second"])
    foreign = "another--app--second--1"
    store.connection.hset(KEYS.job(foreign), mapping={"data": "x", "origin": "another--app--default"})
    store.connection.zadd(KEYS.scheduled("another--app--default"), {foreign: 1})
    store.connection.hset(KEYS.job(runs["second"]), "origin", "another--app--default")

    player.end()
    step(store)

    assert store.connection.zrange(KEYS.scheduled("another--app--default"), 0, -1) == [foreign.encode()]
    assert not store.connection.exists(KEYS.queue_list("another--app--default"))
    assert waiting(store) == [runs["second"]]


@pytest.mark.parametrize("key", [KEYS.awaited, KEYS.queue_list(QUEUE)])
def test_a_damaged_key_does_not_keep_an_end_from_being_recorded(store: Store, player: Player, key: str) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    let_wait(store, runs["second"])
    store.connection.delete(key)
    store.connection.set(key, "?")

    player.end()

    assert outcomes(store, "first")[-1][3] == "succeeded"
    assert waiting(store) == [runs["second"]]  # and is asked for when its time has come


@pytest.mark.parametrize("member", ["?", "first--second--x", "first--second--9999999999999999", "--", b"\xff--\xff--1"])
def test_what_nobody_wrote_there_wakes_nobody_and_goes(store: Store, member: str | bytes) -> None:
    due(store, "first", "second")
    store.connection.zadd(KEYS.awaited, {member: 0})

    step(store)

    assert not store.connection.exists(KEYS.awaited)


@pytest.mark.parametrize("after", ["?", {}, [], [{}], [1, "first"], None])
def test_an_entry_that_somebody_altered_stops_nobody(store: Store, player: Player, after: object) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    let_wait(store, runs["second"])
    entry = json.loads(store.connection.hget(KEYS.active, runs["second"])) | {"after": after}
    store.connection.hset(KEYS.active, runs["second"], json.dumps(entry))

    player.end()
    step(store)

    assert outcomes(store, "first")[-1][3] == "succeeded"
