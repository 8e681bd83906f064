"""Rollback on a real Redis: the laws, and what it must refuse or leave alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from support.redis_state import dump_keys
from support.states import KEYS, SOURCE, desired, desired_states, pipeline, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import HistoryError, RefusedError, StalePlanError
from flowerpower.jobs.scheduling.collect import collect_specs
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed, Facts
from flowerpower.planning.plan import Plan
from flowerpower.planning.rollback import RollbackContext, plan_rollback
from flowerpower.state.history import read_history, read_steps
from flowerpower.state.models import Desired, State
from flowerpower.state.store import Store

ON_REAL_REDIS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
ANYTHING = Allowed(empty=True, deletes="100%")
QUEUES = [KEYS.queue("default"), KEYS.queue("heavy")]


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    return Store(redis_connection, KEYS)


def apply(store: Store, wanted: Desired, apply_id: str, commit: str = "") -> Plan:
    plan = make_plan(KEYS, wanted, store.read(), replace(SOURCE, commit=commit or f"commit-of-{apply_id}"))
    apply_plan(plan, store, apply_id)
    return plan


def rollback_plan(store: Store, undone: str, allowed: Allowed = ANYTHING) -> Plan:
    reading = store.read()
    return plan_rollback(KEYS, read_steps(store, undone), reading, RollbackContext(SOURCE, Facts(), allowed))


def roll_back(store: Store, undone: str, apply_id: str, allowed: Allowed = ANYTHING) -> Plan:
    plan = rollback_plan(store, undone, allowed)
    apply_plan(plan, store, apply_id)
    return plan


def without_ticks(state: State) -> tuple[Any, Any]:
    """Return a state without what depends on the moment: which tick a schedule waits for."""
    schedules = {
        name: replace(one, occurrence=one.occurrence and replace(one.occurrence, id="", due=0))
        for name, one in state.schedules.items()
    }
    return schedules, state.pipelines


@ON_REAL_REDIS
@given(wanted=st.lists(desired_states(), min_size=1, max_size=5), data=st.data())
def test_a_rollback_restores_what_was_before_and_a_rollback_of_it_what_was_after(
    redis_connection: Redis, wanted: Sequence[Desired], data: st.DataObject
) -> None:
    redis_connection.flushall()
    store = Store(redis_connection, KEYS)
    states, commits = [store.read().state], [""]
    for number, one in enumerate(wanted):
        apply(store, one, f"apply-{number}")
        states.append(store.read().state)
        commits.append(store.head().commit)
        if data.draw(st.booleans(), label="collect"):
            collect_specs(store, QUEUES, store.head().generation)
    undoable = [past.apply_id for past in read_history(store).applies]
    if not undoable:
        return  # every state was empty
    undone = data.draw(st.sampled_from(undoable), label="undone")
    number = int(undone.rpartition("-")[2])

    roll_back(store, undone, "back-1")

    assert without_ticks(store.read().state) == without_ticks(states[number])
    assert store.head().commit == commits[number]
    target = wanted[number - 1] if number else desired()
    assert make_plan(KEYS, target, store.read(), SOURCE).changes == ()
    if store.head().generation == len(undoable):
        return  # the applies had undone each other: there is nothing to redo

    roll_back(store, "back-1", "back-2")

    assert without_ticks(store.read().state) == without_ticks(states[-1])
    assert make_plan(KEYS, wanted[-1], store.read(), SOURCE).changes == ()
    assert store.head().commit == commits[-1]


def test_run_specs_that_were_collected_meanwhile_come_back(store: Store, redis_connection: Redis) -> None:
    first = desired([schedule("a", timeout=1), schedule("b")])
    apply(store, first, "one")
    apply(store, desired([schedule("a", timeout=2)]), "two")
    assert collect_specs(store, QUEUES, 2) == 2

    roll_back(store, "two", "back")

    specs = {run.decode(): text.decode() for run, text in redis_connection.hgetall(KEYS.specs).items()}
    assert specs.items() >= first.run_specs.items()


def hold(connection: Redis, name: str, **more: Any) -> bytes:
    text = json.dumps({"who": "ana", "why": "vendor outage", "since": 1_700_000_000, "until": None, **more}).encode()
    connection.hset(KEYS.holds, name, text)
    return text


def test_a_hold_deleted_with_its_schedule_comes_back_and_nothing_waits(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a"), schedule("b")]), "one")
    text = hold(redis_connection, "b")
    apply(store, desired([schedule("a")]), "two")
    assert redis_connection.hgetall(KEYS.holds) == {}

    plan = roll_back(store, "two", "back")

    assert redis_connection.hgetall(KEYS.holds) == {b"b": text}
    assert plan.held["b"].why == "vendor outage"
    live = store.read()
    assert live.state.schedules["b"].occurrence is None
    assert live.cursors["b"].pending is None
    assert make_plan(KEYS, desired([schedule("a"), schedule("b")]), live, SOURCE).changes == ()

    roll_back(store, "back", "redo")
    roll_back(store, "redo", "again")

    assert redis_connection.hgetall(KEYS.holds) == {b"b": text}


def test_a_hold_that_has_ended_meanwhile_does_not_come_back(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a"), schedule("b")]), "one")
    hold(redis_connection, "b", until=1_700_000_001)
    apply(store, desired([schedule("a")]), "two")

    roll_back(store, "two", "back")

    assert redis_connection.hgetall(KEYS.holds) == {}
    assert store.read().state.schedules["b"].occurrence is not None


def test_a_hold_on_a_live_schedule_is_left_alone(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a", timeout=1)]), "one")
    apply(store, desired([schedule("a", timeout=2)]), "two")
    text = hold(redis_connection, "a")
    apply(store, desired([schedule("a", timeout=2)]), "paused")

    roll_back(store, "two", "back")

    assert redis_connection.hgetall(KEYS.holds) == {b"a": text}
    assert store.read().state.schedules["a"].fields["timeout"] == 1
    assert store.read().state.schedules["a"].occurrence is None


def test_a_hold_is_told_under_the_name_that_comes_back(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("former"), schedule("other")]), "one")
    renamed = replace(desired([schedule("latter"), schedule("other")]), previous_names={"latter": ("former",)})
    hold(redis_connection, "former")
    hold(redis_connection, "other")
    apply(store, renamed, "two")

    assert rollback_plan(store, "two").held.keys() == {"former", "other"}


def test_a_hold_of_a_schedule_made_anew_since_does_not_pause_it(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a"), schedule("b", timeout=1)]), "one")
    hold(redis_connection, "b")
    apply(store, desired([schedule("a")]), "two")
    apply(store, desired([schedule("a"), schedule("b", timeout=2)]), "three")

    roll_back(store, "two", "back")

    assert redis_connection.hgetall(KEYS.holds) == {}
    assert store.read().state.schedules["b"].occurrence is not None


def three_applies(store: Store) -> None:
    for number, name in enumerate(("one", "two", "three"), start=1):
        apply(store, desired([schedule("a", timeout=number)]), name)


@pytest.mark.parametrize("key", [KEYS.inverses, KEYS.history, KEYS.holds])
def test_a_key_of_another_type_in_the_way_leaves_everything_as_it_was(
    store: Store, redis_connection: Redis, key: str
) -> None:
    three_applies(store)
    plan = rollback_plan(store, "two")
    redis_connection.delete(key)
    redis_connection.set(key, "not ours")
    before = dump_keys(redis_connection)

    with pytest.raises(StalePlanError, match="not ours to overwrite"):
        apply_plan(plan, store, "back")

    assert dump_keys(redis_connection, without=(f"{KEYS.prefix}stage",)) == before


def test_of_two_rollbacks_at_once_one_wins(store: Store, redis_connection: Redis) -> None:
    three_applies(store)
    one, other = rollback_plan(store, "two"), rollback_plan(store, "three")
    apply_plan(one, store, "back")
    before = dump_keys(redis_connection)

    with pytest.raises(StalePlanError, match="another apply"):
        apply_plan(other, store, "late")

    assert dump_keys(redis_connection, without=(f"{KEYS.prefix}stage",)) == before


def test_an_apply_between_the_two_looks_at_redis_is_a_stale_plan(store: Store) -> None:
    three_applies(store)
    reading = store.read()
    apply(store, desired([schedule("a", timeout=4)]), "four")

    with pytest.raises(StalePlanError, match="just now"):
        plan_rollback(KEYS, read_steps(store, "two"), reading, RollbackContext(SOURCE, Facts(), ANYTHING))


def test_the_guards_stand_before_a_rollback_too(store: Store) -> None:
    names = [schedule(name) for name in "abcdef"]
    apply(store, desired(names[:3]), "one")
    apply(store, desired(names), "two")
    apply(store, desired([*names[:5], schedule("f", protected=True)]), "three")

    plan = rollback_plan(store, "two", Allowed())
    first = rollback_plan(store, "one", Allowed())

    refused = {check.name: check.message for check in plan.refused}
    assert refused.keys() == {"deletes", "protected"}
    assert "nothing was live before that apply" in {check.name: check.message for check in first.refused}["empty"]
    with pytest.raises(RefusedError):
        apply_plan(plan, store, "back")


def test_the_repository_of_the_checkout_is_compared_and_that_of_the_time_restored(store: Store) -> None:
    three_applies(store)
    apply_plan(
        make_plan(KEYS, desired([schedule("a", timeout=4)]), store.read(), replace(SOURCE, repository="new/owner")),
        store,
        "takeover",
    )

    def planned(repository: str) -> Plan:
        asked = RollbackContext(replace(SOURCE, repository=repository), Facts(), Allowed())
        return plan_rollback(KEYS, read_steps(store, "takeover"), store.read(), asked)

    assert [check.name for check in planned(SOURCE.repository).refused] == ["foreign"]
    apply_plan(planned("new/owner"), store, "back")
    assert store.head().repository == SOURCE.repository


def test_an_altered_record_comes_back_as_it_was_and_the_plan_says_so(store: Store, redis_connection: Redis) -> None:
    wanted = desired([schedule("a", timeout=60)])
    apply(store, wanted, "one")
    record: Any = redis_connection.hget(KEYS.schedules, "a")
    redis_connection.hset(KEYS.schedules, "a", record.replace(b'"timeout":60', b'"timeout":61'))
    apply(store, wanted, "repair")

    plan = rollback_plan(store, "repair")

    assert [check.message for check in plan.checks if check.name == "altered"] == [
        "had been altered in Redis before it was undone: schedule.a; it comes back altered"
    ]
    apply_plan(plan, store, "back")
    assert store.read().state.schedules["a"].fields["timeout"] == 61
    (change,) = make_plan(KEYS, wanted, store.read(), SOURCE).changes
    assert [(field.name, field.new) for field in change.fields] == [("timeout", 60)]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b'"cron":"0 2 * * *"', b'"cron":"0 2 * * x"', "schedule.a cannot be read"),
        (b'"queue":"default",', b"", "schedule.a cannot be put back"),
        (b'"run":"', b'"run":"0', "what its runs run was not kept"),
    ],
)
def test_a_record_that_had_been_altered_beyond_use_is_not_put_back(
    store: Store, redis_connection: Redis, old: bytes, new: bytes, says: str
) -> None:
    wanted = desired([schedule("a")])
    apply(store, wanted, "one")
    record: Any = redis_connection.hget(KEYS.schedules, "a")
    redis_connection.hset(KEYS.schedules, "a", record.replace(old, new))
    apply(store, wanted, "repair")

    with pytest.raises(HistoryError, match=says):
        rollback_plan(store, "repair")


def test_what_was_altered_and_is_not_touched_stays_as_it_is(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a", timeout=1), schedule("b", timeout=60)]), "one")
    apply(store, desired([schedule("a", timeout=2), schedule("b", timeout=60)]), "two")
    record: Any = redis_connection.hget(KEYS.schedules, "b")
    altered = record.replace(b'"timeout":60', b'"timeout":"soon"')
    redis_connection.hset(KEYS.schedules, "b", altered)

    plan = roll_back(store, "two", "back")

    assert [change.address for change in plan.changes] == ["schedule.a"]
    assert redis_connection.hget(KEYS.schedules, "b") == altered
    assert "schedule.b" in next(check.message for check in plan.checks if check.name == "drift")
    assert plan.after.schedules.keys() == {"a", "b"}


def test_the_head_notes_every_commit_that_was_in_force_since(store: Store) -> None:
    three_applies(store)
    apply(store, desired([schedule("a", timeout=3)]), "nothing-new", commit="later")

    roll_back(store, "two", "back")

    assert store.head().commit == "commit-of-one"
    assert store.head().rolled_back == ("later", "commit-of-three", "commit-of-two")
    (past, *_) = read_history(store).applies
    assert (past.rollback_of, past.commit, past.before.commit) == ("two", "commit-of-one", "later")

    apply(store, desired([schedule("a", timeout=9)]), "next")
    assert store.head().rolled_back == ()
    assert b"rolled_back" not in store.connection.hkeys(KEYS.head)

    roll_back(store, "next", "again")
    assert store.head().rolled_back == ("commit-of-next", "later", "commit-of-three", "commit-of-two")


def test_a_redo_refuses_nothing_and_its_undoing_what_was_refused_before(store: Store) -> None:
    three_applies(store)
    roll_back(store, "three", "back")
    assert store.head().rolled_back == ("commit-of-three",)

    roll_back(store, "back", "redo")
    assert (store.head().commit, store.head().rolled_back) == ("commit-of-three", ())

    roll_back(store, "redo", "undo")
    assert (store.head().commit, store.head().rolled_back) == ("commit-of-two", ("commit-of-three",))
    roll_back(store, "two", "all")
    assert store.head().rolled_back == ("commit-of-two", "commit-of-three")


def test_the_code_that_the_workers_need_is_named(store: Store) -> None:
    apply(store, desired([], [pipeline("report", code="a" * 64), pipeline("other")]), "one")
    apply(store, desired([], [pipeline("report", code="b" * 64), pipeline("other", timeout=5)]), "two")

    (code,) = [check for check in rollback_plan(store, "two").checks if check.name == "code"]

    assert code.verdict == "warn"
    assert "pipeline report (aaaaaaa):" in code.message
    assert code.hint == "deploy commit-of-on to the workers too"


def test_places_come_back_with_the_records(store: Store) -> None:
    wanted = replace(desired([schedule("a")]), places={"schedule.a": "schedules/a.yaml:1:1"})
    apply(store, wanted, "one")
    apply(store, replace(desired([schedule("a", timeout=7)]), places={"schedule.a": "schedules/b.yaml:3:1"}), "two")

    plan = roll_back(store, "two", "back")

    assert [change.place for change in plan.changes] == ["schedules/a.yaml:1:1"]
    assert store.read().records["schedule.a"].place == "schedules/a.yaml:1:1"


def test_a_rename_is_undone_as_a_rename_however_long_ago_it_was(store: Store) -> None:
    apply(store, desired([schedule("first", every=3600)]), "a" * 8)
    before = store.read()
    renamed = replace(desired([schedule("second", every=3600)]), previous_names={"second": ("first",)})
    apply(store, renamed, "b" * 8)
    again = replace(desired([schedule("third", every=3600, timeout=9)]), previous_names={"third": ("second",)})
    apply(store, again, "c" * 8)

    plan = roll_back(store, "b" * 8, "d" * 8)

    (change,) = plan.changes
    assert (change.address, change.previous, change.timing) == ("schedule.first", "schedule.third", "keep")
    after = store.read()
    assert after.state == before.state
    assert after.cursors.keys() == {"first"}
    roll_back(store, "d" * 8, "e" * 8)
    assert make_plan(KEYS, again, store.read(), SOURCE).changes == ()
