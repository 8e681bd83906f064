"""A line that should be `key: value` or `- item` and is not: what its author most likely meant."""

from __future__ import annotations

import re
from typing import NoReturn

from flowerpower.specs.text.mistakes.quotes import end_of_quoted
from flowerpower.specs.text.mistakes.source import (
    ENTRY,
    FENCE,
    MARK,
    OF_MARKDOWN,
    SPACES,
    Mistake,
    MistakeError,
    Source,
    indentation,
    shown,
    without_comment,
)
from flowerpower.specs.text.syntax import ODD_SPACES, closed
from flowerpower.specs.text.templates import template_hint

_WORD = r"[A-Za-z_][\w.-]*"
_COLONS = {
    "\uff1a": "a full-width colon (U+FF1A)",
    "\ufe55": "a small colon (U+FE55)",
    "\u02d0": "a length mark (U+02D0)",
    "\u2236": "a ratio sign (U+2236)",
    "\ua789": "a modifier colon (U+A789)",
}
_ODD_COLON = re.compile(rf"{_WORD}\s*([{''.join(_COLONS)}])")
_NO_SPACE = re.compile(rf"({_WORD}):([^ \t].*)")
_NO_COLON = re.compile(rf"({_WORD})(?:[ \t]+(\"[^\"]*\"|'[^']*'|\[.*\]|\{{.*\}}|\S+))?$")
_EQUALS = re.compile(rf"({_WORD})[ \t]*(=>?)[ \t]*(.*)")
_TEMPLATE = re.compile(r"\{[{%#].*?[}%#]\}")
NO_MARK = " separates no specs"
_NO_KEY = "this line is no `key: value`"
NO_MARKER = re.compile(r"(?:-{2,}|[-\u2010-\u2015]*[\u2010-\u2015][-\u2010-\u2015]*|={3,})")
_FIRST = {"@", "`", "%", "*", "&", "!"}


def template(text: str) -> bool:
    """Tell whether a line begins with something that belongs to a template."""
    return _TEMPLATE.match(text) is not None


def keyless(source: Source, at: int, column: int, kind: str, *, block: int = -1) -> NoReturn:
    """Raise what is wrong with a line without a key, among keys or items; *block* is the key of a text above it."""
    text = without_comment(source.rest(at)) or source.rest(at)
    number = source.number(at)
    if text[0] in "\"'":
        _check_quotes(source, at, column)
    shift, what, hint = _said(text, kind) if block < 0 else _of_block(source, block)
    until = source.end_of_part(at, column)
    if number + 1 < len(source.starts) and re.match(r" *:( |$)", source.line(number + 1)):
        until = max(until, source.end_of_part(source.starts[number + 1], column))
    if what == _NO_KEY or block >= 0:
        until = _end_of_texts(source, until, column)
    if what.endswith(NO_MARK):
        _fail_marker(source, at, what, hint)
    raise MistakeError(Mistake(at + shift, what, hint, source.starts[number], until, False))


def _fail_marker(source: Source, at: int, what: str, hint: str) -> NoReturn:
    """Raise that a line between two specs is not written as it must be; they are read as if it were."""
    number, end = source.number(at), source.end(at)
    lines = map(source.line, range(number + 1, len(source.starts)))
    below = next((line for line in lines if without_comment(line)), "")
    meant = MARK
    if not below:
        meant, hint = " ", "remove it: no spec follows"
    elif indentation(below):
        meant, hint = "", "remove it"
    raise MistakeError(Mistake(at, what, hint, source.starts[number], end, False, meant))


def _check_quotes(source: Source, at: int, column: int) -> None:
    try:
        end_of_quoted(source, at, column, at)
    except MistakeError as error:
        start = source.starts[source.number(at)]
        raise MistakeError(error.mistake._replace(start=start, value=False)) from None


def _end_of_texts(source: Source, end: int, column: int) -> int:
    """Return where the last of several lines ends that have no keys and stand in one column."""
    for number in range(source.number(end) + 1, len(source.starts)):
        line = source.line(number)
        text = line.lstrip(" ")
        if text and text[0] not in "]}" and (indentation(line) < column or ENTRY.match(text)):
            break
        end = source.starts[number] + len(line)
    return end


def _of_block(source: Source, key: int) -> tuple[int, str, str]:
    name = source.rest(key).split(":")[0]
    return 0, f"the text of `{name}` is not deeper than `{name}`", "indent all lines of the text"


def _said(text: str, kind: str) -> tuple[int, str, str]:
    """Return where in the line the mistake is, what it is, and what to do."""
    if text.startswith(FENCE):
        return 0, OF_MARKDOWN, "remove the line"
    return _glued(text) or _other_mark(text) or _without_colon(text, kind)


def _glued(text: str) -> tuple[int, str, str] | None:
    """Return the mistake of a line whose mark is there and not recognized."""
    if found := _ODD_COLON.match(text):
        return found.start(1), f"{_COLONS[found[1]]} is no colon", "write `: `"
    if found := _NO_SPACE.match(text):
        key, value = found.groups()
        if value[0] in SPACES[1:]:
            return found.end(1) + 1, f"{ODD_SPACES[value[0]]} is no space", f"write `{key}: {value.strip(SPACES)}`"
        return found.end(1), f"a space is missing after `{key}:`", f"write `{key}: {closed(value)}`"
    if NO_MARKER.fullmatch(text):
        return 0, f"`{text}`{NO_MARK}", "write `---`, in the first column, between two specs, or remove it"
    if text[0] == "-":
        odd = ODD_SPACES.get(text[1:2])
        what = f"{odd} is no space" if odd else "a space is missing after `-`"
        return int(odd is not None), what, f"write `- {text[1:].lstrip(SPACES)}`"
    return None


def _other_mark(text: str) -> tuple[int, str, str] | None:
    """Return the mistake of a line that is written as another language has it."""
    if text.startswith(("//", "/*", ";")):
        return 0, f"`{text[:2].rstrip()}` begins no comment", "write `#`"
    if _TEMPLATE.match(text):
        return 0, f"`{text[:40]}` is template syntax", template_hint("")
    if found := _EQUALS.match(text):
        key, mark, value = found.groups()
        return (
            text.index("="),
            f"`{mark}` does not part a key from its value",
            f"write `{key}: {closed(value)}`".replace(": `", ":`"),
        )
    if text[0] in "]}":
        opening = "[" if text[0] == "]" else "{"
        return 0, f"the `{text[0]}` closes nothing: no `{opening}` is open", "remove it"
    if text[0] in _FIRST:
        return 0, f"a line cannot begin with {shown(text[0])}", "put the key in quotes, or remove the line"
    return None


def _without_colon(text: str, kind: str) -> tuple[int, str, str]:
    if kind == "list":
        return 0, "this line is no item of the list", "begin it with `- `, or indent it deeper than the item above"
    if found := _NO_COLON.match(text):
        key, value = found.groups()
        return 0, f"the colon is missing after `{key}`", f"write `{key}:{f' {closed(value)}' if value else ''}`"
    hint = "a text of several lines is deeper than its key, and a comment begins with `#`"
    return 0, _NO_KEY, hint
