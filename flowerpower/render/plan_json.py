"""A plan as JSON, with Terraform's names where the thing is the same."""

from __future__ import annotations

from typing import Any

from flowerpower.planning.plan import Change, FieldChange, Fires, Plan
from flowerpower.planning.renames import likely_renames
from flowerpower.render.dataflow import dataflow_dict
from flowerpower.render.holds import hold_dict
from flowerpower.render.load import queue_load_dicts
from flowerpower.render.words import iso
from flowerpower.state.models import Json
from flowerpower.version import __version__

FORMAT_VERSION = "1.0"
_ACTION_REASONS = {"delete": "delete_because_no_resource_config"}


def plan_dict(plan: Plan, *, plan_hash: str = "") -> dict[str, Any]:
    """Return the plan as a JSON document; its texts and numbers are those of the specs, times are ISO 8601 in UTC."""
    return {
        "format_version": FORMAT_VERSION,
        "flowerpower_version": __version__,
        "timestamp": iso(plan.read_at),
        "applyable": plan.applicable and bool(plan.changes),
        "complete": not plan.partial,
        "errored": False,
        "target": {"namespace": plan.namespace, "project": plan.project, "env": plan.env},
        "source": {
            "repo": plan.source.repository,
            "commit": plan.source.commit,
            "dirty": plan.source.commit.endswith("+dirty"),
        },
        "live": _live_dict(plan),
        **({"rollback": _rollback_dict(plan)} if plan.source.undoes else {}),
        "resource_changes": [_change_dict(change, plan) for change in plan.changes],
        **_likely_renames_dict(plan),
        "resource_drift": [drift_dict(change) for change in plan.changes if change.drifted],
        "dataflow": [dataflow_dict(change) for _, change in sorted(plan.graphs.items())],
        "unmanaged": [{"queue": queue, "jobs": jobs} for queue, jobs in sorted(plan.unmanaged.items())],
        "held": [{"address": f"schedule.{name}", **hold_dict(hold)} for name, hold in sorted(plan.held.items())],
        "firing": [f"schedule.{name}" for name in sorted(plan.firing)],
        "checks": [
            {"name": check.name, "status": _STATUS[check.verdict], "message": check.message, "hint": check.hint}
            for check in plan.checks
        ],
        "queue_load": queue_load_dicts(plan.loads),
        "summary": {
            "add": plan.count("create"),
            "change": plan.changed,
            "import": plan.imported,
            "remove": plan.count("delete"),
            "operation": "plan",
        },
        "plan_hash": "" if plan.partial else plan_hash,
    }


_STATUS = {"pass": "pass", "warn": "warn", "refuse": "fail"}


def _live_dict(plan: Plan) -> dict[str, Any]:
    live = {
        "generation": plan.head.generation,
        "commit": plan.head.commit,
        "apply_id": plan.head.apply_id,
        "read_at": iso(plan.read_at),
        "against": plan.against or None,
    }
    return live | ({"rolled_back": list(plan.head.rolled_back)} if plan.head.rolled_back else {})


def _rollback_dict(plan: Plan) -> dict[str, Any]:
    return {"of": plan.source.rollback_of, "undoes": list(plan.source.undoes), "refuses": list(plan.source.rolled_back)}


def _likely_renames_dict(plan: Plan) -> dict[str, Any]:
    found = [
        {"previous_address": f"schedule.{one.old}", "address": f"schedule.{one.new}", "differs": list(one.differs)}
        for one in likely_renames(plan.changes)
    ]
    return {"likely_renames": found} if found else {}


def past_dict(change: Change) -> dict[str, Any]:
    """Return a change that was applied once, in the words of a plan."""
    return {
        "address": change.address,
        "previous_address": change.previous or None,
        "type": change.kind,
        "name": change.name,
        "change": _difference(change),
    }


def _change_dict(change: Change, plan: Plan) -> dict[str, Any]:
    hold = plan.held.get(change.name) if change.kind == "schedule" else None
    return {
        "address": change.address,
        "previous_address": change.previous or None,
        "type": change.kind,
        "name": change.name,
        "source_range": _range(change.place),
        "change": _difference(change),
        "action_reason": _action_reason(change, plan),
        "live_revision": change.revision or None,
        "schedule_effect": _effect_dict(change.fires) if change.fires else None,
        "inflight": {
            "queued": change.in_flight.queued,
            "running": change.in_flight.running,
            "waiting": change.in_flight.waiting,
            "policy": "cancel" if change.cancels else "keep",
        },
        "protected": change.protected,
        "held": hold_dict(hold) if hold else None,
    }


def _difference(change: Change) -> dict[str, Any]:
    return {
        "actions": [change.action],
        "before": None if change.before is None else dict(change.before.fields),
        "after": None if change.after is None else dict(change.after.fields),
        "fields": {field.name: _field_dict(field) for field in change.fields},
    }


def _action_reason(change: Change, plan: Plan) -> str | None:
    if plan.source.rollback_of:
        return "rollback"
    return "adopt_because_specs_name_it" if change.adopts else _ACTION_REASONS.get(change.action)


def _field_dict(field: FieldChange) -> dict[str, Json]:
    return {"old": field.old, "new": field.new, "remote": field.remote, "reason": field.reason}


def drift_dict(change: Change) -> dict[str, Any]:
    """Return what drifted of one object."""
    drifted = [field for field in change.fields if field.reason in ("drift", "both")]
    return {
        "address": change.address,
        "type": change.kind,
        "name": change.name,
        "change": {"actions": [change.action], "fields": {field.name: _field_dict(field) for field in drifted}},
    }


def _effect_dict(fires: Fires) -> dict[str, Any]:
    return {
        "timezone": fires.timezone,
        "next_before": [iso(tick) for tick in fires.before],
        "next_after": [iso(tick) for tick in fires.after],
        "lost": [iso(tick) for tick in fires.lost],
        "extra": [iso(tick) for tick in fires.gained],
        "at_cutover": fires.verdict,
        **({} if fires.passed is None else {"passed": iso(fires.passed)}),
        "clock_changes": {iso(tick): mark for tick, mark in sorted(_marks(fires).items())},
    }


def _marks(fires: Fires) -> dict[int, str]:
    """Return what the clocks do near fires: near the next ones, and near those of 12 months whose time they meet."""
    ways = {True: "clocks go forward", False: "clocks go back"}
    return {tick: ways[touch.change.is_gap] for touch in fires.touches for tick in touch.fires} | dict(fires.marks)


def _range(place: str) -> dict[str, Any] | None:
    file, _, rest = place.rpartition(":")
    file, _, line = file.rpartition(":")
    if not file or not line.isdigit() or not rest.isdigit():
        return None
    return {"filename": file, "start": {"line": int(line), "column": int(rest)}}
