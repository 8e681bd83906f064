"""Which changes of a plan bring back what rollbacks had undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.errors import HistoryError
from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import Plan
from flowerpower.planning.returning import check_returning
from flowerpower.state.codec import encode_schedule
from flowerpower.state.models import Cursor, Head, Inverse, PastApply, Reading, Record, Step

NOW = 1_795_454_400
HEAD = Head(generation=3, rolled_back=("c0ffee" * 7, "bad+dirty"))


def raw(name: str, **fields: Any) -> bytes:
    return encode_schedule(schedule(name, **fields)[0], revision=1, commit="bad", place="")


def rollback(**objects: bytes | None) -> Step:
    """Return a rollback, by what there was before it."""
    return PastApply("1-0", rollback_of="x"), Inverse({f"schedule.{name}": one for name, one in objects.items()}, {})


def plan(*wanted: Any) -> Plan:
    """Return a plan where `a` and `gone` are live."""
    live = desired([schedule("a", timeout=1), schedule("gone")]).state
    records = {f"schedule.{name}": Record(1, "seal") for name in live.schedules}
    reading = Reading(NOW, HEAD, live, records, {name: Cursor(NOW - 60, 1, None) for name in live.schedules})
    return make_plan(KEYS, desired(wanted), reading, SOURCE)


def told(plan: Plan, *rollbacks: Step) -> list[str]:
    return [check.message for check in check_returning(plan, rollbacks)]


def test_what_any_of_several_rollbacks_had_undone_is_named() -> None:
    rollbacks = rollback(a=raw("a", timeout=2), gone=None), rollback(a=raw("a", timeout=3), new=raw("new"))
    commits = "c0ffeec0ffee, bad"

    assert told(plan(schedule("a", timeout=3), schedule("new")), *rollbacks) == [
        f"what the rollback of {commits} had undone comes back: schedule.gone, schedule.a, schedule.new"
    ]
    assert told(plan(schedule("a", timeout=2), schedule("gone"), schedule("new", timeout=9)), *rollbacks) == [
        f"what the rollback of {commits} had undone comes back: schedule.a"
    ]


def test_what_is_otherwise_or_not_known_is_not_named() -> None:
    wanted = plan(schedule("a", timeout=4), schedule("gone"))
    unknown: Step = (PastApply("1-0"), HistoryError("no longer kept"))

    assert told(wanted, rollback(a=raw("a", timeout=2)), rollback(a=b"{"), rollback(a=None), unknown) == []
    assert told(replace(wanted, changes=()), rollback(a=raw("a", timeout=1))) == []


def test_of_many_the_first_are_named() -> None:
    names = [f"n{number}" for number in range(8)]

    (message,) = told(plan(*map(schedule, names)), rollback(**{name: raw(name) for name in names}))

    assert message.endswith(": schedule.n0, schedule.n1, schedule.n2, schedule.n3, schedule.n4 and 3 more")
