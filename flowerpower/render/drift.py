"""Drift for people and as JSON: what is in Redis, and what the next apply puts back."""

from __future__ import annotations

from typing import Any

from flowerpower.planning.plan import Plan
from flowerpower.render.notes import origin
from flowerpower.render.plan_json import FORMAT_VERSION, drift_dict
from flowerpower.render.plan_text import change_blocks
from flowerpower.render.style import Style, plain
from flowerpower.render.words import count, iso
from flowerpower.version import __version__


def drift_text(drift: Plan, *, width: int = 80, style: Style = plain) -> str:
    """Return the drift for people, from a plan that holds nothing else; the last line says how much there is."""
    number, back = len(drift.changes), "it" if len(drift.changes) == 1 else "them"
    summary = f"Drift: {count(number, 'object')} changed in Redis behind git's back; apply puts {back} back."
    blocks = [
        style(origin(drift), "faint"),
        *change_blocks(drift, width, style),
        style(summary if number else "No drift.", "strong"),
    ]
    return "\n\n".join(blocks)


def drift_dict_of(drift: Plan) -> dict[str, Any]:
    """Return the drift as a JSON document; its entries are those of a plan's `resource_drift`."""
    return {
        "format_version": FORMAT_VERSION,
        "flowerpower_version": __version__,
        "timestamp": iso(drift.read_at),
        "target": {"namespace": drift.namespace, "project": drift.project, "env": drift.env},
        "drifted": bool(drift.changes),
        "resource_drift": [drift_dict(change) for change in drift.changes],
    }
