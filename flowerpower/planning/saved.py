"""A plan as a file: everything that apply needs, and nothing that it does not understand.

The document is the plan itself, field by field, so what `show` tells of it is what `apply` does with it. A reader
refuses what it does not know: another version, an unknown field, a value of another kind, a plan that was edited.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from flowerpower.errors import PlanFileError
from flowerpower.planning.digest import plan_hash
from flowerpower.planning.guards import Allowed
from flowerpower.planning.plan import Plan
from flowerpower.state.codec import canonical, digest
from flowerpower.state.models import Schedule, State
from flowerpower.version import __version__

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT_VERSION = "1.0"
_DESCRIPTIONS = {
    "format_version": "Version of this format, major.minor. A reader refuses what it does not know.",
    "flowerpower_version": "The flowerpower that made the plan.",
    "plan_hash": "The identity of the plan: what `apply --approved` compares.",
    "plan_digest": "Of all that follows, so that an edit shows.",
    "overrides": "The guards that were set aside when the plan was made.",
    "plan": "The plan itself, field by field; `flowerpower show FILE --json` prints it for programs.",
}
_NEWER = {"damaged", "twin", "checks"}  # overrides that the first files of this format do not have
_READ = "1."  # minor versions add fields, and a plan with fields that we do not know is refused on its own


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as it lies in a file: with its hash and the guard overrides that it was made with."""

    format_version: str
    flowerpower_version: str
    plan_hash: str
    plan_digest: str  # of all that follows, so that an edit shows
    overrides: Allowed
    plan: Plan


def dump_plan(plan: Plan, overrides: Allowed) -> bytes:
    """Return the file of a plan: JSON in UTF-8, indented, with the same fields in the same order every time."""
    slim = _slim(plan)
    saved = SavedPlan(FORMAT_VERSION, __version__, plan_hash(plan, overrides), "", overrides, slim)
    saved = replace(saved, plan_digest=_digest(saved))
    return _adapter().dump_json(saved, indent=1, exclude=_unused(overrides)) + b"\n"


def load_plan(raw: bytes) -> SavedPlan:
    """Return the plan in a file, ready to be shown or applied; raise `PlanFileError` for anything else."""
    document = _document(raw)
    version = document.get("format_version")
    if not isinstance(version, str) or not version.startswith(_READ):
        raise PlanFileError(
            f"the plan file has format {version!r}, this flowerpower {__version__} reads {FORMAT_VERSION}",
            hint="plan again with the flowerpower that applies",
        )
    saved = _validated(raw)
    unknown = next(_differences(document, _understood(saved), ""), None)
    if unknown:
        raise PlanFileError(
            f"the plan file holds {unknown}, which this flowerpower {__version__} would not apply as it stands",
            hint=f"it was made by flowerpower {saved.flowerpower_version}; plan again with the one that applies",
        )
    if plan_hash(saved.plan, saved.overrides) != saved.plan_hash or _digest(saved) != saved.plan_digest:
        raise PlanFileError("the plan file was edited: its digest is not that of its content", hint="plan again")
    return replace(saved, plan=_whole(saved.plan))


def plan_file_schema() -> dict[str, Any]:
    """Return the JSON Schema of a plan file."""
    from flowerpower.specs.schema.schema import schema_id

    schema = _adapter().json_schema(mode="serialization")
    described = {name: {**schema["properties"][name], "description": text} for name, text in _DESCRIPTIONS.items()}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id("plan-file"),
        **schema,
        "title": "flowerpower plan --out",
        "description": "A saved plan: all that `flowerpower apply FILE` needs. Made to be applied, not to be edited.",
        "properties": {**schema["properties"], **described},
    }
    for part in (schema, *schema.get("$defs", {}).values()):
        if part.get("type") == "object" and "properties" in part:
            part["additionalProperties"] = False
    return schema


@cache
def _adapter() -> TypeAdapter[SavedPlan]:
    from pydantic import TypeAdapter

    return TypeAdapter(SavedPlan)


def _unused(overrides: Allowed) -> dict[str, set[str]]:
    """Return what a file does not say where nobody asked for it: older versions know nothing of it."""
    return {"overrides": {name for name in _NEWER if not getattr(overrides, name)}}


def _digest(saved: SavedPlan) -> str:
    content = _understood(saved)
    return f"sha256:{digest(canonical([content['overrides'], content['plan']]))}"


def _understood(saved: SavedPlan) -> dict[str, Any]:
    """Return what a plan file says, as the writer of it would write it."""
    found: dict[str, Any] = _adapter().dump_python(saved, mode="json", exclude=_unused(saved.overrides))
    return found


def _document(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "plan" not in document:
        raise PlanFileError("this is no plan file", hint="make one with: flowerpower plan --out FILE")
    return document


def _validated(raw: bytes) -> SavedPlan:
    from pydantic import ValidationError

    try:
        return _adapter().validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:6])
        raise PlanFileError(f"the plan file is damaged: {where}: {first['msg']}", hint="plan again") from None


def _differences(found: Any, understood: Any, path: str) -> Iterator[str]:
    """Yield where a document says more, or otherwise, than what was understood of it."""
    if isinstance(found, dict) and isinstance(understood, dict):
        for key in found.keys() | understood.keys():
            inner = f"{path}.{key}" if path else str(key)
            if key not in understood:
                yield f"the unknown field {inner!r}"
            elif key not in found:
                yield f"no {inner!r}"
            else:
                yield from _differences(found[key], understood[key], inner)
    elif isinstance(found, list) and isinstance(understood, list) and len(found) == len(understood):
        for index, (left, right) in enumerate(zip(found, understood, strict=True)):
            yield from _differences(left, right, f"{path}[{index}]")
    elif type(found) is not type(understood) or found != understood:
        yield f"another value of {path!r}"


def _slim(plan: Plan) -> Plan:
    """Return the plan without the schedules that it leaves alone, but those that it speaks of because they are held."""
    changed = {change.name for change in plan.changes if change.kind == "schedule"}
    spoken_of = {
        name: replace(one, fields=dict(one.fields))
        for name, one in plan.after.schedules.items()
        if name in plan.held and name not in changed
    }
    return replace(plan, after=State(spoken_of))


def _whole(plan: Plan) -> Plan:
    changed: Mapping[str, Schedule] = {
        change.name: change.after for change in plan.changes if isinstance(change.after, Schedule)
    }
    return replace(plan, after=State({**plan.after.schedules, **changed}))
