"""The value of a key or of a list item: what it begins with, and what YAML takes it for."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from flowerpower.specs.text.mistakes.brackets import end_of_brackets
from flowerpower.specs.text.mistakes.quotes import behind_quotes, end_of_quoted
from flowerpower.specs.text.mistakes.source import (
    FENCE,
    OF_MARKDOWN,
    SPACES,
    Source,
    indentation,
    shown,
    without_comment,
)
from flowerpower.specs.text.templates import template_hint

_PROPERTIES = re.compile(r"(?:(?:&[A-Za-z0-9_-]+|!(?:!(?:str|map|seq))?)(?:[ \t]+|(?=[\r\n]|\Z)))*+")
_LONGEST_EXAMPLE = 100  # characters
_ALIAS = re.compile(r"\*[A-Za-z0-9_-]+(?=[\s,\]}]|$)")
_BLOCK = re.compile(r"[|>](?:[+-][1-9]?|[1-9][+-]?)?[ \t]*(?:#.*)?$")
_NEEDS_QUOTES = "@`%*&,?"
_NO_QUOTES = "\u201c\u201d\u201e\u2018\u2019"
_TEMPLATE = re.compile(r"\{[{%].*?[}%]\}")


def read_value(source: Source, offset: int, column: int) -> tuple[str, int]:
    """Return what kind of value begins at an offset and where it ends; *column* is that of its key or dash."""
    start = offset
    if found := _PROPERTIES.match(source.text, offset):
        offset = found.end()
        _check_names(source, start, found[0], column)
    rest = source.rest(offset)
    if not rest or rest[0] == "#":
        return "nothing", source.end(offset)
    if rest[0] in "\"'":
        end = end_of_quoted(source, offset, column, start)
        if without_comment(source.rest(end).lstrip(SPACES)):
            _colon_behind(source, offset, end, column)
            behind_quotes(source, offset, end, column)
        return "quoted", end
    if rest[0] in "[{":
        return "brackets", _end_of_brackets(source, offset, column, start)
    if rest[0] in "|>":
        return "block", _end_of_block(source, offset, column)
    if rest[0] == "!":
        what = f"`{rest.split()[0]}` is no text, and a spec has no tags"
        source.fail(offset, what, "remove the `!`, or put the text in quotes", start=start, column=column)
    return _plain(source, offset, column)


def _check_names(source: Source, start: int, properties: str, column: int) -> None:
    """Raise what is wrong with the names that a value is given for its aliases."""
    if "&" not in properties:
        return
    second = properties.find("&", properties.index("&") + 1)
    if second >= 0:
        what, hint = "a value is named by `&` twice", "keep one of the two, or put the text in quotes"
        source.fail(start + second, what, hint, start=start, column=column)
    behind = start + len(properties)
    if _ALIAS.match(source.rest(behind)):
        hint = "remove the `&` and what belongs to it"
        source.fail(start, "an alias cannot be named by `&`", hint, start=start, column=column)


def _colon_behind(source: Source, offset: int, end: int, column: int) -> None:
    rest = source.rest(end)
    if re.match(r"[ \t]*:(?=[ \t]|$)", rest) and source.number(offset) == source.number(end):
        at = end + rest.index(":")
        source.fail(at, *_second_colon(source, offset), start=offset, column=column)


def _end_of_brackets(source: Source, offset: int, column: int, start: int) -> int:
    rest = source.rest(offset)
    if template := _TEMPLATE.match(rest):
        what = f"`{template[0][:40]}` is template syntax"
        source.fail(offset, what, template_hint(rest), start=start, column=column)
    end = end_of_brackets(source, offset, column)
    behind = source.rest(end)
    text = without_comment(behind).strip(SPACES)
    if text and behind[0] != "#":
        _fail_behind_brackets(source, end, text, column, start)
    return end


def _fail_behind_brackets(source: Source, end: int, text: str, column: int, start: int) -> NoReturn:
    at = end + source.rest(end).index(text)
    if text[0] in "]}":
        opening = "[" if text[0] == "]" else "{"
        what = f"the `{text[0]}` closes nothing: no `{opening}` is open"
        source.fail(at, what, "remove it", start=start, column=column)
    if text in (",", ";"):
        source.fail(at, f"the `{text}` after the value belongs to nothing", "remove it", start=start, column=column)
    what = f"text stands after the closing `{source.text[end - 1]}`"
    source.fail(at, what, "put all of the value in quotes, or remove what is too much", start=start, column=column)


def _end_of_block(source: Source, offset: int, column: int) -> int:
    """Return where the last line of a block of text ends; its lines are deeper than its key."""
    mark = source.text[offset]
    rest = source.rest(offset)
    if not _BLOCK.match(rest):
        hint = f"begin the text in the next line, deeper than its key{_or_quoted(source, offset)}"
        if re.match(r"[|>][-+0-9]*(?:\s|$)", rest) and not re.match(r"[|>]\s", rest):
            source.fail(offset, f"`{rest.split()[0]}` begins no text", f"write `{mark}`", start=offset, column=column)
        source.fail(offset, f"a text cannot begin in the line of its `{mark}`", hint, start=offset, column=column)
    return _Block(source, offset, column).end()


_PAIR = re.compile(r"[A-Za-z_][\w-]*: +[^\s{}:][^{}:]*(?:, *[A-Za-z_][\w-]*: +[^{}:]*)*")
_OF_MAPPINGS = frozenset(  # keys that take no text
    [
        *("inputs", "config", "overrides", "load", "executor", "retry", "labels", "cache", "redis", "guards", "queues"),
        *("environments", "policies", "enforce", "warn", "notify", "allow", "defaults", "options", "storage_options"),
    ]
)


class _Block:
    """The lines of a block of text, which begin in one column."""

    def __init__(self, source: Source, offset: int, column: int) -> None:
        self._source, self._offset, self._column = source, offset, column
        digit = re.search(r"[1-9]", without_comment(source.rest(offset))[:3])
        self._width = max(column, 0) + int(digit[0]) if digit else 0
        self._blank = (0, 0)  # length and number of the longest blank line before the text

    def end(self) -> int:
        source = self._source
        end = source.end(self._offset)
        for number in range(source.number(self._offset) + 1, len(source.starts)):
            line = source.line(number)
            if line.strip(" "):
                if indentation(line) <= self._column and line[indentation(line)] != "\t":
                    break
                self._check(number, line)
            elif not self._width:
                self._blank = max(self._blank, (len(line), number))
            end = source.starts[number] + len(line)
        return end

    def _check(self, number: int, line: str) -> None:
        width = indentation(line)
        at = self._source.starts[number] + width
        if line[width] == "\t" and (not self._width or width < self._width):
            self._fail(at, "a tab cannot indent a block of text", "use spaces")
        if not self._width:
            self._width = width
            if self._blank[0] > width:
                at = self._source.starts[self._blank[1]]
                self._fail(at, "this blank line is deeper than the text that follows", "remove the spaces in it")
        if width < self._width and line[width] != "#":
            what = "this line is less deep than the first one of its block of text"
            self._fail(at, what, f"begin it in column {self._width + 1}, as the first one")

    def _fail(self, at: int, what: str, hint: str) -> None:
        self._source.fail(at, what, hint, start=self._offset, column=self._column)


def _plain(source: Source, offset: int, column: int) -> tuple[str, int]:
    rest = source.rest(offset)
    if rest.startswith(FENCE) and column < 0:
        source.fail_line(offset, OF_MARKDOWN, "remove the line", start=offset, column=len(rest))
    if rest[0] == "*" and (alias := _ALIAS.match(rest)) and not without_comment(rest[alias.end() :]).strip(SPACES):
        return "alias", offset + alias.end()
    if rest[0] in "]}":
        opening = "[" if rest[0] == "]" else "{"
        what = f"the `{rest[0]}` closes nothing: no `{opening}` is open"
        hint = f"remove it{_or_quoted(source, offset)}"
        source.fail(offset, what, hint, start=offset, column=column)
    if rest[0] in _NEEDS_QUOTES and (rest[0] != "?" or rest[1:2] in ("", " ")):
        what = f"a text that begins with {shown(rest[0])} needs quotes"
        source.fail(offset, what, _quoted(source, offset), start=offset, column=column)
    if (rest + " ").startswith(("- ", "-\t")) and source.name_before(offset):
        hint = f"begin it in the next line{_or_quoted(source, offset)}"
        source.fail(offset, "a list cannot begin in the line of its key", hint, start=offset, column=column)
    text = without_comment(rest)
    if colon := re.search(r":(?=[ \t]|$)", text):
        what, hint = _second_colon(source, offset)
        key = text[: colon.start()].rpartition(" ")[2]
        if key.isidentifier() and text[colon.end() :].lstrip()[:1] in ("'", '"', "[", "{"):
            hint = f"begin `{key}:` in the next line, or {hint}"
        source.fail(offset + colon.start(), what, hint, start=offset, column=column)
    return "plain", offset + len(text)


def _second_colon(source: Source, offset: int) -> tuple[str, str]:
    key, text = source.name_before(offset), without_comment(source.rest(offset)).strip(SPACES)
    if key in _OF_MAPPINGS and _PAIR.fullmatch(text):
        what = f"a value of `{key}` in one line needs braces"
        alone = "" if ", " in text else f", or `{text}` in a line of its own, deeper"
        return what, f"write `{key}: {{{text}}}`{alone}"
    return "a value that holds `: ` needs quotes", _quoted(source, offset)


def _quoted(source: Source, offset: int) -> str:
    """Return how to write the value at an offset in quotes, with its key if that stands in the same line."""
    text = without_comment(source.rest(offset))
    if len(text) > _LONGEST_EXAMPLE:
        return "put all of it in quotes"
    if text.endswith('"') and text.count('"') == 1:  # one of the two is there
        text = text[:-1]
    if text[0] in _NO_QUOTES and text[-1] in _NO_QUOTES:
        text = text[1:-1]
    key = source.name_before(offset)
    return f"write `{f'{key}: ' if key else ''}{json.dumps(text, ensure_ascii=False)}`"


def _or_quoted(source: Source, offset: int) -> str:
    return f", or {_quoted(source, offset)}"
