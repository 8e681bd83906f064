"""Rows as a table that reads well in a terminal and is Markdown too."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.measure import Row

_HEAD = ("work", "side", "n", "runs", "median s", "min-max s", "CPU s", "per second", "flowerpower is", "peak MB")


def render(rows: Sequence[Row]) -> str:
    """Return the table; the last column says how many times as fast as that side flowerpower is."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    if not any(row.memory for row in rows):
        cells = [line[:-1] for line in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(line, widths) for line in cells]
    rule = "|".join(["", *("-" * (width + 2) for width in widths), ""])
    return "\n".join([lines[0], rule, *lines[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.phase,
        f"{row.side} {row.version}".rstrip(),
        f"{row.amount:,}",
        str(row.runs),
        _seconds(row.seconds),
        f"{_seconds(row.fastest)}-{_seconds(row.slowest)}",
        _seconds(row.cpu),
        f"{row.rate:,.0f}",
        "" if row.ratio is None else _times(row.ratio),
        f"{row.memory:,.0f}",
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if column < 2 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _seconds(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def _times(ratio: float) -> str:
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.2f}x"
