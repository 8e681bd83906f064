"""Check a project with what earlier checks of it have left: compiled models, and what each file adds to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple, TypeVar

from flowerpower.errors import Problem
from flowerpower.specs.checks import check_sources, verdict_of
from flowerpower.specs.compiled import NeedsModelsError
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.loader import Loaded, Models
from flowerpower.specs.shares import Shares, left_to_do, put_together, taken_apart
from flowerpower.specs.verdict import Question, Verdict

_FEW = 200  # files; with more it takes too long to find out that only the models can tell what is wrong
_Found = TypeVar("_Found")


class Known(NamedTuple):
    """What earlier checks have left: models that need no pydantic, and what files that may have changed had added."""

    models: Models | None = None
    shares: Shares | None = None


class Found(NamedTuple):
    """A verdict, and what each file adds to it, where that can be told."""

    verdict: Verdict
    shares: Shares | None


def check_again(sources: Sources, question: Question, known: Known) -> Found | None:
    """Return what a check of the files says that were edited, with what is known of the others.

    None where that is not enough, and all of a large project must be checked.
    """
    found = _check_edited(sources, question, known)
    if found or len(sources.texts) > _FEW:
        return found
    return _by_either(known.models, lambda models: _whole(sources, question, models))


def _check_edited(sources: Sources, question: Question, known: Known) -> Found | None:
    shares = known.shares
    work = left_to_do(shares, sources.texts, question.now) if shares else None
    if shares is None or work is None:
        return None
    part = _with_only(sources, work.unknown | work.context)
    loaded = _by_either(known.models, lambda models: _check(part, question, models))
    found = put_together(shares, work, loaded, sources.texts, question.now)
    return Found(*found) if found else None


def _whole(sources: Sources, question: Question, models: Models | None) -> Found:
    loaded = _check(sources, question, models)
    return Found(verdict_of(loaded, question.now), shares_of(loaded, sources, question, models))


def shares_of(loaded: Loaded, sources: Sources, question: Question, models: Models | None = None) -> Shares | None:
    """Return what each file adds to what was found in *sources*, where that can be told."""
    alone: Collection[Problem] = sources.problems
    if any(problem.place.file in PROJECT_FILES for problem in loaded.problems):
        alone = _check(_with_only(sources, frozenset()), question, models).problems
    return taken_apart(loaded, sources.texts, alone, question.now)


def _check(sources: Sources, question: Question, models: Models | None) -> Loaded:
    asked = question
    return check_sources(sources, env=asked.env, variables=asked.variables, now=asked.now, models=models)


def _by_either(models: Models | None, work: Callable[[Models | None], _Found]) -> _Found:
    """Return what work gives with compiled models, or with the real ones where those are needed."""
    if models is not None:
        try:
            return work(models)
        except NeedsModelsError:
            pass
    return work(None)


def _with_only(sources: Sources, paths: Collection[str]) -> Sources:
    """Return the project with no other specs than those in some files."""
    texts = {path: text for path, text in sources.texts.items() if path in paths or path in PROJECT_FILES}
    return Sources(texts, sources.problems, sources.modules)
