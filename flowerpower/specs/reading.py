"""The texts of a project, wherever they come from, and the files that could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowerpower.errors import Place, Problem
from flowerpower.specs.codes import CODES
from flowerpower.specs.project import PROJECT_FILES
from flowerpower.specs.yaml import MAX_BYTES, parse

MAX_MODULE_BYTES = 16 * MAX_BYTES
SPEC_FOLDERS = ("pipelines", "schedules")
SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True)
class Sources:
    """The spec files and the modules of a project by path in it, and the files that could not be read."""

    texts: Mapping[str, bytes]
    problems: tuple[Problem, ...]
    modules: Mapping[str, bytes]


@dataclass(slots=True)
class Reading:
    """What was read so far."""

    texts: dict[str, bytes] = field(default_factory=dict)
    modules: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def report(self, code: str, path: str, what: str) -> None:
        """Note a file that cannot be used."""
        shown = path.encode("utf-8", "backslashreplace").decode("utf-8")
        self.problems.append(Problem(code, Place(shown), what, CODES[code].advice))

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


def module_folders(texts: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the `modules:` of the project file, in any of its environments, without loading the project."""
    found: dict[str, None] = {}
    for name in texts.keys() & set(PROJECT_FILES):
        documents = parse(name, texts[name]).documents
        data = documents[0].data if documents and isinstance(documents[0].data, dict) else {}
        patches = data.get("environments")
        layers = [data, *(patches.values() if isinstance(patches, dict) else ())]
        for layer in layers:
            listed = layer.get("modules", ["flows"] if layer is data else []) if isinstance(layer, dict) else []
            folders = listed if isinstance(listed, list) else []
            found |= dict.fromkeys(_inside(folder) for folder in folders if isinstance(folder, str))
    return tuple(folder for folder in found if folder)


def _inside(folder: str) -> str:
    """Return a folder of the project in its plain form: nothing for one outside, the whole project for a variable."""
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    if folder.startswith("/") or ".." in parts or "\0" in folder:
        return ""
    if "${" in folder:
        return "."
    return "/".join(parts) or "."
