from __future__ import annotations

from collections.abc import Mapping

import pytest

from benchmarks.measure import Run, Side, WorkMissingError, compare, rows
from benchmarks.samples import Sample
from benchmarks.table import render


def runs_of(log: list[str], name: str, *seconds: float, count: int = 100) -> Run:
    """Return a side's work that notes each run and takes the given times, one after the other."""
    times = iter(seconds)

    def run() -> Mapping[str, Sample]:
        log.append(name)
        return {"work": Sample(next(times), count)}

    return run


def test_sides_take_turns_and_another_one_begins_each_round() -> None:
    log: list[str] = []
    sides = [Side(name, "1", runs_of(log, name, 1.0, 1.0, 1.0), 100) for name in ("a", "b")]

    compare(sides, 3)

    assert log == ["a", "b", "b", "a", "a", "b"]


def test_a_slow_side_takes_part_in_the_first_rounds_only() -> None:
    log: list[str] = []
    sides = [
        Side("quick", "1", runs_of(log, "quick", 1.0, 2.0, 3.0), 100),
        Side("slow", "1", runs_of(log, "slow", 9.0), 100, rounds=1),
    ]

    quick, slow = compare(sides, 3)

    assert (quick.runs, slow.runs) == (3, 1)


def test_a_row_holds_the_median_the_spread_and_the_ratio_of_rates() -> None:
    ours = Side("flowerpower", "1", runs_of([], "ours", 1.0, 5.0, 2.0), 100)
    peer = Side("peer", "2", runs_of([], "peer", 1.0, 1.0, 1.0, count=10), 10)

    first, second = compare([ours, peer], 3)

    assert (first.seconds, first.fastest, first.slowest, first.ratio) == (2.0, 1.0, 5.0, None)
    assert second.ratio == 5.0  # 50 a second against 10


def test_a_side_that_did_less_than_it_was_given_fails_the_benchmark() -> None:
    lazy = Side("lazy", "1", runs_of([], "lazy", 0.1, count=99), 100)

    with pytest.raises(WorkMissingError, match=r"lazy did 99 of 100 \(work\)"):
        compare([lazy], 1)


def test_phases_are_compared_with_the_same_phase() -> None:
    ours, peer = Side("ours", "1", dict, 10), Side("peer", "1", dict, 10)

    found = rows(
        "ours",
        {
            ours: {"create": [Sample(1.0, 10)], "delete": [Sample(2.0, 10)]},
            peer: {"create": [Sample(3.0, 10)], "delete": [Sample(1.0, 10)]},
        },
    )

    assert [(row.phase, row.side, row.ratio) for row in found] == [
        ("create", "ours", None),
        ("create", "peer", 3.0),
        ("delete", "ours", None),
        ("delete", "peer", 0.5),
    ]


def test_a_table_is_markdown_with_columns_of_one_width() -> None:
    ours = Side("ours", "1", runs_of([], "ours", 12.5), 100)
    peer = Side("a peer with a long name", "2.0", runs_of([], "peer", 0.25), 100)

    lines = render(compare([ours, peer], 1)).splitlines()

    assert {len(line) for line in lines} == {len(lines[0])}
    assert [cell.strip() for cell in lines[2].strip("|").split("|")][1:5] == ["ours 1", "100", "1", "12.5"]
    assert lines[3].endswith("0.02x |")
