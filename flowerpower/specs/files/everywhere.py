"""Check a project in one environment, or in every one that it declares, with what earlier checks have left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowerpower.specs.environments import declared, looked_at, verdict_everywhere
from flowerpower.specs.files.again import Found, Known, check_again
from flowerpower.specs.files.elsewhere import Elsewhere
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.files.side_by_side import check_side_by_side
from flowerpower.specs.loader import Models
from flowerpower.specs.shares import Shares, forget_texts
from flowerpower.specs.text.yaml import parse, parse_once
from flowerpower.specs.verdict import Question, Verdict


def check_project(
    sources: Sources, question: Question, kept: Mapping[str, Shares], models: Models | None, *, apart: bool = False
) -> tuple[Verdict, dict[str, Shares]]:
    """Return the verdict on a project, and by environment what each file adds to it, where that can be told.

    *kept* is that of an earlier check; the files may have changed since. It is only told where it is wanted *apart*.
    """
    environments = declared(sources.texts) if question.every else (question.env,)
    questions = [question._replace(env=env, every=False) for env in looked_at(environments)]
    found = _again(sources, questions, kept, models) or check_side_by_side(sources, questions, models, apart=apart)
    forget_texts()
    shares = {one.env: each.shares for one, each in zip(questions, found, strict=True) if apart and each.shares}
    if not question.every:
        return found[0].verdict, shares
    verdicts = [(one.env, each.verdict) for one, each in zip(questions, found, strict=True)]
    return verdict_everywhere(verdicts, len(environments)), shares


def _again(
    sources: Sources, questions: Sequence[Question], kept: Mapping[str, Shares], models: Models | None
) -> list[Found] | None:
    """Return what was found where the files alone were checked that an edit concerns; None where that says nothing."""
    first, *others = questions
    known = Known(models, kept.get(first.env), parse_once() if others else parse)
    found = check_again(sources, first, known)
    if found is None:
        return None
    elsewhere = Elsewhere(sources, first, known)
    every = [found]
    for other in others:
        each = check_again(sources, other, known._replace(shares=kept.get(other.env))) or elsewhere.found(other, found)
        every.append(each or check_side_by_side(sources, [other], models, apart=True)[0])
    return every
