"""Tables on terminals of any width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowerpower.render.table import fitted, remarked
from flowerpower.specs.text.width import columns

WORDS = st.text("ab", min_size=1, max_size=12) | st.sampled_from(["東京の売上", "🚀 go", "a" * 70, "Größe", "—"])
TABLES = st.integers(1, 6).flatmap(
    lambda size: st.lists(st.lists(WORDS, min_size=size, max_size=size), min_size=1, max_size=6)
)
ROWS = [["", "schedule", "next", "last"], ["ok", "nightly", "Thu 02:00", "1h ago"], ["new", "東京", "—", "never ran"]]


@given(TABLES, st.integers(20, 130), st.data())
def test_nothing_is_cut_and_no_line_is_too_wide_but_for_one_cell(
    rows: list[list[str]], width: int, data: st.DataObject
) -> None:
    name = data.draw(st.integers(0, len(rows[0]) - 1))

    laid = fitted(rows, width, name=name)

    for row, lines in zip(rows, laid, strict=True):
        assert " ".join(" ".join(lines).split()) == " ".join(" ".join(row).split())
        for line in lines:
            wide = columns(line) > width
            assert not wide or row[name] in line or line.strip() in row


@given(TABLES)
def test_where_there_is_room_each_row_is_a_line_and_columns_begin_below_each_other(rows: list[list[str]]) -> None:
    lines = [line for (line,) in fitted(rows, 1_000)]

    for at in range(1, len(rows[0])):
        before = [row[:at] for row in rows]
        starts = {
            max(sum(columns(cell) for cell in row) for row in before) - sum(columns(cell) for cell in row) >= 0
            for row in before
        }
        assert starts == {True}
    last = {columns(line) - columns(row[-1]) for line, row in zip(lines, rows, strict=True)}
    assert len(last) == 1


def test_a_name_that_is_too_long_has_a_line_of_its_own() -> None:
    rows = [*ROWS, ["held", "quarterly_revenue_reconciliation", "Fri 03:15", "never ran"]]

    assert [line for lines in fitted(rows, 52, name=1) for line in lines] == [
        "      schedule  next       last",
        "ok    nightly   Thu 02:00  1h ago",
        "new   東京      —          never ran",
        "held  quarterly_revenue_reconciliation",
        "                Fri 03:15  never ran",
    ]


def test_on_a_very_narrow_terminal_rows_go_on_below() -> None:
    assert [line for lines in fitted(ROWS, 21, name=1) for line in lines] == [
        "     schedule",
        "    next",
        "    last",
        "ok   nightly",
        "    Thu 02:00",
        "    1h ago",
        "new  東京",
        "    —",
        "    never ran",
    ]
    assert fitted(ROWS, 24, name=1)[2] == ["new  東京      —", "    never ran"]


def test_a_remark_stands_behind_its_row_and_goes_on_below_itself_or_below_the_row() -> None:
    assert remarked(["row"], "why", 20) == (["row  why"], [])
    assert remarked(["row"], "why", 20, 6) == (["row     why"], [])
    assert remarked(["row"], "", 20) == (["row"], [])
    assert remarked(["a row"], "because of this and of that", 31) == (
        ["a row  because of this and of"],
        ["       that"],
    )
    assert remarked(["a row"], f"see {'x' * 30}", 31) == (["a row"], ["    see", f"    {'x' * 30}"])
    assert remarked(["a row"], "because of this and of that", 28) == (
        ["a row"],
        ["    because of this and of", "    that"],
    )
