"""Missed ticks are recorded as ranges: which they were is said by the trigger of that time, not by today's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from support.holds import HOUR, apply, outcomes, queued, step
from support.players import Player
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.jobs.manager import RQManager
from flowerpower.planning.diff import make_plan
from flowerpower.render.again import again_text
from flowerpower.state.store import Store

NOW = 1_700_000_000


@pytest.fixture
def manager(store: Store) -> RQManager:
    return RQManager(store, "", who=lambda: "ana")


@pytest.fixture
def missed(store: Store, player: Player) -> list[int]:
    """The four ticks that an hourly schedule missed."""
    apply(store, often(every=HOUR))
    shift_clock(store.connection, 5 * HOUR)
    step(store)
    player.take()
    player.end()
    first, last, count, status, _ = outcomes(store)[0]
    assert (count, status) == (4, "missed")
    return list(range(first, last + 1, HOUR))


def often(name: str = "often", **more: Any) -> Any:
    return schedule(name, **{"overlap": "allow", **more})


def ticks_again(manager: RQManager, name: str = "") -> dict[str, list[int]]:
    plans, _ = manager.plans_again(name, since=0, statuses=["missed"])
    return {plan.applied.schedule.name: [tick.tick for tick in plan.to_run] for plan in plans}


@pytest.mark.parametrize(
    "now",
    [
        pytest.param({"every": HOUR}, id="as it was"),
        pytest.param({"every": 1}, id="every second"),
        pytest.param({"every": 5400}, id="at other times"),
        pytest.param({"cron": "0 0 1 1 *"}, id="hardly ever"),
    ],
)
@pytest.mark.parametrize("name", ["often", ""])
def test_the_ticks_of_a_range_are_those_that_were_missed(
    store: Store, manager: RQManager, missed: list[int], now: dict[str, Any], name: str
) -> None:
    apply(store, often(**now))

    assert ticks_again(manager, name) == {"often": missed}


def test_a_tick_of_today_is_not_missed_because_others_were_around_it(
    store: Store, manager: RQManager, missed: list[int]
) -> None:
    apply(store, often(every=5400))

    plan = manager.plan_backfill("often", *(datetime.fromtimestamp(one, UTC) for one in (missed[0], missed[-1])))

    assert {tick.tick: tick.status for tick in plan.ticks} == {
        tick: "missed" if tick in missed else "unknown"
        for tick in range(missed[0], missed[-1] + 1, 60)
        if tick % 5400 == 0
    }
    assert repr(plan) == f"<BackfillPlan of often: {len(plan.ticks)} of {len(plan.ticks)} ticks to run>"


def test_they_are_said_to_be_of_an_earlier_trigger_and_run(
    store: Store, manager: RQManager, player: Player, missed: list[int]
) -> None:
    apply(store, often(every=7200))
    plans, left = manager.plans_again(since=0, statuses=["missed"])

    text = again_text(plans, left, ["missed"])
    progress = manager.backfill(plans[0], 4, pause=lambda _: None)
    next(progress)
    next(progress)

    assert "      2 of them are ticks of an earlier trigger" in text.splitlines()
    assert queued(store) == [KEYS.run_id("often", tick) for tick in missed]


def test_a_renamed_schedule_still_knows_its_ticks(store: Store, manager: RQManager, missed: list[int]) -> None:
    wanted = replace(desired([often("renamed", every=90)]), previous_names={"renamed": ("often",)})
    apply_plan(make_plan(KEYS, wanted, store.read(), SOURCE), store, "apply")

    assert ticks_again(manager, "renamed") == {"renamed": missed}


def test_one_tick_of_an_earlier_trigger_runs_again(
    store: Store, manager: RQManager, player: Player, missed: list[int]
) -> None:
    apply(store, often(cron="0 0 1 1 *"))

    manager.rerun("often", missed[1])

    assert player.take() == KEYS.run_id("often", missed[1])


@pytest.mark.parametrize("lost", [(), (KEYS.history,)])
def test_ticks_that_nobody_knows_any_more_are_left_out_and_told(
    store: Store, manager: RQManager, missed: list[int], lost: Sequence[str]
) -> None:
    apply(store, often(every=5400))
    store.connection.delete(KEYS.inverses, *lost)

    plans, left = manager.plans_again(since=0, statuses=["missed"])

    assert (plans, [record.count for record in left]) == ([], [4])
    assert "left out: 1 range of ticks of often: its times have changed, and those of then are not kept" in again_text(
        plans, left, ["missed"]
    )


@pytest.mark.parametrize("kept", [3, 2])
def test_ticks_that_ended_apart_and_were_told_together_are_found_if_all_are_kept(
    store: Store, manager: RQManager, kept: int
) -> None:
    apply(store, often(every=7))
    told = {"status": "cancelled", "reason": "too many wait", "count": 1}
    ticks = [NOW, NOW + 50, NOW + 90][-kept:]
    outcomes = {json.dumps({**told, "first": tick, "last": tick}): tick for tick in ticks}
    store.connection.zadd(KEYS.outcomes("often"), outcomes)
    event = {"event": "cancelled", "schedule": "often", "tick": ticks[-1], "count": 3, "reason": told["reason"]}
    store.connection.xadd(KEYS.runs, event)

    plans, left = manager.plans_again(since=0, statuses=["cancelled"])

    assert [[tick.tick for tick in plan.to_run] for plan in plans] == ([ticks] if kept == 3 else [])
    assert len(left) == (kept != 3)
