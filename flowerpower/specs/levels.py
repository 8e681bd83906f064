"""Keys that stand a level too high or too low, or in a file of another kind: told once, with where they belong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flowerpower.nearest import nearest
from flowerpower.specs.codes import CODES
from flowerpower.specs.manifests import in_its_place, manifest
from flowerpower.specs.messages import Finding, fields_at, may_hold
from flowerpower.specs.other_triggers import Meant, meant_schedule, meant_trigger
from flowerpower.specs.other_values import ByValue, by_value, is_part_of_retry
from flowerpower.specs.placeholders import Path
from flowerpower.specs.shapes import saved_as
from flowerpower.specs.synonyms import synonym
from flowerpower.specs.values import TRIGGERS
from flowerpower.specs.wording import flow

if TYPE_CHECKING:
    from flowerpower.specs.fields import Spec

_SUGGESTED = re.compile(r"did you mean '(\w+)'")
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_NO_NAMES = frozenset(("schedule", "schedules", "pipeline", "pipelines", "project", "spec", "specs", "trigger", "flow"))
_ANOTHER_KIND = {
    "schedule": "this is a schedule: move it to a file below `schedules/`",
    "pipeline": "this is a pipeline: move it to a file below `pipelines/`",
}
_MOST_NAMED = 3
_ALIKE = 0.8


class Told(NamedTuple):
    """The findings of a spec, and the fields that hold keys which belong elsewhere."""

    findings: tuple[Finding, ...]
    swallowing: frozenset[str] = frozenset()


def at_their_level(model: type[Spec], data: Mapping[str, Any], found: Sequence[Finding]) -> Told:
    """Return findings of a spec in which keys that are right, only elsewhere, are told once and as that.

    What is missing is not told besides, where it is one of these.
    """
    foreign = manifest(data)
    if known_by := next((one for one in found if one.code == "FP101" and one.path == (foreign.key,)), None):
        what, hint = f"{known_by.what}: {foreign.what}", in_its_place(data, _folder(model))
        return Told((known_by._replace(what=what, hint=hint),))
    if kind := _kind_meant(model, data):
        return Told(tuple(_of_another_kind(kind, found)))
    levels = _Levels(model, data, found)
    told = [finding for one in found if (finding := levels.told(one)) is not None]
    kept = tuple(levels.with_missing(one) for one in told if not (levels.is_there(one) or levels.is_around(one)))
    return Told(kept, frozenset(levels.swallowing))


def at_their_level_in_a_layer(
    model: type[Spec], whole: Mapping[str, Any], found: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield findings of keys of a layer, which has no name of its own, by what it makes of the *whole* spec."""
    levels = _Levels(model, whole, found, named=False)
    yield from filter(None, map(levels.told, found))


def _folder(model: type[Spec]) -> str:
    """Return the folder of the specs of a model; nothing for the project, which is a file."""
    if "every" in model.model_fields:
        return "schedules"
    return "pipelines" if "executor" in model.model_fields else ""


def _kind_meant(model: type[Spec], data: Mapping[str, Any]) -> str:
    """Return which other kind of spec the data are, as far as all goes that such a spec needs; or nothing."""
    triggered = not data.keys().isdisjoint(TRIGGERS)
    if "executor" in model.model_fields:
        return "schedule" if "pipeline" in data and triggered and "outputs" not in data else ""
    of_pipeline = "every" in model.model_fields and {"modules", "outputs"} <= data.keys()
    return "pipeline" if of_pipeline and not triggered and "pipeline" not in data else ""


def _of_another_kind(kind: str, found: Sequence[Finding]) -> Iterator[Finding]:
    """Yield findings of a spec that lies in the folder of another kind: its keys are told by the first of them."""
    told = False
    for finding in found:
        if finding.code == "FP101" and len(finding.path) == 1 and finding.hint.endswith((kind, "flowerpower.yaml")):
            if not told:
                yield finding._replace(hint=_ANOTHER_KIND[kind])
            told = True
        elif finding.code not in ("FP102", "FP109"):
            yield finding


