"""Why a text is not YAML, where something else than its syntax is to blame: leftovers of a merge, bytes, characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

ODD_SPACES = {
    "\t": "a tab",
    "\xa0": "a no-break space (U+00A0)",
    "\u2002": "an en space (U+2002)",
    "\u2003": "an em space (U+2003)",
    "\u2009": "a thin space (U+2009)",
    "\u200b": "a zero-width space (U+200B)",
    "\u202f": "a narrow no-break space (U+202F)",
    "\u2060": "a word joiner (U+2060)",
    "\u3000": "an ideographic space (U+3000)",
    "\ufeff": "a byte order mark (U+FEFF)",
}
_CLOSING = {"[": "]", "{": "}"}
_LEFT_BEHIND = re.compile(r"^(?:>{7} .*|={7}|\|{7}.*)\r?$", re.MULTILINE)
_VALUE = r"""(?<![^\s,\[\]{}"'#])[^\s,\[\]{}"'#]*\$\{[^{}\n"']*\}[^\s,\[\]{}]*"""
_IN_BRACKETS = re.compile(rf"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|(?<!\S)#[^\n]*|({_VALUE})""")
_LONGEST_BRACKET = 4_000  # characters that are looked at
_WIDE = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
# Some parsers end a line, and so a comment, at the first kind; reviewers see the second kind in another order.
_MISLEADING = re.compile("[\x85\u2028\u2029]|[\u202a-\u202e\u2066-\u2069]")
_MOST = 20  # a file with more of them is no accident


def misleading(text: str) -> Iterator[tuple[int, str]]:
    """Yield offset and what is wrong for each character that makes a text look other than it is read."""
    if text.isascii():
        return
    for found in islice(_MISLEADING.finditer(text), _MOST):
        why = "ends a line only for some readers" if found[0] in "\x85\u2028\u2029" else "turns around what is shown"
        yield found.start(), f"the character U+{ord(found[0]):04X} {why}"


def closed(value: str) -> str:
    """Return a value with the quote or the brackets closed that it opens, as a hint must not make the next mistake."""
    if value[:1] in ("'", '"'):
        return f"{value}{value[0]}" if value.count(value[0]) % 2 else value
    if value[:1] not in ("[", "{") or "'" in value or '"' in value:
        return value
    missing = ""
    for character in value:
        if character in _CLOSING:
            missing = _CLOSING[character] + missing
        elif character == missing[:1]:
            missing = missing[1:]
    return value + missing


def left_behind(text: str) -> int | None:
    """Return where a merge that was half resolved left a marker, which explains whatever a parser says."""
    found = _LEFT_BEHIND.search(text)
    return found.start() if found else None


def bare_placeholder(text: str, start: int, end: int) -> tuple[int, str] | None:
    """Return offset and text of the first value with a placeholder and no quotes between two offsets, if any.

    Inside brackets of YAML the brackets of a placeholder are YAML's too, and no reader gets past them.
    """
    found = next((match for match in _IN_BRACKETS.finditer(text, start, start + _LONGEST_BRACKET) if match[1]), None)
    return (found.start(), found[1]) if found and found.start() <= end else None


def why_not_utf8(content: bytes, position: int) -> str:
    """Return what the bytes of a file are instead of UTF-8, or which of them is not."""
    for mark, name in _WIDE.items():
        if content.startswith(mark):
            return f"the file is {name}, not UTF-8"
    return f"the byte 0x{content[position]:02x} is not UTF-8"


def unprintable(character: str) -> tuple[str, str]:
    """Return what is wrong with a character that YAML does not allow, and what to do about it."""
    hint = "remove it; a file full of them is UTF-16 or no text: save it as UTF-8" if character == "\0" else "remove it"
    return f"the character U+{ord(character):04X} cannot stand in YAML", hint


def why_no_anchor(above: str, name: str) -> str:
    """Return why an alias has no anchor in its document, from the text above it."""
    elsewhere = re.search(rf"(?:^|[\s\[{{,])&{re.escape(name)}(?=[\s,\]}}]|$)", above)
    return "is defined in another document, and reaches only to the end of it" if elsewhere else "is not defined above"
