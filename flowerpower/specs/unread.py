"""What of the files of a project cannot be read, as their YAML is broken, and what is not worth telling for that."""

from __future__ import annotations

from collections.abc import Mapping

from flowerpower.errors import Problem
from flowerpower.specs.codes import CODES
from flowerpower.specs.placeholders import Path
from flowerpower.specs.places import Origin, ends_line
from flowerpower.specs.split import split_spec
from flowerpower.specs.text.documents import Parsed, hides_a_name

_OF_YAML = frozenset(code for code in CODES if code < "FP100")
_OF_FILES_CUT_SHORT = frozenset(["FP007", "FP014", "FP015", "FP020"])
_OF_NAMES = {"pipeline": "FP301", "schedule": "FP310"}  # that there is none of a name, by the kind that was named


class Unread:
    """What is not known of files, taken down one after the other."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts
        self._broken_lines: set[tuple[str, int]] = set()  # where YAML itself was wrong, and the value is a guess
        self._nameless: set[str] = set()  # codes that say nothing, as there may be specs whose names are not known
        self._guesses: dict[tuple[str, int], list[Path]] = {}  # by file and number of documents: where more may stand

    def note(self, kind: str, file: str, parsed: Parsed) -> Problem | None:
        """Take down what is not known of a file; return the problem that its documents are one spec, if they are."""
        errors = [problem for problem in parsed.problems if problem.severity == "error"]
        broken = [problem.place.line for problem in errors if problem.code != "FP011"]  # of two values, one is read
        broken += [line for document in parsed.documents for line in document.holes]
        self._broken_lines |= {(file, line) for line in broken}
        split = split_spec(parsed.documents, self._texts[file]) if kind != "project" else None
        for document in parsed.documents:
            self._guesses[file, document.number] = [()] if split else [guess.path for guess in document.guesses]
        cut_short = any(problem.code in _OF_FILES_CUT_SHORT for problem in parsed.problems)
        if cut_short or hides_a_name(parsed, self._texts[file]):
            self._nameless |= {_OF_NAMES[kind]} if kind in _OF_NAMES else set()
        return split

    def may_hold(self, origin: Origin, path: Path) -> bool:
        """Tell whether what is missing may stand in a part of a document that is only a guess."""
        guesses = self._guesses.get((origin.file, origin.number), ())
        return any(path[: len(guess)] == guess if guess else len(path) < 2 for guess in guesses)

    def explains(self, problem: Problem) -> bool:
        """Tell whether a problem only follows from broken YAML in its line, or where its value may be."""
        file, line, _ = problem.place
        if problem.code in self._nameless or problem.code in _OF_YAML:
            return problem.code in self._nameless
        goes_on = problem.code == "FP112" and ends_line(self._texts[file], problem.place)
        return not self._broken_lines.isdisjoint([(file, line), (file, line + goes_on)])
