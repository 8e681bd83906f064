"""What other projects expect of their expressions, and where we differ on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from flowerpower.schedule import TriggerError, parse_trigger

FILE = Path(__file__).resolve().parents[2] / "cases" / "triggers" / "public-tables.txt"


class Row(NamedTuple):
    project: str
    zone: str
    cron: str
    after: datetime
    theirs: str
    ours: str
    why: str


def rows() -> Iterator[Row]:
    project = ""
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            project = line[3:].split(",")[0]
        elif line and not line.startswith("#"):
            zone, cron, after, theirs, *rest = (part.strip(" ") for part in line.split(" | "))
            ours, why = rest or (theirs, "")
            yield Row(project, zone, cron, moment(after, zone), theirs, ours, why)


def moment(text: str, zone: str) -> datetime:
    """Return an instant; all of the table's local times without an offset come once."""
    when = datetime.fromisoformat(text)
    return when.replace(tzinfo=ZoneInfo(zone)) if when.tzinfo is None else when


def holds(row: Row, expected: str) -> bool:
    """Tell whether our trigger does what a column says."""
    try:
        trigger = parse_trigger(cron=row.cron, timezone=row.zone)
    except TriggerError as refused:
        return expected == "refused" and refused.hint != ""
    if expected == "refused":
        return False
    if expected.startswith("not "):
        absent = moment(expected.removeprefix("not "), row.zone)
        return trigger.next_ticks(absent - timedelta(seconds=1), 1) != [absent]
    wanted = [moment(text, row.zone).timestamp() for text in expected.split()]
    # Python never calls two datetimes of different zones equal where the clock shows their time twice.
    return [tick.timestamp() for tick in trigger.next_ticks(row.after, len(wanted))] == wanted


ROWS = list(rows())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.project}: {row.cron} {row.zone}")
def test_a_case_of_another_project_holds_or_differs_as_it_says(row: Row) -> None:
    assert holds(row, row.ours)
    assert row.ours == row.theirs or not holds(row, row.theirs), "it says that we differ, and we do not"
    assert bool(row.why) == (row.ours != row.theirs)


def test_the_tables_of_several_projects_are_there() -> None:
    assert len({row.project for row in ROWS}) == 6
    assert len(ROWS) > 190
    assert sum(row.ours == row.theirs for row in ROWS) / len(ROWS) > 0.85
