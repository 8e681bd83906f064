"""A quick reader for the plain YAML that most specs are written in; all other YAML is left to the composer.

It goes line by line and remembers what a line says: the specs of a project share most of theirs. It knows block
mappings and sequences of scalars in one line, flow collections in one line, literal blocks and comments. On every
text that it reads at all it agrees with the composer; a law holds it to that. What looks like a template or a variable
of a shell is left, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from flowerpower.specs.text.scalars import CONSTANTS, NO_VALUE_OF_PYTHON, OPENING_QUOTES, may_be_filled_in, read_scalar

_LONGEST_TEXT = 64 * 1024  # with these three no bound of the composer, on values or depth, can be reached
_DEEPEST_INDENT = 40
_DEEPEST_FLOW = 8
_LONGEST_LINE = 1000  # a key may have 1,024 characters

# No tab, no other control character, no space without a width, nothing that some reader takes for the end of a line or
# shows in another order.
_ODD = (
    "[^ -~\xa0-\u200a\u200c-\u2027\u202f-\u205f\u2061-\u2065\u206a-\ud7ff\ue000-\ufefe"
    "\uff00-\ufffd\U00010000-\U0010ffff]"
)
_KEY = r"[A-Za-z_][A-Za-z0-9_.-]*"
_SINGLE = r"'(?:[^']|'')*'"
_DOUBLE = r'"(?:[^"\\]|\\[nt"\\/])*"'
_PLAIN = (
    rf"[^\s{OPENING_QUOTES}" + r"'\"\[\]{}>|*&!%#`@,?:=<-](?:[^\s#:]++|:(?=\S)| (?![ #]|$))*+"
    r"|-[0-9](?:[^\s#:]++|:(?=\S))*+"
)
_LINE = re.compile(
    rf"( *)(- )?(?:({_KEY}):(?: +(?! *#[^\s#!])|$))?"
    rf"(?:({_PLAIN})|({_SINGLE}|{_DOUBLE})|(\[.*\]|\{{.*\}})|(\|-?))?(?: +#(?![0-9]).*| *)"
)
_KEY_GROUP = 3
_WORD = "[A-Za-z0-9_./+$][A-Za-z0-9_./+$,;()=-]*+"  # of lines that the above reads too, found in a third of its time
_SIMPLE_LINE = re.compile(rf"( *)({_KEY}): ({_WORD}(?: [A-Za-z0-9_./+$,;()=-]++)*+)")
_FLOW_PLAIN = r"(?:[A-Za-z0-9_./$+]|-[0-9])(?:[^\s#:,\[\]{}'\"?]| (?![ #:,\]}]))*"
_SIMPLE_ITEM = r" *[A-Za-z0-9_./$+][A-Za-z0-9_./$+-]*+ *"
_SIMPLE_FLOW = re.compile(rf"\[{_SIMPLE_ITEM}(?:,{_SIMPLE_ITEM})*+\]")
_FLOW_TOKEN = re.compile(rf" *(?:([\[\]{{}},])|({_KEY}): |({_SINGLE}|{_DOUBLE})|({_FLOW_PLAIN})) *")

_NOTHING, _VALUE, _OPEN, _BLOCK, _ITEM, _ITEM_VALUE, _ITEM_OPEN = range(7)
_Line = tuple[int, int, str, Any]
"""What a line says by itself: what it is, how far it is indented, its key and its value."""


def read_plain(text: str) -> tuple[dict[str, Any], int, bool] | None:
    """Return the one mapping that a text holds, the line of its first key and whether it leaves some value open.

    None if it takes the composer to tell.

    Values may be shared between texts, so nobody may change them.
    """
    if len(text) > _LONGEST_TEXT or may_be_filled_in(text):
        return None
    try:
        return _Reader(text.split("\n")).read()
    except _NotPlainError:
        return None


class _NotPlainError(Exception):
    """The text is not of the kind that is read here; it may still be good YAML."""


class _Reader:
    """Puts lines together. `top` is the innermost open collection, `indent` its column."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._outer: list[tuple[int, Any]] = []
        self._top: Any = {}
        self._indent = 0
        self._pending: str | None = None  # a key whose value may follow in deeper lines
        self._leaves_open = False

    def read(self) -> tuple[dict[str, Any], int, bool] | None:
        """Return the mapping, the line of its first key and whether it leaves some value open."""
        known, lines, position = _known, self._lines, int(self._lines[0] == "---")
        count, first, root = len(lines), 0, dict[str, Any]()
        while position < count:
            line = lines[position]
            kind, indent, key, value = known.get(line) or _learn(line)
            position += 1
            if kind == _NOTHING:
                continue
            if not first:
                first, self._top = position, root
            elif self._pending is not None:
                self._open(kind, indent)
            if kind == _VALUE and indent == self._indent and key not in self._top and self._top.__class__ is dict:
                self._top[key] = value  # as most lines are
                continue
            while indent < self._indent:
                self._indent, self._top = self._outer.pop()
            (self._add_item if kind >= _ITEM else self._add_key)(kind, indent, key, value)
            if kind == _BLOCK:
                position = self._read_block(key, value, position)
        return (root, first, self._leaves_open or self._pending is not None) if first else None

    def _open(self, kind: int, indent: int) -> None:
        """Start the collection under the pending key, if the line belongs to it."""
        deeper = indent >= self._indent if kind >= _ITEM else indent > self._indent
        if deeper:
            new: Any = [] if kind >= _ITEM else {}
            self._top[self._pending] = new
            self._outer.append((self._indent, self._top))
            self._top, self._indent = new, indent
        else:
            self._leaves_open = True
        self._pending = None

    def _add_key(self, kind: int, indent: int, key: str, value: Any) -> None:
        if self._top.__class__ is list:  # a sequence may stand at the column of its key
            self._indent, self._top = self._outer.pop()
        if indent != self._indent or self._top.__class__ is list or key in self._top:
            raise _NotPlainError
        self._top[key] = value
        if kind == _OPEN:
            self._pending = key

    def _add_item(self, kind: int, indent: int, key: str, value: Any) -> None:
        if indent != self._indent or self._top.__class__ is not list:
            raise _NotPlainError
        if kind == _ITEM:
            self._top.append(value)
            return
        new = {key: value}
        self._top.append(new)
        self._outer.append((indent, self._top))
        self._top, self._indent = new, indent + 2
        if kind == _ITEM_OPEN:
            self._pending = key

    def _read_block(self, key: str, header: str, position: int) -> int:
        """Read the lines of a literal block and return the position behind it."""
        body: list[str] = []
        first = self._lines[position] if position < len(self._lines) else ""
        width = len(first) - len(first.lstrip(" "))
        if width <= self._indent or not first.strip(" "):
            raise _NotPlainError
        for line in self._lines[position:]:
            content = line[width:]
            if line[:width].strip(" "):
                break
            if not _is_harmless(content) or (content and not content.strip(" ")):
                raise _NotPlainError
            body.append(content)
        position += len(body)
        ends_inside = position < len(self._lines) and self._lines[position][self._indent : self._indent + 1] == " "
        if ends_inside or (position == len(self._lines) and self._lines[-1]):
            raise _NotPlainError  # deeper than its key but not than its text; or no end of line at the end
        while not body[-1]:
            body.pop()
        self._top[key] = "\n".join(body) + ("" if header == "|-" else "\n")
        return position


