"""docs/guards.md quotes what the guards really say, each with its hint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.errors import Place, Problem
from flowerpower.planning.cutover import worse_cut_over
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed, Facts, check_plan
from flowerpower.planning.plan import Check, Fires, Plan
from flowerpower.planning.twins import Twin
from flowerpower.state.models import Damage, Desired, Head, Reading, Record, Rules, Run, State

NOW = 1_800_000_000
GIT = Facts(in_git=True, dirty=False, descends=True)
BROKEN = Problem(
    "FP311",
    Place("schedules/ticker.yaml", 2, 8),
    "schedule.ticker: it fires 30s apart, less than 1m",
    "the rule is `policies.enforce.min_interval`",
)


def live(names: list[str], *protected: str, **head: str) -> Reading:
    records = {f"schedule.{name}": Record(1, "s", protected=name in protected) for name in names}
    return Reading(NOW, Head(1, **head), State({name: schedule(name)[0] for name in names}), records, {})


def checks(wanted: list[str], reading: Reading, facts: Facts = GIT, **fields: str | int) -> Iterator[Check]:
    specs: Desired = desired([schedule(name, **fields) for name in wanted])
    plan = replace(make_plan(KEYS, specs, reading, SOURCE), env="prod", project="acme")
    return (check for check in check_plan(plan, reading, facts, Allowed()) if check.verdict == "refuse")


def damaged(name: str) -> Reading:
    """Return a live state in which the record of one schedule cannot be read."""
    address, reading = f"schedule.{name}", live(["a", name])
    records = {**reading.records, address: Record(0, "s", intact=False, damaged=True)}
    return replace(reading, records=records, damaged={address: Damage("it is damaged", "", "")})


def forty() -> list[str]:
    return [f"s{number}" for number in range(40)]


def everything_said() -> Iterator[Check]:
    """Yield one refusal of every guard, as in the page."""
    crm = tuple(f"schedules/crm/{name}.yaml" for name in ("contacts", "deals"))
    flying = replace(live(["sync"]), active={"x": Run("x", "sync", 0, 1, 0, "an execution")})
    loosened = replace(live(forty()), head=Head(1, rules=Rules(guards='{"max_deletes":"10%"}')))
    many = make_plan(KEYS, desired([schedule("a")]), live([]), SOURCE)
    many = replace(many, changes=many.changes * 25_000)
    yield from checks(["a"], live(["a"]), replace(GIT, absent=crm))
    yield from checks([], live(["a", "b", "c"]))
    yield from checks(forty()[12:], live(forty()))
    yield from checks(forty()[9:], loosened, replace(GIT, max_deletes="50%"))
    yield from checks(["a"], live(["a", "payroll"], "payroll"))
    yield from checks(["a"], damaged("payroll"))
    yield from checks(["a"], live(["a"], repository="git.example/crm/jobs"))
    yield from checks(
        ["a"], live([]), replace(GIT, twins=(Twin("acme.live", ("customers", "nightly", "orders"), True),))
    )
    for overtaken in (True, False, None):
        yield from checks(
            ["a"], live(["a"], commit="1a2b3c4d5e6f7a8b"), replace(GIT, descends=False, overtaken=overtaken)
        )
    yield from checks(["a"], live(["a"], commit="1a2b3c4d5e6f7a8b"), replace(GIT, descends=None))
    yield from checks(["a"], live(["a"]), replace(GIT, dirty=True))
    yield from checks(["sync"], flying, on_inflight="cancel", timeout=99)
    yield from checks(["a"], live(["a"]), replace(GIT, violations=(BROKEN,)))
    yield from check_plan(many, live([]), GIT, Allowed())
    yield from worse_cut_over(with_verdict("none"), with_verdict("skipped"))


def with_verdict(verdict: str) -> Plan:
    plan = make_plan(KEYS, desired([schedule("nightly", timeout=99)]), live(["nightly"]), SOURCE)
    fires = Fires("UTC", lost=(NOW,), verdict=verdict)
    return replace(plan, changes=tuple(replace(change, fires=fires) for change in plan.changes))


@pytest.fixture
def page(checkout: Path) -> str:
    return (checkout / "docs/guards.md").read_text(encoding="utf-8")


def test_the_page_quotes_every_guard_as_it_speaks(page: str) -> None:
    said = [check for check in everything_said() if check.verdict == "refuse"]
    quoted = " ".join(page.split())

    missing = [f"{check.name}: {check.message}" for check in said if f"x {check.name}: {check.message}" not in quoted]
    missing += [check.hint for check in said if check.hint not in quoted]

    assert missing == []


def test_the_page_has_a_row_for_every_guard_that_can_refuse(page: str) -> None:
    rows = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))

    assert {check.name for check in everything_said() if check.verdict == "refuse"} == rows
