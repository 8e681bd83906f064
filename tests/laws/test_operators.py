"""Whatever operators do in any order: nothing fires twice, nothing is lost, and nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis
from support.operator_bench import MOST, NAMES, Wish
from support.operators import Operators

EXAMPLES = int(os.environ.get("FLOWERPOWER_TEST_HISTORIES", "70")) // 2
RULES = st.builds(
    Wish,
    after=st.sampled_from(["", "", *NAMES]),
    every=st.sampled_from([1000, 1700, 170]),
    catchup=st.sampled_from(["latest", "all", "none"]),
    overlap=st.sampled_from(["skip", "buffer_one", "buffer_all", "cancel_other", "allow"]),
    limit=st.sampled_from([100, 2]),
    paused=st.sampled_from([False, False, False, True]),
    cancels=st.booleans(),
    queue=st.sampled_from(["default", "heavy"]),
    timeout=st.sampled_from([60, 61]),
)
WISHES = st.dictionaries(st.sampled_from(NAMES), RULES, max_size=3)
NAME: Any = st.sampled_from(NAMES)
FEW = st.integers(0, 3)


def sound(wishes: Mapping[str, Wish]) -> dict[str, Wish]:
    """Return wishes that name none but what is there, and go in no circle: `validate` sees to that."""
    found: dict[str, Wish] = {}
    for name, wish in wishes.items():
        last = wish.after
        while last in found and found[last].after:
            last = found[last].after
        found[name] = wish if wish.after in wishes and last != name else replace(wish, after="")
    return found


class Machine(RuleBasedStateMachine):
    """The rules: each does one thing that an operator, a worker, a scheduler or time may do."""

    connection: Redis

    @initialize(wishes=WISHES, rough=st.sampled_from([False, False, True]))
    def begin(self, wishes: dict[str, Wish], rough: bool) -> None:
        self.rough = rough  # the clock steps back, and a stock scheduler is about
        self.world = Operators.make(self.connection)
        self.kept: Any = None
        self.apply(wishes, {})

    @rule(wishes=WISHES, renames=st.dictionaries(NAME, NAME, max_size=2))
    def apply(self, wishes: dict[str, Wish], renames: dict[str, str]) -> None:
        renames = {new: old for new, old in renames.items() if new in wishes and new != old}
        wishes = sound(wishes)
        world, self.wishes = self.world, wishes
        world.apply(world.plan(wishes, renames), lambda: world.plan(wishes, renames))

    @rule(which=FEW, name=NAME, rules=st.none() | RULES)
    def rename(self, which: int, name: str, rules: Wish | None) -> None:
        if self.wishes and name not in self.wishes:
            old = sorted(self.wishes)[which % len(self.wishes)]
            rest = {one: known for one, known in self.wishes.items() if one != old}
            self.apply({**rest, name: rules or self.wishes[old]}, {name: old})

    @rule(name=NAME, rules=st.none() | RULES)
    def change_one(self, name: str, rules: Wish | None) -> None:
        rest = {one: known for one, known in self.wishes.items() if one != name}
        self.apply({**rest, name: rules} if rules else rest, {})

    @rule(name=NAME, rules=RULES)
    def plan(self, name: str, rules: Wish) -> None:
        self.kept = self.world.plan({name: replace(rules, after="")}, {})

    @precondition(lambda self: self.kept is not None)
    @rule()
    def apply_an_older_plan(self) -> None:
        self.world.apply(self.kept)
        self.kept = None

    @rule(back=st.integers(1, 4))
    def rollback(self, back: int) -> None:
        self.world.rollback(back)

    @rule(what=st.sampled_from(["resume", "forget", "trigger", "cancel_all", "lose"]), which=FEW)
    def command(self, what: str, which: int) -> None:
        if live := self.world.live:
            getattr(self.world, what)(live[which % len(live)])

    @rule(which=FEW, seconds=st.sampled_from([None, 50, 1000]))
    def pause(self, which: int, seconds: int | None) -> None:
        if live := self.world.live:
            self.world.pause(live[which % len(live)], seconds)

    @rule(which=FEW, limit=st.integers(1, MOST), again=st.booleans())
    def backfill(self, which: int, limit: int, again: bool) -> None:
        if live := self.world.live:
            self.world.backfill(live[which % len(live)], limit, again=again)

    @rule(which=FEW, tick=FEW, again=st.booleans())
    def rerun(self, which: int, tick: int, again: bool) -> None:
        if live := self.world.live:
            self.world.rerun(live[which % len(live)], tick, again=again)

    @rule(which=FEW)
    def cancel(self, which: int) -> None:
        self.world.cancel(which)

    @rule(which=FEW)
    def step(self, which: int) -> None:
        self.world.step(which)

    @rule(seconds=st.sampled_from([30, 100, 700, 1000, 5000]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)
        self.world.fire()

    @rule(seconds=st.sampled_from([30, 1000, -500]))
    def nobody_looks(self, seconds: int) -> None:
        self.world.wait(seconds if self.rough else abs(seconds))

    @rule(which=st.integers(0, 1))
    def take(self, which: int) -> None:
        self.world.take(which)

    @rule(how=st.sampled_from(["succeeded", "succeeded", "failed", "died", "retry"]))
    def end(self, how: str) -> None:
        self.world.end(how)

    @rule(which=st.integers(0, 1), how=st.sampled_from(["succeeded", "failed"]))
    def work(self, which: int, how: str) -> None:
        self.world.take(which)
        self.world.end(how)

    @precondition(lambda self: self.rough)
    @rule(seconds=st.sampled_from([30, 1000]))
    def stock(self, seconds: int) -> None:
        self.world.wait(seconds)
        self.world.stock()

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "world"):
            self.world.look()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.settle()
            self.world.check()
            self.world.leave()


@pytest.mark.timeout(600)  # to make a history short that breaks the law takes minutes
def test_nothing_is_lost_or_left_whatever_operators_do(redis_connection: Redis) -> None:
    machine = type("Machine", (Machine,), {"connection": redis_connection})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
