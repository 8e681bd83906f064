"""Guards stand between plan and apply: each refuses one kind of accident, and has its own way past.

They are functions of values and show in `plan` already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowerpower.errors import UsageError
from flowerpower.planning.plan import Check, Plan
from flowerpower.state.models import Reading, Schedule

DEFAULT_DELETES = "25%"


@dataclass(frozen=True, slots=True)
class Allowed:
    """The overrides given for one apply."""

    empty: bool = False
    deletes: str | None = None  # a number or a percentage of the owned schedules
    takeover: bool = False
    older_commit: bool = False
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What git says of the commit to apply; None where it cannot be known."""

    in_git: bool = False
    dirty: bool | None = None
    descends: bool | None = None  # from the commit applied last
    undone: bool | None = False  # a rollback undid this commit, or one that comes after it
    max_deletes: str | None = None  # `guards: {max_deletes: ...}` of the project


def check_plan(plan: Plan, reading: Reading, facts: Facts, allowed: Allowed) -> tuple[Check, ...]:
    """Return what every guard has to say; those that have nothing to say are left out."""
    checks = [
        _empty(plan, reading, allowed),
        _deletes(plan, reading, facts, allowed),
        _protected(plan),
        _foreign(plan, allowed),
        _older(plan, facts, allowed) or _undone(plan, facts, allowed),
        _dirty(plan, facts, allowed),
        *(() if plan.against else _consumers(plan)),
    ]
    return tuple(check for check in checks if check)


def limit_of(text: str, owned: int) -> int:
    """Return how many deletes `3` or `25%` allow among *owned* schedules; a percentage always allows one."""
    match = re.fullmatch(r"(\d+)(%?)", text.strip())
    if not match:
        raise UsageError(f"{text!r} is neither a number nor a percentage", hint="write 3 or 25%")
    number = int(match[1])
    return max(1, owned * number // 100) if match[2] else number


def _empty(plan: Plan, reading: Reading, allowed: Allowed) -> Check | None:
    owned = len(reading.state.schedules)
    if plan.after.schedules or not owned or allowed.empty:
        return None
    return Check(
        "empty",
        "refuse",
        f"the specs hold no schedule, {owned} {'is' if owned == 1 else 'are'} live: all would be deleted",
        "check that this is the right folder and revision; if it is meant: --allow-empty",
    )


def _deletes(plan: Plan, reading: Reading, facts: Facts, allowed: Allowed) -> Check | None:
    owned = len(reading.state.schedules)
    deleted = sum(change.action == "delete" and change.kind == "schedule" for change in plan.changes)
    text = allowed.deletes or facts.max_deletes or DEFAULT_DELETES
    limit = limit_of(text, owned)
    if deleted <= limit or (allowed.empty and not plan.after.schedules):
        return None
    return Check(
        "deletes",
        "refuse",
        f"{deleted} of {owned} schedules would be deleted; {limit} may be ({text})",
        f"if it is meant: --allow-deletes {deleted}, or raise `guards: {{max_deletes: ...}}` in an earlier apply",
    )


def _protected(plan: Plan) -> Check | None:
    names = [change.name for change in plan.changes if change.action == "delete" and change.protected]
    if not names:
        return None
    return Check(
        "protected",
        "refuse",
        f"protected schedules would be deleted: {', '.join(names)}",
        "set `protected: false` in one apply and delete in the next",
    )


def _foreign(plan: Plan, allowed: Allowed) -> Check | None:
    theirs, ours = plan.head.repository, plan.source.repository
    if not theirs or not ours or theirs == ours or allowed.takeover:
        return None
    return Check(
        "foreign",
        "refuse",
        f"{plan.namespace} was last applied from {theirs}, this is {ours}",
        "choose another project name or environment; if this repository takes over: --allow-takeover",
    )


def _older(plan: Plan, facts: Facts, allowed: Allowed) -> Check | None:
    live = plan.head.commit.removesuffix("+dirty")
    if not live or live.startswith("tree:") or not facts.in_git or allowed.older_commit:
        return None
    if facts.descends is None:
        return Check(
            "older",
            "refuse",
            f"it cannot be told whether this commit descends from {live[:12]}, which was applied last",
            "fetch the whole history (`fetch-depth: 0` in CI), or --allow-older-commit",
        )
    if facts.descends:
        return None
    return Check(
        "older",
        "refuse",
        f"{plan.source.commit[:12]} does not descend from {live[:12]}, which was applied last",
        "update this branch; if going back is meant: --allow-older-commit",
    )


def _undone(plan: Plan, facts: Facts, allowed: Allowed) -> Check | None:
    """Refuse what a rollback undid: a job that runs again would bring it back unseen."""
    if facts.undone is False or allowed.older_commit:
        return None
    theirs = ", ".join(commit[:12] for commit in plan.head.rolled_back[:3])
    if facts.undone is None:
        return Check(
            "older",
            "refuse",
            f"it cannot be told whether {plan.source.commit[:12]} comes before {theirs}, which was rolled back",
            "fetch the whole history (`fetch-depth: 0` in CI), or --allow-older-commit",
        )
    itself = plan.source.commit.removesuffix("+dirty") in {one.removesuffix("+dirty") for one in plan.head.rolled_back}
    return Check(
        "older",
        "refuse",
        f"{plan.source.commit[:12]} {'was rolled back' if itself else f'comes before {theirs}, which was rolled back'}",
        "revert it or repair it in a new commit; to apply this one all the same: --allow-older-commit",
    )


def _dirty(plan: Plan, facts: Facts, allowed: Allowed) -> Check | None:
    if not facts.dirty or plan.env == "default" or allowed.dirty:
        return None
    return Check(
        "dirty",
        "refuse",
        f"there are uncommitted changes, and environment {plan.env!r} is applied from commits only",
        "commit them; if it is meant: --allow-dirty",
    )


def _consumers(plan: Plan) -> list[Check]:
    """Warn of queues nobody listens on: a schedule nobody runs is a silent backlog."""
    starved: dict[str, int] = {}
    for change in plan.changes:
        if isinstance(change.after, Schedule) and change.after.occurrence:
            queue = change.after.occurrence.queue
            if not plan.consumers.workers.get(queue):
                starved[queue] = starved.get(queue, 0) + 1
    return [
        Check(
            "consumer",
            "warn",
            f"no live worker listens on queue {queue.rpartition('--')[2]!r}, used by {count} changed "
            f"schedule{'s' if count != 1 else ''}",
            "start one: flowerpower worker",
        )
        for queue, count in sorted(starved.items())
    ]
