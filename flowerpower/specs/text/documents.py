"""The documents of a spec file as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from flowerpower.errors import Place, Problem

MAX_PROBLEMS = 200  # told of one file


class Document(NamedTuple):
    """One YAML document: plain JSON values, and where they come from."""

    file: str
    number: int
    line: int
    data: Any
    sound: bool  # False: it has problems of its own, and its data is only a guess
    holes: tuple[int, ...] = ()  # lines that are no YAML: what stands there is not known, nor what else is missing
    leaves_open: bool = False  # some value in it is not written at all: a null that may be a slip

    @property
    def place(self) -> Place:
        """The place of its first line."""
        return Place(self.file, self.line)


class Parsed(NamedTuple):
    """The documents of one file, and what is wrong with its text."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


def lines_of_holes(parsed: Parsed, content: bytes) -> Iterator[bytes]:
    """Yield the lines of a file that cannot be read."""
    for document in parsed.documents:
        if document.holes:
            lines = content.splitlines()
            yield from (lines[number - 1] for number in document.holes if number <= len(lines))
