"""Which mistakes of a project concern one pipeline: it can run while a spec that it does not need is being written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from flowerpower.errors import Place, Problem
from flowerpower.specs.files.kinds import PROJECT_FILES, SPEC_FOLDERS, kind_of_file
from flowerpower.specs.names import stem_of
from flowerpower.specs.project import Project
from flowerpower.specs.text.yaml import parse

_OF_SPECS = "FP100"  # the codes before it are of files, of which more may be wrong than is known


def errors_of_pipeline(
    draft: Project, problems: Iterable[Problem], texts: Mapping[str, bytes], name: str
) -> tuple[Problem, ...]:
    """Return the errors that stand in the way of a pipeline: in the project file, in its spec, or with its name.

    Of a name that no spec has they are those of files that may hold it.
    """
    errors = tuple(problem for problem in problems if problem.severity == "error")
    own = draft.places.get(f"pipeline.{name}") if name in draft.pipelines else None
    held = {file for file in {error.place.file for error in errors} if _may_hold(file, texts, name, own)}
    found = tuple(error for error in errors if error.place.file in held or _is_within(error, own, texts))
    return found or (errors if draft.unsound.get(f"pipeline.{name}") else ())


def _may_hold(file: str, texts: Mapping[str, bytes], name: str, own: Place | None) -> bool:
    """Tell whether mistakes of a file concern a name as a whole: all have the project file, and a second spec may."""
    if file in PROJECT_FILES:
        return True
    if own is not None and file == own.file:
        return _mentions(texts[file], name) > 1
    if kind_of_file(file) != "pipeline":
        return own is None and file.partition("/")[0] == SPEC_FOLDERS[0]
    return stem_of(file) == name or (_mentions(texts[file], name) > 0 if file in texts else own is None)


def _mentions(text: bytes, name: str) -> int:
    """Return how often a text gives a spec that name, as far as can be told of a text that may be no YAML."""
    written = re.escape(name.encode("utf-8", "backslashreplace"))
    return len(re.findall(rb"\bname[\"']?\s*:\s*[\"']?" + written + rb"(?![\w-])", text))


def _is_within(error: Problem, own: Place | None, texts: Mapping[str, bytes]) -> bool:
    """Tell whether an error is of the document at a place, or of its file as a whole."""
    if own is None or error.place.file != own.file:
        return False
    starts = [document.line for document in parse(own.file, texts[own.file]).documents]
    first = own.line if own.line > min(starts, default=own.line) else 1
    end = min((line for line in starts if line > own.line), default=error.place.line + 1)
    return error.code < _OF_SPECS or first <= error.place.line < end
