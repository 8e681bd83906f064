"""What a plan says of the clocks of the next 12 months, for fires that are far from the next ones shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.states import KEYS, SOURCE, desired, schedule

from flowerpower.planning.diff import make_plan
from flowerpower.planning.plan import Plan
from flowerpower.render.plan_json import plan_dict
from flowerpower.render.plan_markdown import plan_markdown
from flowerpower.render.plan_text import plan_text
from flowerpower.state.models import Head, Reading, State

NOW = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp())


def plan_of(cron: str, timezone: str = "Europe/Berlin") -> Plan:
    wanted = desired([schedule("nightly", cron=cron, timezone=timezone)])
    return make_plan(KEYS, wanted, Reading(NOW, Head(), State(), {}, {}), SOURCE)


def told(plan: Plan) -> list[str]:
    return [
        line.strip().removeprefix("> ") for line in plan_text(plan, width=200).splitlines() if "> clocks go" in line
    ]


@pytest.mark.parametrize(
    ("cron", "spring", "autumn"),
    [
        (
            "30 2 * * *",
            "clocks go forward over its time: it fires at Sun 28 Mar 2027 03:00 (01:00 UTC)",
            "clocks go back over its time: it fires the first time, Sun 31 Oct 2027 02:30 (00:30 UTC)",
        ),
        (
            "*/30 2 * * *",
            "clocks go forward over its times: it does not fire from 02:00 to 03:00 on Sun 28 Mar 2027",
            "clocks go back over its times: it fires both times from 02:00 to 03:00 on Sun 31 Oct 2027",
        ),
    ],
)
def test_a_new_schedule_whose_time_a_change_of_the_clocks_meets_is_told_so_months_before(
    cron: str, spring: str, autumn: str
) -> None:
    plan = plan_of(cron)

    assert told(plan) == [spring, autumn]
    comment = plan_markdown(plan)
    assert f"# {spring}\n# {autumn}\n" in comment
    effect = plan_dict(plan)["resource_changes"][0]["schedule_effect"]
    assert set(effect["clock_changes"].values()) <= {"clocks go forward", "clocks go back"}
    assert "2027-10-31T00:30:00Z" in effect["clock_changes"]


@pytest.mark.parametrize(
    ("cron", "timezone"),
    [
        ("0 * * * *", "Europe/Berlin"),
        ("*/5 * * * *", "Europe/Berlin"),
        ("0 6 * * *", "Europe/Berlin"),
        ("30 2 * * *", "UTC"),
    ],
)
def test_a_schedule_that_no_change_of_the_clocks_meets_is_told_nothing(cron: str, timezone: str) -> None:
    plan = plan_of(cron, timezone)

    assert told(plan) == []
    assert plan_dict(plan)["resource_changes"][0]["schedule_effect"]["clock_changes"] == {}
