"""What a check says of one environment, from what it said of `default`: no spec is checked again that is the same.

The law that holds checks after an edit holds here too: to lay the patches of an environment over some files is to edit
these files, as long as the project file has no patch there that matters to a spec.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

from flowerpower.errors import Problem
from flowerpower.specs.environments import patches_of, touched
from flowerpower.specs.files.again import Found, Known, check, check_again, with_only
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.loader import Loaded
from flowerpower.specs.verdict import Question, in_order

# Keys of the project file that say nothing about any spec: what is wrong with them is told of the project alone.
_OF_THE_PROJECT_ALONE = frozenset({"redis", "schedules", "guards", "code", "notify"})


class Elsewhere:
    """The other environments of a project, as what is found in one tells of them."""

    def __init__(self, sources: Sources, question: Question, known: Known) -> None:
        self._sources, self._question, self._known = sources, question, known

    def wants_shares(self, env: str) -> bool:
        """Tell whether only some files are to be checked again in an environment, which takes the shares of all."""
        return 0 < len(self._touched(env)) * 2 <= len(self._sources.texts) and self._is_alike(env)

    def found(self, question: Question, here: Found) -> Found | None:
        """Return what is found in another environment than *here*; None where that takes a check of everything."""
        if not self._is_alike(question.env):
            return None
        alone = self._alone_in(question)
        shares = here.shares._replace(rest=self._in_place(here.shares.rest, alone)) if here.shares else None
        if not (files := self._touched(question.env)):
            problems = self._in_place(here.verdict.problems, alone)
            return Found(here.verdict._replace(namespace=alone.draft.namespace, problems=problems), shares)
        if shares is None:
            return None
        edited = {path: shares.files[path]._replace(digest="") for path in files if path in shares.files}
        before = shares._replace(files={**shares.files, **edited})
        return check_again(self._sources, question, self._known._replace(shares=before))

    def _is_alike(self, env: str) -> bool:
        """Tell whether the project file says the same about every spec in both environments."""
        keys: set[Any] = set()
        for patch in (self._patches.get(self._question.env, {}), self._patches.get(env, {})):
            if not isinstance(patch, dict):
                return False
            keys |= patch.keys()
        return keys <= _OF_THE_PROJECT_ALONE

    def _in_place(self, problems: Sequence[Problem], alone: Loaded) -> tuple[Problem, ...]:
        """Return the problems with what is said of the project alone in the other environment."""
        if alone.problems == self._alone.problems:
            return tuple(problems)
        return in_order({*problems} - {*self._alone.problems} | {*alone.problems})

    def _touched(self, env: str) -> AbstractSet[str]:
        """Return the spec files that may say something else in an environment than in the one that was checked."""
        return {*self._patched.get(env, ()), *self._patched.get(self._question.env, ())}

    @cached_property
    def _patched(self) -> Mapping[str, Collection[str]]:
        return touched(self._sources.texts, self._known.parse)

    @cached_property
    def _patches(self) -> Mapping[str, Any]:
        return patches_of(self._sources.texts, self._known.parse)

    @cached_property
    def _alone(self) -> Loaded:
        return self._alone_in(self._question)

    def _alone_in(self, question: Question) -> Loaded:
        return check(with_only(self._sources, ()), question, self._known)
