"""The first mistake of a text, found by reading it line by line as its author does: keys, items and what is deeper.

This is a reader for texts that the parser has refused, and stricter than it where people and parsers differ: a line
that looks like a key and stands in the column of keys is one. What it cannot read at all it leaves to the parser.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from flowerpower.specs.text.mistakes.keyless import NO_MARKER, keyless, template
from flowerpower.specs.text.mistakes.quotes import end_of_quoted
from flowerpower.specs.text.mistakes.source import (
    COMMENT,
    MARKER,
    SPACES,
    Mistake,
    MistakeError,
    NotKnownError,
    Source,
    indentation,
    without_comment,
)
from flowerpower.specs.text.mistakes.values import read_value
from flowerpower.specs.text.syntax import ODD_SPACES

_LONGEST_KEY = 1024  # characters
_PROPERTIES = re.compile(r"(?:(?:&[A-Za-z0-9_-]+|!(?:!(?:str|map|seq))?)[ \t]+)*")
_BEGINS_KEY = re.compile(r"[^\s\"'\[\]{}>|*&!%#`@,?:-]|[?:-]\S")
_COLON = re.compile(r":(?=[ \t]|$)")
_QUOTED_KEY = re.compile(r"(?:\"(?:[^\"\\]|\\.)*+\"|'(?:[^']|'')*+')[ \t]*:(?=[ \t]|$)")
_DIRECTIVE = re.compile(r"%YAML 1\.[12]\s*(?:#.*)?$|%TAG ")
_VALUE = re.compile(r"(?:(?:[\w./@+]|-\d)[\w./@+-]*|\"[^\"]*\"|'[^']*'|\[[^\[\]]*\]|\{[^{}]*\})\s*(?:\s#.*)?")
_ODD_KEY = re.compile(r"(?:\*[A-Za-z0-9_-]+[ \t]*:(?:\s|$)|[\[{].*[\]}][ \t]*:(?:\s|$))")


class _Level(NamedTuple):
    column: int
    kind: str  # "mapping" or "list"
    first: int  # line, from 1
    last: int


def first_mistake(text: str, start: int, reached: int) -> Mistake | None:
    """Return the first mistake of the document that begins at *start*, if its line is not behind that of *reached*.

    None: this reader sees none, or does not know how the text is written.
    """
    source = Source(text)
    try:
        _Reader(source).read(source.number(start), min(reached, len(text)))
    except MistakeError as error:
        return error.mistake
    except NotKnownError:
        pass
    return None


class _Reader:
    """Follows the lines of one document."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._levels: list[_Level] = []
        self._awaits = True  # a value may begin in the next line
        self._kind = "nothing"  # of the value before
        self._bare = -1  # where a text without a key begins, which goes on in the next lines
        self._comment = False  # one stands between a text and the next line
        self._key = -1  # of the value before, where it begins
        self._over = False  # the document has been ended
        self._reached = 0  # where the parser stopped
        self._root = 0  # where the value of the whole document begins, if it is no mapping

    def read(self, number: int, reached: int) -> None:
        """Read the lines from a number on, up to that of an offset; MistakeError at the first mistake."""
        source, self._reached = self._source, reached
        while number < len(source.starts) and source.starts[number] <= reached:
            at = source.starts[number]
            line = source.line(number)
            number = source.number(self._line(at, line)) + 1

    @property
    def _column(self) -> int:
        return self._levels[-1].column if self._levels else -1

    def _line(self, at: int, line: str) -> int:
        """Read the line at an offset and return where what begins in it ends."""
        text = line.lstrip(SPACES)
        if not text or text[0] == "#":
            tab = line.find("\t")
            if text and -1 < tab < line.index("#") and at <= self._reached <= at + len(line):
                what = "a tab cannot indent a comment here"
                self._source.fail_line(at + tab, what, "use spaces", start=at, column=len(line))
            self._comment |= bool(text) and self._kind == "plain"
            return at + len(line)
        if marker := MARKER.match(line):
            return self._marker(at, line, marker[0])
        if not self._levels and line[0] == "%" and self._kind == "nothing" and self._awaits:
            return self._directive(at, line)
        if self._over:
            hint = "write `---` there if another spec begins, else remove the line with `...`"
            self._source.fail_line(at, "the line `...` has ended the document", hint, start=at, column=-1)
        width = indentation(line)
        if line[width] in ODD_SPACES and not self._goes_on(width, line):
            what, hint = f"{ODD_SPACES[line[width]]} cannot indent YAML", "use spaces"
            if line[width] in "\u200b\u2060\ufeff":
                what, hint = f"{ODD_SPACES[line[width]]} stands before the first character of the line", "remove it"
            self._source.fail_line(at + width, what, hint, start=at, column=min(width, max(self._column, 0)))
        end = self._content(at + width, width)
        self._comment = self._kind == "plain" and COMMENT.search(self._source.rest(end)) is not None
        return end

    def _marker(self, at: int, line: str, marker: str) -> int:
        """Begin a new document, or end one."""
        rest = line[len(marker) :].lstrip(" \t")
        text = at + len(line) - len(rest)
        self._levels, self._awaits, self._kind, self._bare = [], True, "nothing", -1
        self._over = marker == "..."
        if not rest or rest[0] == "#":
            return at + len(line)
        if self._over:
            hint = "remove it: `...` ends a document"
            self._source.fail_line(text, "text stands after `...`", hint, start=at, column=len(line))
        if _key_of(rest):
            what = "a key cannot stand in the line of `---`"
            self._source.fail(text, what, "begin it in the next line", start=text, column=-1)
        return self._value(text)

    def _directive(self, at: int, line: str) -> int:
        if not _DIRECTIVE.match(line):
            what = "a spec needs no line that begins with `%`"
            of_version = line.startswith("%YAML")
            hint = "remove it: specs are YAML 1.2" if of_version else "remove it, or put the key in quotes"
            self._source.fail_line(at, what, hint, start=at, column=len(line))
        return at + len(line)

    def _goes_on(self, width: int, line: str) -> bool:
        """Tell whether a line that is indented by something odd may still be the next one of a text."""
        return self._kind == "plain" and not self._awaits and not _key_of(line.lstrip(SPACES))

    def _is_text(self, column: int) -> bool:
        """Tell whether a line is the next one of the text above, whatever it begins with."""
        return self._kind == "plain" and not self._awaits and not self._comment and column > self._column

    def _content(self, at: int, column: int) -> int:
        source = self._source
        rest = source.rest(at)
        if rest.startswith("- ") and self._is_text(column) and not _key_of(rest.lstrip("- ")):
            return source.end(at)
        while rest == "-" or rest.startswith(("- ", "-\t")):
            self._enter(at, column, "list")
            dash, (at, column, rest) = at, self._behind_dash(at, column, rest)
            if not rest or rest[0] == "#":
                return source.end(dash)
        if key := _key_of(rest):
            self._check_key(at, column, key)
            value = at + len(key)
            value += len(source.rest(value)) - len(source.rest(value).lstrip(" \t"))
            self._enter_key(at, column, value)
            return self._value(value)
        if rest == "?" or rest.startswith(("? ", "?\t")):
            self._source.fail_line(at, "a key cannot begin with `?`", "write `key: value`", start=at, column=column)
        if _ODD_KEY.match(rest) and not template(rest):
            raise NotKnownError
        return self._no_key(at, column, rest)

    def _enter_key(self, at: int, column: int, value: int) -> None:
        """Go to the level of a key; if there is none, look all the same whether the value can be read."""
        try:
            self._enter(at, column, "mapping")
        except MistakeError as error:
            if inside := self._mistake_in(value, column):
                end = max(error.mistake.end, inside.end)
                raise MistakeError(error.mistake._replace(end=end, inside=(inside,))) from None
            raise
        self._key = at

    def _mistake_in(self, value: int, column: int) -> Mistake | None:
        try:
            read_value(self._source, value, column)
        except MistakeError as error:
            return error.mistake
        except NotKnownError:
            pass
        return None

    def _behind_dash(self, at: int, column: int, rest: str) -> tuple[int, int, str]:
        """Return offset, column and text of what stands behind a dash."""
        behind = rest[1:].lstrip(" \t")
        gap = rest[1 : len(rest) - len(behind)]
        self._awaits, self._kind = True, "nothing"
        stopped = at <= self._reached <= at + len(rest)
        if "\t" in gap and (stopped or _key_of(behind) or behind.startswith("- ")):
            tab = at + 1 + gap.index("\t")
            self._source.fail_line(tab, "a tab cannot indent YAML", "use spaces", start=at, column=column)
        width = 1 + len(gap)
        return at + width, column + width, behind

    def _check_key(self, at: int, column: int, key: str) -> None:
        if len(key) > _LONGEST_KEY:
            what = f"the key has more than {_LONGEST_KEY:,} characters"
            self._source.fail_line(at, what, "a key is a few words", start=at, column=column)
        if self._bare >= 0 and not self._comment:
            self._check_bare(column)
        if key[0] == '"':
            end_of_quoted(self._source, at, column, at)

    def _check_bare(self, column: int) -> None:
        """Raise what is wrong with the text in lines of its own that a key follows."""
        source = self._source
        at = self._bare
        width = at - source.starts[source.number(at)]
        if column > self._column:
            keyless(source, at, width, self._kind_before())

    def _kind_before(self) -> str:
        return self._levels[-1].kind if self._levels else ""

    def _value(self, at: int) -> int:
        if not self._levels:
            self._root = at
            if self._source.text[at] in "|>":
                self._fail_root(self._source.end(at) + 1)
        self._kind, end = read_value(self._source, at, self._column)
        self._awaits = self._kind == "nothing"
        self._bare = -1
        return end

    def _no_key(self, at: int, column: int, rest: str) -> int:
        """Read a line that has neither key nor dash: the next one of a text, a value of its own, or a mistake."""
        source = self._source
        if rest == ":" or rest.startswith(": "):
            self._no_key_before(at, column)
        own_line = not source.text[source.starts[source.number(at)] : at].strip()
        if own_line and not self._awaits and self._kind != "plain" and NO_MARKER.fullmatch(without_comment(rest)):
            keyless(source, at, column, self._kind_before())
        if column > self._column and (self._awaits or self._kind == "plain"):
            if not self._awaits and self._comment:
                what = "a comment has ended the text that goes on here"
                self._source.fail_line(
                    at, what, "move the comment, or write the text as a block with `|`", start=at, column=self._column
                )
            if not self._awaits:
                return at + len(without_comment(rest))
            end = self._value(at)
            self._bare = at if own_line and self._kind == "plain" else -1
            return end
        if column > self._column and self._kind in ("quoted", "brackets", "alias") and self._levels:
            what = "this line belongs to nothing: the value above has ended"
            hint = "put all of the value in quotes, or remove the line"
            source.fail_line(at, what, hint, start=at, column=self._column)
        if not self._levels and not self._awaits and self._kind != "plain":
            self._fail_root(at - column)
        self._check_value(at, column)
        block = self._key if self._kind == "block" else -1
        return keyless(source, at, column, self._kind_before(), block=block)

    def _check_value(self, at: int, column: int) -> None:
        """Raise that a line is the value of the key in the line above, in whose column it stands."""
        source, rest = self._source, self._source.rest(at)
        number = source.number(max(self._key, 0))
        here = number == source.number(at) - 1 and self._key - source.starts[number] == column
        if not (self._awaits and here and _VALUE.fullmatch(rest)):
            return
        key = _key_of(source.rest(self._key)).rstrip(" :")
        what, hint = (
            f"the value of `{key}` is not deeper than `{key}`",
            f"write `{key}: {without_comment(rest)}` in one line",
        )
        source.fail_line(at, what, hint, start=at, column=column)

    def _no_key_before(self, at: int, column: int) -> NoReturn:
        """Raise what is wrong with a line that begins with a colon."""
        if self._bare >= 0:
            width = self._bare - self._source.starts[self._source.number(self._bare)]
            keyless(self._source, self._bare, width, self._kind_before())
        what = "no key stands before the colon"
        self._source.fail_line(at, what, "write one, or remove the line", start=at, column=column)

    def _enter(self, at: int, column: int, kind: str) -> None:
        """Go to the level that a key or a dash in a column belongs to."""
        left: list[_Level] = []
        while self._levels and self._column > column:
            left.append(self._levels.pop())
        line = self._source.number(at) + 1
        level = _Level(column, kind, line, line)
        if column > self._column:
            if left or not self._awaits:
                self._fail_column(at, level, left)
            self._levels.append(level)
        elif kind != self._levels[-1].kind:
            self._change_kind(at, level, left)
        self._levels[-1] = level._replace(first=self._levels[-1].first)
        self._kind, self._awaits, self._bare = "nothing", True, -1

    def _change_kind(self, at: int, level: _Level, left: list[_Level]) -> None:
        """Go from keys to items, or back, in one column: the items under a key may stand in its column."""
        if level.kind == "list" and self._awaits and not left:
            self._levels.append(level)
            return
        if level.kind == "mapping" and [one[:2] for one in self._levels[-2:-1]] == [level[:2]]:
            self._levels.pop()
            return
        what, hint = "a list item stands among keys", "indent it deeper than the key it belongs to, or remove the `-`"
        if level.kind == "mapping":
            inside = [one for one in left if one.kind == "mapping"][-1:]
            what = "a key stands among the items of a list"
            hint = f"{_as(inside[0])}, or begin it with `- `" if inside else "begin it with `- `"
        start = self._source.starts[self._levels[-1].first - 1] if len(self._levels) > 1 else at
        end = self._source.end_of_part(at, level.column - (len(self._levels) > 1))
        raise MistakeError(Mistake(at, what, hint, start, end, value=False))

    def _fail_column(self, at: int, level: _Level, left: list[_Level]) -> NoReturn:
        levels = [*left[-1:], *self._levels[-1:]]
        if not levels:
            self._fail_root(self._source.starts[level.last - 1])
        hints = [_as(one) for one in levels if one.kind == level.kind] or ["indent it as the lines that it belongs to"]
        what = "this line is deeper than the one above, which has its value already"
        if not left:
            self._check_first(level)
        if left:
            what = "the indentation of this line fits none above"
        self._source.fail_line(at, what, ", or ".join(hints), start=at, column=self._column)

    def _check_first(self, level: _Level) -> None:
        """Raise that the line above a deeper one is the first under its key, and not as deep as the others."""
        source, above = self._source, self._levels[-1]
        key = source.line(above.last - 2) if above.last > 1 else ""
        whole = _key_of(key.lstrip(" ")) == without_comment(key).lstrip(" ") != ""
        if above.kind != level.kind or indentation(key) != above.column or not whole:
            return
        at = source.starts[above.last - 1]
        what = f"this line is not as deep as line {level.last}, which goes on with it"
        end = source.end_of_part(at, above.column)
        raise MistakeError(Mistake(at + above.column, what, _as(level), at, end, value=False))

    def _fail_root(self, at: int) -> NoReturn:
        """Raise that what stands above the line at an offset is all of the document, and is no mapping."""
        source = self._source
        start, end = source.starts[source.number(self._root)], at - 1
        what = "a spec is `key: value` lines, and this is something else"
        raise MistakeError(Mistake(self._root, what, "remove it", start, end, value=False))


def _as(level: _Level) -> str:
    if not level.column:
        return f"do not indent it, like line {level.last}"
    return f"indent it by {level.column} space{'' if level.column == 1 else 's'}, like line {level.last}"


def _key_of(text: str) -> str:
    """Return the key that a text begins with, with its colon; else nothing."""
    properties = _PROPERTIES.match(text)
    skipped = properties[0] if properties else ""
    text = text[len(skipped) :]
    if quoted := _QUOTED_KEY.match(text):
        return skipped + quoted[0]
    colon = _COLON.search(text) if _BEGINS_KEY.match(text) else None
    if colon is None or ((comment := COMMENT.search(text)) and comment.start() < colon.start()):
        return ""
    return skipped + text[: colon.end()]
