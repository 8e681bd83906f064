"""The documents of a spec file as plain JSON values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from flowerpower.errors import Place, Problem

MAX_PROBLEMS = 200  # told of one file
Path = tuple[str | int, ...]
_NAME = re.compile(rb"[\"']?name\b")


class Guess(NamedTuple):
    """A part of a document of which nobody knows what it was meant to be; without a path it may be any.

    What is there is *usable* if it is right as it is, and only may have another value, or more in it.
    """

    path: Path
    usable: bool = False


NO_NAME = Guess(("name",))


class Document(NamedTuple):
    """One YAML document: plain JSON values, and where they come from."""

    file: str
    number: int
    line: int
    data: Any
    sound: bool  # False: it has problems of its own, and its data is only a guess
    holes: tuple[int, ...] = ()  # lines that are no YAML: what stands there is not known, nor what else is missing
    leaves_open: bool = False  # some value in it is not written at all: a null that may be a slip
    guesses: tuple[Guess, ...] = ()  # what in it is one, if it is not sound

    @property
    def place(self) -> Place:
        """The place of its first line."""
        return Place(self.file, self.line)


class Parsed(NamedTuple):
    """The documents of one file, and what is wrong with its text."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


def hides_a_name(parsed: Parsed, content: bytes) -> bool:
    """Tell whether some document of a file may have a name that cannot be read."""
    guessed = any(NO_NAME in document.guesses for document in parsed.documents)
    return guessed or any(_NAME.match(line) for line in lines_of_holes(parsed, content))


def lines_of_holes(parsed: Parsed, content: bytes) -> Iterator[bytes]:
    """Yield the lines of a file that cannot be read."""
    for document in parsed.documents:
        if document.holes:
            lines = content.splitlines()
            yield from (lines[number - 1] for number in document.holes if number <= len(lines))
