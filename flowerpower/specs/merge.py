"""Laying one value over another: JSON Merge Patch (RFC 7396), and the two rules of specs on top of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowerpower.specs.values import TRIGGERS


def merge_patch(target: Any, patch: Any) -> Any:
    """Return *target* with *patch* applied as RFC 7396 says; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def lay_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return *above* laid over *below*, as `merge_patch` does, but a null with nothing below it stays a null.

    So a spec over no defaults is the spec itself, also when an input of it is null.
    """
    result = dict(below)
    for key, value in above.items():
        lower = result.get(key)
        if value is None and key in result:
            del result[key]
        elif isinstance(value, dict) and isinstance(lower, dict):
            result[key] = lay_over(lower, value)
        else:
            result[key] = value
    return result


def without_other_triggers(below: Mapping[str, Any], above: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return *below* without its triggers when *above* sets one, so that a layer replaces the trigger under it.

    Of a project that is true of its defaults for schedules.
    """
    if any(above.get(name) is not None for name in TRIGGERS):
        return {key: value for key, value in below.items() if key not in TRIGGERS}
    lower, upper = _schedule_defaults(below), _schedule_defaults(above)
    if lower and upper:
        return {**below, "defaults": {**below["defaults"], "schedule": without_other_triggers(lower, upper)}}
    return below


def _schedule_defaults(project: Mapping[str, Any]) -> Mapping[str, Any]:
    defaults = project.get("defaults")
    schedule = defaults.get("schedule") if isinstance(defaults, dict) else None
    return schedule if isinstance(schedule, dict) else {}
