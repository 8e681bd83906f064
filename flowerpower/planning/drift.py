"""Drift: what was changed in Redis behind git's back, and nothing else of a plan."""

from __future__ import annotations

from dataclasses import replace

from flowerpower.planning.plan import Change, InFlight, Plan


def only_drift(plan: Plan) -> Plan:
    """Return the plan with the objects that drifted, of each only the fields that did."""
    return replace(plan, changes=tuple(_drift_of(change) for change in plan.changes if change.drifted))


def _drift_of(change: Change) -> Change:
    drifted = tuple(field for field in change.fields if field.reason in ("drift", "both"))
    return replace(change, fields=drifted, fires=None, in_flight=InFlight())
