"""What is told of the specs of a project: each mistake once, at its place, and of no file more than anyone reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from flowerpower.errors import Place, Problem
from flowerpower.specs.codes import CODES
from flowerpower.specs.messages import Finding
from flowerpower.specs.places import Origin, Places, is_variable
from flowerpower.specs.text.documents import MAX_PROBLEMS
from flowerpower.specs.unread import Unread
from flowerpower.specs.wording import REMOVE_QUOTES

_NOT_BY_VARIABLE = "a variable gives a text; what differs between environments is written under `environments:`"
_OF_WHAT_IS_MISSING = frozenset(["FP102", "FP109", "FP112"])


class Reported:
    """The problems of one project in one environment, as they are found."""

    def __init__(self, texts: Mapping[str, bytes], env: str, unread: Unread) -> None:
        self.problems: list[Problem] = []
        self.places = Places(texts, env, None)
        self.environments: Mapping[str, None] | None = None  # None: not known, so nothing is checked against them
        self._texts, self._env, self._unread = texts, env, unread
        self._reported: dict[str, set[tuple[str, Place, str]]] = defaultdict(set)  # by file

    def report(self, code: str, place: Place, what: str, hint: str = "") -> None:
        """Tell a problem, unless it or too many of its file are told."""
        found = Problem(code, place, what, hint or CODES[code].advice, "warning" if code == "FP024" else "error")
        reported = self._reported[place.file]
        if (code, place, what) in reported or self.is_full(place.file):
            return
        reported.add((code, place, what))
        self.problems.append(found)
        if self.is_full(place.file):
            what = f"the file has {MAX_PROBLEMS} problems or more"
            self.problems.append(Problem("FP020", place, what, CODES["FP020"].advice))

    def is_full(self, file: str) -> bool:
        """Tell whether nothing more is told of a file."""
        return len(self._reported[file]) >= MAX_PROBLEMS

    def add(self, finding: Finding, origin: Origin) -> None:
        """Tell what is found in the spec from *origin*, unless it is missing where something cannot be read."""
        explained = finding.hint.startswith("indent ") or " and " in finding.what  # by lines that are there
        if finding.code in _OF_WHAT_IS_MISSING and not explained and self._unread.may_hold(origin, finding.path):
            return
        if finding.code in ("FP102", "FP109") and origin.kind != "project":
            from flowerpower.specs.layers import as_taken_away

            finding = as_taken_away(finding, self.places.removed(origin), origin.kind, self._env)
        if finding.code == "FP101" and len(finding.path) == 1 and finding.path[0] in (self.environments or ()):
            meant = f"{finding.hint} Else it" if "'defaults'" in finding.hint else f"'{finding.path[0]}'"
            finding = finding._replace(hint=f"{meant} belongs under `environments:`")
        place = self.places.within(origin, finding.path, key=finding.at_key)
        by_variable = finding.hint == REMOVE_QUOTES and is_variable(self._texts[place.file], place)
        self.report(finding.code, place, finding.what, _NOT_BY_VARIABLE if by_variable else finding.hint)
