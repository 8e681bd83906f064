"""Tables that fit a terminal: where there is no room for a row it takes more lines, and nothing of it is cut."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from flowerpower.render.words import wrap
from flowerpower.specs.text.width import columns

UNCUT = 10_000  # columns of what is no terminal
_GAP = 2
_NARROWEST = 20  # columns for a name
_INDENT = 4  # of the lines after the first
_LEAST = 24  # columns for a remark beside its row

Row = Sequence[str]


def fitted(rows: Sequence[Row], width: int, *, name: int = 0, right: Collection[int] = ()) -> list[list[str]]:
    """Return the lines of each row, its columns aligned, those in *right* to the right.

    Where a row is wider than *width*, a long cell in the column *name* has a line of its own; where that is not enough,
    each row goes on below.
    """
    sizes = [max(columns(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
    if not rows:
        return []
    room = width - (sum(sizes) - sizes[name] + _GAP * (len(sizes) - 1))
    if room >= sizes[name]:
        return [[_joined(row, sizes, right)] for row in rows]
    if room >= _NARROWEST:
        sizes[name] = max((columns(row[name]) for row in rows if columns(row[name]) <= room), default=0)
        return [list(_with_long_name(row, sizes, name, right)) for row in rows]
    groups = list(_groups(sizes, width, name))
    return [list(_folded(row, sizes, groups)) for row in rows]


def end_of(laid: Sequence[Sequence[str]]) -> int:
    """Return the column at which the longest row ends, by its last line."""
    return max((columns(lines[-1]) for lines in laid), default=0)


def remarked(lines: list[str], remark: str, width: int, end: int = 0) -> tuple[list[str], list[str]]:
    """Return the lines, with a remark behind the last, all rows of which *end* there at most; and the lines below, of
    what does not fit there.
    """
    if not remark:
        return lines, []
    used = max(end, columns(lines[-1])) + _GAP
    room = width - used
    first, *more = wrap(remark, max(room, 1), "")
    if max(map(columns, [first, *more])) > room or (more and room < _LEAST):
        return lines, [f"{' ' * _INDENT}{line}" for line in wrap(remark, max(width - _INDENT, _LEAST), "")]
    beside = f"{lines[-1]}{' ' * (used - columns(lines[-1]))}{first}"
    return [*lines[:-1], beside], [f"{' ' * used}{line}" for line in more]


def _joined(row: Row, sizes: Sequence[int], right: Collection[int] = ()) -> str:
    cells = (
        f"{' ' * (size - columns(cell))}{cell}" if at in right else f"{cell}{' ' * (size - columns(cell))}"
        for at, (cell, size) in enumerate(zip(row, sizes, strict=True))
    )
    return (" " * _GAP).join(cells).rstrip()


def _with_long_name(row: Row, sizes: Sequence[int], name: int, right: Collection[int]) -> Iterator[str]:
    if columns(row[name]) <= sizes[name]:
        yield _joined(row, sizes, right)
        return
    yield _joined(row[: name + 1], [*sizes[:name], columns(row[name])], right)
    yield _joined([*[""] * (name + 1), *row[name + 1 :]], sizes, right)


def _groups(sizes: Sequence[int], width: int, name: int) -> Iterator[list[int]]:
    """Yield the columns that stand on the same line; the name stays on the first, however long it is."""
    group: list[int] = []
    used = 0
    for at, size in enumerate(sizes):
        if at > name and used + _GAP + size > width:
            yield group
            group, used = [], _INDENT - _GAP
        group.append(at)
        used += _GAP * bool(used) + size
    yield group


def _folded(row: Row, sizes: Sequence[int], groups: Sequence[Sequence[int]]) -> Iterator[str]:
    for number, group in enumerate(groups):
        line = _joined([row[at] for at in group], [sizes[at] for at in group])
        if line or not number:
            yield f"{' ' * _INDENT if number else ''}{line}"
