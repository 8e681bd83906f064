"""Whether what would be applied now is what was looked at: a saved plan against the live state, a new plan against an
approved one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from flowerpower.errors import StalePlanError, UsageError
from flowerpower.planning.digest import change_digest
from flowerpower.planning.fires import fire_change
from flowerpower.planning.plan import Change, Plan
from flowerpower.state.models import Head, Pipeline, Reading


def check_target(plan: Plan, project: str, env: str, head: Head) -> None:
    """Raise `UsageError` unless a saved plan was made for this project and environment, in this Redis."""
    if (plan.project, plan.env) != (project, env):
        raise UsageError(
            f"the plan is for {plan.namespace}, this is {project}.{env}",
            hint=f"run it in the project {plan.project} with --env {plan.env}",
        )
    if plan.head.first_apply and head.first_apply and plan.head.first_apply != head.first_apply:
        raise UsageError(
            f"the plan was made for another Redis: there {plan.namespace} began with apply "
            f"{plan.head.first_apply[:12]}, here with {head.first_apply[:12]}",
            hint="check --redis and FLOWERPOWER_REDIS",
        )


def check_fresh(plan: Plan, reading: Reading, name_now: Callable[[str], str] = str) -> None:
    """Raise `StalePlanError`, with what has changed since as details, unless the live state is the plan's.

    *name_now* tells the name of a schedule that was renamed.
    """
    moved = [*_applies_since(plan.head, reading.head), *_objects_since(plan, reading, name_now)]
    if moved:
        error = StalePlanError("nothing was applied: the live state is no longer the one that the plan was made for")
        error.details = "\n".join(moved)
        raise error


def at_this_moment(plan: Plan, reading: Reading) -> Plan:
    """Return a plan with the fires and the cut-overs that its changes have now."""
    return replace(plan, read_at=reading.now, changes=tuple(_at_this_moment(one, reading) for one in plan.changes))


def _at_this_moment(change: Change, reading: Reading) -> Change:
    if change.fires is None or isinstance(change.before, Pipeline) or isinstance(change.after, Pipeline):
        return change
    return replace(change, fires=fire_change(change.before, change.after, reading))


def extra_changes(approved: Plan, now: Plan) -> tuple[Change, ...]:
    """Return the changes of a new plan that are not, to the letter, among those of an approved one."""
    known = {change_digest(approved.namespace, change) for change in approved.changes}
    return tuple(change for change in now.changes if change_digest(now.namespace, change) not in known)


def _applies_since(then: Head, now: Head) -> Iterator[str]:
    if (then.generation, then.commit, then.apply_id) == (now.generation, now.commit, now.apply_id):
        return
    if now.generation < then.generation:
        yield f"Redis is at apply {now.generation}, the plan was made for {then.generation}: it was flushed or restored"
    elif now.generation == then.generation:
        yield f"commit {now.commit[:12]} was applied by {now.who or 'somebody'}; it changed nothing but the commit"
    else:
        number = now.generation - then.generation
        yield (
            f"{number} {'apply' if number == 1 else 'applies'} came in between, the last by {now.who or 'somebody'} "
            f"from commit {now.commit[:12]}"
        )


def _objects_since(plan: Plan, reading: Reading, name_now: Callable[[str], str]) -> Iterator[str]:
    for change in plan.changes:
        address = change.previous or change.address
        record = reading.records.get(address)
        seal = record.seal if record else ""
        kind, _, name = address.partition(".")
        now = name_now(name) if kind == "schedule" and change.seal and not seal else name
        if now != name:
            yield f"{address} was renamed to {now} since"
        elif seal != change.seal:
            yield f"{address} {_what_happened(change.seal, seal)} since"
        elif kind == "schedule" and not change.adopts and name in reading.forgotten:
            yield f"{address} was forgotten since"


def _what_happened(then: str, now: str) -> str:
    if not then:
        return "was created"
    return "was changed" if now else "was deleted"
