"""What is wrong with the first value of a key that is there twice: whoever keeps that one wants to know it, too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from flowerpower.errors import Place, Problem
from flowerpower.specs.text.yaml import with_positions

_TWICE = "FP011"
_MOST = 20  # keys of a file
# That it is there twice, and what is missing: it may stand in the second, where the two were to be joined.
_NOT_OF_IT = frozenset([_TWICE, "FP102", "FP109", "FP322"])
_NOT_LINE_END = re.compile(r"[^\r\n]")
_QUOTED = r"""(?:"[^"\\\n]*"|'[^'\n]*')"""
_KEY = rf"(?:{_QUOTED}|[^\s:,\[\]{{}}\"'#]+)[ \t]*:"
_SHORT_VALUE = rf"""[ \t]*(?:{_QUOTED}|[^\s,\[\]{{}}"'#&*!|>][^,\[\]{{}}\n#]*)?(?=\s*[,}}])"""
_IN_BRACKETS = re.compile(_KEY + _SHORT_VALUE)
_COMMA = re.compile(r"[ \t]*,")


class FirstValues(NamedTuple):
    """The files of a project without the second of two values, and from where to where the values stood."""

    texts: Mapping[str, bytes]
    first: Sequence[tuple[Place, Place]]
    second: Sequence[tuple[Place, Place]]

    def told(self, problems: Iterable[Problem], of_second: Sequence[Problem]) -> list[Problem]:
        """Return what *problems* say of the first values, unless the same is said of the second ones."""
        known = {one[:3] for one in of_second}
        alike = {(one.code, one.what) for one in of_second if _is_in(one.place, self.second)}
        found = [one for one in problems if _is_in(one.place, self.first) and one[:3] not in known]
        return [one for one in found if one.code not in _NOT_OF_IT and (one.code, one.what) not in alike]


def first_values(texts: Mapping[str, bytes], problems: Iterable[Problem]) -> FirstValues | None:
    """Return the files of a project with the first values of keys that are there twice, if *problems* tell of some."""
    changed, first, second = dict[str, bytes](), list[tuple[Place, Place]](), list[tuple[Place, Place]]()
    for file in sorted({problem.place.file for problem in problems if problem.code == _TWICE}):
        composer, text = with_positions(file, texts[file]), texts[file].decode().removeprefix("\ufeff")
        if len(composer.text) != len(text):  # a mistake was mended to read on
            continue
        for twin in composer.twins[:_MOST]:
            ends = [_end(text, start, in_brackets=twin.in_brackets) for start in twin[:2]]
            if all(ends):
                first.append((composer.place(twin.first), composer.place(ends[0])))
                second.append((composer.place(twin.second), composer.place(ends[1])))
                text = _without(text, twin.second, ends[1])
                changed[file] = text.encode()
    return FirstValues({**texts, **changed}, first, second) if changed else None


def _is_in(place: Place, spans: Sequence[tuple[Place, Place]]) -> bool:
    return any(start <= place <= end for start, end in spans)


def _end(text: str, start: int, *, in_brackets: bool) -> int:
    """Return where the value of the key at *start* ends; 0 if it takes a parser to tell."""
    if in_brackets:
        found = _IN_BRACKETS.match(text, start)
        return found.end() if found else 0
    end, column = _line_end(text, start), start - text.rfind("\n", 0, start) - 1
    while end < len(text):
        following = text[end + 1 : _line_end(text, end + 1)]
        indent = len(following) - len(following.lstrip(" "))
        item = indent == column and re.match(r"-(?:\s|$)", following[indent:])
        if following.strip() and indent <= column and not item:
            break
        end = _line_end(text, end + 1)
    return end


def _line_end(text: str, start: int) -> int:
    found = text.find("\n", start)
    return found if found >= 0 else len(text)


def _without(text: str, start: int, end: int) -> str:
    """Return a text without a part of it, and all else where it stood."""
    comma = _COMMA.match(text, end)
    end = comma.end() if comma else end
    return text[:start] + _NOT_LINE_END.sub(" ", text[start:end]) + text[end:]
