"""Where the mark stands, and how far it goes."""

from __future__ import annotations

import pytest

from flowerpower.errors import Place, Problem
from flowerpower.render.excerpt import excerpt, extent
from flowerpower.render.style import plain


def shown(text: str, column: int, what: str = "wrong", *, line: int = 1, width: int = 80) -> list[str]:
    return list(excerpt(Problem("FP101", Place("a.yaml", line, column), what), text.encode(), width, plain))


@pytest.mark.parametrize(
    ("line", "column", "what", "length"),
    [
        ("pipeline: ordres", 11, "there is no pipeline 'ordres'", 6),
        ("timeout: 1 hour  # long", 10, "'1 hour' is not a duration", 6),
        ("labels: {tier: 1, gold: 2}", 16, "expected a text, found the number 1", 1),
        ("labels: {tier: 1}", 16, "found the number 11", 0),
        ('cron: "61 * * * *"', 7, "the minute field `61` is wrong", 12),
        ("owner: 'it''s me' # x", 8, "wrong", 10),
        (r'owner: "a\"b" # x', 8, "wrong", 6),
        ("day: ${tik} later", 6, "${tik} is not a placeholder", 6),
        ("name: nightly", 1, "the key 'pipeline' is missing", 0),
        ("name: nightly", 40, "'nightly'", 0),
    ],
)
def test_the_mark_is_as_long_as_what_the_message_names(line: str, column: int, what: str, length: int) -> None:
    assert extent(Problem("FP101", Place("a.yaml", 1, column), what), line) == length


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("\tcron: x", 1, ["  1 |     cron: x", "    | ^"]),
        ("\tcron: x", 2, ["  1 |     cron: x", "    |     ^"]),
        ("日本: x", 5, ["  1 | 日本: x", "    |       ^"]),
        ("e\u0301e\u0301: x", 7, ["  1 | e\u0301e\u0301: x", "    |     ^"]),
        ("\u1112\u1161\u11ab: x", 6, ["  1 | \u1112\u1161\u11ab: x", "    |     ^"]),
        ("\x07: x", 4, ["  1 | \\x07: x", "    |       ^"]),
        ("ab", 3, ["  1 | ab", "    |   ^"]),
        ("\ufeffname: x", 7, ["  1 | name: x", "    |       ^"]),
    ],
)
def test_the_mark_stands_under_the_column_whatever_is_before_it(text: str, column: int, expected: list[str]) -> None:
    assert shown(text, column) == expected


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_end_of_line_counts(end: str) -> None:
    assert shown(f"one{end}two{end}three{end}", 1, line=3) == ["  1 | one", "  2 | two", "  3 | three", "    | ^"]


def test_of_a_long_line_the_part_around_the_mark_is_shown() -> None:
    text = f"{'x' * 500}, tierr: 1, {'y' * 500}"

    line, mark = shown(text, 503, "unknown key 'tierr'", width=40)

    assert len(line) <= 40
    assert line[mark.index("^") : mark.rindex("^") + 1] == "tierr"
    assert line[6] == line[-1] == "…"


def test_the_start_of_a_long_line_stays_where_it_can() -> None:
    assert shown(f"owner: {'x' * 500}", 1, width=40)[0].startswith("  1 | owner: xxx")


def test_lines_above_are_cut_at_the_edge() -> None:
    above = shown(f"{'x' * 500}\nb\n", 1, line=2, width=40)[0]

    assert len(above) == 40
    assert above.endswith("…")
