"""Comments that silence a problem: `# flowerpower: ignore FP304 the reason`.

A comment behind a value counts for its line; one that stands alone counts for the next line that is no comment, so
several may stand one below the other. The reason is required.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from flowerpower.errors import Place, Problem
from flowerpower.specs.codes import CODES
from flowerpower.specs.text.lines import LINE_END

_COMMENT = re.compile(r"(?:^|(?<=\s))#\s*flowerpower:(?P<rest>[^\n]*)")
_ONLY_COMMENT = re.compile(r"\s*(?:#|$)")
_IGNORE = re.compile(r"\s*ignore\s+(?P<code>\S+)(?P<reason>.*)")
OF_OTHERS = re.compile(r"(?!FP\d)[A-Z][A-Z0-9]{1,11}-?\d{1,5}")  # codes of the checks of plug-ins
_FORM = CODES["FP901"].advice


class _Silenced(NamedTuple):
    file: str
    line: int
    code: str


def silence(problems: Iterable[Problem], texts: Mapping[str, bytes]) -> list[Problem]:
    """Return the problems that no comment silences."""
    kept = list(problems)
    files = {problem.place.file for problem in kept}
    comments = [comment for file in files for comment in _comments(file, texts.get(file, b""))]
    silenced = {comment for comment in comments if isinstance(comment, _Silenced)}
    return [
        problem for problem in kept if _Silenced(problem.place.file, problem.place.line, problem.code) not in silenced
    ]


def wrong_comments(texts: Mapping[str, bytes]) -> list[Problem]:
    """Return what is wrong with the comments themselves: no reason, an unknown code, one that cannot be silenced."""
    return [
        entry for file, content in texts.items() for entry in _comments(file, content) if isinstance(entry, Problem)
    ]


def _comments(file: str, content: bytes) -> list[_Silenced | Problem]:
    if b"flowerpower:" not in content:
        return []
    found: list[_Silenced | Problem] = []
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    starts, lines = [0, *(end.end() for end in LINE_END.finditer(text))], LINE_END.split(text)
    values, below = (_values(text), _next_lines(lines)) if _COMMENT.search(text) else ([], [])
    for number, (start, line) in enumerate(zip(starts, lines, strict=True), start=1):
        if comment := _comment(line, start, values):
            alone = not line[: comment.start()].strip()
            place = Place(file, number, comment.start() + 1)
            found.append(_read(comment["rest"], place, below[number - 1] if alone else number))
    return found


def _comment(line: str, start: int, values: Sequence[range]) -> re.Match[str] | None:
    """Return the comment for flowerpower in a line that begins at *start*; what stands in a value is none."""
    comment = _COMMENT.search(line)
    while comment and values:
        offset = start + comment.start()
        before = values[max(0, bisect_right(values, offset, key=lambda value: value.start) - 1)]
        if offset not in before:
            break
        comment = _COMMENT.search(line, before.stop - start)
    return comment


def _values(text: str) -> list[range]:
    """Return where a `#` is part of a value, up to what cannot be read."""
    from yaml import YAMLError

    from flowerpower.specs.layout.tokens import BREAK, read_pieces

    found = []
    with suppress(YAMLError):
        for piece in read_pieces(text):
            if piece.kind in ("scalar", "block") and "#" in piece.text:
                header = BREAK.search(piece.text) if piece.kind == "block" else None  # a comment may stand behind `|`
                found.append(range(piece.start + (header.end() if header else 0), piece.start + len(piece.text)))
    return found


def _without_reason(code: str, place: Place) -> Problem:
    return Problem("FP901", place, f"{code} is silenced without a reason", _FORM)


def _next_lines(lines: Sequence[str]) -> list[int]:
    """Return for each line the number of the first one below it that is more than a comment, else its own."""
    found, following = [], 0
    for number in range(len(lines), 0, -1):
        found.append(following or number)
        if not _ONLY_COMMENT.match(lines[number - 1]):
            following = number
    return found[::-1]


def _read(rest: str, place: Place, line: int) -> _Silenced | Problem:
    ignore = _IGNORE.fullmatch(rest)
    if ignore is None:
        return Problem("FP901", place, "a comment for flowerpower that is not understood", _FORM)
    code = ignore["code"]
    if OF_OTHERS.fullmatch(code) and code not in CODES:
        return _Silenced(place.file, line, code) if ignore["reason"].strip() else _without_reason(code, place)
    if code not in CODES:
        return Problem("FP901", place, f"there is no code {code[:40]}", _FORM)
    if not CODES[code].can_be_silenced:
        return Problem("FP901", place, f"{code} ({CODES[code].title}) cannot be silenced", CODES[code].advice)
    if not ignore["reason"].strip():
        return _without_reason(code, place)
    return _Silenced(place.file, line, code)
