"""The history on a real Redis: gaps and damage in it are named, and it does not grow without limit."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.apply import apply_plan
from flowerpower.errors import HistoryError, StalePlanError, UsageError
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed, Facts
from flowerpower.planning.past import view_object, view_past
from flowerpower.planning.plan import Plan
from flowerpower.planning.rollback import RollbackContext, plan_rollback
from flowerpower.state.history import applies_since, read_history, read_past, read_past_of, read_steps
from flowerpower.state.models import Desired, History, PastApply
from flowerpower.state.store import Store


@pytest.fixture
def store(redis_connection: Redis) -> Store:
    return Store(redis_connection, KEYS)


def apply(store: Store, wanted: Desired, apply_id: str) -> None:
    apply_plan(make_plan(KEYS, wanted, store.read(), replace(SOURCE, commit=f"commit-of-{apply_id}")), store, apply_id)


def rollback_plan(store: Store, undone: str) -> Plan:
    return plan_rollback(KEYS, read_steps(store, undone), store.read(), RollbackContext(SOURCE, Facts(), Allowed()))


def three_applies(store: Store) -> None:
    for number, name in enumerate(("one", "two", "three"), start=1):
        apply(store, desired([schedule("a", timeout=number)]), name)


def entry_of(connection: Redis, apply_id: str) -> bytes:
    entries: Any = connection.xrange(KEYS.history)
    return next(entry for entry, fields in entries if fields[b"apply_id"] == apply_id.encode())


def moved_by(connection: Redis, apply_id: str) -> str:
    """Return the key of what an apply has moved out of its way."""
    return KEYS.inverse(entry_of(connection, apply_id).decode())


def rewrite_entry(connection: Redis, apply_id: str, **fields: str | None) -> None:
    """Write the history anew, with one entry changed; a field that is None goes."""
    entries: Any = connection.xrange(KEYS.history)
    connection.delete(KEYS.history)
    for entry, values in entries:
        texts = {key.decode(): value.decode() for key, value in values.items()}
        if texts["apply_id"] == apply_id:
            texts = {key: value for key, value in (texts | fields).items() if value is not None}
        connection.xadd(KEYS.history, texts, id=entry)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda redis: redis.hdel(KEYS.inverses, entry_of(redis, "two")), "apply two .* no longer kept"),
        (lambda redis: redis.hset(KEYS.inverses, entry_of(redis, "two"), "garbage"), "apply two .* damaged"),
        (lambda redis: redis.hset(KEYS.inverses, entry_of(redis, "two"), b"\x1f\x8b"), "apply two .* damaged"),
        (lambda redis: redis.delete(moved_by(redis, "two")), "apply two .* damaged"),
        (lambda redis: redis.hdel(moved_by(redis, "two"), "schedule.a"), "apply two .* damaged"),
        (lambda redis: redis.rename(KEYS.specs, moved_by(redis, "two")), "apply two .* damaged"),
        (lambda redis: redis.set(moved_by(redis, "two"), "x"), "apply two .* damaged"),
        (lambda redis: redis.xdel(KEYS.history, entry_of(redis, "two")), "apply number 2 is not in the history"),
        (lambda redis: redis.xdel(KEYS.history, entry_of(redis, "three")), "apply number 3 is not in the history"),
        (lambda redis: rewrite_entry(redis, "two", summary="{"), "apply two .* entry is damaged"),
        (lambda redis: rewrite_entry(redis, "two", generation="many"), "apply two .* entry is damaged"),
        (lambda redis: rewrite_entry(redis, "two", when="9" * 30), "apply two .* entry is damaged"),
        (lambda redis: rewrite_entry(redis, "two", previous_commit=None, inverse="eJyr"), "older flowerpower"),
        (lambda redis: redis.hset(KEYS.head, "generation", 9), "apply number 9 is not in the history"),
    ],
)
def test_a_chain_with_a_gap_undoes_nothing_and_names_it(
    store: Store, redis_connection: Redis, damage: Any, says: str
) -> None:
    three_applies(store)
    damage(redis_connection)

    with pytest.raises(HistoryError, match=says) as refused:
        rollback_plan(store, "one")

    assert "go back with git instead: flowerpower apply --ref" in refused.value.hint


def test_what_lies_before_the_gap_can_still_be_undone(store: Store, redis_connection: Redis) -> None:
    three_applies(store)
    redis_connection.hdel(KEYS.inverses, entry_of(redis_connection, "one"))

    apply_plan(rollback_plan(store, "two"), store, "back")

    assert store.read().state.schedules["a"].fields["timeout"] == 1


def test_an_inverse_that_holds_the_records_itself_still_undoes_its_apply(store: Store, redis_connection: Redis) -> None:
    three_applies(store)
    key = moved_by(redis_connection, "two")
    moved = {name.decode(): value.decode() for name, value in redis_connection.hgetall(key).items()}  # type: ignore[union-attr]
    text = {
        "version": 2,
        "objects": {"schedule.a": moved["schedule.a"]},
        "run_specs": [value for name, value in moved.items() if name.startswith("run ")],
        "renamed": {},
    }
    redis_connection.hset(KEYS.inverses, entry_of(redis_connection, "two"), gzip.compress(json.dumps(text).encode()))
    redis_connection.delete(key)

    apply_plan(rollback_plan(store, "two"), store, "back")

    assert store.read().state.schedules["a"].fields["timeout"] == 1


def test_what_an_apply_moved_goes_with_its_inverse(store: Store, redis_connection: Redis) -> None:
    three_applies(store)
    two, three = moved_by(redis_connection, "two"), moved_by(redis_connection, "three")
    redis_connection.hset(three, "bytes", 40 << 20)

    apply(store, desired([]), "four")

    assert not redis_connection.exists(two)
    assert not redis_connection.exists(three)
    assert redis_connection.ttl(moved_by(redis_connection, "four")) == -1
    assert [past.apply_id for past, _ in read_steps(store, "four")] == ["four"]


def test_what_was_set_aside_for_an_apply_that_came_to_nothing_expires(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a")]), "one")
    redis_connection.hset(KEYS.holds, "a", '{"who": "ana", "why": "", "since": 1}')
    plan = make_plan(KEYS, desired([schedule("a", timeout=9)]), store.read(), SOURCE)
    redis_connection.hdel(KEYS.holds, "a")

    with pytest.raises(StalePlanError, match="held"):
        apply_plan(plan, store, "two")

    for key in (KEYS.stage("two"), f"{KEYS.stage('two')}:before"):
        assert 0 < int(str(redis_connection.ttl(key))) <= 3600
    assert not redis_connection.keys(KEYS.inverse("*"))


def test_inverses_are_bounded_in_bytes_and_the_newest_stays(store: Store, redis_connection: Redis) -> None:
    megabytes = b"x" * (20 << 20)
    redis_connection.hset(KEYS.inverses, mapping={"1-9": megabytes, "1-10": megabytes, "strange": "x"})

    apply(store, desired([schedule("a")]), "one")

    kept = {key.decode() for key in redis_connection.hkeys(KEYS.inverses)}
    assert kept == {"1-10", entry_of(redis_connection, "one").decode()}


def test_inverses_are_bounded_in_number(store: Store, redis_connection: Redis) -> None:
    redis_connection.hset(KEYS.inverses, mapping={f"{number}-0": "x" for number in range(1000, 1250)})

    apply(store, desired([schedule("a")]), "one")

    kept = {key.decode() for key in redis_connection.hkeys(KEYS.inverses)}
    assert kept == {f"{number}-0" for number in range(1051, 1250)} | {entry_of(redis_connection, "one").decode()}


def test_a_rollback_of_many_costs_few_round_trips(store: Store, redis_connection: Redis) -> None:
    many = desired([schedule(f"s{number}") for number in range(1200)])
    apply(store, many, "one")
    apply(store, desired([schedule("s1")]), "two")

    def commands() -> int:
        found: Any = redis_connection.info("stats")
        return int(found["total_reads_processed"])

    before = commands()
    rollback_plan(store, "two")

    assert commands() - before < 15


def test_the_newest_come_first_and_a_damaged_one_keeps_its_place(store: Store, redis_connection: Redis) -> None:
    three_applies(store)
    rewrite_entry(redis_connection, "two", summary="{")

    history = read_history(store)

    found = [(past.apply_id, past.generation, past.damaged) for past in history.applies]
    assert found == [("three", 3, False), ("two", 0, True), ("one", 1, False)]
    assert [past.apply_id for past in read_history(store, 1).applies] == ["three"]
    assert (history.applies[0].before.commit, history.applies[0].changed) == ("commit-of-two", 1)


def test_an_old_entry_can_be_read_and_not_undone(store: Store, redis_connection: Redis) -> None:
    """What a flowerpower wrote that kept the inverse in the entry itself."""
    three_applies(store)
    fields = {
        "apply_id": "ancient",
        "generation": "4",
        "when": "1",
        "commit": "c",
        "who": "bob",
        "inverse": "eJyrrgUAAXUA+Q==",
    }
    redis_connection.xadd(KEYS.history, fields | {"summary": '{"create":1,"update":0,"delete":0}'})
    redis_connection.hset(KEYS.head, "generation", 4)

    assert read_history(store).applies[0].old_format
    with pytest.raises(HistoryError, match=r"apply ancient .* older flowerpower"):
        rollback_plan(store, "two")
    assert "older flowerpower" in view_past(*read_past(store, "ancient")).unknown


def pasts(store: Store, *ids: str) -> tuple[PastApply, ...]:
    return tuple(PastApply(str(number), apply_id) for number, apply_id in enumerate(ids))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("abcd", "'abcd' is the start of 2 apply ids: abcd1111, abcd2222"),
        ("abc", "'abc' is no apply id: give at least its first 4 characters"),
        ("3", "no apply in the history has the number 3"),
        ("03", "no apply in the history has the number 03"),
        ("#3", "no apply in the history has the number 3"),
        ("#", "no apply in the history has the number '#'"),
        ("#abcd", "no apply in the history has the number abcd"),
        ("0", "no apply in the history has the number 0"),
        ("", "'' is no apply id"),
        ("beef", "no apply in the history has an id that starts with 'beef'"),
    ],
)
def test_an_id_that_names_not_one_apply_is_refused(store: Store, asked: str, says: str) -> None:
    history = replace(read_history(store), applies=pasts(store, "abcd11112222", "feed00000000", "abcd22220000"))

    with pytest.raises(UsageError) as refused:
        applies_since(history, asked)

    assert str(refused.value).startswith(says)


def test_the_start_of_an_id_or_all_of_it_names_an_apply(store: Store) -> None:
    history = replace(read_history(store), applies=pasts(store, "abcd1", "abcd", "feed"))

    assert len(applies_since(history, "abcd1")) == 1
    assert len(applies_since(history, "abcd")) == 2
    assert len(applies_since(history, "fee" + "d")) == 3


def numbered(store: Store, **numbers: int) -> History:
    """Return a history of applies with these ids and numbers, newest first."""
    applies = (PastApply(apply_id, apply_id[1:], number) for apply_id, number in numbers.items())
    return replace(read_history(store), applies=tuple(applies))


@pytest.mark.parametrize("asked", ["2", "#2"])
def test_the_number_of_an_apply_names_it(store: Store, asked: str) -> None:
    history = numbered(store, _2222aaaa=12, _1212bbbb=2, _cccccccc=1)

    assert [past.generation for past in applies_since(history, asked)] == [12, 2]


def test_a_number_that_is_the_start_of_an_id_too_names_neither(store: Store) -> None:
    history = numbered(store, _1234aaaa=1235, _bbbbbbbb=1234, _1235cccc=1233, _dddddddd=1232)

    with pytest.raises(UsageError) as refused:
        applies_since(history, "1234")
    assert str(refused.value) == "'1234' is both the number of apply bbbbbbbb and the start of 1234aaaa"
    assert refused.value.hint == "write '#1234' for the number, or more of the id"
    with pytest.raises(UsageError, match="'1235' is both the number of apply 1234aaaa and the start of 1235cccc"):
        applies_since(history, "1235")
    assert [len(applies_since(history, one)) for one in ("#1234", "1234a", "1232", "1233")] == [2, 1, 4, 3]


def test_a_number_that_is_there_twice_names_neither(store: Store) -> None:
    """Numbers begin anew where the head was lost and the history was not."""
    history = numbered(store, _aaaaaaaa=1, _bbbbbbbb=2, _cccccccc=1)

    with pytest.raises(UsageError, match="'1' is the number of 2 applies: aaaaaaaa, cccccccc"):
        applies_since(history, "1")


def test_what_an_apply_changed_is_put_together_from_those_after_it(store: Store, redis_connection: Redis) -> None:
    apply(store, desired([schedule("a", timeout=1), schedule("b")]), "made")
    apply(store, desired([schedule("a", timeout=2), schedule("c")]), "changed")
    apply(store, desired([schedule("a", timeout=3), schedule("c")]), "later")

    view = view_past(*read_past(store, "changed"))

    found = {one.change.address: one.change for one in view.changes}
    assert {address: change.action for address, change in found.items()} == {
        "schedule.a": "update",
        "schedule.b": "delete",
        "schedule.c": "create",
    }
    assert [(f.name, f.old, f.new) for f in found["schedule.a"].fields] == [("timeout", 1, 2)]
    assert view.past.before.commit == "commit-of-made"

    redis_connection.hdel(KEYS.inverses, entry_of(redis_connection, "later"))
    told = {one.change.address: one.told for one in view_past(*read_past(store, "changed")).changes}
    assert all("of a later apply" in words for words in told.values())


def test_who_changed_a_schedule_is_found_also_under_its_former_name(store: Store) -> None:
    other = schedule("other")
    apply(store, desired([schedule("a", timeout=1), other]), "one")
    apply(store, desired([schedule("a", timeout=1), schedule("other", timeout=7)]), "two")
    apply(store, desired([schedule("a", timeout=3), schedule("other", timeout=7)]), "three")
    for apply_id, timeout in (("four", 3), ("five", 5)):
        wanted = desired([schedule("b", timeout=timeout), schedule("other", timeout=8)])
        apply(store, replace(wanted, previous_names={"b": ("a",)}), apply_id)

    def found(name: str) -> list[tuple[str, list[str]]]:
        views = view_object(*read_past_of(store, name), name)
        return [(view.past.apply_id, [one.change.address for one in view.changes]) for view in views]

    assert found("b") == [
        ("five", ["schedule.b"]),
        ("four", ["schedule.b"]),
        ("three", ["schedule.a"]),
        ("one", ["schedule.a"]),
    ]
    assert found("a") == found("b")[1:]
    (renamed,) = view_object(*read_past_of(store, "a"), "a")[0].changes
    assert (renamed.change.action, renamed.change.previous) == ("update", "schedule.a")
    assert found("schedule.other") == [(apply_id, ["schedule.other"]) for apply_id in ("four", "two", "one")]
    assert found("pipeline.other") == []
    assert found("nobody") == []


def test_an_apply_of_which_nothing_is_known_stands_among_those_that_changed_a_schedule(store: Store) -> None:
    three_applies(store)
    store.connection.hdel(KEYS.inverses, entry_of(store.connection, "two"))

    views = view_object(*read_past_of(store, "a"), "a")

    assert [(view.past.apply_id, bool(view.unknown)) for view in views] == [
        ("three", False),
        ("two", True),
        ("one", False),
    ]
