"""Values and keys that a line end stands in the middle of: one problem each, not one for every half."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from flowerpower.errors import Problem
from flowerpower.nearest import nearest

_HALF = re.compile(r"the colon is missing after `(\w+)`")
_REST = re.compile(r"unknown key '(\w+)'")
_NO_KEY = ("this line is no `key: value`", "a line cannot begin with ", "this line is no item of the list")
_BEFORE = re.compile(r"( *)(- +)?(?:([A-Za-z_][\w-]*): +)?([^\s\"'#\[\]{}|>&*!@%](?:[^\s#]|(?<! )#| (?! *(?:#|$)))*) *")
_OF_HALVES = frozenset(("FP104", "FP105", "FP106", "FP107", "FP301", "FP302", "FP303", "FP310"))
_SECRET = re.compile("redis|password|username")
_LIKE_A_KEY = 0.8
_GOES_ON = frozenset("-_/.:+,")  # what hardly ends a value
_SHOWN = 100  # characters


def with_whole_keys(found: Sequence[Problem]) -> Sequence[Problem]:
    """Return problems with one for the two that a line end inside a key makes."""
    rests = {(one.place.file, one.place.line - 1, one.place.column): one for one in found if one.code == "FP101"}
    whole, told = list[Problem](), set[Problem]()
    for problem in found:
        rest = rests.get((problem.place.file, problem.place.line, problem.place.column))
        first, last = _HALF.match(problem.what), _REST.match(rest.what) if rest else None
        if rest and first and last and (key := first[1] + last[1]) in _known_keys():
            told.add(rest)
            what, hint = f"a line ends inside the key `{key}`", f"write `{key}:` in one line"
            whole.append(problem._replace(what=what, hint=hint))
        else:
            whole.append(problem)
    return [problem for problem in whole if problem not in told]


def with_whole_values(found: Sequence[Problem], lines_of: Callable[[str], Sequence[str]]) -> Sequence[Problem]:
    """Return problems with one for the two that a line end inside a value makes."""
    halves = {(one.place.file, one.place.line): one for one in found if one.code in _OF_HALVES}
    whole, told = list[Problem](), set[Problem]()
    for problem in found:
        file, line = problem.place.file, problem.place.line
        lines = lines_of(file)[line - 2 : line] if line > 1 and _has_no_key(problem) else []
        half = halves.get((file, line - 1)) if lines else None
        if half and (one := _as_one(half, *lines)):
            told.add(half)
            whole.append(one)
        else:
            whole.append(_perhaps_one(problem, *lines) if lines and not half else problem)
    return [problem for problem in whole if problem not in told]


def _has_no_key(problem: Problem) -> bool:
    """Tell whether a problem is that of a line which is no key, nor was meant to be one."""
    if problem.code != "FP010":
        return False
    word = _HALF.match(problem.what)
    return not nearest(word[1].lower(), _known_keys(), cutoff=_LIKE_A_KEY) if word else problem.what.startswith(_NO_KEY)


def _as_one(half: Problem, line: str, following: str) -> Problem | None:
    """Return the problem of a value that goes on in the following line; None if it does not."""
    before = _BEFORE.fullmatch(line)
    if before is None or half.place.column != before.start(4) + 1:
        return None
    key = before[3]
    what = f"a line ends inside the value of `{key}`" if key else "a line ends inside this value"
    written = _joined(before, following, " " if key == "cron" else "")
    return half._replace(code="FP010", what=what, hint=f"write {written or 'it'} in one line")


def _perhaps_one(problem: Problem, line: str, following: str) -> Problem:
    """Return the problem of a line, with what to do if it is a word, and rather goes on with the value above it."""
    before = _BEFORE.fullmatch(line)
    if not before or before[1] or not before[3] or problem.place.column > 1 or not _HALF.match(problem.what):
        return problem
    written = _joined(before, following, "" if before[4][-1] in _GOES_ON else " ")
    hint = f"write {written} if it goes on with line {problem.place.line - 1}: no spec has such a key"
    return problem._replace(hint=hint) if written else problem


def _joined(before: re.Match[str], following: str, space: str) -> str:
    """Return the line of a value with the rest of it; nothing if that is too long, or shown to nobody."""
    _, dash, key, value = before.groups()
    rest, named = following.strip(), f"{key}: " if key else "- " if dash else ""
    hidden = _SECRET.search(key or "") or len(value) + len(rest) > _SHOWN
    return "" if hidden else f"`{named}{value}{space}{rest}`"


def _known_keys() -> frozenset[str]:
    """Return every key that a spec may hold."""
    from flowerpower.specs.messages import fields_at
    from flowerpower.specs.models import MODELS

    return frozenset(
        key
        for model in MODELS.values()
        for name in model.model_fields
        for path in ((), (name,), (name, 0), (name, ""))
        for key in fields_at(model, path)
    )
