"""What a large project asks for, worked out in two processes, some pipelines at a time, and held as bytes.

As objects, thousands of specs take some ten times the memory of what is kept of them here: the verdict, the outline,
and what a plan may want to see of each.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, NamedTuple

from flowerpower.dataflow.reader import code_digest
from flowerpower.specs.checks import check_sources, verdict_of
from flowerpower.specs.files.forked import Forked
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.files.side_by_side import is_worthwhile, shared_out, verdict_of_all
from flowerpower.specs.project import Project
from flowerpower.specs.verdict import Question, Verdict, from_dict, to_dict
from flowerpower.state.desired import desired_state
from flowerpower.state.models import Desired, Rules
from flowerpower.state.outline import Outline, joined_outline, outline_of
from flowerpower.state.packed import PackedPart, packed_part, unpacked

_AT_ONCE = 1000  # files


class InParts(NamedTuple):
    """A valid project: what a check says of it, and what it asks for, whole and in short."""

    verdict: Verdict
    desired: Desired
    outline: Outline


class Part(NamedTuple):
    """What a part of a project comes to."""

    verdict: Verdict
    addresses: frozenset[str]
    wanted: PackedPart
    outline: Outline


def worked_out_in_parts(sources: Sources, question: Question) -> InParts | None:
    """Return what a project asks for; None of one that is small or not valid, or whose parts need each other."""
    if not is_worthwhile(sources):
        return None
    shares = shared_out(sources, 2 * max(1, round(len(sources.texts) / (2 * _AT_ONCE))))
    half = len(shares) // 2
    with Forked(lambda: marshal.dumps(list(map(_plain, _parts(shares[half:], question))))) as child:
        mine = _parts(shares[:half], question)
        answer = child.answer() if mine else None
    theirs = [_part_from(values) for values in marshal.loads(answer)] if answer else []  # noqa: S302 - our own process
    return put_together([*mine, *theirs], sources) if theirs else None


def desired_of(project: Project, sources: Sources) -> Desired:
    """Return the state that a project asks for, with the code of its pipelines."""
    folders = project.spec.modules
    code = {name: code_digest(one.modules, sources.modules, folders) for name, one in project.pipelines.items()}
    return desired_state(project, code)


def put_together(parts: Sequence[Part], sources: Sources) -> InParts | None:
    """Return what the parts of a project come to; None if what was said of one may depend on another."""
    verdict = verdict_of_all([part.verdict for part in parts], [part.addresses for part in parts])
    if verdict is None:
        return None
    outline = joined_outline([part.outline for part in parts], sources.digest)
    return InParts(verdict, unpacked(part.wanted for part in parts), outline)


def _parts(shares: Sequence[Sources], question: Question) -> list[Part]:
    """Return what each share comes to; nothing at all if one of them is not valid."""
    found: list[Part] = []
    for share in shares:
        part = part_of(share, question)
        if part is None:
            return []
        found.append(part)
    return found


def part_of(sources: Sources, question: Question) -> Part | None:
    """Return what a part of a project comes to, taken as if it were a project; None if it is not valid."""
    loaded = check_sources(sources, env=question.env, variables=question.variables, now=question.now)
    if loaded.project is None:
        return None
    desired = desired_of(loaded.project, sources)
    return Part(
        verdict_of(loaded, question.now),
        frozenset(address for address in loaded.project.places if address != "project"),
        packed_part(desired, loaded.project.namespace),
        outline_of(desired, ""),
    )


def _plain(part: Part) -> tuple[Any, ...]:
    outline = part.outline
    shown = (astuple(outline.rules), dict(outline.pipelines), outline.jobs, outline.lines)
    return to_dict(part.verdict), part.addresses, tuple(part.wanted), shown


def _part_from(values: tuple[Any, ...]) -> Part:
    verdict, addresses, wanted, (rules, *shown) = values
    return Part(from_dict(verdict), addresses, PackedPart(*wanted), Outline("", Rules(*rules), *shown))