_known: dict[str, _Line] = {}
_MOST_KNOWN = 50_000


def _learn(line: str) -> _Line:
    """Return what a line says, and remember it; to look it up in a dictionary takes half as long as in `lru_cache`."""
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    found = _known[line] = _read_line(line)
    return found


def _read_line(line: str) -> _Line:
    if len(line) > _LONGEST_LINE or not _is_harmless(line):
        raise _NotPlainError
    simple = _SIMPLE_LINE.fullmatch(line)
    if simple is not None and simple.end(1) <= _DEEPEST_INDENT and simple[2] not in CONSTANTS:
        spaces, key, plain = simple.groups()
        return _VALUE, len(spaces), key, _finite(read_scalar(plain))
    stripped = line.lstrip(" ")
    if not stripped or stripped[0] == "#":
        return _NOTHING, 0, "", None
    match = _LINE.fullmatch(line)
    if match is None or match.end(1) > _DEEPEST_INDENT:
        raise _NotPlainError
    spaces, dash, key, plain, quoted, flow, block = match.groups()
    written = match.lastindex > _KEY_GROUP  # type: ignore[operator]
    if key in CONSTANTS or (not key and not (dash and written)) or (dash and block):
        raise _NotPlainError
    if not written:
        return _ITEM_OPEN if dash else _OPEN, len(spaces), key, None
    if block is not None:
        return _BLOCK, len(spaces), key, block
    kind = (_ITEM_VALUE if key else _ITEM) if dash else _VALUE
    return kind, len(spaces), key, _read_value(plain, quoted, flow)


