"""Check a large project in two processes, each with half of the pipelines and with the schedules of these.

What is said of a spec depends on the project file, the modules, the pipeline it names and the schedules that name that
too; on other specs only when two have one name, or one had another's. Where the halves turn out to need each other, or
a dataflow is not as it should be, they do not count. A law holds the checks to that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flowerpower.specs.checks import verdict_of
from flowerpower.specs.files.again import Found, check, shares_of
from flowerpower.specs.files.forked import Forked, is_possible
from flowerpower.specs.files.glances import pipeline_at_a_glance
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.loader import Loaded, Models
from flowerpower.specs.shares import Shares, both, from_list, to_list
from flowerpower.specs.verdict import Question, Verdict, from_dict, joined, to_dict

_ACROSS = ("FP301", "FP32", "FP33")  # a pipeline that may be in the other half, and what is said of several at once
_WORTHWHILE = 2000  # files; below, the second process costs more than it saves


@dataclass(frozen=True, slots=True)
class Part:
    """What was found in one half: its verdict, the addresses of its specs, and perhaps what each file adds."""

    verdict: Verdict
    addresses: frozenset[str]
    shares: Shares | None = None
    loaded: Loaded | None = None  # held on to: to free thousands of specs takes a while, and a child need not


def check_side_by_side(
    sources: Sources, question: Question, models: Models | None = None, *, apart: bool = False
) -> Found:
    """Return the verdict on a project, found in two processes where that is quicker; *apart* also by file."""
    found = _halves_checked(sources, question, models, apart=apart) if is_worthwhile(sources) else None
    if found is None:
        part = check_part(sources, question, models, apart=apart)
        found = Found(part.verdict, part.shares)
    return found


def halves(sources: Sources) -> tuple[Sources, Sources]:
    """Return two sources that have half of the pipelines each and what runs them, as far as the texts tell."""
    here, there = shared_out(sources, 2)
    return here, there


def shared_out(sources: Sources, count: int) -> list[Sources]:
    """Return so many sources that share the pipelines, each with what runs its own, as far as the texts tell."""
    together: dict[bytes, list[str]] = {}
    for path, text in sources.texts.items():
        if path not in PROJECT_FILES:
            together.setdefault(pipeline_at_a_glance(path, text), []).append(path)
    parts: list[list[str]] = [[] for _ in range(count)]
    for paths in sorted(together.values(), key=len, reverse=True):
        min(parts, key=len).extend(paths)
    return [_with_only(sources, paths) for paths in parts]


def check_part(sources: Sources, question: Question, models: Models | None = None, *, apart: bool = False) -> Part:
    """Check sources as if they were a project."""
    loaded = check(sources, question, models)
    draft = loaded.draft
    addresses = {f"pipeline.{name}" for name in draft.pipelines} | {f"schedule.{name}" for name in draft.schedules}
    shares = shares_of(loaded, sources, question, models) if apart else None
    return Part(verdict_of(loaded, question.now), frozenset(addresses), shares, loaded)


def together(*parts: Part) -> Verdict | None:
    """Return the verdict of all parts; None if what was said in one may depend on another."""
    return verdict_of_all([part.verdict for part in parts], [part.addresses for part in parts])


def verdict_of_all(verdicts: Sequence[Verdict], addresses: Sequence[frozenset[str]]) -> Verdict | None:
    """Return the verdict on parts with specs of these addresses; None if what was said may depend on another part."""
    verdict = joined(verdicts)
    linked = any(problem.code.startswith(_ACROSS) for problem in verdict.problems)
    overlap = len(frozenset().union(*addresses)) < sum(map(len, addresses))
    return None if linked or overlap else verdict


def is_worthwhile(sources: Sources) -> bool:
    """Tell whether there is enough to do for two processes, and nothing that needs to see all of it."""
    if len(sources.texts) < _WORTHWHILE or any(b"previous_names" in text for text in sources.texts.values()):
        return False
    return is_possible()


def _with_only(sources: Sources, paths: Iterable[str]) -> Sources:
    own = {path: sources.texts[path] for path in (*PROJECT_FILES, *sorted(paths)) if path in sources.texts}
    return Sources(own, sources.problems, sources.modules)


def _halves_checked(sources: Sources, question: Question, models: Models | None, *, apart: bool) -> Found | None:
    """Return what was found, None if the other process failed or the halves need each other."""

    def theirs_as_json() -> bytes:
        part = check_part(there, question, models, apart=apart)
        found = [to_dict(part.verdict), [*part.addresses], part.shares and to_list(part.shares)]
        return json.dumps(found).encode()

    here, there = halves(sources)
    with Forked(theirs_as_json) as child:
        mine = check_part(here, question, models, apart=apart)
        answer = child.answer()
    if answer is None:
        return None
    verdict, addresses, shares = json.loads(answer)
    theirs = Part(from_dict(verdict), frozenset(addresses), shares and from_list(shares))
    whole = together(mine, theirs)
    return Found(whole, both(mine.shares, theirs.shares)) if whole else None
