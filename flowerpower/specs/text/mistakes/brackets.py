"""Lists and mappings in brackets: those that are not closed, commas that are missing, values that need quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NoReturn

from flowerpower.specs.text.lines import LINE_END
from flowerpower.specs.text.mistakes.quotes import end_of_quoted, not_closed
from flowerpower.specs.text.mistakes.source import (
    COMMENT,
    ENTRY,
    MARKER,
    Mistake,
    MistakeError,
    NotKnownError,
    Source,
    indentation,
    shown,
    without_comment,
)
from flowerpower.specs.text.syntax import bare_placeholder
from flowerpower.specs.text.templates import template_begins, template_hint

CLOSING = {"[": "]", "{": "}"}
_BLANK = re.compile(r"(?:[ \t]|(?:^|(?<=[\s\[{,]))#[^\r\n]*)+", re.MULTILINE)
_NAME = re.compile(r"(?:[*&][A-Za-z0-9_-]+(?=[\s,\]}:])|!(?:!(?:str|map|seq))?(?=\s))")
_PLAIN = re.compile(r"(?:[^\s,\[\]{}:#]|:(?![\s,\[\]{}])|(?<=\S)#|[ \t]+(?![\s#,\[\]{}:]|$)|[ \t]+:(?=[^\s,\[\]{}]))+")
_NO_COMMENT = re.compile(r"(?://(?=\s)|/\*)[^\r\n\]}]*(?=[\r\n]|\Z)")
_NEEDS_QUOTES = "@`%*&|>!?:#"


def end_of_brackets(source: Source, offset: int, column: int) -> int:
    """Return where the brackets that open at an offset end; a mistake gives up all of them."""
    return _Brackets(source, offset, column).read()


class _Brackets:
    """Reads one collection in brackets, with all that are inside it."""

    def __init__(self, source: Source, offset: int, column: int) -> None:
        self._source, self._start, self._column = source, offset, column
        self._at = offset
        self._open: list[int] = []
        self._left = False  # a line looks as if it belonged to the block again
        self._after = ""  # the kind of value that stands before this place, if no comma does
        self._keyed = False  # the value has its key
        self._last = ""  # the first character of the token before this place
        self._value = self._ended = offset  # where the value before this place begins and ends

    def read(self) -> int:
        text = self._source.text
        while True:
            self._skip_blank()
            if self._at >= len(text):
                self._not_closed()
            char = text[self._at]
            self._token(char)
            self._last = char
            if not self._open:
                return self._at

    def _skip_blank(self) -> None:
        text = self._source.text
        while self._at < len(text):
            if (blank := _BLANK.match(text, self._at)) and blank.end() > self._at:
                self._at = blank.end()
            elif line_end := LINE_END.match(text, self._at):
                self._at = line_end.end()
                self._begin_line()
            else:
                return

    def _begin_line(self) -> None:
        line = self._source.rest(self._at)
        if MARKER.match(line):
            self._not_closed()
        if indentation(line) <= self._column and ENTRY.match(line.lstrip(" ")):
            if self._after or line.lstrip(" ").startswith("- "):
                self._not_closed()
            self._left = True

    def _token(self, char: str) -> None:
        if char in "[{":
            self._opens(char)
        elif char in "]}":
            self._closes(char)
        elif char == ",":
            self._comma()
        elif char in "\"'":
            self._quoted()
        elif char == ":" and self._is_colon():
            self._colon()
        elif name := _NAME.match(self._source.text, self._at):
            self._name(name)
        elif comment := _NO_COMMENT.match(self._source.text, self._at):
            what = f"`{comment[0][:2]}` begins no comment"
            raise MistakeError(Mistake(self._at, what, "write `#`", self._at, comment.end(), value=False))
        else:
            self._plain(char)

    def _is_colon(self) -> bool:
        """Tell whether a colon parts a key from its value: after a text in quotes it needs no space."""
        following = self._source.text[self._at + 1 : self._at + 2]
        return self._after in ("quoted", "brackets") or following in ("", *" \t\r\n,[]{}\"'")

    def _opens(self, char: str) -> None:
        if self._after and template_begins(self._source.rest(self._at)):
            self._fail(self._at, "a template in brackets has no quotes", template_hint(self._source.rest(self._at)))
        if self._after:
            self._no_comma(char)
        self._open.append(self._at)
        self._at += 1
        self._keyed = False

    def _closes(self, char: str) -> None:
        opened = self._open[-1]
        opening = self._source.text[opened]
        if CLOSING[opening] != char:
            if self._left or any(CLOSING[self._source.text[outer]] == char for outer in self._open):
                self._not_closed(opened)
            line = self._source.number(opened) + 1
            where = "" if line == self._source.number(self._at) + 1 else f" in line {line}"
            what = f"`{char}` does not close the `{opening}`{where}"
            right = self._source.text[self._at + 1 :].lstrip()[:1] == CLOSING[opening]
            self._fail(self._at, what, "remove it" if right else f"write `{CLOSING[opening]}`")
        self._open.pop()
        self._at += 1
        self._after, self._keyed, self._value = "brackets", False, opened

    def _comma(self) -> None:
        if not self._after and not self._keyed:
            what = "nothing stands before the comma" if self._last != "," else "nothing stands between two commas"
            self._fail(self._at, what, "remove a comma, or write what is missing")
        self._at += 1
        self._after, self._keyed = "", False

    def _quoted(self) -> None:
        source = self._source
        if self._after:
            self._no_comma(without_comment(source.rest(self._at)).split(",")[0].rstrip("]}"))
        end = end_of_quoted(source, self._at, self._column, self._start)
        self._after, self._value, self._ended, self._at = "quoted", self._at, end, end

    def _colon(self) -> None:
        if self._keyed:
            self._second_colon()
        if not self._after:
            self._fail(self._at, "no key stands before the colon", "write one")
        following = self._source.text[self._at + 1 : self._at + 2]
        if self._after == "plain" and following and following in "[{]},":
            key = self._source.text[self._value : self._at]
            hint = "write one" if following in "[{" else f"write one, or {json.dumps(f'{key}:')} if it is a text"
            self._fail(self._at, f"a space is missing after `{key}:`", hint)
        if self._after == "plain" and self._source.number(self._value) != self._source.number(self._at):
            self._key_without_comma()
        self._at += 1
        self._after, self._keyed = "", True

    def _name(self, name: re.Match[str]) -> None:
        if self._after and name[0][0] != "!":
            self._no_comma(name[0])
        if name[0][0] == "*":
            self._after, self._value = "alias", self._at
        self._at = name.end()

    def _plain(self, char: str) -> None:
        text = self._source.text
        if not self._after and char in _NEEDS_QUOTES:
            written = re.split(r"[,\]}\r\n]", self._source.rest(self._at))[0].rstrip()
            hint = f"write {json.dumps(written, ensure_ascii=False)}"
            self._fail(self._at, f"a text in brackets that begins with {shown(char)} needs quotes", hint)
        found = _PLAIN.match(text, self._at)
        if found is None:
            self._unknown()
        if not self._after and re.match(r"-\s", text[self._at : self._at + 2]):
            self._fail(self._at, "a list in brackets has no dashes", "remove it: commas tell its values apart")
        if self._after and self._after != "plain":
            self._no_comma((found[0].split() or [char])[0])
        if self._after != "plain":
            self._value = self._at
        self._after, self._at = "plain", found.end()

    def _second_colon(self) -> NoReturn:
        """Raise what is wrong with the second colon of an entry: a comma is missing, or quotes are."""
        written = self._source.text[self._value : self._at]
        words = written.split()
        if len(words) > 1:
            self._at -= len(words[-1])
            self._key_without_comma()
        behind = self._source.rest(self._value)
        whole = re.split(r"[,\]}]", behind)[0].rstrip()
        self._fail(self._at, "a value that holds `: ` needs quotes", f"write {json.dumps(whole, ensure_ascii=False)}")

    def _key_without_comma(self) -> NoReturn:
        source = self._source
        number = source.number(self._at)
        line = source.line(number)
        if number != source.number(self._value):
            self._at = source.starts[number] + indentation(line)
            if indentation(line) <= self._column:
                self._not_closed()
            if [source.text[opened] for opened in self._open[-2:]] == ["{", "["]:  # keys go on, and lists have none
                self._not_closed(self._open[-1])
        self._no_comma(source.rest(self._at).split(":")[0])

    def _no_comma(self, before: str) -> NoReturn:
        if self._after == "quoted" and self._swallowed():
            not_closed(self._source, self._value, self._column, self._start)
        if self._source.text[self._at - 1] == "$" or self._placeholder():
            self._fail_placeholder()
        if self._left:
            self._not_closed()
        self._fail(self._at, f"a comma is missing before `{before}`", "write a comma between the two")

    def _swallowed(self) -> bool:
        """Tell whether the text in quotes before this place went on to where the next one was meant to open."""
        source = self._source
        inside = source.text[self._value + 1 : self._ended - 1].rstrip()
        lines = source.number(self._ended) - source.number(self._value)
        return lines > 0 or (self._ended == self._at and inside.endswith((":", ",", "[", "{")))

    def _placeholder(self) -> bool:
        return bare_placeholder(self._source.text, self._value, self._at) is not None

    def _fail_placeholder(self) -> NoReturn:
        bare = bare_placeholder(self._source.text, self._value, self._at)
        if bare is None:
            raise NotKnownError
        self._fail(bare[0], "a placeholder in brackets has no quotes", f'write "{bare[1]}"')

    def _not_closed(self, opened: int | None = None) -> NoReturn:
        """Raise that a bracket is never closed: the outermost that is open, if nothing tells which."""
        text, end = self._source.text, self._end_of_lines()
        at = self._open[0] if opened is None else opened
        inner = [one for one in self._open if at < one < end]
        closing = "".join(CLOSING[text[one]] for one in reversed([at, *inner]))
        rest = self._source.rest(at)
        comment = COMMENT.search(rest)
        code = rest[: comment.start()].rstrip() if comment else rest.rstrip()
        what = f"the `{text[at]}` is not closed"
        if inner:
            what = f"the `{text[at]}` and the `{text[inner[0]]}` in it are not closed"
        hint = f"add `{closing}` after {'the' if inner else 'its'} last value"
        if comment and closing in comment[0] and closing not in code:
            what = f"{what}: {'their' if inner else 'its'} `{closing}` stands in a comment"
            hint = "move it before the `#`, or put what begins with `#` in quotes"
        elif self._was_one_line(at, code, inner):
            hint = f"write `{code}{closing}`"
        raise MistakeError(Mistake(at, what, hint, self._start, end))

    def _end_of_lines(self) -> int:
        """Return where the last line ends that may belong to brackets which are not closed."""
        source = self._source
        end = source.end(self._start)
        for number in range(source.number(self._start) + 1, len(source.starts)):
            line = source.line(number)
            if MARKER.match(line) or (indentation(line) <= self._column and ENTRY.match(line.lstrip(" "))):
                break
            end = source.starts[number] + len(line)
        return end

    def _was_one_line(self, at: int, code: str, inner: Sequence[int]) -> bool:
        """Tell whether a bracket was most likely meant to end with its line, as those in it that are open."""
        source = self._source
        number = source.number(at)
        following = source.line(number + 1) if number + 1 < len(source.starts) else ""
        ends = not following.strip() or (indentation(following) <= self._column and ENTRY.match(following.lstrip(" ")))
        whole = source.number(self._at) > number or self._at >= len(source.text)  # all of the line fits together
        here = all(source.number(one) == number for one in inner)
        return bool(ends) and whole and here and len(code) > 1 and code[-1] not in "[{,:"

    def _unknown(self) -> NoReturn:
        if self._left:
            self._not_closed()
        raise NotKnownError

    def _fail(self, at: int, what: str, hint: str) -> NoReturn:
        if self._left:
            self._not_closed()
        self._source.fail(at, what, hint, start=self._start, column=self._column)
