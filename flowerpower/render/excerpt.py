"""The lines around a place in a file, as a terminal shows them: a mark stands under the exact column.

A mark is right when it is right on the screen, so columns are counted in cells: a tab is four, a wide letter two, a
combining mark none. Of a line that is too long only the part around the mark is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from flowerpower.errors import Problem
from flowerpower.render.style import Emphasis, Style
from flowerpower.render.words import safe
from flowerpower.specs.text.lines import LINE_END
from flowerpower.specs.text.passwords import without_passwords
from flowerpower.specs.text.width import columns

_TAB = "    "
_ABOVE = 2  # lines of context
_LEAST = 16  # cells of a line that are shown, however narrow the terminal is
_CUT = "…"
_LONGEST = 400  # characters that are looked at for what a problem is about
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
_PLAIN = re.compile(r"(?:[^\s,\[\]{}#:]|:(?=\S)|(?<=\S)#|[ ](?=[^\s,\[\]{}#:]))+")
_WORD = re.compile(r"[\w.-]+|\$\{[^}]*\}")


@lru_cache(maxsize=64)
def lines_of(content: bytes) -> tuple[str, ...]:
    """Return the lines of a file as YAML counts them, without their ends."""
    return tuple(LINE_END.split(content.decode("utf-8", "replace").removeprefix("\ufeff")))


def line_of(problem: Problem, content: bytes | None) -> str | None:
    """Return the line that a problem is in, without passwords; None if the file, or the line, is not there."""
    lines = () if content is None else lines_of(content)
    number = problem.place.line
    return without_passwords(lines[number - 1]) if number <= len(lines) else None


def extent(problem: Problem, line: str | None) -> int:
    """Return how many characters a problem is about, as far as the line tells; 0 where only its start is known.

    A quoted value is the whole of it; any other is known by the message that names it.
    """
    start = problem.place.column - 1
    if line is None or start >= len(line):
        return 0
    end = start + _LONGEST
    if quoted := _QUOTED.match(line, start, end):
        return len(quoted[0])
    found = (pattern.match(line, start, end) for pattern in (_PLAIN, _WORD))
    named = [match[0] for match in found if match and _names(problem.what, match[0])]
    return max((len(text) for text in named), default=0)


def _names(message: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", message) is not None


def excerpt(problem: Problem, content: bytes | None, width: int, style: Style) -> Iterator[str]:
    """Yield the lines up to the place, then a mark under it; nothing for a place that is not in the file."""
    line = line_of(problem, content)
    if content is None or line is None:
        return
    lines, number = lines_of(content), problem.place.line
    gutter = len(str(number))
    room = max(_LEAST, width - gutter - 5)
    for above in range(max(1, number - _ABOVE), number):
        yield _numbered(f"{above:{gutter}}", _cut(without_passwords(lines[above - 1]), room), style)
    shown, before, marked = _window(line, problem.place.column - 1, extent(problem, line), room)
    yield _numbered(f"{number:{gutter}}", shown, style)
    yield _numbered(" " * gutter, " " * before + style("^" * marked, _mark(problem)), style)


def _mark(problem: Problem) -> Emphasis:
    return "warning" if problem.severity == "warning" else "error" if problem.severity == "error" else "strong"


def _numbered(number: str, text: str, style: Style) -> str:
    return f"  {style(f'{number} |', 'faint')} {text}".rstrip()


def _window(line: str, start: int, length: int, room: int) -> tuple[str, int, int]:
    """Return the part of a line around some characters, the cells before them in it, and how many cells they take."""
    before = [_shown(char) for char in line[max(0, start - room) : start]]
    rest = [_shown(char) for char in line[start : start + room + 1]]
    cut = start > room
    lead = _cells(before)
    marked = max(1, _cells(rest[:length]))
    if cut + lead + max(1, _cells(rest)) > room:  # keep what stands before, unless the mark would be at the very edge
        wanted = min(marked, room // 2) + room // 4
        while before and lead + wanted > room:
            lead -= columns(before.pop(0))
            cut = True
    head = _CUT if cut else ""
    text = head + "".join(before)
    tail = _fit(rest, room - len(head) - lead)
    return text + tail, len(head) + lead, max(1, min(marked, room - len(head) - lead))


def _cut(line: str, room: int) -> str:
    return _fit([_shown(char) for char in line[: room + 1]], room)


def _fit(pieces: list[str], room: int) -> str:
    """Return as many pieces as fit, with a sign where there was more."""
    if _cells(pieces) <= room:
        return "".join(pieces)
    kept, used = [], 0
    for piece in pieces:
        used += columns(piece)
        if used > room - len(_CUT):
            break
        kept.append(piece)
    return "".join(kept) + _CUT


def _shown(char: str) -> str:
    return _TAB if char == "\t" else safe(char)


def _cells(pieces: list[str]) -> int:
    return sum(map(columns, pieces))
