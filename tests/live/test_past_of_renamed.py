"""Runs that were made under a name that their schedule had before: backfill and rerun know them for what they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from support.holds import HOUR, apply, outcomes, queued, step
from support.players import Player
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, pipeline, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import RefusedError, UsageError
from flowerpower.jobs.by_hand.applied import read_applied
from flowerpower.jobs.by_hand.backfill import Backfill, Progress, plan_backfill, plans_again
from flowerpower.jobs.by_hand.past import HandOut, hand_out, order_of
from flowerpower.jobs.by_hand.rerun import rerun_tick
from flowerpower.jobs.manager import RQManager
from flowerpower.jobs.records import Wish, read_runs
from flowerpower.planning.diff import make_plan
from flowerpower.state.codec import canonical
from flowerpower.state.keys import tick_of
from flowerpower.state.store import Store

RERUN = HandOut("rerun", {})
PAST = {"first": 7, "last": 7, "count": 1, "status": "succeeded", "reason": ""}


def fired(store: Store, player: Player, name: str = "old") -> str:
    """Let a tick of the schedule be due under its old name, and a worker claim its run; return the run."""
    apply(store, schedule(name, every=HOUR))
    return fire(store, player)


def fire(store: Store, player: Player) -> str:
    shift_clock(store.connection, HOUR)
    step(store)
    return player.take()


def rename(store: Store, before: str = "old", name: str = "new") -> None:
    wanted = replace(desired([schedule(name, every=HOUR)]), previous_names={name: (before,)})
    apply_plan(make_plan(store.keys, wanted, store.read(), SOURCE), store, "rename")


def backfill(store: Store, hours: int, name: str = "old", limit: int = 1) -> Iterator[Progress]:
    plan = plan_backfill(store, name, f"{hours}h", "now")
    return Backfill(store, plan, limit, pause=lambda seconds: None).steps()


def carry_out(steps: Iterator[Progress], player: Player) -> Progress:
    """Let the backfill and one worker take turns until all has ended."""
    seen = []
    for progress in steps:
        seen.append(progress)
        if player.take():
            player.end()
    return seen[-1]


def hand(store: Store, tick: int) -> list[str]:
    applied = read_applied(store, "new")
    return [*hand_out(store, applied, order_of(store, applied, RERUN), [tick])]


def tick_in(run: str) -> int:
    return int(tick_of(run.rpartition("--")[2]) or 0)


def test_a_tick_that_succeeded_before_the_rename_is_not_run_again(store: Store, player: Player) -> None:
    run = fired(store, player)
    player.end()
    rename(store)
    tick = tick_in(run)

    assert plan_backfill(store, "new", tick, tick).to_run == ()
    with pytest.raises(RefusedError, match="has succeeded"):
        rerun_tick(store, "new", tick, RERUN)
    assert hand(store, tick) == ["succeeded"]
    again, _ = rerun_tick(store, "new", tick, replace(RERUN, again=True))
    assert (player.take(), player.end()) == (again, again)
    assert outcomes(store, "new") == [(tick, tick, 1, "succeeded", "")]


def test_a_tick_that_runs_since_before_the_rename_is_waited_for_and_not_run_beside_itself(
    store: Store, player: Player
) -> None:
    run = fired(store, player)
    rename(store)
    tick = tick_in(run)

    with pytest.raises(UsageError, match="is running"):
        rerun_tick(store, "new", tick, RERUN)
    assert hand(store, tick) == ["active"]
    steps = Backfill(store, plan_backfill(store, "new", tick, tick), pause=lambda seconds: None).steps()
    assert next(steps).active == (tick,)
    player.end("failed")
    (progress,) = list(steps)[-1:]
    assert (progress.count("failed"), queued(store)) == (1, [])


def test_what_failed_before_the_rename_is_among_what_runs_again(store: Store, player: Player) -> None:
    run = fired(store, player)
    player.end("failed")
    rename(store)

    records = read_runs(store, Wish("new", statuses=["failed"])).runs
    (plan,), left = plans_again(store, records)

    assert ([tick.tick for tick in plan.to_run], left) == ([tick_in(run)], [])
    assert hand(store, tick_in(run)) == ["pushed"]
    assert player.take() == KEYS.run_id("new", tick_in(run))


@pytest.mark.parametrize("renames", [("new",), ("newer", "new")])
def test_what_failed_under_any_former_name_is_among_what_runs_again_of_all(
    store: Store, player: Player, renames: tuple[str, ...]
) -> None:
    run = fired(store, player)
    player.end("failed")
    for before, name in pairwise(("old", *renames)):
        rename(store, before, name)

    (plan,), left = RQManager(store, "").plans_again(since=0)

    assert (plan.applied.schedule.name, [tick.tick for tick in plan.to_run], left) == ("new", [tick_in(run)], [])


def test_a_tick_that_failed_before_and_after_the_rename_runs_again_once(store: Store, player: Player) -> None:
    run = fired(store, player)
    player.end("failed")
    rename(store)
    rerun_tick(store, "new", tick_in(run), RERUN)
    player.take()
    player.end("failed")

    (plan,), left = RQManager(store, "").plans_again(since=0)

    assert ([tick.tick for tick in plan.to_run], left) == ([tick_in(run)], [])


def test_what_failed_of_a_schedule_that_was_deleted_is_left_out(store: Store, player: Player) -> None:
    fired(store, player)
    player.end("failed")
    rename(store)
    apply(store, schedule("other", every=HOUR))

    plans, left = RQManager(store, "").plans_again(since=0)

    assert (plans, [record.name for record in left]) == ([], ["old"])


def test_the_id_of_a_run_under_a_former_name_says_which_tick_runs_again(store: Store, player: Player) -> None:
    run = fired(store, player)
    player.end("failed")
    rename(store)

    assert RQManager(store, "").named(run) == ("new", tick_in(run))


@pytest.mark.parametrize("ended", ["succeeded", "failed"])
def test_a_run_that_ended_before_the_rename_may_be_requeued_if_it_failed(
    store: Store, player: Player, ended: str
) -> None:
    run = fired(store, player)
    player.end(ended)
    rename(store)

    claim = player.claim(run)

    if ended == "succeeded":
        assert claim.refused == "it has succeeded already"
        return
    assert not claim.refused
    player.end()
    tick = tick_in(run)
    assert outcomes(store, "new") == [(tick, tick, 1, "succeeded", "")]
    assert (outcomes(store, "old"), store.connection.zcard(KEYS.active_index)) == ([], 0)


def test_a_backfill_goes_on_under_the_new_name_of_its_schedule(store: Store, player: Player) -> None:
    apply(store, schedule("old", every=HOUR))
    steps = backfill(store, 4, limit=2)
    next(steps), next(steps)
    early = queued(store)

    rename(store)
    other = backfill(store, 4, "new", limit=2)
    next(other), next(other)
    assert queued(store) == early  # both count what was handed out under the old name
    player.take(), player.end()
    done = carry_out(steps, player)

    assert (done.total, done.count("succeeded"), done.left) == (4, 4, 0)
    assert [run.rpartition("--")[0] for run in early] == [KEYS.queue("old")] * 2
    assert [status for *_, status, _ in outcomes(store, "new")] == ["succeeded"] * 4


@pytest.mark.parametrize("before", [True, False])
def test_a_cancel_of_all_ends_a_backfill_whose_schedule_was_renamed(store: Store, player: Player, before: bool) -> None:
    apply(store, schedule("old", every=HOUR))
    steps = backfill(store, 4)
    next(steps), next(steps)
    player.take(), player.end()
    manager = RQManager(store, "")

    if before:
        manager.stop_all("old")
    rename(store)
    if not before:
        manager.stop_all("new")
    *_, last = steps

    assert (last.count("succeeded"), last.left, queued(store)) == (1, 3, [])


def test_what_was_called_off_under_a_name_is_not_so_for_who_takes_that_name(store: Store, player: Player) -> None:
    apply(store, schedule("new", every=HOUR))
    RQManager(store, "").stop_all("new")
    apply(store, schedule("old", every=HOUR))
    steps = backfill(store, 2)
    next(steps), next(steps)
    rename(store)

    assert carry_out(steps, player).count("succeeded") == 2


def test_a_tick_that_runs_again_while_its_schedule_is_renamed_has_run_under_the_new_name(
    store: Store, player: Player
) -> None:
    run = fired(store, player)
    player.end("failed")
    rerun_tick(store, "old", tick_in(run), RERUN)
    player.take()

    rename(store)
    player.end()

    with pytest.raises(RefusedError, match="has succeeded"):
        rerun_tick(store, "new", tick_in(run), RERUN)
    assert outcomes(store, "old") == []


def test_a_schedule_that_gets_the_name_of_a_deleted_one_has_its_own_past_only(store: Store, player: Player) -> None:
    gone = fired(store, player, "new")
    player.end()
    apply(store, schedule("old", every=HOUR))  # `new` is deleted
    store.connection.zadd(KEYS.older("new"), {canonical(PAST): 7})
    own = fire(store, player)
    player.end("failed")

    rename(store)

    tick = tick_in(own)
    assert outcomes(store, "new") == [(tick, tick, 1, "failed", "")]
    assert not store.connection.exists(KEYS.older("new"), KEYS.outcomes("old"))
    assert store.connection.ttl(KEYS.outcomes("new")) == -1
    assert tick_in(gone) not in [record.last for record in read_runs(store, Wish("new")).runs]
    assert plan_backfill(store, "new", tick_in(gone), tick_in(gone)).to_run[0].status == "unknown"


def test_the_past_of_a_deleted_one_comes_back_with_its_name(store: Store, player: Player) -> None:
    fired(store, player, "new")
    player.end("failed")
    gone = outcomes(store, "new")
    store.connection.zadd(KEYS.older("new"), {canonical(PAST): 7})
    apply(store, schedule("old", every=HOUR))  # `new` is deleted
    fire(store, player)
    player.end()
    own = outcomes(store, "old")
    rename(store)
    for key in KEYS.former("new"):
        assert 0 < store.connection.ttl(key) <= 30 * 24 * HOUR

    rename(store, "new", "old")
    apply(store, schedule("old", every=HOUR), schedule("new", every=HOUR))

    assert (outcomes(store, "old"), outcomes(store, "new")) == (own, gone)
    assert store.connection.zcard(KEYS.older("new")) == 1
    assert store.connection.ttl(KEYS.outcomes("new")) == -1
    assert not store.connection.exists(*KEYS.former("new"))


def test_the_runs_by_hand_of_a_pipeline_stay_where_a_schedule_gets_its_name(store: Store, player: Player) -> None:
    both = [pipeline("new"), pipeline("report")]
    apply_both = desired([schedule("new", every=HOUR), schedule("old", every=HOUR)], both)
    apply_plan(make_plan(store.keys, apply_both, store.read(), SOURCE), store, "both")
    for of in ("outcomes", "older"):
        by_hand = {**PAST, "run": KEYS.run_id("new", "m01h")}
        store.connection.zadd(getattr(KEYS, of)("new"), {canonical(one): 7 for one in (PAST, by_hand)})
        store.connection.zadd(getattr(KEYS, of)("old"), {canonical({**PAST, "first": 8, "last": 8}): 8})
    only_old = desired([schedule("old", every=HOUR)], both)
    apply_plan(make_plan(store.keys, only_old, store.read(), SOURCE), store, "only")

    wanted = replace(desired([schedule("new", every=HOUR)], both), previous_names={"new": ("old",)})
    apply_plan(make_plan(store.keys, wanted, store.read(), SOURCE), store, "rename")

    for key in (KEYS.outcomes("new"), KEYS.older("new")):
        found = [json.loads(raw) for raw in store.connection.zrange(key, 0, -1)]
        assert [(one["last"], one.get("run", "")) for one in found] == [(7, KEYS.run_id("new", "m01h")), (8, "")]
    assert store.connection.ttl(KEYS.outcomes("new")) == -1
    assert store.connection.ttl(KEYS.older("new")) > 0


def test_what_failed_is_found_where_another_schedule_has_the_name_of_then(store: Store, player: Player) -> None:
    run = fired(store, player)
    player.end("failed")
    rename(store)
    apply(store, schedule("new", every=HOUR), schedule("old", every=HOUR))

    (plan,), left = RQManager(store, "").plans_again(since=0)

    assert (plan.applied.schedule.name, [tick.tick for tick in plan.to_run], left) == ("new", [tick_in(run)], [])
    assert RQManager(store, "").named(run) == ("new", tick_in(run))


def test_a_run_that_ran_again_under_the_new_name_is_still_known_by_its_first_id(store: Store, player: Player) -> None:
    run = fired(store, player)
    player.end("failed")
    rename(store)
    apply(store, schedule("new", every=HOUR), schedule("old", every=HOUR))
    rerun_tick(store, "new", tick_in(run), RERUN)
    assert (player.take(), player.end("failed")) == (KEYS.run_id("new", tick_in(run)),) * 2

    assert RQManager(store, "").named(run) == ("new", tick_in(run))


def test_what_failed_of_two_that_had_one_name_is_told_apart(store: Store, player: Player) -> None:
    first = fired(store, player)
    player.end("failed")
    rename(store)
    rename(store, "new", "newer")
    apply(store, schedule("newer", cron="0 0 1 1 *"), schedule("old", every=HOUR))
    second = fire(store, player)
    player.end("failed")

    plans, left = RQManager(store, "").plans_again(since=0)

    found = {plan.applied.schedule.name: [tick.tick for tick in plan.to_run] for plan in plans}
    assert (found, left) == ({"newer": [tick_in(first)], "old": [tick_in(second)]}, [])
    assert RQManager(store, "").named(second) == ("old", tick_in(second))


def test_what_was_missed_is_found_where_another_schedule_has_the_name_of_then(store: Store, player: Player) -> None:
    apply(store, schedule("old", every=HOUR, catchup="latest"))
    shift_clock(store.connection, 4 * HOUR)
    step(store)
    (missed,) = [one for one in outcomes(store, "old") if one[3] == "missed"]
    rename(store)
    apply(store, schedule("new", every=HOUR), schedule("old", every=HOUR))

    (plan,), left = RQManager(store, "").plans_again(since=0, statuses=["missed"])

    assert (plan.applied.schedule.name, left) == ("new", [])
    assert [plan.ticks[0].tick, plan.ticks[-1].tick, len(plan.ticks)] == [*missed[:3]]


@pytest.mark.parametrize(
    "ask",
    [
        lambda jobs: jobs.pause("old", reason="x"),
        lambda jobs: jobs.resume("old"),
        lambda jobs: jobs.runs("old"),
        lambda jobs: jobs.enqueue("old"),
        lambda jobs: jobs.plan_backfill("old", "1h"),
        lambda jobs: jobs.rerun("old", "1h"),
        lambda jobs: jobs.cancel("old"),
        lambda jobs: jobs.stop_all("old"),
    ],
)
def test_who_asks_by_a_former_name_hears_the_one_of_now(store: Store, ask: Callable[[RQManager], object]) -> None:
    apply(store, schedule("old", every=HOUR))
    rename(store, "old", "weekly")
    rename(store, "weekly", "monthly")

    with pytest.raises(UsageError) as caught:
        ask(RQManager(store, "", who=lambda: "ana"))

    assert caught.value.hint == "old was renamed to monthly"
