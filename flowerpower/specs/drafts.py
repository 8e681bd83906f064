"""A spec as far as it is right: what is wrong is told and left out, so that the rest can be checked in the same run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic_core._pydantic_core import ValidationError  # the core alone, see settings

from flowerpower.specs.messages import Finding, findings
from flowerpower.specs.placeholders import Path
from flowerpower.specs.text.documents import MAX_PROBLEMS
from flowerpower.specs.values import TRIGGERS

if TYPE_CHECKING:
    from flowerpower.specs.fields import Spec

_STAND_INS: Mapping[str, Any] = {
    "name": "unknown",
    "pipeline": "unknown",
    "modules": ["unknown"],
    "outputs": ["unknown"],
}
_SUGGESTED = re.compile(r"did you mean '(\w+)'")
_ROUNDS = 3  # pydantic looks at a spec as a whole only when each of its fields is right

_Model = TypeVar("_Model", bound="Spec")


@dataclass(frozen=True, slots=True)
class Draft(Generic[_Model]):
    """A spec, the fields of it that are stand-ins for something wrong, and what is wrong."""

    spec: _Model | None
    unsound: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()


def draft(model: type[_Model], data: Mapping[str, Any], mistaken: Collection[Path] = ()) -> Draft[_Model]:
    """Return the spec that *data* holds; the values at *mistaken* are known to be wrong, and nothing more is said of
    them.
    """
    known, whole = frozenset(mistaken), data
    unsound = {str(path[0]) for path in known}
    found: list[Finding] = []
    meant: set[Path] = set()  # keys that are there, misspelt
    for _ in range(_ROUNDS):
        try:
            spec = model.model_validate(data)
            return _told(spec, unsound, model, whole, found)
        except ValidationError as error:
            new = list(islice(findings(model, error), MAX_PROBLEMS))
        meant.update(_meant(new))
        absent = meant | {(key,) for key in unsound & set(TRIGGERS)}  # misspelt, or taken out: their lack is no news
        found += [finding for finding in new if finding.path not in known and not _misses(finding, absent)]
        if len(new) == MAX_PROBLEMS:
            break
        for finding in new:
            unsound.update([str(finding.path[0])] if finding.path else TRIGGERS)
        data = _without(model, data, unsound)
    return _told(None, unsound, model, whole, found)


def _told(
    spec: _Model | None, unsound: Set[str], model: type[_Model], data: Mapping[str, Any], found: Sequence[Finding]
) -> Draft[_Model]:
    """Return the draft of a spec with each of its keys told at the level where it belongs."""
    if not found:
        return Draft(spec, frozenset(unsound))
    from flowerpower.specs.levels import at_their_level

    told = at_their_level(model, data, found)
    return Draft(spec, frozenset(unsound | told.swallowing), told.findings)


def _meant(findings: Iterable[Finding]) -> Iterator[Path]:
    """Yield the keys that unknown ones were probably meant to be, by their paths."""
    for finding in findings:
        if finding.code == "FP101" and (key := _SUGGESTED.search(finding.hint)):
            yield (*finding.path[:-1], key[1])


def _misses(finding: Finding, absent: Set[Path]) -> bool:
    """Tell whether a finding only says that one of the absent keys is not there."""
    if not finding.path:
        return "neither" in finding.what and any((trigger,) in absent for trigger in TRIGGERS)
    return finding.code == "FP102" and finding.path in absent


def _without(model: type[Spec], data: Mapping[str, Any], unsound: Set[str]) -> dict[str, Any]:
    kept = {key: value for key, value in data.items() if key not in unsound}
    needed = {name for name, field in model.model_fields.items() if field.is_required()} - kept.keys()
    kept |= {name: _STAND_INS[name] for name in needed}
    if "every" in model.model_fields and not unsound.isdisjoint(TRIGGERS) and not kept.keys() & set(TRIGGERS):
        kept["every"] = 3600
    return kept
