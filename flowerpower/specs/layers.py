"""Keys of patches and defaults that no spec of their kind has, told as those of a spec are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flowerpower.specs.levels import at_their_level_in_a_layer
from flowerpower.specs.messages import Finding, describe, unknown_key
from flowerpower.specs.placeholders import Path
from flowerpower.specs.shapes import names_as_keys
from flowerpower.specs.text.documents import MAX_PROBLEMS
from flowerpower.specs.values import NOT_PATCHED, TRIGGERS
from flowerpower.specs.wording import SHOWN

if TYPE_CHECKING:
    from flowerpower.specs.fields import Spec

_FREE = ("inputs", "config", "overrides", "labels")  # mappings whose keys the author of a spec chooses
_LEFT_OUT = frozenset(("absent", "disabled", "false", "never", "no", "none", "null", "off", "remove", "skip"))
_PAUSED = frozenset(("inactive", "paused", "stopped", "suspended"))
_THE_SAME = frozenset(("active", "default", "enabled", "on", "same", "true", "yes"))
_NOT_HERE: Mapping[tuple[str, str], str] = {
    ("environments", "name"): "remove it: a spec has the same name in every environment",
    ("environments", "environments"): "remove it: an environment has none of its own",
    ("defaults", "name"): "remove it: each spec has a name of its own",
    ("defaults", "environments"): "remove it: `environments:` of the project may patch its defaults",
}


def unknown_in_layer(
    model: type[Spec], below: Mapping[str, Any], layer: Mapping[str, Any], path: Path
) -> list[Finding]:
    """Return the findings for keys that may not stand in the layer at *path*, which is laid over what is *below*."""
    known = model.model_fields.keys() - NOT_PATCHED
    unknown = sorted(layer.keys() - known)[:MAX_PROBLEMS]
    found = [unknown_key(key, sorted(known), (key,)) for key in unknown if key not in NOT_PATCHED]
    told = at_their_level_in_a_layer(model, {**below, **layer}, found)
    kept = [_not_here(key, path) for key in unknown if key in NOT_PATCHED]
    kept += [_with_holder(finding, below) for finding in told]
    return [finding._replace(path=(*path, *finding.path)) for finding in kept]


def no_patches(environments: object) -> Finding:
    """Return the finding for what stands in the place of the patches of all environments."""
    names = [environments] if isinstance(environments, str) else environments
    what = f"expected a mapping of environments, found {describe(environments)}"
    return Finding("FP112" if environments is None else "FP103", ("environments",), what, names_as_keys(names))


def no_patch(name: str, value: object, kind: str) -> Finding:
    """Return the finding for what stands in the place of the patch for an environment."""
    path, shown = ("environments", name), name[:SHOWN]
    if value is None:
        what = f"`{shown}:` without a value leaves the {kind} out of that environment"
        return Finding("FP024", path, what, f"write `{shown}: null` if that is meant, or `{shown}: {{}}`", at_key=True)
    word, hint = str(value).lower(), ""
    if word in _LEFT_OUT and kind == "project":
        hint = "write {schedules: deleted}"
    elif word in _LEFT_OUT:
        hint = f"write null to leave the {kind} out there"
    elif word in _PAUSED and kind != "pipeline":
        hint = "write {paused: true}" if kind == "schedule" else "write {schedules: paused}"
    elif word in _THE_SAME:
        hint = "write {}: nothing differs there"
    return Finding("FP103", path, f"expected a mapping or null, found {describe(value)}", hint)


def as_taken_away(finding: Finding, removed: Iterable[str], kind: str, env: str) -> Finding:
    """Return what is missing as what the patch for the environment takes away, if that is why."""
    for name in removed:
        if finding.path == (name,) or (not finding.path and name in TRIGGERS):
            what = f"the patch for '{env}' removes '{name}', and nothing is in its place"
            hint = f"give it another there; `{env}: null` leaves the {kind} out"
            return Finding(finding.code, (name,), what, hint)
    return finding


def _not_here(key: str, path: Path) -> Finding:
    return Finding("FP101", (key,), f"'{key}' may not stand here", _NOT_HERE.get((str(path[0]), key), ""), at_key=True)


def _with_holder(finding: Finding, below: Mapping[str, Any]) -> Finding:
    """Return a finding of a key that the spec itself has under another one with that one: `region` under `inputs:`."""
    holders = [name for name in _FREE if isinstance(below.get(name), dict) and finding.path[0] in below[name]]
    return finding._replace(hint=f"'{finding.path[0]}' belongs under `{holders[0]}:`") if holders else finding
