"""Texts in quotes: those that are not closed, that are closed too early, and escapes that do not exist."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from flowerpower.specs.text.mistakes.source import (
    COMMENT,
    ENTRY,
    KEY,
    MARKER,
    Mistake,
    MistakeError,
    Source,
    indentation,
)

_CLOSED = {'"': re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL), "'": re.compile(r"'(?:[^']|'')*+'")}
_GOOD_ESCAPE = re.compile(
    r"""\\(?:[0abt\tnvfre "/\\N_LP\r\n]|x[0-9a-fA-F]{2}"""
    r"|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)(?!0000[dD])[0-9a-fA-F]{4})"
)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_NO_QUOTES = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\xb4": "'", "`": "'"}


def end_of_quoted(source: Source, offset: int, column: int, start: int) -> int:
    """Return where the text in quotes at an offset ends; a mistake gives up the value that begins at *start*.

    A text that goes on in lines that are not deeper than its key was not meant to, if those lines look like keys.
    """
    quote = source.text[offset]
    found = _CLOSED[quote].match(source.text, offset)
    if found is None or _leaves_its_block(source, offset, found.end(), column):
        not_closed(source, offset, column, start)
    if quote == '"' and "\\" in found[0]:
        _check_escapes(source, offset, found.end(), column, start)
    return found.end()


def _leaves_its_block(source: Source, offset: int, end: int, column: int) -> bool:
    for number in range(source.number(offset) + 1, source.number(end) + 1):
        line = source.line(number)
        if MARKER.match(line) or (indentation(line) <= column and ENTRY.match(line.lstrip(" "))):
            return True
    return False


def not_closed(source: Source, offset: int, column: int, start: int) -> NoReturn:
    """Raise that the quote at an offset has no end."""
    quote = source.text[offset]
    line = COMMENT.sub("", source.rest(offset)).rstrip()
    what = f"the quote {quote} is not closed"
    hint = f"add {quote} where the text ends"
    last = line[-1:]
    if quote == '"' and line.endswith('\\"') and len(line) > 2:
        what = 'the quote " is not closed: after a backslash " is a part of the text'
        hint = "write two backslashes for one, or use single quotes"
    elif key := KEY.match(line[1:]):
        hint = f"remove it, or write {quote}{key[0].rstrip(': ')}{quote}:"
    elif len(line) > 1 and last != quote and last in (*_NO_QUOTES, "'", '"'):
        shown = last if last in "'\"" else f"{last} (U+{ord(last):04X})"
        what, hint = f"the quote {quote} is not closed: {shown} does not close it", f"write {quote} there"
    elif start == offset and line.count(quote) == 1 and len(line) > 1 and _is_alone(source, offset):
        hint = f"write {line}{quote}"
    source.fail(offset, what, hint, start=start, column=column)


def _is_alone(source: Source, offset: int) -> bool:
    """Tell whether the text was most likely meant to end with its line."""
    number = source.number(offset) + 1
    following = source.line(number) if number < len(source.starts) else ""
    return not following.strip() or bool(ENTRY.match(following.lstrip(" ")) or MARKER.match(following))


def _check_escapes(source: Source, offset: int, end: int, column: int, start: int) -> None:
    at = source.text.find("\\", offset, end)
    while at >= 0:
        good = _GOOD_ESCAPE.match(source.text, at)
        if good is None:
            what, hint = _bad_escape(source.text, offset, at, end)
            source.fail(at, what, hint, start=start, column=column)
        at = source.text.find("\\", good.end(), end)


def _bad_escape(text: str, offset: int, at: int, end: int) -> tuple[str, str]:
    if _SURROGATE.match(text, at):
        return (
            f"`{text[at : at + 6]}` is half a character",
            "write the character itself: YAML does not put two `\\u` escapes together",
        )
    inside = text[offset + 1 : end - 1]
    hint = "in double quotes write `\\\\` for a backslash, or use single quotes"
    if text[at + 1] == "'":
        hint = "write ' without a backslash: in double quotes it needs none"
    elif "'" not in inside and "\n" not in inside and '\\"' not in inside:
        hint = f"write '{inside}': in single quotes a backslash is only a backslash"
    return f"`{text[at : at + 2]}` is no escape of YAML", hint


def behind_quotes(source: Source, offset: int, end: int, column: int) -> NoReturn:
    """Raise what stands behind the closing quote of a text and does not belong there."""
    quote = source.text[offset]
    if source.number(offset) != source.number(end):  # it swallowed lines until the next quote opened
        not_closed(source, offset, column, offset)
    rest = COMMENT.sub("", source.rest(end)).rstrip()
    whole = source.text[offset:end] + rest
    if source.text.startswith(quote * 3, offset):
        _three_quotes(source, offset, quote)
    if quote in rest:
        last = whole.rfind(quote)
        inside = whole[1:last]
        fitting = f"write {_in_quotes(inside, quote)}" if not whole[last + 1 :].strip() else f"write {quote * 2}"
        what = f"the text in quotes ends here already: a {quote} inside it is not marked"
        source.fail(end - 1, what, fitting, start=offset, column=column)
    at = end + len(rest) - len(rest.lstrip())
    word = rest.strip()
    if word in (",", ";", "]", "}", "),"):
        source.fail(at, f"the `{word}` after the value belongs to nothing", "remove it", start=offset, column=column)
    if word.startswith(("//", "/*")):
        source.fail(at, f"`{word[:2]}` begins no comment", "write `#`", start=offset, column=column)
    what = "text stands after the closing quote"
    source.fail(at, what, "put all of the value in one pair of quotes", start=offset, column=column)


def _three_quotes(source: Source, offset: int, quote: str) -> NoReturn:
    closing = source.text.find(quote * 3, offset + 3)
    end = source.end(max(closing, offset))
    hint = "write a text of several lines as a block: `|`, and the text in the next lines, deeper than its key"
    raise MistakeError(Mistake(offset, f"YAML has no {quote * 3}", hint, offset, end))


def _in_quotes(inside: str, quote: str) -> str:
    inside = inside.replace(f"\\{quote}", quote)
    other = "'" if quote == '"' else '"'
    if other not in inside and "\\" not in inside:
        return f"{other}{inside}{other}"
    return json.dumps(inside, ensure_ascii=False)
