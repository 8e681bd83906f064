"""Check a project with what earlier checks of it have left: compiled models, and what each file adds to a verdict."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from flowerpower.errors import Problem
from flowerpower.specs.checks import check_sources
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.loader import Loaded, Models
from flowerpower.specs.shares import Shares, left_to_do, put_together, taken_apart
from flowerpower.specs.text.yaml import Parse, parse
from flowerpower.specs.verdict import Question, Verdict


class Known(NamedTuple):
    """What earlier checks have left: models that need no pydantic, and what files that may have changed had added.

    And what parses, which may remember what it has read for another environment.
    """

    models: Models | None = None
    shares: Shares | None = None
    parse: Parse = parse


class Found(NamedTuple):
    """A verdict, and what each file adds to it, where that can be told."""

    verdict: Verdict
    shares: Shares | None


def check_again(sources: Sources, question: Question, known: Known) -> Found | None:
    """Return what a check of the files says that were edited, with what is known of the others.

    None where that is not enough, and all of the project must be checked.
    """
    shares = known.shares
    work = left_to_do(shares, sources.texts, question.now) if shares else None
    if shares is None or work is None:
        return None
    loaded = check(with_only(sources, work.unknown | work.context), question, known)
    found = put_together(shares, work, loaded, sources.texts, question.now)
    return Found(*found) if found else None


def shares_of(loaded: Loaded, sources: Sources, question: Question, known: Known) -> Shares | None:
    """Return what each file adds to what was found in *sources*, where that can be told."""
    alone: Collection[Problem] = sources.problems
    if any(problem.place.file in PROJECT_FILES for problem in loaded.problems):
        alone = check(with_only(sources, frozenset()), question, known).problems
    return taken_apart(loaded, sources.texts, alone, question.now)


def check(sources: Sources, question: Question, known: Known) -> Loaded:
    """Check sources as if they were a project."""
    asked, (models, _, parse) = question, known
    return check_sources(sources, env=asked.env, variables=asked.variables, now=asked.now, models=models, parse=parse)


def with_only(sources: Sources, paths: Collection[str]) -> Sources:
    """Return the project with no other specs than those in some files."""
    texts = {path: sources.texts[path] for path in (*PROJECT_FILES, *sorted(paths)) if path in sources.texts}
    return Sources(texts, sources.problems, sources.modules)