def _is_harmless(line: str) -> bool:
    return line.isprintable() or not _odd().search(line)


@lru_cache(maxsize=1)
def _odd() -> re.Pattern[str]:
    """Return the search for odd characters; to make it takes as long as to read some fifty files."""
    return re.compile(_ODD)


def _read_value(plain: str | None, quoted: str | None, flow: str | None) -> Any:
    if plain is not None:
        return _finite(read_scalar(plain))
    return _unquoted(quoted) if quoted is not None else _read_flow(str(flow))


@lru_cache(maxsize=10_000)
def _read_item(text: str) -> Any:
    """Return a scalar in a flow collection: the same ones stand in many."""
    return _finite(read_scalar(text.strip(" ")))


def _finite(value: Any) -> Any:
    if value == NO_VALUE_OF_PYTHON or (value.__class__ is float and value - value != 0):
        raise _NotPlainError
    return value


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    return str(json.loads(text)) if "\\" in text else text[1:-1]


def _read_flow(text: str) -> Any:
    if _SIMPLE_FLOW.fullmatch(text):
        return [*map(_read_item, text[1:-1].split(","))]
    tokens: list[tuple[str, str, str, str]] = []
    position = 0
    while position < len(text):
        match = _FLOW_TOKEN.match(text, position)
        if match is None:
            raise _NotPlainError
        tokens.append(match.groups(""))  # type: ignore[arg-type]
        position = match.end()
    value, count = _read_flow_value(tokens, 0, 0)
    if count != len(tokens):
        raise _NotPlainError
    return value


def _read_flow_value(tokens: Sequence[tuple[str, str, str, str]], position: int, depth: int) -> tuple[Any, int]:
    """Return the value that starts at a token, and the position behind it."""
    if position >= len(tokens) or depth > _DEEPEST_FLOW:
        raise _NotPlainError
    mark, _, quoted, plain = tokens[position]
    if mark in ("[", "{"):
        return _read_flow_collection(tokens, position, depth)
    if quoted:
        return _unquoted(quoted), position + 1
    if plain:
        return _finite(read_scalar(plain)), position + 1
    raise _NotPlainError


def _read_flow_collection(tokens: Sequence[tuple[str, str, str, str]], position: int, depth: int) -> tuple[Any, int]:
    """Return the sequence or mapping that starts at a token, and the position behind it."""
    items: list[Any] = []
    members: dict[str, Any] = {}
    is_mapping = tokens[position][0] == "{"
    end = "}" if is_mapping else "]"
    separator = ","
    while separator == ",":
        position += 1
        if position >= len(tokens):
            raise _NotPlainError
        if tokens[position][0] == end and not items and not members:
            break
        if is_mapping:
            key = tokens[position][1]
            if not key or key in CONSTANTS or key in members:
                raise _NotPlainError
            members[key], position = _read_flow_value(tokens, position + 1, depth + 1)
        else:
            item, position = _read_flow_value(tokens, position, depth + 1)
            items.append(item)
        separator = tokens[position][0] if position < len(tokens) else ""
    if position >= len(tokens) or tokens[position][0] != end:
        raise _NotPlainError
    return (members if is_mapping else items), position + 1
