"""The identity of a plan: what will change from what to what, and which guards were set aside.

Commit, clock and next fires are outside, so a squash merge or an hour's wait does not make an approved plan another.
"""

from __future__ import annotations

import hashlib

from flowerpower.planning.guards import Allowed
from flowerpower.planning.plan import Change, Plan
from flowerpower.state.codec import canonical
from flowerpower.state.models import Json, Schedule


def change_digest(namespace: str, change: Change) -> str:
    """Return 64 hexadecimal digits for one change: its address, the old values it replaces, the new record."""
    after = change.after
    record: list[Json] = []
    if after is not None:
        record = [dict(after.fields), after.run if isinstance(after, Schedule) else after.code]
    old: dict[str, Json] = {field.name: [field.old, field.remote] for field in change.fields}
    action = "adopt" if change.adopts else change.action
    values = [namespace, change.address, change.previous, action, old, record]
    return hashlib.sha256(canonical(values).encode()).hexdigest()


def plan_hash(plan: Plan, allowed: Allowed) -> str:
    """Return `sha256:` and 64 digits for a plan with the overrides it was made with.

    Whether a cut-over is accepted is left out: it speaks of the moment of the apply.
    """
    overrides: list[Json] = [
        allowed.empty,
        allowed.deletes,
        allowed.takeover,
        allowed.older_commit,
        allowed.dirty,
        allowed.cancel,
        allowed.long_commit,
    ]
    if allowed.damaged:  # so that other plans have the hash they always had
        overrides.append("damaged")
    if allowed.twin:
        overrides.append("twin")
    if allowed.checks:  # which plans of older versions do not have: theirs keep the hash they had
        overrides.append([*sorted(set(allowed.checks))])
    digests = sorted(change_digest(plan.namespace, change) for change in plan.changes)
    return f"sha256:{hashlib.sha256(canonical([digests, overrides]).encode()).hexdigest()}"
