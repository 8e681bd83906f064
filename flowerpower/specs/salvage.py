"""What is left of a field when only a part of it is wrong: that part is cut out, and the others are still checked."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from flowerpower.nearest import SURE, nearest
from flowerpower.specs.messages import Finding, field_at, fields_at
from flowerpower.specs.placeholders import Path
from flowerpower.specs.project import NO_NAME, entry
from flowerpower.specs.values import TRIGGERS

if TYPE_CHECKING:
    from flowerpower.specs.fields import Spec

SUGGESTED = re.compile(r"did you mean '(\w+)'")
_WORD = re.compile(r"[\w-]+")
_MOST_MORE = 2  # letters that a key is longer than the one that it is taken for
_FREE = frozenset(("inputs", "overrides", "labels"))
_TRANSFERS = frozenset(("load", "save"))
_WHOLE = frozenset(("redis", "allow"))  # what is not there says something, too
_DECIDE: Mapping[str, tuple[str, ...]] = {
    "executor": ("type", "plugin", "options"),
    "save": ("path", "options", "format", "outputs"),
    "load": ("path", "options", "format"),
}  # by field the keys whose lack is told, or makes others wrong
_ONE_TEXT = "expected a list, found the text"
_ITEM = re.compile(r"\w[\w.:/@+-]*")  # which is one, and nothing else
_STAND_IN = "unknown"  # for a path


class Rest(NamedTuple):
    """What is left of a spec, the fields of which nothing is known, and by path the keys that were misspelt there."""

    data: Mapping[str, Any]
    lost: set[str]
    renamed: dict[Path, str]


def is_slip(key: str, name: str) -> bool:
    """Tell whether a key can only be the field of that name, misspelt."""
    alike = key != name and abs(len(key) - len(name)) <= _MOST_MORE and _WORD.fullmatch(key)
    return bool(alike and nearest(key.lower(), [name], cutoff=SURE))


def is_open(path: Path) -> bool:
    """Tell whether a wrong placeholder at *path* only leaves one value open, which then says nothing of others."""
    inside = path[0] in _TRANSFERS and not {"path", "storage_options"}.isdisjoint(path[2:3])
    return inside or (len(path) > 1 and path[0] in _FREE)


def without_parts(
    model: type[Spec], data: Mapping[str, Any], findings: Iterable[Finding], told: Container[Path]
) -> Rest:
    """Return *data* without the wrong parts of fields.

    Of a wrong placeholder, which is *told* already, nothing can be cut out.
    """
    lost: set[str] = set()
    renamed: dict[Path, str] = {}
    for finding in sorted(findings, key=lambda finding: finding.code != "FP101"):
        if finding.code == "FP102" and finding.path[-1] in _at(data, finding.path[:-1]):
            continue  # it was misspelt
        path = finding.path
        if finding.code == "FP101" and (name := _misspelt(model, data, finding)):
            data = _changed(data, path, {name: _at(data, path[:-1])[path[-1]]})
            renamed[*path[:-1], name] = str(path[-1])
            continue
        rest = None if path in told else _without_part(model, data, finding)
        if rest is None and path not in told and (rest := _without_entry(data, path)) is not None:
            lost.add(entry(str(path[0]), path[1]))
        if rest is None:
            lost.update([str(finding.path[0])] if finding.path else TRIGGERS)
        else:
            data = rest
    return Rest(data, lost, renamed)


def _without_part(model: type[Spec], data: Mapping[str, Any], finding: Finding) -> Mapping[str, Any] | None:
    """Return *data* without the part of a field that a finding is of; None if nothing is known of the field then."""
    if finding.code == "FP101":
        return _without_key(model, data, finding)
    if not finding.path or finding.path[0] in _WHOLE:
        return None
    if finding.what.startswith(_ONE_TEXT) and field_at(model, finding.path) is not None:
        return _as_list(data, finding.path)
    for path in _upwards(finding.path):
        field = field_at(model, path)
        if field is None or field.is_required():
            continue
        if path[-1] == "path":
            return _changed(data, path, {"path": _STAND_IN})
        return None if path[-1] in _DECIDE.get(str(path[0]), ()) else _changed(data, path, {})
    return None


def _without_entry(data: Mapping[str, Any], path: Path) -> Mapping[str, Any] | None:
    """Return *data* with a stand-in for the entry of a transfer that a finding is in, if it is in one."""
    if len(path) < 2 or path[0] not in _TRANSFERS:
        return None
    field, key = str(path[0]), path[1]
    entries = data.get(field)
    names = {"outputs": _names_in(_at(data, (field, key)))} if field == "save" else {}
    stand_in = {"format": "json", "path": _STAND_IN, **names}
    if isinstance(entries, dict) and key in entries:
        return {**data, field: {**entries, key: stand_in}}
    if isinstance(entries, list) and isinstance(key, int) and key < len(entries):
        return {**data, field: [stand_in if at == key else one for at, one in enumerate(entries)]}
    return None


def _names_in(entry: Any) -> list[str]:
    """Return the names of the nodes that an entry saves, with a stand-in for each that is none."""
    outputs = entry.get("outputs") if isinstance(entry, dict) else None
    names = outputs if isinstance(outputs, list) and outputs else [outputs]
    return [name if isinstance(name, str) and name else NO_NAME for name in names]


def _misspelt(model: type[Spec], data: Mapping[str, Any], finding: Finding) -> str:
    """Return the key inside of a field that an unknown one can only be; or nothing."""
    path, suggested = finding.path, SUGGESTED.search(finding.hint)
    if len(path) == 1 or not suggested or not fields_at(model, path[:-1]):
        return ""
    beside, name = _at(data, path[:-1]), suggested[1]
    return name if path[-1] in beside and name not in beside and is_slip(str(path[-1]), name) else ""


def _without_key(model: type[Spec], data: Mapping[str, Any], finding: Finding) -> Mapping[str, Any] | None:
    """Return *data* without a key that nobody knows; None if it may be what decides about others."""
    path, known = finding.path, fields_at(model, finding.path[:-1])
    if not known or path[-1] in known:
        return None
    beside = _at(data, path[:-1])
    suggested = SUGGESTED.search(finding.hint)
    if suggested and suggested[1] in beside:
        return _changed(data, path, {})
    if len(path) == 1 or path[0] in _WHOLE:
        return None
    may_be = [name for name in _DECIDE.get(str(path[0]), ()) if name in known and name not in beside]
    return None if may_be else _changed(data, path, {})


def _as_list(data: Mapping[str, Any], path: Path) -> Mapping[str, Any] | None:
    """Return *data* with a text as the only item of the list that is wanted in its place."""
    text = _at(data, path[:-1])[path[-1]]
    if not isinstance(text, str):  # a stand-in already, for another mistake of the same entry
        return data
    return _changed(data, path, {str(path[-1]): [text]}) if _ITEM.fullmatch(text) else None


def _upwards(path: Path) -> Iterator[Path]:
    """Yield the places of a path from the innermost to those right below its field, keys only."""
    for depth in range(len(path), 1, -1):
        if isinstance(path[depth - 1], str):
            yield path[:depth]


def _at(data: Any, path: Path) -> Any:
    """Return what stands at *path*; an empty mapping where that was cut out."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return {}
    return data


def _changed(data: Mapping[str, Any], path: Path, instead: Mapping[str, Any]) -> dict[str, Any]:
    """Return *data* with something instead of the key at *path*; what leads there is copied."""
    key, *rest = path
    if not rest:
        return {**{name: value for name, value in data.items() if name != key}, **instead}
    inner, position = data.get(str(key)), rest[0]
    if isinstance(inner, list):
        changed = [_changed(one, tuple(rest[1:]), instead) if at == position else one for at, one in enumerate(inner)]
        return {**data, str(key): changed}
    return {**data, str(key): _changed(inner, tuple(rest), instead)} if isinstance(inner, dict) else {**data}
