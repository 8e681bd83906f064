"""What the page about triggers says is so: its sessions, its tables, its spec."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.command_line import CommandLine

from flowerpower.schedule import TriggerError, parse_trigger

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "triggers.md").read_text(encoding="utf-8")
THURSDAY = datetime(2026, 1, 15, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def table(title: str) -> Iterator[dict[str, str]]:
    """Yield the rows of every table with a column of that title, by column."""
    for block in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        head, _, *lines = ([cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines())
        yield from (dict(zip(head, line, strict=True)) for line in lines if title in head)


def code(cell: str) -> str:
    return cell.strip("`")


def test_the_sessions_answer_as_shown() -> None:
    session = doctest.DocTestParser().get_doctest(
        "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)), {}, "page", None, 0
    )
    assert len(session.examples) > 12

    assert doctest.DocTestRunner().run(session).failed == 0


ROWS = list(table("first tick"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: code(row["example"]))
def test_an_example_has_the_first_tick_that_is_shown(row: dict[str, str]) -> None:
    [tick] = parse_trigger(cron=code(row["example"])).next_ticks(THURSDAY, 1)

    assert tick.strftime("%F %T") == row["first tick"]
    if row.get("form", "").startswith("`@"):
        for word in row["form"].split(", "):
            assert parse_trigger(cron=code(word)) == parse_trigger(cron=code(row["means"]))


@pytest.mark.parametrize("row", list(table("because")), ids=lambda row: code(row["example"]))
def test_what_is_refused_is_refused_for_that_reason(row: dict[str, str]) -> None:
    with pytest.raises(TriggerError) as caught:
        parse_trigger(cron=code(row["example"]))

    said = f"{caught.value.what} {caught.value.hint}".lower()
    assert caught.value.hint
    assert len(set(re.findall(r"[\w-]{3,}", row["because"].lower())) & set(re.findall(r"[\w-]{3,}", said))) >= 2, said


@pytest.mark.parametrize(
    "row", list(table("ticks of 2027-03-28 from 01:30 to 03:30")), ids=lambda row: code(row["example"])
)
def test_the_nights_of_the_changes_are_as_shown(row: dict[str, str]) -> None:
    trigger = parse_trigger(cron=code(row["example"]), timezone="Europe/Berlin")
    for title, shown in row.items():
        if found := re.search(r"ticks of (\S+)", title):
            begin = datetime.fromisoformat(f"{found[1]}T01:30").replace(tzinfo=BERLIN).astimezone(UTC)
            end = datetime.fromisoformat(f"{found[1]}T03:30").replace(tzinfo=BERLIN).astimezone(UTC)
            ticks = trigger.next_ticks(begin - timedelta(seconds=1), 10)
            assert [
                tick.isoformat()[11:16] + tick.isoformat()[19:] for tick in ticks if tick.astimezone(UTC) <= end
            ] == shown.split()


def test_what_it_says_of_samoa_and_of_leap_days_is_so() -> None:
    [tick] = parse_trigger(cron="0 12 * * *", timezone="Pacific/Apia").next_ticks(datetime(2011, 12, 30, tzinfo=UTC), 1)
    assert str(tick) == "2011-12-31 00:00:00+14:00"

    [leap] = parse_trigger(cron="0 0 29 2 */7").next_ticks(datetime(2088, 3, 1, tzinfo=UTC), 1)
    assert leap.year == 2128
    assert parse_trigger(cron="0 0 29 2 SUN#5").next_ticks(THURSDAY, 1)


def test_the_spec_at_the_top_is_valid(tmp_path: Path) -> None:
    [spec] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    line = CommandLine(tmp_path)
    line.write("flowerpower.yaml", "name: acme\n")
    line.write("pipelines/sales.yaml", "modules: [sales]\noutputs: [report]\n")
    line.write("flows/sales.py", "def report() -> str:\n    return ''\n")
    line.write("schedules/nightly.yaml", spec)

    answer = line("validate")

    assert answer.code == 0, answer.out


@pytest.mark.parametrize(
    "word", ["starts", "next_ticks", "previous_ticks", "next_tick", "previous_tick", "count_ticks", "key"]
)
def test_the_names_of_the_python_table_are_there(word: str) -> None:
    assert f"`{word}" in PAGE
    assert hasattr(parse_trigger(cron="@daily"), word)
