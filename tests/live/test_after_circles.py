"""Runs that wait for each other in a circle, since specs were edited and renamed while they did, are let go."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest
from support.chains import ask, due, let_wait, next_hour
from support.holds import HOUR, apply, queued, step
from support.players import Player, reference
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.planning.diff import make_plan
from flowerpower.state.store import Store

LONG = 7


def hour_after_a_good_one(store: Store, player: Player, *names: str) -> dict[str, str]:
    """Let each of the schedules succeed once, and return the runs of the hour after that."""
    for run in due(store, *names).values():
        player.claim(run)
        player.end()
    return next_hour(store)


def rename(store: Store, previous: Mapping[str, str], *others: str) -> None:
    wanted = desired([schedule(name, every=HOUR) for name in (*previous, *others)])
    names = {new: (old,) for new, old in previous.items()}
    apply_plan(make_plan(store.keys, replace(wanted, previous_names=names), store.read(), SOURCE), store, "rename")


@pytest.mark.parametrize("length", [2, 3, LONG])
def test_a_circle_of_any_length_is_untied_by_who_closes_it(store: Store, player: Player, length: int) -> None:
    names = [f"s{number}" for number in range(length)]
    runs = hour_after_a_good_one(store, player, *names)
    for name, other in itertools.pairwise(names):
        let_wait(store, runs[name], [other])

    last = ask(store, runs[names[-1]], [names[0]])

    assert (last.waits, last.attempt) == ("", 1)
    assert ask(store, runs[names[0]], [names[1]]).waits == f"after: {names[1]} is not done"


def test_a_line_that_leads_into_a_circle_still_waits(store: Store, player: Player) -> None:
    runs = hour_after_a_good_one(store, player, "s0", "s1", "s2", "s3")
    let_wait(store, runs["s1"], ["s2"])
    let_wait(store, runs["s2"], ["s3"])
    ask(store, runs["s3"], ["s1"])

    assert ask(store, runs["s0"], ["s1"]).waits == "after: s1 is not done"


def test_a_circle_of_what_was_renamed_is_untied(store: Store, player: Player) -> None:
    runs = hour_after_a_good_one(store, player, "s0", "s1", "s2")
    let_wait(store, runs["s0"], ["s1"])
    let_wait(store, runs["s1"], ["s2"])
    rename(store, {"t0": "s0", "t1": "s1", "t2": "s2"})

    assert ask(store, runs["s2"], ["t0"]).attempt == 1
    assert ask(store, runs["s1"], ["s2"]).waits == "after: t2 is not done"


def test_a_circle_that_a_name_given_to_another_closes_is_untied_when_its_time_to_ask_has_come(
    store: Store, player: Player
) -> None:
    runs = hour_after_a_good_one(store, player, "s0", "s1", "s2", "s3")
    let_wait(store, runs["s0"], ["s1"])
    let_wait(store, runs["s1"], ["s2"])
    let_wait(store, runs["s3"], ["s0"])
    apply(store, *(schedule(name, every=HOUR) for name in ("s0", "s1", "s3")))
    store.connection.hdel(KEYS.active, runs["s2"])  # it is lost before anybody could tell
    store.connection.zrem(KEYS.active_index, f"s2--{reference(store, runs['s2']).tick}")
    rename(store, {"s2": "s3"}, "s0", "s1")
    step(store)
    assert queued(store) == []

    shift_clock(store.connection, 700)
    step(store)

    first = queued(store)[0]
    after = {runs["s0"]: "s1", runs["s1"]: "s2", runs["s3"]: "s0"}
    assert ask(store, first, [after[first]]).attempt == 1


def test_a_run_that_has_the_id_of_another_is_not_taken_for_it(store: Store, player: Player) -> None:
    runs = hour_after_a_good_one(store, player, "s0", "s1", "s2")
    let_wait(store, runs["s0"], ["s2"])
    rename(store, {"t0": "s0"}, "s1", "s2")
    rename(store, {"s0": "s1"}, "t0", "s2")  # its run has the place of one that is now of `t0`

    assert ask(store, runs["s2"], ["s0"]).waits == "after: s0 is not done"
