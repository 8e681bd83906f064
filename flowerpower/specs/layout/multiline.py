"""Scalars of several lines, moved to another column without changing their value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flowerpower.specs.layout.tokens import BREAK
from flowerpower.specs.text.lines import LINE_END

STEP = 2
"""How many columns a collection, or the text of a scalar, is right of what it belongs to."""

_HEADER = re.compile(r"(?P<mark>[|>][-+0-9]*)[ \t]*(?P<comment>#.*)?")
_INDICATOR = re.compile("[1-9]")
_ENDS_IN_BACKSLASH = re.compile(r"(?<!\\)(?:\\\\)*\\$")  # one that is not itself escaped


@dataclass(frozen=True, slots=True)
class BlockScalar:
    """A scalar after `|` or `>` in its new column."""

    mark: str
    comment: str
    comment_column: int  # counted from the mark
    lines: tuple[str, ...]
    blank_below: bool  # blank lines below it that are no part of its value
    cut_off: bool  # the text ends inside it, without a line end: to add one would change its value


def block_scalar(text: str, blocks: tuple[int, ...]) -> BlockScalar:
    """Return the block scalar *text*, which stood inside *blocks*, in the column that belongs to its depth."""
    header, end, content = _partition_line(text)
    found = _HEADER.match(header)
    mark, comment, column = (found["mark"], found["comment"], found.start("comment")) if found else (header, "", 0)
    digit = _INDICATOR.search(mark)
    old = max(blocks[-1:], default=0) + int(digit[0]) if digit else _found_indent(content, blocks)
    new = STEP * max(1, len(blocks))
    lines = "".join(_moved(content, old, new)).split("\n") if end else []
    cut_off = bool(lines) and lines[-1] != "" and "-" not in mark
    if lines and not lines[-1]:
        lines.pop()
    kept = list(lines)
    while kept and not kept[-1] and "+" not in mark:
        kept.pop()
    return BlockScalar(
        _INDICATOR.sub(str(STEP), mark), comment or "", column, tuple(kept), len(kept) < len(lines), cut_off=cut_off
    )


def continued_lines(text: str) -> list[str]:
    """Return the lines of a plain or quoted scalar without the space around line ends: it is no part of the value."""
    first, *others = LINE_END.split(text)
    lines = [first, *(line.lstrip(" \t") for line in others)]
    return [*(_without_end(line, text[0]) for line in lines[:-1]), lines[-1]]


def _partition_line(text: str) -> tuple[str, str, str]:
    found = BREAK.search(text)
    return (text[: found.start()], found[0], text[found.end() :]) if found else (text, "", "")


def _found_indent(content: str, blocks: tuple[int, ...]) -> int:
    """Return the indentation that a reader finds out: that of the first line, or of a longer blank one before it."""
    found = max(blocks[-1:], default=-1) + 1
    for line in BREAK.split(content):
        indent = len(line) - len(line.lstrip(" "))
        found = max(found, indent)
        if indent < len(line):
            break
    return found


def _moved(content: str, old: int, new: int) -> Iterator[str]:
    parts = re.split(f"({BREAK.pattern})", content)
    for line, end in zip(parts[::2], [*parts[1::2], ""], strict=True):
        yield " " * new + line[old:] if len(line) > old else ""
        yield "\n" if end in ("\r\n", "\r") else end


def _without_end(line: str, quote: str) -> str:
    """Return a line without the space at its end, but for one that a backslash makes a part of the value."""
    bare = line.rstrip(" \t")
    if quote == '"' and len(bare) < len(line) and _ENDS_IN_BACKSLASH.search(bare):
        return line[: len(bare) + 1]
    return bare
