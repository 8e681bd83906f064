"""Check a large project in two processes, each with half of the pipelines and with the schedules of these.

What is said of a spec depends on the project file, the modules, the pipeline it names and the schedules that name that
too; on other specs only when two have one name, or one names another schedule. Where the halves turn out to need each
other, or a dataflow is not as it should be, they do not count. A law holds the checks to that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from flowerpower.specs.checks import verdict_of
from flowerpower.specs.files.again import Found, Known, check, shares_of, with_only
from flowerpower.specs.files.elsewhere import Elsewhere
from flowerpower.specs.files.forked import Forked, is_possible
from flowerpower.specs.files.glances import pipeline_at_a_glance
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.loader import Loaded, Models
from flowerpower.specs.shares import Shares, both, compares_names, from_lists, to_lists
from flowerpower.specs.text.yaml import parse, parse_once
from flowerpower.specs.verdict import Question, Verdict, from_dict, joined, to_dict

_ACROSS = ("FP301", "FP32", "FP33")  # a pipeline that may be in the other half, and what is said of several at once
_NOTHING = Known()
_WORTHWHILE = 2000  # files; below, the second process costs more than it saves


class Part(NamedTuple):
    """What was found in one half: its verdict, the addresses of its specs, and perhaps what each file adds."""

    verdict: Verdict
    addresses: frozenset[str]
    shares: Shares | None = None
    loaded: Loaded | None = None  # held on to: to free thousands of specs takes a while, and a child need not


def check_side_by_side(
    sources: Sources, questions: Sequence[Question], models: Models | None = None, *, apart: bool = False
) -> list[Found]:
    """Return the verdicts on a project, found in two processes where that is quicker; *apart* also by file."""
    if not is_worthwhile(sources):
        return [Found(part.verdict, part.shares) for part in check_parts(sources, questions, models, apart=apart)]
    found = _halves_checked(sources, questions, models, apart=apart)
    missing = [question for question, each in zip(questions, found, strict=True) if each is None]
    again = iter(check_parts(sources, missing, models, apart=apart) if missing else ())
    return [each or Found((part := next(again)).verdict, part.shares) for each in found]


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
    return [with_only(sources, paths) for paths in parts]


def check_parts(
    sources: Sources, questions: Sequence[Question], models: Models | None = None, *, apart: bool = False
) -> list[Part]:
    """Check sources in each environment that is asked about, with as little work as that takes."""
    first, *others = questions
    known = Known(models, None, parse_once() if others else parse)
    elsewhere = Elsewhere(sources, first, known)
    by_file = apart or any(elsewhere.wants_shares(other.env) for other in others)
    parts = [check_part(sources, first, known, apart=by_file)]
    here = Found(parts[0].verdict, parts[0].shares)
    for other in others:
        found = elsewhere.found(other, here)
        part = Part(found.verdict, parts[0].addresses, found.shares) if found else None
        parts.append(part or check_part(sources, other, known, apart=apart))
    return parts


def check_part(sources: Sources, question: Question, known: Known = _NOTHING, *, apart: bool = False) -> Part:
    """Check sources as if they were a project."""
    loaded = check(sources, question, known)
    draft = loaded.draft
    addresses = {f"pipeline.{name}" for name in draft.pipelines} | {f"schedule.{name}" for name in draft.schedules}
    shares = shares_of(loaded, sources, question, known) if apart else None
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
    return len(sources.texts) >= _WORTHWHILE and not compares_names(sources.texts) and is_possible()


def _halves_checked(
    sources: Sources, questions: Sequence[Question], models: Models | None, *, apart: bool
) -> list[Found | None]:
    """Return what was found, None where the other process failed or the halves need each other."""

    def theirs_as_json() -> bytes:
        parts = check_parts(there, questions, models, apart=apart)
        verdicts, addresses = [to_dict(part.verdict) for part in parts], [[*part.addresses] for part in parts]
        return json.dumps([verdicts, addresses, to_lists([part.shares for part in parts])]).encode()

    here, there = halves(sources)
    with Forked(theirs_as_json) as child:
        mine = check_parts(here, questions, models, apart=apart)
        answer = child.answer()
    if answer is None:
        return [None] * len(questions)
    verdicts, addresses, shares = json.loads(answer)
    theirs = map(Part, map(from_dict, verdicts), map(frozenset, addresses), from_lists(shares))
    return [_whole(*parts) for parts in zip(mine, theirs, strict=True)]


def _whole(first: Part, second: Part) -> Found | None:
    verdict = together(first, second)
    return Found(verdict, both(first.shares, second.shares)) if verdict else None
