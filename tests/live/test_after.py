"""`after`: a tick that comes after other schedules waits for them, and is skipped where they did not succeed."""

from __future__ import annotations

from support.chains import ask, due, next_hour
from support.holds import HOUR, apply, events, outcomes, pause, resume
from support.players import Player, reference
from support.redis_state import shift_clock
from support.states import KEYS, schedule

from flowerpower.jobs.by_hand.stopping import stop_run
from flowerpower.jobs.monitoring.status_reader import read_status
from flowerpower.jobs.records import active_run
from flowerpower.render.status import status_text
from flowerpower.state.store import Store


def test_a_tick_waits_for_the_run_of_the_same_time(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")

    before = ask(store, runs["second"])
    player.claim(runs["first"])
    during = ask(store, runs["second"])
    player.end("succeeded")
    afterwards = ask(store, runs["second"])

    assert (before.waits, before.attempt) == ("after: first is not done", 0)
    assert during.waits == before.waits
    assert (afterwards.waits, afterwards.attempt) == ("", 1)
    assert [event["schedule"] for event in events(store, "waiting")] == ["second"]  # told once


def test_a_tick_is_skipped_where_the_other_failed(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    player.end("failed")

    claim = ask(store, runs["second"])

    assert claim.refused == "after: first failed"
    [(_, _, count, status, reason)] = outcomes(store, "second")
    assert (count, status, reason) == (1, "skipped", "after: first failed")
    assert runs["second"] not in store.read().active


def test_a_retry_is_waited_for(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    player.end("failed", final=False)

    assert ask(store, runs["second"]).waits == "after: first is not done"


def test_a_failure_that_was_made_good_counts_as_a_success(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    for status in ("failed", "succeeded"):
        player.claim(runs["first"])
        player.end(status)

    assert ask(store, runs["second"]).attempt == 1


def test_what_has_never_run_did_not_succeed(store: Store) -> None:
    runs = due(store, "second")
    apply(store, schedule("first", cron="0 0 1 1 *"), schedule("second", every=HOUR))

    assert ask(store, runs["second"]).refused == "after: first has not run yet"


def test_what_is_not_there_did_not_succeed(store: Store) -> None:
    runs = due(store, "second")

    assert ask(store, runs["second"]).refused == "after: there is no first"


def test_one_failure_is_not_outweighed_by_what_is_still_running(store: Store, player: Player) -> None:
    runs = due(store, "first", "other", "second")
    player.claim(runs["other"])
    player.end("failed")

    assert ask(store, runs["second"], ["first", "other"]).refused == "after: other failed"


def test_a_tick_that_is_due_and_not_decided_is_waited_for(store: Store) -> None:
    runs = due(store, "second")
    apply(store, schedule("first", every=HOUR), schedule("second", every=HOUR))
    shift_clock(store.connection, 2 * HOUR)  # no scheduler has looked since
    late = reference(store, runs["second"])
    entry = store.connection.hget(KEYS.active, late.id)
    now = store.time()
    later = f"{KEYS.queue('')}second--{now}"
    store.connection.hset(KEYS.active, later, entry.replace(str(late.tick).encode(), str(now).encode()))

    assert ask(store, later).waits == "after: first is not done"


def test_later_ticks_of_the_other_do_not_count(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    player.end("succeeded")
    newer = next_hour(store)
    player.claim(newer["first"])
    player.end("failed")

    assert outcomes(store, "first")[-1][3] == "failed"
    assert ask(store, runs["second"]).attempt == 1


def test_an_overlap_says_nothing_the_run_that_stood_in_the_way_does(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    newer = next_hour(store)  # `first` is still running: this tick of it is skipped
    player.end("succeeded")

    assert outcomes(store, "first")[-1][3:] == ("skipped", "overlap")
    assert newer == {}  # and so is that of `second`, whose run waits
    assert ask(store, runs["second"]).attempt == 1


def test_a_tick_that_was_skipped_for_another_makes_the_next_in_line_skip(store: Store, player: Player) -> None:
    runs = due(store, "first", "second", "third")
    player.claim(runs["first"])
    player.end("failed")
    ask(store, runs["second"])

    assert ask(store, runs["third"], ["second"]).refused == "after: second was skipped"


def test_a_missed_range_that_reaches_beyond_the_tick_counts(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["first"])
    player.end("succeeded")
    tick = reference(store, runs["second"]).tick
    missed = f'{{"first":{tick},"last":{tick + HOUR},"count":2,"status":"missed","at":{tick},"reason":"catch-up"}}'
    store.connection.zadd(KEYS.outcomes("first"), {missed: tick + HOUR})

    assert ask(store, runs["second"]).refused == "after: first was missed"


def test_a_hold_is_not_waited_for(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    for name in ("first", "second"):
        player.claim(runs[name])
        player.end("succeeded")
    pause(store, "first")
    runs = next_hour(store)

    assert ask(store, runs["second"]).attempt == 1
    resume(store, "first")


def test_who_waits_longer_than_the_start_deadline_is_missed(store: Store) -> None:
    runs = due(store, "first", "second")
    assert ask(store, runs["second"], deadline=60).waits
    shift_clock(store.connection, 61)

    assert "start_deadline" in ask(store, runs["second"], deadline=60).refused
    assert outcomes(store, "second")[-1][3:] == ("missed", "start deadline")


def test_who_waits_long_asks_less_often(store: Store) -> None:
    runs = due(store, "first", "second")
    asked = []
    for passed in (0, 5, 2 * HOUR):
        shift_clock(store.connection, passed)
        asked.append(ask(store, runs["second"]).seconds)

    assert asked == [5, 60, 600]


def test_who_waits_asks_when_its_start_deadline_is_over(store: Store) -> None:
    runs = due(store, "first", "second")

    ask(store, runs["second"], deadline=20)
    seconds = ask(store, runs["second"], deadline=20).seconds
    shift_clock(store.connection, seconds)

    assert 20 <= seconds <= 21
    assert "start_deadline" in ask(store, runs["second"], deadline=20).refused


def test_a_run_that_waits_says_for_what_and_can_be_cancelled(store: Store) -> None:
    runs = due(store, "first", "second")
    ask(store, runs["second"])

    record = active_run(store, runs["second"])
    assert record is not None
    assert (record.status, record.reason) == ("scheduled", "after: first is not done")

    [_, second] = status_text(read_status(store), width=200).splitlines()[3:5]
    assert " ".join(second.split()).endswith("waiting 1 run waiting for 0s (after: first is not done)")

    stop_run(store, runs["second"], "not today")
    assert outcomes(store, "second")[-1][3] == "cancelled"


def test_a_run_that_began_is_not_held_back_again(store: Store, player: Player) -> None:
    runs = due(store, "first", "second")
    player.claim(runs["second"])
    player.end("failed", final=False)

    assert ask(store, runs["second"]).attempt == 2


def test_a_tick_of_the_other_that_is_decided_and_waits_is_waited_for(store: Store, player: Player) -> None:
    often = {"every": HOUR, "overlap": "buffer_all"}
    apply(store, schedule("first", **often), schedule("second", **often))
    first = next_hour(store)
    player.claim(first["second"])
    player.end("succeeded")
    player.claim(first["first"])
    runs = next_hour(store)  # that of `first` waits for the one before it
    pause(store, "first")
    player.end("succeeded")

    assert ask(store, runs["second"]).waits == "after: first is not done"
