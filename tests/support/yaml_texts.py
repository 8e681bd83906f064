"""YAML texts as untidy as people can write them: every style, odd indentation, and comments wherever one may stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

PLAIN = ("no", "010", "12:30:00", "1_000", "~", "1.10", "a b", "x#y", "http://x:1/#z", "ünïcödé ☃", "日本語", "-1")
QUOTED = ("'no'", "'it''s # none'", "'a: b'", "''", "' # '", '"a \\" # b"', '"\\u263a"', '"\\\\"', '"{a, b: [c]}"')
WRAPPED = ("some words{br}go on", "'quoted{br}once'", '"{br}twice{br}{br}"', '"a \\{br}b\\ {br}c"', "up{br}{br}# to")
COMMENTS = ("# plain", "#tight", "# key: value", "#", "# ünïcödé ☃", "## - item", "# 'quote", "# [a, {")
LINES = ("text", "  deeper", "# none", "key: value", "- item", "", "", "\ttab", "trailing  ", "日本")
KEYS = ("{}", '"{} q"', "'{} # s'", "{} z", "{}-é", "&k{} {}", "{}:x")

_Choice = TypeVar("_Choice")


class Writer:
    """Writes one text, every choice drawn from Hypothesis, and keeps its comments."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._count = 0
        self._anchors: list[str] = []
        self.comments: list[str] = []

    def text(self) -> str:
        """Return a file of one or more documents."""
        start = self._one(("", "---\n", f"{self._comment()}\n", "%YAML 1.2\n---\n", "\n\n", "--- # c\n"))
        text = start + self._document()
        if self._chance(3):
            text += self._one(("---\n", "...\n# between\n---\n", "\n---\n\n")) + self._document()
        text = text.rstrip("\n") if self._chance(2) else text
        return text.replace("\n", self._one(("\n", "\n", "\r\n")))

    def _document(self) -> str:
        self._anchors = []
        return "\n".join(self._mapping(self._number(0, 2), 0)) + "\n"

    def _mapping(self, indent: int, depth: int) -> list[str]:
        lines: list[str] = []
        for _ in range(self._number(1, 3)):
            lines += self._noise(indent)
            lines += self._value(f"{' ' * indent}{self._key()}{self._one(('', '', ' '))}:", indent, depth)
        return [*lines, *self._noise(indent)]

    def _sequence(self, indent: int, depth: int) -> list[str]:
        lines: list[str] = []
        for _ in range(self._number(1, 3)):
            lines += self._noise(indent)
            lines += self._value(f"{' ' * indent}-", indent, depth)
        return lines

    def _value(self, start: str, indent: int, depth: int) -> list[str]:
        kinds = [self._in_line, self._in_line, self._wrapped, self._block_scalar, self._below]
        if depth < 3:
            kinds += [self._deeper_mapping, self._deeper_sequence]
            kinds += [self._compact] if start.endswith("-") else [self._level_sequence]
        return self._one(kinds)(start, indent, depth)

    def _in_line(self, start: str, indent: int, depth: int) -> list[str]:
        value = self._one(("", self._scalar(), self._flow(indent + self._number(1, 5), depth)))
        anchor = self._anchor() if value and value[0] != "*" else ""
        space = self._one((" ", "   ") if start.endswith("-") else (" ", "   ", " \t"))
        return [self._end(f"{start}{anchor}{space}{value}")]

    def _wrapped(self, start: str, indent: int, depth: int) -> list[str]:
        space = " " * (indent + self._number(1, 5))
        return [self._end(f"{start} {self._one(WRAPPED)}".replace("{br}", f"{self._one(('', ' '))}\n{space}"))]

    def _below(self, start: str, indent: int, depth: int) -> list[str]:
        inner = indent + self._number(1, 5)
        return [self._end(start), *self._noise(inner), self._end(" " * inner + self._scalar())]

    def _deeper_mapping(self, start: str, indent: int, depth: int) -> list[str]:
        outside, self._anchors = self._anchors, []  # no alias may stand inside what it names
        head = self._end(start + self._anchor())
        found, self._anchors = self._anchors, outside
        lines = self._mapping(indent + self._number(1, 5), depth + 1)
        self._anchors = [*self._anchors, *found]
        return [head, *lines]

    def _deeper_sequence(self, start: str, indent: int, depth: int) -> list[str]:
        return [self._end(start), *self._sequence(indent + self._number(1, 5), depth + 1)]

    def _level_sequence(self, start: str, indent: int, depth: int) -> list[str]:
        return [self._end(start), *self._sequence(indent, depth + 1)]

    def _compact(self, start: str, indent: int, depth: int) -> list[str]:
        column = len(start) + self._number(1, 3)
        before = len(self.comments)
        lines = self._one((self._mapping, self._sequence))(column, depth + 1)
        first = next(number for number, line in enumerate(lines) if line.strip() and not line.strip().startswith("#"))
        dropped = "\n".join(lines[:first])
        self.comments[before:] = [comment for comment in self.comments[before:] if comment not in dropped]
        return [start + lines[first][len(start) :], *lines[first + 1 :]]

    def _block_scalar(self, start: str, indent: int, depth: int) -> list[str]:
        digit = self._number(1, 4)
        shown = self._chance(3)
        lines = [*([] if shown else ["first"]), *(self._one(LINES) for _ in range(self._number(0, 4)))]
        mark = f"{self._one('|>')}{digit if shown else ''}{self._one(('', '-', '+'))}"
        below = [" " * (indent + self._number(0, digit - 1)) + self._comment()] if self._chance(3) else []
        return [
            self._end(f"{start} {mark}"),
            *(" " * (indent + digit) + line if line else "" for line in lines),
            *below,
        ]

    def _flow(self, indent: int, depth: int) -> str:
        if depth > 2 or (depth and self._chance(5)):
            return self._one((*QUOTED, "no", "1_0", "a b"))
        items = [self._flow(indent, depth + 1) for _ in range(self._number(0, 3))]
        begin, end = self._one(("[]", "{}"))
        if begin == "{":
            items = [f"{self._key()}:{self._one((' ', '   '))}{item}" for item in items]
        body = "".join(f"{item}{self._one(('', ' '))},{self._gap(indent)}" for item in items)
        return f"{begin}{self._gap(indent)}{body}{self._gap(indent)}{end}"

    def _gap(self, indent: int) -> str:
        gap = self._one(("", " ", "  ", "\n", "comment", "\n\n"))
        if gap == "comment":
            gap = f" {self._comment()}\n"
        return f"{gap}{' ' * (indent + self._number(0, 4))}" if "\n" in gap else gap

    def _key(self) -> str:
        self._count += 1
        form = self._one(KEYS) if self._chance(3) else "{}"
        return form.format(f"k{self._count}", f"k{self._count}")

    def _scalar(self) -> str:
        return self._one((*PLAIN, *QUOTED, *(f"*{name}" for name in self._anchors)))

    def _anchor(self) -> str:
        if not self._chance(1):
            return ""
        self._count += 1
        self._anchors.append(f"a{self._count}")
        return f" &a{self._count}"

    def _noise(self, indent: int) -> list[str]:
        if not self._chance(3):
            return []
        columns = (0, indent, indent, indent + 2, max(0, indent - 1))
        return ["", "  ", " " * self._one(columns) + self._comment()][self._number(0, 1) : self._number(1, 3)]

    def _end(self, line: str) -> str:
        end = self._one(("", "", "", " ", " {}", "  {}", " " * max(1, 30 - len(line)) + "{}"))
        return line + end.format(self._comment()) if "{}" in end else line + end

    def _comment(self) -> str:
        self.comments.append(f"{self._one(COMMENTS)} c{len(self.comments)}.")
        return self.comments[-1]

    def _one(self, choices: Sequence[_Choice]) -> _Choice:
        return self._draw(st.sampled_from(choices))

    def _number(self, least: int, most: int) -> int:
        return self._draw(st.integers(least, most))

    def _chance(self, of_ten: int) -> bool:
        return self._draw(st.integers(0, 9)) < of_ten


@st.composite
def yaml_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Draw a text, which is nearly always YAML, and comments that it may hold: each is there once or not at all."""
    writer = Writer(draw)
    return writer.text(), writer.comments
