"""What is left to read of a text that is no YAML: each mistake is taken out, and the rest stands where it stood."""

from __future__ import annotations

import re

from flowerpower.specs.text.lines import LINE_END
from flowerpower.specs.text.mistakes.source import MARKER, Mistake, Source

_NOT_LINE_END = re.compile(r"[^\r\n]")
_STAND_IN = "x"  # nothing is said of such a value


def without(text: str, mistake: Mistake) -> str:
    """Return a text without the part that cannot be read, which has as many lines as before."""
    blank = _NOT_LINE_END.sub(" ", text[mistake.start : mistake.end])
    if mistake.value and blank:
        blank = _STAND_IN + blank[1:]
    if mistake.meant:
        blank = mistake.meant
    return text[: mistake.start] + blank + text[mistake.end :]


def lines_of(text: str, mistake: Mistake) -> range:
    """Return the numbers of the lines, from 1, of which nobody knows what they say."""
    if mistake.meant:
        return range(0)
    first = len(LINE_END.findall(text, 0, mistake.start)) + 1
    return range(first, first + len(LINE_END.findall(text, mistake.start, mistake.end)) + 1)


def rest_of_document(text: str, reached: int) -> tuple[int, int]:
    """Return from where to where a document is given up: from the key in the first column that a place belongs to."""
    source = Source(text)
    number = source.number(min(reached, len(text)))
    while number and not _begins_part(source.line(number)):
        number -= 1
    return source.starts[number], source.end_of_document(min(reached, len(text)))


def _begins_part(line: str) -> bool:
    return line[:1].strip(" \t#]}") != "" or MARKER.match(line) is not None
