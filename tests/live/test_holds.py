"""Holds on a real Redis: what pause and resume leave there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from support.holds import HELD, HOUR, QUEUE, apply, events, everything, outcomes, pause, queued, resume, step
from support.redis_state import shift_clock
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.errors import StoreError, UsageError
from flowerpower.jobs.manager import RQManager
from flowerpower.planning.diff import make_plan
from flowerpower.state.models import Hold
from flowerpower.state.store import Store


def without_times(job: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {name: value for name, value in job.items() if name != b"created_at"}


def test_a_hold_takes_the_pending_occurrence_and_nothing_fires(store: Store) -> None:
    apply(store, schedule("often", every=HOUR), schedule("other", every=HOUR))
    before = store.read()

    paused = pause(store, "often")

    live = store.read()
    assert live.cursors["often"].pending is None
    assert live.cursors["often"].tick == before.cursors["often"].tick
    assert not store.connection.exists(KEYS.job(before.cursors["often"].pending))
    assert live.holds == {"often": Hold("ana", "vendor outage", since=paused.now)}
    assert [(one.name, one.pending) for one in paused.held] == [
        ("often", before.state.schedules["often"].occurrence.due)
    ]
    assert events(store, "held") == [{"event": "held", "schedule": "often", "who": "ana", "reason": "vendor outage"}]
    shift_clock(store.connection, 3 * HOUR)
    step(store)
    assert [run.split("--")[2] for run in queued(store)] == ["other"]


def test_a_resumed_schedule_starts_from_now_and_what_it_skipped_is_one_range(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    first = store.read().state.schedules["often"].occurrence.due
    pause(store, "often")
    shift_clock(store.connection, 9 * HOUR)

    resumed = resume(store, "often")

    last = first + 8 * HOUR
    assert outcomes(store) == [(first, last, 9, "skipped", HELD)]
    (released,) = resumed.resumed
    assert (released.skipped, released.missed, released.next_tick) == (9, 0, last + HOUR)
    assert store.read().holds == {}
    assert store.read().cursors["often"].tick == resumed.now
    assert events(store, "resumed") == [{"event": "resumed", "schedule": "often", "who": "bob", "reason": ""}]
    assert make_plan(KEYS, desired([schedule("often", every=HOUR)]), store.read(), SOURCE).changes == ()
    assert step(store) == 0
    shift_clock(store.connection, HOUR)
    step(store)
    assert queued(store) == [KEYS.run_id("often", last + HOUR)]


def test_resume_writes_the_occurrence_as_apply_and_the_scheduler_do(store: Store) -> None:
    retry = {"max": 2, "intervals": [5]}
    apply(store, schedule("often", cron="30 2 * * *", timezone="Europe/Berlin", owner="日本", retry=retry, jitter=900))
    pending = str(store.read().cursors["often"].pending)
    applied = store.connection.hgetall(KEYS.job(pending))
    score = store.connection.zscore(KEYS.scheduled(QUEUE), pending)
    pause(store, "often")

    resume(store, "often")

    resumed = store.connection.hgetall(KEYS.job(pending))
    assert store.connection.zscore(KEYS.scheduled(QUEUE), pending) == score
    assert {**resumed, b"meta": json.loads(resumed[b"meta"])} | {b"created_at": 0} == {
        **applied,
        b"meta": json.loads(applied[b"meta"]) | {"commit": "c0ffee"},
        b"created_at": 0,
    }
    store.connection.delete(KEYS.job(pending))
    store.connection.zrem(KEYS.scheduled(QUEUE), pending)
    step(store)
    assert without_times(store.connection.hgetall(KEYS.job(pending))) == without_times(resumed)


def test_ticks_that_an_outage_swallowed_before_the_hold_are_not_laid_on_it(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    first = store.read().state.schedules["often"].occurrence.due
    shift_clock(store.connection, 3 * HOUR)
    pause(store, "often")
    shift_clock(store.connection, 2 * HOUR)

    resume(store, "often")

    assert outcomes(store) == [
        (first, first + 2 * HOUR, 3, "missed", "nothing fired it before the schedule was held"),
        (first + 3 * HOUR, first + 4 * HOUR, 2, "skipped", HELD),
    ]


def test_a_month_of_seconds_is_one_record(store: Store) -> None:
    apply(store, schedule("often", every=1))
    cursor = store.read().cursors["often"].tick
    pause(store, "often")
    shift_clock(store.connection, 31 * 24 * HOUR)

    resumed = resume(store, "often")

    (outcome,) = outcomes(store)
    assert outcome == (cursor + 1, resumed.now, resumed.now - cursor, "skipped", HELD)


def test_runs_that_are_under_way_go_on(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    shift_clock(store.connection, HOUR)
    step(store)
    running = queued(store)
    retry = KEYS.run_id("often", 5)
    store.connection.hset(KEYS.active, retry, json.dumps({"name": "often", "tick": 5, "attempt": 1, "since": 1}))
    store.connection.hset(KEYS.job(retry), mapping={"data": "[]", "status": "scheduled"})
    store.connection.zadd(KEYS.scheduled(QUEUE), {retry: 5})

    (held,) = pause(store, "often").held
    step(store)

    assert held.active == 1  # the retry was written without its place in the index
    assert queued(store) == [*running, retry]


def test_a_second_pause_changes_nothing_and_is_told_who_holds(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    pause(store, "often")
    before = everything(store)

    again = pause(store, "often", who="bob", why="something else", until="2d")

    assert (again.held, [(one.name, one.hold.who) for one in again.already]) == ((), [("often", "ana")])
    assert everything(store) == before


def test_a_hold_that_ends_too_early_stands_in_the_way_of_a_longer_one(store: Store) -> None:
    apply(store, schedule("often", every=HOUR), schedule("other", every=HOUR))
    pause(store, "often", until="1h")
    before = everything(store)

    with pytest.raises(UsageError, match="not as long as you ask: often") as caught:
        pause(store, "often", "other", until="2h", who="bob")

    assert "--replace" in caught.value.hint
    assert everything(store) == before


def test_a_replaced_hold_keeps_when_it_began_and_its_ticks_are_the_new_holders(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    began = pause(store, "often").now
    shift_clock(store.connection, 5 * HOUR)

    replaced = pause(store, "often", who="bob", why="migration", until="1d", replace=True)

    (held,) = replaced.held
    assert held.hold == Hold("bob", "migration", replaced.now, until=replaced.now + 24 * HOUR, began=began)
    resume(store, "often")
    assert [(count, reason) for _, _, count, _, reason in outcomes(store)] == [(5, "held by bob: migration")]


def test_all_are_held_or_none(store: Store) -> None:
    apply(store, schedule("sales_a"), schedule("sales_b"), schedule("crm"))
    before = everything(store)

    with pytest.raises(UsageError, match="no schedule 'crmm' is live") as caught:
        pause(store, "sales_*", "crmm")

    assert caught.value.hint == "did you mean 'crm'?"
    assert everything(store) == before
    assert [one.name for one in pause(store, "sales_*", "sales_a").held] == ["sales_a", "sales_b"]


@pytest.mark.parametrize(
    ("key", "write"),
    [
        (KEYS.runs, lambda c, k: c.set(k, "x")),
        (KEYS.holds, lambda c, k: c.sadd(k, "x")),
        (KEYS.active_index, lambda c, k: c.sadd(k, "x")),
        (KEYS.scheduled(QUEUE), lambda c, k: (c.delete(k), c.set(k, "x"))),
        (KEYS.queues, lambda c, k: (c.delete(k), c.set(k, "x"))),
        ("pending", lambda c, k: (c.delete(k), c.set(k, "x"))),
        (KEYS.cursors, lambda c, k: c.hset(k, "often", "nonsense")),
    ],
)
def test_a_hold_that_meets_damage_writes_nothing(store: Store, key: str, write: Any) -> None:
    apply(store, schedule("often", every=HOUR), schedule("other", every=HOUR))
    pending = KEYS.job(str(store.read().cursors["often"].pending))
    write(store.connection, pending if key == "pending" else key)
    before = everything(store)

    with pytest.raises((UsageError, StoreError)):
        pause(store, "other", "often")

    assert everything(store) == before


@pytest.mark.parametrize(
    ("key", "write"),
    [
        (KEYS.runs, lambda c, k: (c.delete(k), c.set(k, "x"))),
        (KEYS.outcomes("often"), lambda c, k: c.set(k, "x")),
        (KEYS.scheduled(QUEUE), lambda c, k: (c.delete(k), c.set(k, "x"))),
        ("next", lambda c, k: c.set(k, "x")),
        (KEYS.cursors, lambda c, k: c.hset(k, "often", "nonsense")),
        (KEYS.schedules, lambda c, k: c.hset(k, "often", "{")),
        (KEYS.schedules, lambda c, k: c.hset(k, "often", c.hget(k, "often").replace(b'"every":3600', b'"every":-1'))),
    ],
)
def test_a_resume_that_meets_damage_writes_nothing(store: Store, key: str, write: Any) -> None:
    apply(store, schedule("often", every=HOUR), schedule("other", every=HOUR))
    following = KEYS.job(str(store.read().cursors["often"].pending))
    pause(store, "often", "other")
    write(store.connection, following if key == "next" else key)
    before = everything(store)

    with pytest.raises(StoreError):
        resume(store, "other", "often")

    assert everything(store) == before


@pytest.mark.parametrize(
    "raw", ["", "{", "[]", "null", '{"who": 5}', '{"who":{},"why":[],"since":"x","until":"y"}', "\xff"]
)
def test_a_hold_that_cannot_be_read_still_holds_and_can_be_lifted(store: Store, raw: str) -> None:
    apply(store, schedule("often", every=HOUR))
    pause(store, "often")
    store.connection.hset(KEYS.holds, "often", raw.encode("latin-1"))
    shift_clock(store.connection, 2 * HOUR)

    step(store)
    assert (queued(store), [one.name for one in pause(store, "often").already]) == ([], ["often"])
    (released,) = resume(store, "often").resumed

    assert released.skipped == 2
    assert "the hold's record is damaged" in outcomes(store)[0][-1]


def test_resuming_what_is_not_held_changes_nothing(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))
    before = everything(store)

    resumed = resume(store, "often")

    assert (resumed.resumed, resumed.not_held) == ((), ("often",))
    assert everything(store) == before


def test_a_hold_without_a_schedule_can_be_lifted(store: Store) -> None:
    apply(store, schedule("other"))
    store.connection.hset(KEYS.holds, "gone", "{}")

    assert [one.name for one in resume(store, "gone").resumed] == ["gone"]

    assert store.read().holds == {}


def test_a_resume_does_not_undo_paused_in_the_spec(store: Store) -> None:
    apply(store, schedule("often", every=HOUR, paused=True))
    pause(store, "often")
    shift_clock(store.connection, HOUR)

    (released,) = resume(store, "often").resumed

    assert (released.paused, released.next_tick) == (True, None)
    assert store.read().cursors["often"].pending is None
    assert outcomes(store) == []


def test_many_holds_at_once_are_one_event(store: Store) -> None:
    apply(store, *(schedule(f"s{number}") for number in range(101)))

    pause(store, "*", who="", why="x" * 500)
    shift_clock(store.connection, 48 * HOUR)
    resume(store, "s*")

    assert [(one["event"], one["count"]) for one in events(store, "held") + events(store, "resumed")] == [
        ("held", "101"),
        ("resumed", "101"),
    ]
    assert events(store, "skipped") == []
    assert len(outcomes(store, "s7")) == 1


@pytest.mark.parametrize("why", ["", " \n ", "x" * 501])
def test_a_hold_without_a_reason_that_can_be_read_is_refused(store: Store, why: str) -> None:
    apply(store, schedule("often"))

    with pytest.raises(UsageError, match="reason"):
        pause(store, "often", why=why)


def test_any_letters_survive(store: Store) -> None:
    apply(store, schedule("often", every=HOUR))

    (held,) = pause(store, "often", who="Zoë 🦊", why='A "quoted"\nlíne \\ / \udcff\x1b[31m').held

    assert (held.hold.who, held.hold.why) == ("Zoë 🦊", 'A "quoted" líne \\ / \\udcff\x1b[31m')


def test_a_replaced_hold_may_be_damaged(store: Store) -> None:
    apply(store, schedule("often"), schedule("other"))
    for raw in ('{"since":"nan"}', '{"began":1e999}', '{"began":[],"since":-1}', "5"):
        store.connection.hset(KEYS.holds, "other", raw)
        assert [one.hold.began for one in pause(store, "often", "other", replace=True).held] in ([0, 0], [ANY, 0])


def test_a_pause_in_the_past_is_refused(store: Store) -> None:
    apply(store, schedule("often"))
    before = everything(store)

    for until in ("2001-01-01", "0s", store.time()):
        with pytest.raises(UsageError, match="past for often"):
            pause(store, "often", until=until)

    assert everything(store) == before


def test_the_manager_takes_moments_and_spans_and_knows_who_acts(store: Store) -> None:
    apply(store, schedule("often", every=HOUR), schedule("other", every=HOUR))
    manager = RQManager(store, "", who=lambda: "ana")
    later = datetime(2099, 1, 1, tzinfo=UTC)

    paused = [
        *manager.pause("often", reason="x", until=later).held,
        *manager.pause("other", reason="x", until=timedelta(hours=2), who="bob").held,
    ]

    assert [one.hold.until for one in paused] == [int(later.timestamp()), paused[1].hold.since + 2 * HOUR]
    assert [one.hold.who for one in paused] == ["ana", "bob"]
    with pytest.raises(UsageError, match="no time zone"):
        manager.pause("often", reason="x", until=later.replace(tzinfo=None))
    assert [one.name for one in manager.resume("o*").resumed] == ["often", "other"]
    assert [one["who"] for one in events(store, "resumed")] == ["ana", "ana"]