class _Levels:
    """The keys of one spec, by where they stand and where they may stand."""

    def __init__(
        self, model: type[Spec], data: Mapping[str, Any], found: Sequence[Finding], *, named: bool = True
    ) -> None:
        self._model, self._data, self._named = model, data, named
        self._around: set[Path] = set()  # keys that only stand around those of the spec
        self._there: set[Path] = set()  # keys that are missing only where they belong; without numbers of items
        self.swallowing: set[str] = set()
        unknown = {finding.path for finding in found if finding.code == "FP101"}
        without_value = [one.path for one in found if one.code == "FP112"]
        empty = [path for path in without_value if path and isinstance(path[-1], str) and may_hold(model, path)]
        self._trigger = self._trigger_of_others({str(path[0]) for path in unknown if len(path) == 1})
        self._there |= {(name,) for name in TRIGGERS if self._trigger.key}
        self._beside = {path: list(self._meant_for(path, unknown)) for path in empty}

    def _trigger_of_others(self, unknown: set[str]) -> Meant:
        """Return what unknown keys say of a time, where a schedule or a pipeline has them."""
        if "every" in self._model.model_fields:
            return meant_trigger(self._data, unknown)
        of_pipeline = self._named and "executor" in self._model.model_fields
        return meant_schedule(self._data, unknown) if of_pipeline else Meant()

    def told(self, finding: Finding) -> Finding | None:
        """Return a finding with what to do about the level of its key; None if it is told with another one."""
        if below := self._beside.get(finding.path if finding.code == "FP112" else ()):
            hint = f"indent {_listed(key for *_, key in below)} deeper than `{finding.path[-1]}`"
            return finding._replace(hint=hint)
        if not finding.path or not finding.what.startswith("unknown key"):
            return finding
        if self._is_told_with_another(finding.path):
            return None
        if finding.path == (self._trigger.key,):
            return finding._replace(hint=self._trigger.hint)
        hint = self._around_others(finding) or self._elsewhere(finding) or self._with_value(finding)
        return finding._replace(hint=hint) if hint else finding

    def _is_told_with_another(self, path: Path) -> bool:
        beside = any(path in below for below in self._beside.values())
        of_trigger = len(path) == 1 and path[0] in self._trigger.others
        return beside or of_trigger or is_part_of_retry(str(path[-1]), _at(self._data, path[:-1]))

    def is_there(self, finding: Finding) -> bool:
        """Tell whether a finding only says that a key is missing which stands at another level."""
        if finding.code == "FP109" and not finding.path:
            return any((trigger,) in self._there for trigger in TRIGGERS)
        return finding.code == "FP102" and _without_numbers(finding.path) in self._there

    def is_around(self, finding: Finding) -> bool:
        """Tell whether a finding is of the value of a key that stands around others."""
        return finding.code == "FP103" and finding.path in self._around

    def with_missing(self, finding: Finding) -> Finding:
        """Return a finding of what is missing with where it stands instead, one level too deep."""
        if finding.code not in ("FP102", "FP109") or len(finding.path) > 1:
            return finding
        wanted = [str(finding.path[0])] if finding.path else [*TRIGGERS]
        for holder, value in self._data.items():
            for key in wanted if isinstance(value, dict) and holder != "environments" else ():
                if key in value:
                    self.swallowing.add(holder)
                    hint = f"`{key}` stands under `{holder}:`, one level too deep: indent it less"
                    return finding._replace(path=(holder, key), hint=hint, at_key=True)
        return finding

    def _meant_for(self, holder: Path, unknown: set[Path]) -> Iterator[Path]:
        """Yield the unknown keys that follow a key without a value, or that only it can take."""
        outer = holder[:-1]
        here, below = fields_at(self._model, outer), fields_at(self._model, holder)
        follows = False
        for key in _at(self._data, outer):
            if key == holder[-1]:
                follows = True
            elif key in here:
                follows = False
            elif (*outer, key) in unknown and (key in below or (follows and not below and not _resembles(key, here))):
                yield (*outer, key)

    def _around_others(self, finding: Finding) -> str:
        """Return what to do about a key that stands around those that were meant to stand in its place; or nothing."""
        outer, key = finding.path[:-1], str(finding.path[-1])
        here = set(fields_at(self._model, outer))
        meant = _SUGGESTED.search(finding.hint)
        value = _at(self._data, finding.path)
        whole = not outer and self._holds_what_is_missing(value)
        held = meant and may_hold(self._model, (*outer, meant[1])) and not whole
        if "belongs in flowerpower.yaml" in finding.hint or held:
            return ""
        inner = [one for one in _mappings(value, here) if 2 * len(here & one.keys()) >= len(one) > 0]
        known = list(dict.fromkeys(name for one in inner for name in one if name in here))
        if known == ["name"] and isinstance(value, list):  # as steps of other tools have
            known = []
        self._there |= {(*_without_numbers(outer), name) for name in known}
        if not known:
            return ""
        self._around.add(finding.path)
        if len(inner) > 1 or (isinstance(value, dict) and here.isdisjoint(value) and len(inner[0]) > 1):
            return "remove this line: each spec is a document of its own with a `name:`, and between two stands `---`"
        if len(inner[0]) == 1 and isinstance(inner[0][known[0]], str | int):
            return f"write `{known[0]}: {flow(inner[0][known[0]])}` in its place"
        named = (
            self._named
            and not outer
            and _NAME.fullmatch(key)
            and key not in _NO_NAMES
            and "name" in here - inner[0].keys()
        )
        name = f", or write `name: {key}` in its place" if named else ""
        if named and whole and sum(map(self._holds_what_is_missing, self._data.values())) > 1:
            return f"write `name: {key}` in its place, indent what is below it less, and part the specs by a line `---`"
        dash = " and without a `-`" if isinstance(value, list) else ""
        return f"remove this line{name}, and indent {_listed(known)} less{dash}"

    def _holds_what_is_missing(self, value: Any) -> bool:
        """Tell whether a value has the keys that the spec lacks, so that it is the spec itself, under its name."""
        needed = {name for name, field in self._model.model_fields.items() if field.is_required()} - self._data.keys()
        return isinstance(value, dict) and not needed.isdisjoint(value) and len(value) > 1

    def _with_value(self, finding: Finding) -> str:
        """Return what to do about a key of another tool, by its value or another key beside it; or nothing."""
        outer, key = finding.path[:-1], str(finding.path[-1])
        meant, beside = _SUGGESTED.search(finding.hint), _at(self._data, outer)
        found = by_value(meant[1], key, beside, fields_at(self._model, outer)) if meant else ByValue()
        if found.key:
            self._there.add((*_without_numbers(outer), found.key))
        return found.hint

    def _elsewhere(self, finding: Finding) -> str:
        """Return what to do about a key that belongs one level deeper, or less deep; or nothing."""
        outer, key = finding.path[:-1], str(finding.path[-1])
        here = fields_at(self._model, outer)
        holders = [name for name in here if key in self._below((*outer, name))]
        written = [name for name in holders if name in _at(self._data, outer)]
        if not written and synonym(key, here):
            return ""
        if holders := written or holders:
            self._there |= {(*_without_numbers(outer), name, key) for name in holders}
            return f"'{key}' belongs under {' or '.join(f'`{name}:`' for name in holders)}"
        while outer and isinstance(outer[-1], int):
            outer = outer[:-1]
        if (
            outer
            and here
            and key in fields_at(self._model, outer[:-1])
            and self._may_stand_at((*outer[:-1], key), finding)
        ):
            self._there.add((*_without_numbers(outer[:-1]), key))
            return f"'{key}' belongs one level higher, beside `{outer[-1]}:`"
        return self._of_transfer(finding, key, here) if finding.hint == CODES["FP101"].advice else ""

    def _of_transfer(self, finding: Finding, key: str, here: Sequence[str]) -> str:
        """Return what to do about a key of what is loaded or saved that nothing resembles; nothing for any other."""
        entry = _at(self._data, finding.path[:-1])
        if finding.path[0] not in ("load", "save") or "options" not in here:
            return ""
        if not set(here).isdisjoint(entry):
            return f"'{key}' belongs under `options:`, if the format takes it"
        hint = saved_as(key, entry[key]) if finding.path[0] == "save" and len(entry) == 1 else ""
        self._there |= {("save", name) for name in ("outputs", "format") if hint}
        return hint

    def _may_stand_at(self, path: Path, finding: Finding) -> bool:
        """Tell whether the value of a finding may be that of a key at another place: no mapping where a word is."""
        return not isinstance(_at(self._data, finding.path), dict) or may_hold(self._model, path)

    def _below(self, path: Path) -> Sequence[str]:
        if path[:-1] == ("defaults",):
            from flowerpower.specs.models import MODELS

            return tuple(MODELS[str(path[-1])].model_fields)
        return [name for below in (path, (*path, 0), (*path, "")) for name in fields_at(self._model, below)]


def _resembles(key: str, known: Iterable[str]) -> bool:
    return bool(nearest(key.lower(), known, cutoff=_ALIKE))


def _without_numbers(path: Path) -> Path:
    return tuple(step for step in path if isinstance(step, str))


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def _mappings(value: object, known: set[str]) -> list[Mapping[str, Any]]:
    """Return the outermost mappings of a value, itself among them, that have one of the *known* keys."""
    if isinstance(value, dict) and not known.isdisjoint(value):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [mapping for one in inner for mapping in _mappings(one, known)]


def _listed(keys: Iterator[object] | Sequence[object]) -> str:
    """Return some keys as a sentence names them."""
    names = [f"`{key}`" for key in keys]
    if len(names) > _MOST_NAMED:
        return f"{', '.join(names[:_MOST_NAMED])} and what follows"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
