"""Backfills on a real Redis, with workers played by hand: what is run, how much at once, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis
from support.holds import HOUR, QUEUE, apply, events, outcomes, queued, step
from support.players import Player
from support.redis_state import SHIFTED_CLOCK, dump_keys, shift_clock, start_at_half_past
from support.states import KEYS, schedule

from flowerpower.errors import FlowerPowerError, RefusedError, StoreError, UsageError
from flowerpower.jobs.by_hand.backfill import Backfill, BackfillPlan, Progress, plan_backfill, plans_again
from flowerpower.jobs.manager import RQManager
from flowerpower.jobs.records import RunRecord, Wish, read_runs
from flowerpower.state.store import Store


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    return fresh(redis_connection)


def fresh(connection: Redis) -> Store:
    connection.flushall()
    start_at_half_past(connection)
    return Store(connection, KEYS, SHIFTED_CLOCK)


def often(overlap: str = "allow", **more: Any) -> Any:
    return schedule("often", **{"every": HOUR, "overlap": overlap, **more})


def window(store: Store, hours: int, **more: Any) -> BackfillPlan:
    return plan_backfill(store, "often", f"{hours}h", "now", **more)


def begin(store: Store, plan: BackfillPlan, limit: int = 1, **more: Any) -> Iterator[Progress]:
    return Backfill(store, plan, limit, pause=lambda seconds: None, **more).steps()


def handed(store: Store) -> int:
    active = [json.loads(raw) for raw in store.connection.hvals(KEYS.active)]
    return sum(entry.get("by") == "backfill" for entry in active)


def carry_out(steps: Iterator[Progress], player: Player, status: str = "succeeded") -> Progress:
    """Let the backfill and one worker take turns until all has ended."""
    seen = []
    for progress in steps:
        seen.append(progress)
        if player.take():
            player.end(status)
    return seen[-1]


def test_ticks_that_have_not_succeeded_are_run_and_the_others_are_not(store: Store, player: Player) -> None:
    apply(store, often())
    for ending in ("succeeded", "failed"):
        shift_clock(store.connection, HOUR)
        step(store)
        player.take()
        player.end(ending)

    plan = window(store, 4)
    assert [tick.status for tick in plan.ticks] == ["unknown", "unknown", "succeeded", "failed"]
    done = carry_out(begin(store, plan), player)

    assert (done.total, done.count("succeeded"), done.failed, done.left) == (3, 3, 0, 0)
    assert [status for *_, status, _ in outcomes(store)] == ["succeeded"] * 4
    assert [done.ended[tick.tick].attempt for tick in plan.to_run] == [1, 1, 2]
    assert [tick.status for tick in window(store, 4).ticks] == ["succeeded"] * 4


@settings(max_examples=25, deadline=None)
@given(
    moves=st.lists(
        st.sampled_from(["step", "step", "step", "take", "end", "fail", "retry", "die", "hour", "again", "other"]),
        max_size=60,
    ),
    limit=st.integers(1, 3),
    overlap=st.sampled_from(["allow", "skip", "buffer_all"]),
)
def test_never_more_than_the_limit_and_no_success_twice(
    redis_server: str, moves: list[str], limit: int, overlap: str
) -> None:
    with Redis.from_url(redis_server) as connection:
        store = fresh(connection)
        player = Player(store, QUEUE)
        apply(store, often(overlap))
        plan, succeeded = window(store, 8), list[str]()
        ways = {name: begin(store, plan, limit) for name in ("mine", "theirs")}
        for move in moves:
            if move == "hour":
                shift_clock(store.connection, HOUR)
                step(store)
            elif move == "again":  # Ctrl-C, or a crash, and the same call again
                ways["mine"] = begin(store, window(store, 8), limit)
            elif move in ("step", "other"):
                next(ways["mine" if move == "step" else "theirs"], None)
            elif move == "take":
                player.take()
            elif move == "die" and player.running:
                player.running.pop(0)  # nobody will ever end it
            elif player.running:
                ended = player.end("succeeded" if move == "end" else "failed", final=move != "retry")
                succeeded += [ended] if move == "end" else []
            assert handed(store) <= limit
        assert len(succeeded) == len(set(succeeded))
        assert [one for one in outcomes(store) if one[3] == "skipped" and overlap == "allow"] == []


def test_live_ticks_fire_as_if_no_backfill_were_there_and_have_their_turn_first(store: Store, player: Player) -> None:
    apply(store, often("skip"))
    steps = begin(store, window(store, 3), 2)
    next(steps), next(steps)
    assert len(queued(store)) == 2

    shift_clock(store.connection, HOUR)
    step(store)

    live = queued(store)[-1]
    assert (len(queued(store)), outcomes(store)) == (3, [])
    for _ in range(2):
        player.take()
        player.end()
    assert "its own run has its turn first" in [next(steps) for _ in range(2)][-1].note
    assert player.take() == live
    player.end()
    assert carry_out(steps, player).count("succeeded") == 3


def test_a_tick_of_long_ago_is_remembered_beside_a_thousand_newer_ones(store: Store, player: Player) -> None:
    apply(store, often())
    now = store.time()
    newer = {
        json.dumps({"first": tick, "last": tick, "count": 1, "status": "missed"}): tick
        for tick in range(now, now + 1000)
    }
    store.connection.zadd(KEYS.outcomes("often"), newer)

    done = carry_out(begin(store, window(store, 2)), player)

    assert done.count("succeeded") == 2
    assert [tick.status for tick in window(store, 2).ticks] == ["succeeded"] * 2
    found = read_runs(store, Wish("often", statuses=("succeeded",)))
    assert [run.last for run in found.runs] == sorted(done.ended, reverse=True)
    assert store.connection.zcard(KEYS.outcomes("often")) == 1000


def test_the_ticks_of_a_night_with_a_change_of_clocks_are_those_of_the_schedule(store: Store) -> None:
    apply(store, schedule("often", cron="30 2 * * *", timezone="Europe/Berlin"))

    plan = plan_backfill(store, "often", "2026-03-28", "2026-03-30")

    moments = [datetime.fromtimestamp(tick.tick, UTC).isoformat() for tick in plan.ticks]
    assert moments == ["2026-03-28T01:30:00+00:00", "2026-03-29T01:00:00+00:00", "2026-03-30T00:30:00+00:00"]


def test_a_window_with_more_ticks_than_anybody_means_is_refused(store: Store) -> None:
    apply(store, often(every=1))

    with pytest.raises(RefusedError, match=r"often has 31,\d\d\d,\d\d\d ticks") as raised:
        plan_backfill(store, "often", "365d", "now")

    assert "--allow-ticks 31" in raised.value.hint


@pytest.mark.parametrize(
    ("start", "end", "what"),
    [
        ("1h", "2h", "ends before it begins"),
        ("2099-01-01", "2099-01-02", "begins in the future: 2099-01-01T00:00:00"),
        ("2099-01-01", "now", "begins in the future: 2099-01-01T00:00:00"),
        ("someday", "now", "`start` 'someday' names no moment"),
    ],
)
def test_a_window_that_means_nothing_says_so(store: Store, start: str, end: str, what: str) -> None:
    apply(store, often())

    with pytest.raises(UsageError, match=what):
        plan_backfill(store, "often", start, end)


def test_a_tick_that_the_schedule_has_not_decided_yet_is_left_to_it(store: Store) -> None:
    apply(store, often())
    shift_clock(store.connection, HOUR)

    assert [tick.status for tick in window(store, 2).ticks] == ["unknown", "undecided"]


def test_an_apply_in_between_is_followed_unless_it_changes_the_ticks(store: Store, player: Player) -> None:
    apply(store, often())
    steps = begin(store, window(store, 4))
    next(steps), next(steps)
    apply(store, often(timeout=77))
    player.take()
    player.end()

    notes = [next(steps).note for _ in range(2)]
    assert any("an apply changed" in note for note in notes)
    run = player.take()
    assert store.connection.hget(KEYS.job(run), "timeout") == b"77"
    player.end()

    apply(store, often(every=2 * HOUR))
    with pytest.raises(FlowerPowerError, match="2 ticks were not handed out"):
        carry_out(steps, player)


def test_a_redis_that_goes_away_is_waited_for_and_nothing_runs_twice(
    store: Store, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(store, often())
    steps = begin(store, window(store, 2))
    next(steps)
    real = store.scripts.call

    def lose_the_reply(name: str, arguments: Any = ()) -> Any:
        real(name, arguments)
        monkeypatch.setattr(store.scripts, "call", real)
        raise StoreError("the connection was cut")

    monkeypatch.setattr(store.scripts, "call", lose_the_reply)
    assert "Redis is away" in next(steps).note
    player.take()
    player.end("failed")

    done = carry_out(steps, player)

    assert (done.total, done.count("failed"), done.count("succeeded")) == (2, 1, 1)
    assert len(events(store, "started")) == 2


def test_foreign_and_damaged_keys_are_left_alone_and_nothing_is_written(store: Store) -> None:
    apply(store, often())
    plan = window(store, 2)
    store.connection.set(KEYS.job(KEYS.run_id("often", plan.ticks[1].tick)), "not ours")
    before = dump_keys(store.connection)
    steps = begin(store, plan, 2)
    next(steps)

    with pytest.raises(FlowerPowerError, match="not ours"):
        next(steps)

    assert dump_keys(store.connection) == before


def test_what_failed_is_run_again_of_all_schedules_and_nothing_else(store: Store, player: Player) -> None:
    apply(store, often(), schedule("other", every=HOUR))
    for ends in (("failed", "failed"), ("succeeded", "failed"), ("failed", "succeeded")):
        shift_clock(store.connection, HOUR)
        step(store)
        for status in ends:
            player.take()
            player.end(status)
    manager = RQManager(store, "", who=lambda: "ana")
    plans, left = manager.plans_again(since="1d")
    assert [(plan.applied.schedule.name, len(plan.to_run)) for plan in plans] == [("often", 2), ("other", 2)]
    assert left == []

    for plan in plans:
        ended = carry_out(manager.backfill(plan, word="rerun", pause=lambda seconds: None), player)
        assert (ended.count("succeeded"), ended.failed) == (2, 0)

    assert manager.plans_again(since="1d") == ([], [])
    assert [record.status for record in manager.runs().runs] == ["succeeded"] * 6  # each tick is told once
    assert manager.runs(statuses=["failed"]).runs == ()


def test_a_run_by_hand_and_what_is_not_live_any_more_are_left_out_of_what_runs_again(
    store: Store, player: Player
) -> None:
    apply(store, often(), schedule("other", every=HOUR))
    shift_clock(store.connection, HOUR)
    step(store)
    for _ in range(2):
        player.take()
        player.end("failed")
    apply(store, often())
    records = [
        *RQManager(store, "").runs(statuses=["failed"]).runs,
        RunRecord("often", 7, 7, "failed", run=KEYS.run_id("often", "m01")),
    ]

    plans, left = plans_again(store, records)

    assert [(plan.applied.schedule.name, len(plan.to_run)) for plan in plans] == [("often", 1)]
    assert sorted(record.name for record in left) == ["often", "other"]


@pytest.mark.parametrize("is_running", [True, False])
def test_a_backfill_whose_runs_are_all_cancelled_hands_out_no_more(
    store: Store, player: Player, is_running: bool
) -> None:
    apply(store, often())
    manager, steps = RQManager(store, "", who=lambda: "ana"), begin(store, window(store, 6), limit=2)
    next(steps)
    next(steps)
    first, second = queued(store)
    if is_running:
        player.take()

    told = {stopped.run: stopped.word for stopped in manager.stop_all("often", "wrong input")}
    if is_running:
        player.end("failed")
    *_, last = steps

    assert told == {first: "deaf" if is_running else "dropped", second: "dropped"}

    assert (last.active, last.left, last.count("cancelled"), queued(store)) == ((), 4, 2, [])
    assert last.note == "somebody cancelled all of its runs, so no other is started"
    assert {record.reason for record in last.ended.values()} == {
        "cancelled with all runs of its name by ana: wrong input"
    }
    assert len(window(store, 6).to_run) == 6  # the same call again goes on


def test_a_backfill_goes_on_when_one_of_its_runs_is_cancelled(store: Store, player: Player) -> None:
    apply(store, often())
    steps = begin(store, window(store, 3))
    next(steps)
    next(steps)

    RQManager(store, "", who=lambda: "ana").cancel(queued(store)[0])
    done = carry_out(steps, player)

    assert (done.count("cancelled"), done.count("succeeded"), done.left) == (1, 2, 0)


def test_an_earlier_cancel_of_all_does_not_stop_the_next_backfill(store: Store, player: Player) -> None:
    apply(store, often())
    steps = begin(store, window(store, 3))
    next(steps)
    next(steps)
    assert len(RQManager(store, "").stop_all("often")) == 1
    assert [*steps][-1].left == 2

    assert carry_out(begin(store, window(store, 3)), player).count("succeeded") == 3


def test_a_backfill_between_two_runs_ends_too_when_all_are_cancelled(store: Store, player: Player) -> None:
    apply(store, often())
    steps, others = begin(store, window(store, 3)), begin(store, window(store, 3))
    for _ in range(2):
        next(steps)
    player.take()
    player.end()

    assert RQManager(store, "").stop_all("often") == ()
    *_, last = steps

    assert (last.count("succeeded"), last.left, queued(store)) == (1, 2, [])
    assert last.note == "somebody cancelled all of its runs, so no other is started"
    assert carry_out(others, player).count("succeeded") == 2  # it begins after that


def test_a_backfill_that_waits_for_a_run_of_an_earlier_one_outlives_that_ones_end(store: Store, player: Player) -> None:
    apply(store, often())
    steps = begin(store, window(store, 3))
    next(steps), next(steps)
    player.take()
    manager = RQManager(store, "")
    assert [stopped.word for stopped in manager.stop_all("often")] == ["deaf"]

    later = begin(store, window(store, 3))
    next(later)
    player.end("failed")
    done = carry_out(later, player)

    assert (done.count("succeeded"), done.count("cancelled"), done.left) == (2, 1, 0)
    assert 0 < store.connection.ttl(KEYS.called_off("often")) <= 7 * 86_400
