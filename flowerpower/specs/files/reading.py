"""The texts of a project, wherever they come from, and the files that could not be read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from flowerpower.errors import Place, Problem, Severity
from flowerpower.specs.codes import CODES
from flowerpower.specs.files.kinds import SPEC_STARTS

MAX_SPEC_BYTES = 1024 * 1024
MAX_MODULE_BYTES = 16 * MAX_SPEC_BYTES

_LOOKALIKES = (".yaml", ".yml", ".yaml.txt", ".yml.txt")


class Sources(NamedTuple):
    """The spec files and the modules of a project by path in it, and the files that could not be read."""

    texts: Mapping[str, bytes]
    problems: tuple[Problem, ...]
    modules: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """Return 64 hexadecimal digits for all texts and modules, which stand for a commit outside git."""
        digest = hashlib.sha256()
        for path, content in sorted({**self.texts, **self.modules}.items()):
            digest.update(hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest())
            digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()


class Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}
        self.modules: dict[str, bytes] = {}
        self.problems: list[Problem] = []

    def report(self, code: str, path: str, what: str, severity: Severity = "error") -> None:
        """Note a file that cannot be used."""
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        self.problems.append(Problem(code, Place(shown), what, CODES[code].advice, severity))

    def report_lookalike(self, path: str) -> None:
        """Note a file that its author may take for a spec."""
        if path.startswith(SPEC_STARTS) and path.lower().endswith(_LOOKALIKES):
            self.report("FP022", path, "it is not read: its name does not end in .yaml or .yml", "warning")

    def accepts(self, path: str) -> bool:
        """Tell whether the name of a file can be told; one that cannot is noted if it looks like ours."""
        if path.isascii():
            return True
        try:
            path.encode("utf-8")
        except UnicodeEncodeError:
            if path.endswith((".yaml", ".yml", ".py")):
                self.report("FP008", path, "the name of the file is not UTF-8")
            return False
        return True

    def done(self) -> Sources:
        """Return it all, sorted."""
        problems = sorted(self.problems, key=lambda problem: (problem.place, problem.code))
        return Sources(dict(sorted(self.texts.items())), tuple(problems), dict(sorted(self.modules.items())))
