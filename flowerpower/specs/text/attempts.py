"""A spec file to documents by the composer: read again without each part that is no YAML, so that the rest is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from flowerpower.errors import Problem
from flowerpower.specs.files.kinds import kind_of_file
from flowerpower.specs.files.reading import MAX_SPEC_BYTES
from flowerpower.specs.text.composer import MAX_DEPTH, Composer, StopError
from flowerpower.specs.text.contents import problem_of, text_of
from flowerpower.specs.text.syntax import left_behind, misleading

if TYPE_CHECKING:
    from flowerpower.specs.text.mistakes.telling import Refusal

_MOST_MISTAKES = 20  # of syntax, told of one file
_MOST_READ = 3 * MAX_SPEC_BYTES  # characters, of a file that is read again after each of them


def compose(file: str, content: bytes, *, positions: bool) -> Composer:
    """Return the composer of a file after its work: its documents and problems, and with *positions* their places."""
    found = text_of(file, content)
    if isinstance(found, Problem):
        composer = Composer(file, "", positions=positions)
        composer.problems.append(found)
        return composer
    text = found.removeprefix("\ufeff")
    composer = _compose(file, text, positions=positions)
    if text is not found:
        composer.report("FP004", "the file starts with a byte order mark", severity="warning")
    composer.problems += composer.doubts
    for offset, what in misleading(text):
        composer.problems.append(problem_of("FP021", composer.place(offset), what))
    if not composer.documents and not any(problem.severity == "error" for problem in composer.problems):
        composer.report("FP018", "the file holds no spec")
    return composer


def _compose(file: str, text: str, *, positions: bool) -> Composer:
    """Return the composer of a text after its work, without the parts that are no YAML; those are problems of it."""
    problems: list[Problem] = []
    holes: list[int] = []
    broken: set[int] = set()  # documents that have a mistake which is told
    read = 0
    while True:
        composer = Composer(file, text, positions=positions, holes=holes)
        composer.problems += problems
        try:
            composer.compose()
            return composer
        except StopError:
            return composer
        except yaml.YAMLError as error:
            found = _mistake(composer, error)
        number, read = len(composer.documents), read + len(text)
        if isinstance(found, Problem):
            composer.problems.append(found)
            return composer
        explained = next(misleading(text), None) is not None  # by a character that is told of
        if found.known or not (explained or number in broken):
            told = (found.mistake, *found.mistake.inside)
            problems += [Problem("FP010", composer.place(one.offset), one.what, one.hint) for one in told]
        broken.add(number)
        holes += found.lines
        if found.text == text or len(problems) >= _MOST_MISTAKES or read > _MOST_READ or not positions:
            composer.problems[:] = problems
            if problems and positions:
                cut = problem_of("FP020", problems[-1].place, "the file cannot be read from here on")
                composer.problems.append(cut)
            return composer
        text = found.text


def _mistake(composer: Composer, error: yaml.YAMLError) -> Refusal | Problem:
    """Return why the parser stopped; a Problem if nothing of the text can be read."""
    from flowerpower.specs.text.mistakes.telling import in_one_document, refusal

    text = composer.text
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    words = str(getattr(error, "problem", None) or getattr(error, "context", None) or error)
    if mark is not None and (offset := left_behind(text)) is not None:
        return problem_of("FP007", composer.place(offset), "a marker of a merge conflict was left behind")
    if mark is not None and "nesting depth" in words:  # PyYAML 6.0.4 and later stop before they say what they read
        return problem_of("FP015", composer.place(mark.index), f"values are nested more than {MAX_DEPTH} deep")
    refused = refusal(text, composer.begun, mark.index if mark else None, words)
    return in_one_document(refused, text) if kind_of_file(composer.file) == "project" else refused
