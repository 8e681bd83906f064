"""A text by its lines, and what of it cannot be read once there is a mistake."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple, NoReturn

from flowerpower.specs.text.lines import LINE_END
from flowerpower.specs.text.syntax import ODD_SPACES

SPACES = " " + "".join(ODD_SPACES)
FENCE, OF_MARKDOWN = "```", "three backticks are Markdown, not YAML"
MARK = "---"
MARKER = re.compile(r"(?:---|\.\.\.)(?=[ \t]|$)")
KEY = re.compile(r"(?:- +)*[\"']?[A-Za-z_][\w.-]*[\"']? *:(?= |$)")
ENTRY = re.compile(rf"{KEY.pattern}|- ")
_KEY_BEFORE = re.compile(r"([A-Za-z_][\w.-]*):[ \t]+\Z")
COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*")


class Mistake(NamedTuple):
    """Something that is no YAML: its place, what to do, and from where to where the text is not read.

    There may be another one in what is not read.
    """

    offset: int
    what: str
    hint: str
    start: int
    end: int
    value: bool = True  # False: lines of their own, which no key awaits
    meant: str = ""  # what is read in its place, if nothing else can be meant; then all is known that stands there
    inside: tuple[Mistake, ...] = ()


class MistakeError(Exception):
    """The first mistake of a text is found."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.what)
        self.mistake = mistake


class NotKnownError(Exception):
    """The text is written in a way that only the parser reads."""


class Source:
    """A text whose lines can be asked for by number or by any offset in them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(end.end() for end in LINE_END.finditer(text))]

    def number(self, offset: int) -> int:
        """Return the number of the line that holds an offset, from 0."""
        return bisect_right(self.starts, offset) - 1

    def line(self, number: int) -> str:
        """Return a line without its end."""
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[number] : end].rstrip("\r\n")

    def rest(self, offset: int) -> str:
        """Return the rest of a line from an offset on."""
        number = self.number(offset)
        return self.line(number)[offset - self.starts[number] :]

    def end(self, offset: int) -> int:
        """Return where the line of an offset ends."""
        return offset + len(self.rest(offset))

    def name_before(self, offset: int) -> str:
        """Return the key before an offset in its line, if its value begins there; else nothing."""
        found = _KEY_BEFORE.search(self.text, self.starts[self.number(offset)], offset)
        return found[1] if found else ""

    def end_of_part(self, offset: int, column: int) -> int:
        """Return where what begins at an offset ends: before the next line that is not deeper than a column.

        The items of a list may stand in the column of its key.
        """
        number = self.number(offset)
        end = self.end(offset)
        takes_items = self.line(number)[max(column, 0) :][:1] != "-"
        for following in range(number + 1, len(self.starts)):
            line = self.line(following)
            text = line.lstrip(SPACES)
            inside = text[:1] in ("", "]", "}") or indentation(line) > column or _is_odd(line)
            inside |= takes_items and indentation(line) == column and text.startswith(("- ", "-\t"))
            if not inside or MARKER.match(line):
                break
            end = self.starts[following] + len(line)
        return end

    def end_of_document(self, offset: int) -> int:
        """Return where the last line ends of the document that an offset is in."""
        for number in range(self.number(offset) + 1, len(self.starts)):
            if MARKER.match(self.line(number)):
                return self.end(self.starts[number - 1])
        return len(self.text)

    def fail(self, offset: int, what: str, hint: str, *, start: int, column: int) -> NoReturn:
        """Raise the mistake at an offset in a value; the value from *start* on is not read."""
        end = max(self.end_of_part(start, column), self.end_of_part(offset, column))
        raise MistakeError(Mistake(offset, what, hint, start, end))

    def fail_line(self, offset: int, what: str, hint: str, *, start: int, column: int) -> NoReturn:
        """Raise the mistake at an offset in a line that no value is in; it and what is deeper are not read."""
        number = self.number(start)
        raise MistakeError(Mistake(offset, what, hint, self.starts[number], self.end_of_part(start, column), False))


def indentation(line: str) -> int:
    """Return how many spaces a line begins with."""
    return len(line) - len(line.lstrip(" "))


def _is_odd(line: str) -> bool:
    """Tell whether a line is indented by something else than spaces."""
    return line[indentation(line) :][:1] in ODD_SPACES


def shown(character: str) -> str:
    """Return a character as a message names it."""
    return "a backtick" if character == "`" else f"`{character}`"


def without_comment(text: str) -> str:
    """Return a part of a line without the comment at its end."""
    return COMMENT.sub("", text).rstrip(SPACES)
