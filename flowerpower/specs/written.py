"""What to do about a value that is YAML and not what its author meant: how it is written tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from flowerpower.errors import Problem
from flowerpower.specs.text.lines import LINE_END
from flowerpower.specs.text.passwords import without_passwords
from flowerpower.specs.text.syntax import ODD_SPACES

_QUOTED = re.compile(
    r"[\u201c\u201d\u201e]([^\u201c\u201d\u201e\"]*)[\u201c\u201d]|[\u2018\u2019]([^\u2018\u2019\"]*)\u2019"
)
_KEY_AND_VALUE = re.compile(r"([A-Za-z_][\w-]*):([^\s:/].*?)\s*(?:\s#.*)?")
_ITEM = re.compile(rf"-[{''.join(ODD_SPACES)}]*([^\s\d.-].*?)\s*(?:\s#.*)?")
_ITEMS = re.compile(r"([^\[\]{}\"'#]*)\]\s*(?:\s#.*)?")
_NAME = re.compile(r"(&[\w-]+)\s*(?:#.*)?")
_EQUALS = re.compile(r"([A-Za-z_][\w-]*)\s*=\s*(\S.*?)\s*(?:\s#.*)?")
_GLUED = re.compile(r"([\w-]+)#")
_KEY_WITHOUT_VALUE = re.compile(r"'([A-Za-z_][\w-]*):([^\s':/]+)' has no value")


def with_fitting_hints(problems: Iterable[Problem], texts: Mapping[str, bytes]) -> Iterator[Problem]:
    """Yield problems, each with the hint that what is written at its place deserves; none twice for a missing space.

    What they quote holds no password.
    """
    for problem in _with_hints(problems, texts):
        what, hint = without_passwords(problem.what), without_passwords(problem.hint)
        yield problem if (what, hint) == (problem.what, problem.hint) else replace(problem, what=what, hint=hint)


def _with_hints(problems: Iterable[Problem], texts: Mapping[str, bytes]) -> Iterator[Problem]:
    lines: dict[str, list[str]] = {}
    found = list(problems)
    absent = {(p.place.file, f"the key '{key}' is missing") for p in found if (key := _glued_key(p))}
    for problem in found:
        file, line, column = problem.place.file, problem.place.line, problem.place.column
        if (file, problem.what) in absent:
            continue
        if problem.code < "FP100":  # of YAML itself, which knows how it is written
            yield problem
            continue
        if file not in lines:
            lines[file] = LINE_END.split(texts.get(file, b"").decode("utf-8", "replace").removeprefix("\ufeff"))
        written = lines[file][line - 1][column - 1 :] if line <= len(lines[file]) else ""
        hint = _of_marks(written) or _of_code(problem, written)
        yield replace(problem, hint=hint) if hint else problem


def _glued_key(problem: Problem) -> str:
    glued = _KEY_WITHOUT_VALUE.match(problem.what) if problem.code == "FP112" else None
    return glued[1] if glued else ""


def _of_marks(written: str) -> str:
    """Return what to do about a value that begins with a character that only looks right."""
    if written[:1] in ODD_SPACES:
        return f"remove {ODD_SPACES[written[0]]} before it"
    if quoted := _QUOTED.match(written):
        return f'write "{quoted[1] or quoted[2] or ""}": {quoted[0][0]} is no quote of YAML'
    return ""


def _of_code(problem: Problem, written: str) -> str:
    """Return what to do about a value that lacks something which would make it another one."""
    if problem.code == "FP103":
        return _of_text(problem.what, written)
    if problem.code == "FP112":
        return _of_nothing(problem.what, written)
    if problem.code == "FP100" and (found := _KEY_AND_VALUE.fullmatch(written) or _EQUALS.fullmatch(written)):
        return f"write `{found[1]}: {found[2]}`, with a colon and a space in each line"
    comment = _GLUED.match(written) if problem.code == "FP105" else None
    return f"write `{comment[1]} #`, with a space before the comment" if comment else ""


def _of_text(what: str, written: str) -> str:
    if what.startswith("expected a mapping, found the text"):
        found = _KEY_AND_VALUE.fullmatch(written)
        return f"write `{found[1]}: {found[2]}`, with a space after the colon" if found else ""
    if not what.startswith("expected a list, found the text"):
        return ""
    if item := _ITEM.fullmatch(written):
        return f"write `- {item[1]}`, with a space after the `-`"
    items = _ITEMS.fullmatch(written)
    return f"write [{items[1]}]" if items else ""


def _of_nothing(what: str, written: str) -> str:
    if glued := _KEY_WITHOUT_VALUE.match(what):
        return f"write `{glued[1]}: {glued[2]}`, with a space after the colon"
    name = _NAME.fullmatch(written)
    return f'write "{name[1]}" if it is a text: without quotes it is the name of a value' if name else ""
