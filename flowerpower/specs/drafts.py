"""A spec as far as it is right: what is wrong is told and left out, so that the rest can be checked in the same run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from pydantic_core._pydantic_core import ValidationError  # the core alone, see settings

from flowerpower.specs.messages import Finding, findings
from flowerpower.specs.placeholders import Path
from flowerpower.specs.places import as_written
from flowerpower.specs.project import PARTLY
from flowerpower.specs.salvage import SUGGESTED, is_open, is_slip, without_parts
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
_TAKEN_AS_WRITTEN = {"ProjectSpec": ("modules", "defaults", "environments")}  # by others, before a spec is made of them
_ROUNDS = 4  # pydantic looks at a spec as a whole only when each of its fields is right; misspelt ones come later

_Model = TypeVar("_Model", bound="Spec")


class Draft(NamedTuple, Generic[_Model]):
    """A spec, the fields of it that are stand-ins for something wrong, what is wrong, and misspelt keys.

    These stand by the paths of what they were meant to be.
    """

    spec: _Model | None
    unsound: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    misspelt: tuple[tuple[Path, str], ...] = ()


def draft(model: type[_Model], data: Mapping[str, Any], mistaken: Collection[Path] = ()) -> Draft[_Model]:
    """Return the spec that *data* holds; the values at *mistaken* are known to be wrong, and nothing more is said of
    them.
    """
    known, whole = frozenset(mistaken), data
    unsound = {PARTLY if is_open(path) else str(path[0]) for path in known}
    found: list[Finding] = []
    meant: set[Path] = set()  # keys that are there, misspelt
    misspelt: dict[Path, str] = {}
    for _ in range(_ROUNDS):
        try:
            spec = model.model_validate(data)
            if not found:  # as of nearly all
                return Draft(spec, frozenset(unsound))
            return _told(Draft(spec, frozenset(unsound), tuple(found), tuple(misspelt.items())), model, whole)
        except ValidationError as error:
            new = list(islice(findings(model, error), MAX_PROBLEMS))
        meant.update(_meant(new))
        absent = meant | {(key,) for key in unsound & set(TRIGGERS)}  # misspelt, or taken out: their lack is no news
        kept = [finding for finding in new if not _is_told(finding, known) or _is_unknown(finding, model)]
        kept = [finding for finding in kept if not _misses(finding, absent)]
        found += [_as_written(finding, misspelt) for finding in kept]
        if len(new) == MAX_PROBLEMS:
            break
        slips = dict(_slips(new, whole, {*_TAKEN_AS_WRITTEN.get(model.__name__, ()), *(path[0] for path in known)}))
        wrong = [finding for finding in new if not _misses(finding, {(name,) for name in slips})]
        rest, lost, renamed = without_parts(model, data, wrong, known)
        unsound |= lost
        misspelt |= renamed | {(name,): key for name, key in slips.items()}
        data = _without(model, {**rest, **{name: whole[key] for name, key in slips.items()}}, unsound)
    return _told(Draft(None, frozenset(unsound), tuple(found), tuple(misspelt.items())), model, whole)


def _told(made: Draft[_Model], model: type[_Model], data: Mapping[str, Any]) -> Draft[_Model]:
    """Return a draft with each of its keys told at the level where it belongs."""
    from flowerpower.specs.levels import at_their_level

    told = at_their_level(model, data, made.findings)
    unsound = made.unsound.difference(key for path, key in made.misspelt if len(path) == 1) | told.swallowing
    return made._replace(unsound=unsound | {PARTLY}, findings=told.findings)


def _as_written(finding: Finding, misspelt: Mapping[Path, str]) -> Finding:
    """Return a finding with the keys that its author wrote."""
    return finding._replace(path=as_written(finding.path, misspelt)) if misspelt else finding


def _slips(new: Iterable[Finding], data: Mapping[str, Any], without: Set[str | int]) -> Iterator[tuple[str, str]]:
    """Yield by field the keys that can only be it, misspelt: what they hold is checked too."""
    for finding in new:
        suggested = SUGGESTED.search(finding.hint) if finding.code == "FP101" and len(finding.path) == 1 else None
        name, key = (suggested[1], str(finding.path[0])) if suggested else ("", "")
        if name and name not in data and without.isdisjoint((name, key)) and is_slip(key, name):
            yield name, key


def _is_told(finding: Finding, known: Set[Path]) -> bool:
    """Tell whether a finding is of a value that is known to be wrong, or of a part of a field that is."""
    return finding.path in known or finding.path[:1] in known


def _is_unknown(finding: Finding, model: type[Spec]) -> bool:
    """Tell whether a finding is of a key, which is wrong whatever its value is."""
    return finding.code == "FP101" and finding.path[0] not in model.model_fields


def is_misspelt(name: str, data: Mapping[str, Any]) -> bool:
    """Tell whether a field is not there, and one of the keys can only be it, misspelt."""
    return name not in data and _has_slip(name, tuple(data))


@lru_cache(maxsize=4096)
def _has_slip(name: str, keys: tuple[str, ...]) -> bool:
    """Tell whether one of the keys can only be that name, misspelt; most specs have the keys of many others."""
    return any(is_slip(key, name) for key in keys)


def may_come_from_defaults(finding: Finding, data: Mapping[str, Any]) -> bool:
    """Tell whether a finding only says that something is missing which defaults of the project could give."""
    if finding.code == "FP102":
        return not any(isinstance(step, int) for step in finding.path)  # lists are replaced as a whole
    return not finding.path and not data.keys() & set(TRIGGERS)


def _meant(findings: Iterable[Finding]) -> Iterator[Path]:
    """Yield the keys that unknown ones were probably meant to be, by their paths."""
    for finding in findings:
        if finding.code == "FP101" and (key := SUGGESTED.search(finding.hint)):
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
