"""Plain values that are good YAML and hardly what their author meant: told as warnings, for they may be right."""

from __future__ import annotations

import re
from typing import NamedTuple

from flowerpower.specs.text.lines import LINE_END
from flowerpower.specs.text.scalars import CONSTANTS, NO_VALUE_OF_PYTHON, NUMBER_FIRST, OPENING_QUOTES
from flowerpower.specs.text.syntax import ODD_SPACES

_CLOSING = "\u201c\u201d\u2018\u2019\u00bb"
_SPACES = "".join(ODD_SPACES).replace("\t", "")
_ODD = re.compile(f"[{OPENING_QUOTES}{_SPACES}]")
_GLUED = re.compile(r" #[^\s#!]")
_ITEM = re.compile(r"[\r\n] *- ")
_BRACED = re.compile(r"(?<!\$)\{([A-Za-z_][\w.]*)\}\Z")
_ANY_BRACED = re.compile(r"\{[A-Za-z_][\w.]*\}")
_PLACEHOLDER = re.compile(r"(?:tick|run)(?:\.[a-z]+)?")
_QUOTED = re.compile(rf"[{OPENING_QUOTES}][^{OPENING_QUOTES}{_CLOSING}]*[{_CLOSING}]")
_SECRET = re.compile(r"(?:password|secret|token)[\"']?:[ \t]*\Z", re.IGNORECASE)
_LONGEST_KEY = 100  # characters that are looked at
_COMMENT = re.compile(r"[ \t]+(#[^\s#!][^\r\n]*)")
_NUMBERED = re.compile(r"#\d")


def may_hold_doubts(text: str) -> bool:
    """Tell whether it is worth to look at each value of a text; if not, at those with a dash between spaces."""
    if NO_VALUE_OF_PYTHON in text or (not text.isascii() and _ODD.search(text)) or _GLUED.search(text):
        return True
    return any(text[braced.start() - 1] != "$" for braced in _ANY_BRACED.finditer(text))


class Doubt(NamedTuple):
    """Where a value is most likely wrong, why, and what to write instead."""

    offset: int
    what: str
    hint: str


def doubt(text: str, value: str, start: int, end: int) -> Doubt | None:
    """Return what is doubtful of a plain value between two offsets of a text; None if nothing is."""
    if not value and (braced := _BRACED.search(text, max(start - _LONGEST_KEY, 0), end + 1)):
        what = f"`{braced[0]}` is a mapping, whose key has no value"
        return Doubt(braced.start(), what, braced_hint(braced[0]))
    found = _of_value(text, value, start, end)
    if not found and (comment := _COMMENT.match(text, end)):
        found = _of_comment(text, value, start, comment[1])
    return Doubt(start, *found) if found else None


def _of_value(text: str, value: str, start: int, end: int) -> tuple[str, str] | None:
    if value == NO_VALUE_OF_PYTHON:
        return "in YAML `None` is a text", 'write null or leave the key out; "None" if the text is meant'
    if _QUOTED.fullmatch(value):
        what = f"{value[0]} and {value[-1]} are no quotes of YAML, but a part of the value"
        return what, "write straight quotes" if is_secret(text, start) else f'write "{value[1:-1][:60]}"'
    if " - " in value and (item := _ITEM.search(text, start, end)):
        line = len(LINE_END.findall(text, 0, item.start() + 1)) + 1
        return f"line {line} is no item of a list: it goes on with this text", "begin it in the column of the `-` above"
    return _invisible(value) if value else None


def braced_hint(written: str) -> str:
    """Return what to write for a value that begins with a word in braces, or nothing."""
    braced = _ANY_BRACED.match(written)
    if not braced:
        return ""
    of_run = _PLACEHOLDER.fullmatch(braced[0][1:-1])
    return f'write "${braced[0]}"' if of_run else f'write "{braced[0]}" if it is a text'


def _of_comment(text: str, value: str, start: int, comment: str) -> tuple[str, str] | None:
    """Return what is doubtful of a comment behind a text, or in its place; whoever means one puts a space into it."""
    if value and (not _NUMBERED.match(comment) or value in CONSTANTS or value[0] in NUMBER_FIRST):
        return None
    if is_secret(text, start):
        return "what begins with `#` is a comment", "put all of the value in quotes"
    what = f"`{comment.split(maxsplit=1)[0][:40]}` is a comment, not {'a part of the' if value else 'the'} value"
    return what, f'write "{f"{value} {comment}".strip()[:60]}"; if it is a comment, with a space after the `#`'


def is_secret(text: str, start: int) -> bool:
    """Tell whether a value is one that no message shows."""
    return _SECRET.search(text, max(start - _LONGEST_KEY, 0), start) is not None


def _invisible(value: str) -> tuple[str, str] | None:
    for character, side in ((value[0], "begins"), (value[-1], "ends")):
        if character in _SPACES:
            return f"this value {side} with {ODD_SPACES[character]}", "remove it, or put the value in quotes"
    return None
