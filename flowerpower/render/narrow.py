"""Lines laid out for a narrow terminal, which would break them anywhere: in two, between words, further in.

Columns that do not fit beside each other stand one below the other then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flowerpower.specs.text.width import columns

NARROW = 60
"""Below so many columns tables and long rows do not fit; nothing is folded on a wider terminal."""

_CELL = re.compile(r"( *)((?:\S+ ?)*\S)")
_WORD = re.compile(r"( *)(\([^()]{1,16}\)\S*|\S+)")  # a time in brackets stays together
_LINE = re.compile(r"((?:\x1b\[[0-9;]*m)*)( *)(.*)", re.DOTALL)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DEEPEST = 10  # an indentation that leaves room for words
_GAP = 3  # between columns that are not lined up any more
_LABEL, _SIGN = 12, 2  # so short, what follows belongs on the same line


def folded(lines: Iterable[str], width: int) -> Iterator[str]:
    """Yield the lines, each that is wider than *width* as several; a word that is wider itself stays whole."""
    for line in lines:
        if _shown(line) <= width:
            yield line
        else:
            yield from _fold(line, width)


def _fold(line: str, width: int) -> Iterator[str]:
    colour, spaces, rest = _LINE.fullmatch(line).groups()  # type: ignore[union-attr]
    indent = " " * min(len(spaces), _DEEPEST)
    hanging = indent if len(spaces) > _DEEPEST else f"{indent}    "
    current, begun = f"{colour}{indent}", len(indent)
    for gap, cell in _CELL.findall(rest):
        between = "" if _shown(current) == begun else gap[:_GAP]
        is_label = _shown(current) - begun <= _LABEL
        whole = _shown(current + between + cell) <= width or (not is_label and _shown(hanging + cell) <= width)
        for space, piece in [("", cell)] if whole else _WORD.findall(cell):
            longer = f"{current}{between}{space}{piece}"
            if _shown(current) - begun > _SIGN and _shown(longer) > width:
                yield current
                longer, begun = f"{hanging}{piece}", len(hanging)
            current, between = longer, ""
    yield current


def _shown(text: str) -> int:
    return columns(_COLOUR.sub("", text))
