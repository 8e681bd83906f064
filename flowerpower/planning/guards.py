"""Guards stand between plan and apply: each refuses one kind of accident, and has its own way past.

They are functions of values and show in `plan` already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from flowerpower.errors import Problem, UsageError
from flowerpower.planning.consumers import check_consumers
from flowerpower.planning.plan import Check, Plan
from flowerpower.planning.renames import likely_renames
from flowerpower.planning.twins import Twin
from flowerpower.proposed import in_env
from flowerpower.state.models import Reading

DEFAULT_DELETES = "25%"
LONG_COMMIT = 20_000  # changes in one apply
SECONDS_PER_THOUSAND = 0.1  # that Redis answers nobody else while a commit writes so many changes: measured, generous
_BUSY_AFTER = 5  # seconds after which Redis answers everybody else with an error, unless it is configured otherwise
_NAMED = 5  # of what a message is about


@dataclass(frozen=True, slots=True)
class Allowed:
    """The overrides given for one apply."""

    empty: bool = False
    deletes: str | None = None  # a number or a percentage of the owned schedules
    takeover: bool = False
    older_commit: bool = False
    dirty: bool = False
    cutover: bool = False
    cancel: bool = False  # of running runs, where `on_inflight: cancel` asks for it
    long_commit: bool = False
    damaged: bool = False  # to delete what cannot be read, and may have been protected
    twin: bool = False  # what another namespace fires already
    checks: tuple[str, ...] = ()  # of plug-ins, by their codes


@dataclass(frozen=True, slots=True)
class Facts:
    """What git and the specs say of the commit to apply; None where it cannot be known."""

    in_git: bool = False
    dirty: bool | None = None
    descends: bool | None = None  # from the commit applied last
    overtaken: bool | None = False  # the commit applied last comes after it; None: git does not know that one
    undone: bool | None = False  # a rollback undid this commit, or one that comes after it
    max_deletes: str | None = None  # `guards: {max_deletes: ...}` of the project
    wants_none: bool = False  # `schedules: deleted` of the project
    violations: tuple[Problem, ...] | None = ()  # of the house rules that the last apply recorded
    fetched: bool = False  # workers fetch the commit themselves: `code: git`
    pushed: bool | None = None  # a branch of a remote holds the commit
    absent: tuple[str, ...] = ()  # spec files that git has and this checkout leaves out
    twins: tuple[Twin, ...] = ()  # of a namespace that holds nothing yet


def check_plan(plan: Plan, reading: Reading, facts: Facts, allowed: Allowed) -> tuple[Check, ...]:
    """Return what every guard has to say; those that have nothing to say are left out."""
    checks = [
        _incomplete(facts),
        _empty(plan, reading, facts, allowed),
        _deletes(plan, reading, facts, allowed),
        _protected(plan, reading),
        _damaged(plan, reading, allowed),
        _foreign(plan, allowed),
        _older(plan, facts, allowed) or _undone(plan, facts, allowed),
        _dirty(plan, facts, allowed),
        _fetched(plan, facts),
        _in_flight(plan, allowed),
        _policy(facts),
        _long_commit(plan, allowed),
        *(() if allowed.twin else map(_twin, facts.twins)),
        *(() if plan.against else check_consumers(plan)),
    ]
    return tuple(replace(check, hint=in_env(check.hint, plan.env)) for check in checks if check)


def limit_of(text: str, owned: int) -> int:
    """Return how many deletes `3` or `25%` allow among *owned* schedules; a percentage always allows one."""
    match = re.fullmatch(r"([0-9]{1,9})(%?)", text.strip())
    if not match:
        raise UsageError(f"{text!r} is neither a number nor a percentage", hint="write 3 or 25%")
    number = int(match[1])
    return max(1, owned * number // 100) if match[2] else number


def _incomplete(facts: Facts) -> Check | None:
    """Refuse to delete what only its file is missing for; specs that are wrong never get so far."""
    if not facts.absent:
        return None
    return Check(
        "incomplete",
        "refuse",
        f"{_count(len(facts.absent), 'spec file')} of the commit {_is(len(facts.absent))} not checked out (sparse "
        f"checkout): {_named(facts.absent)}",
        "git sparse-checkout disable, or apply the commit itself: --ref HEAD",
    )


def _empty(plan: Plan, reading: Reading, facts: Facts, allowed: Allowed) -> Check | None:
    schedules, pipelines = len(reading.state.schedules), len(reading.state.pipelines)
    no_pipeline = bool(pipelines) and not plan.after.pipelines
    if plan.after.schedules or not (schedules or no_pipeline) or allowed.empty:
        return None
    lost = [_count(schedules, "schedule")] if schedules else []
    lost += [_count(pipelines, "pipeline")] if no_pipeline else []
    why = "the project file says `schedules: deleted`"
    if not facts.wants_none:
        why = f"the specs hold no schedule{' and no pipeline' if no_pipeline else ''}"
    return Check(
        "empty",
        "refuse",
        f"{why}; {' and '.join(lost)} {_is(schedules + no_pipeline * pipelines)} live: all would be deleted",
        "check that this is the right folder, environment and revision; if it is meant: --allow-empty",
    )


def _deletes(plan: Plan, reading: Reading, facts: Facts, allowed: Allowed) -> Check | None:
    owned = len(reading.state.schedules)
    deleted = sum(change.action == "delete" and change.kind == "schedule" for change in plan.changes)
    if not deleted or not plan.after.schedules:  # of nothing wanted at all the guard `empty` speaks
        return None
    way_past = f"if it is meant: --allow-deletes {deleted}"
    wanted = allowed.deletes or facts.max_deletes or DEFAULT_DELETES
    limit, text = limit_of(wanted, owned), wanted
    if not allowed.deletes and plan.head.rules.guards:
        try:
            applied = _applied_deletes(plan.head.rules.guards)
            stricter = limit_of(applied, owned)
        except (ValueError, TypeError, AttributeError, UsageError):
            return Check("deletes", "refuse", _unreadable("guards", f"{deleted} of {owned} schedules"), way_past)
        if stricter < limit:
            limit, text = stricter, f"{applied} was applied last; {wanted} counts from the next apply on"
    if deleted <= limit:
        return None
    return Check(
        "deletes",
        "refuse",
        f"{deleted} of {owned} schedules would be deleted; {limit} may be ({text})",
        f"{_renamed(plan)}{way_past}, or raise `guards: {{max_deletes: ...}}` in an earlier apply",
    )


def _renamed(plan: Plan) -> str:
    """Say that fewer would be deleted if those that were renamed said so."""
    number = len(likely_renames(plan.changes))
    looks = "looks" if number == 1 else "look"
    return f"{number:,} of them {looks} renamed: write their `previous_names`, see the notes; " if number else ""


def _applied_deletes(guards: str) -> str:
    return str(json.loads(guards).get("max_deletes", DEFAULT_DELETES))


def _unreadable(what: str, at_stake: str) -> str:
    return f"the `{what}` that the last apply recorded cannot be read (field `{what}` of the head): {at_stake} at stake"


def _protected(plan: Plan, reading: Reading) -> Check | None:
    deleted = [change for change in plan.changes if change.action == "delete" and change.protected]
    names = [change.name for change in deleted if change.address not in reading.damaged]
    if not names:
        return None
    return Check(
        "protected",
        "refuse",
        f"{_count(len(names), 'protected schedule')} would be deleted: {_named(names)}",
        "set `protected: false` in one apply and delete in the next",
    )


def _damaged(plan: Plan, reading: Reading, allowed: Allowed) -> Check | None:
    """Refuse to delete a schedule of which nobody can tell whether it was protected."""
    deleted = [change for change in plan.changes if change.action == "delete" and change.protected]
    names = [change.name for change in deleted if change.address in reading.damaged]
    if not names or allowed.damaged:
        return None
    return Check(
        "damaged",
        "refuse",
        f"{_count(len(names), 'schedule')} would be deleted whose record in Redis is damaged, so that nobody can tell "
        f"whether it was protected: {_named(names)}",
        "if it may go: --allow-damaged; if not, put its spec back and apply, which mends the record",
    )


def _foreign(plan: Plan, allowed: Allowed) -> Check | None:
    theirs, ours = plan.head.repository, plan.source.repository
    if not theirs or not ours or theirs == ours or allowed.takeover:
        return None
    return Check(
        "foreign",
        "refuse",
        f"{plan.namespace} was last applied from {theirs}, this is {ours}",
        "three ways out: give this project another `name:` or --env; or empty it there first (`schedules: deleted`); "
        "or, if this repository takes over for good: --allow-takeover",
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
    ours, last = plan.source.commit[:12], f"{live[:12]}, which was applied last"
    told, hint = f"{ours} does not descend from {last}", "update this branch; if"
    if facts.overtaken:
        told, hint = f"{ours} comes before {last}", "leave it at that, or update this branch; if"
    elif facts.overtaken is None:
        told = f"{told} and is not in this clone"
        hint = "git fetch, then update this branch; if a forced push has taken that commit away, or"
    return Check("older", "refuse", told, f"{hint} going back is meant: --allow-older-commit")


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
    if facts.dirty is False or not facts.in_git or plan.env == "default" or allowed.dirty:
        return None
    if facts.dirty is None:
        return Check(
            "dirty",
            "refuse",
            "it cannot be told whether there are uncommitted changes: `git status` failed",
            "run `git status` here to see why; or apply the commit itself: --ref HEAD; or --allow-dirty",
        )
    return Check(
        "dirty",
        "refuse",
        f"there are uncommitted changes, and environment {plan.env!r} is applied from commits only",
        "commit them; if it is meant: --allow-dirty",
    )


def _fetched(plan: Plan, facts: Facts) -> Check | None:
    """Warn of a commit that no worker will get: each run would fail, and none says so before the first tick."""
    if not facts.fetched:
        return None
    if not facts.in_git or facts.dirty is not False:
        what = "the uncommitted changes here" if facts.in_git else "files outside git"
        return Check(
            "code",
            "warn",
            f"with `code: git` workers run commits only, and runs of {what} will fail",
            "commit and push first; or run them here: flowerpower worker --local-code",
        )
    if facts.pushed is not False:
        return None
    commit = plan.source.commit[:12]
    return Check(
        "code",
        "warn",
        f"with `code: git` workers fetch {commit}, and no branch of a remote is known here to hold it: runs will fail",
        "push it to the branch that the workers run; if it is there already, `git fetch` tells this clone",
    )


def _in_flight(plan: Plan, allowed: Allowed) -> Check | None:
    hit = {change.name: change.in_flight.running for change in plan.changes if change.cancels}
    running = {name: number for name, number in sorted(hit.items()) if number}
    if not running or allowed.cancel:
        return None
    total = sum(running.values())
    return Check(
        "in flight",
        "refuse",
        f"{_count(total, 'running run')} of {_named(running)} would be stopped (on_inflight: cancel)",
        "wait until they are done, or set `on_inflight: keep`; if it is meant: --allow-cancel",
    )


def _policy(facts: Facts) -> Check | None:
    """Refuse what breaks a house rule that is in force, also where this commit loosens the rule."""
    if facts.violations is None:
        return Check(
            "policy",
            "refuse",
            _unreadable("policies", "house rules"),
            "apply with the flowerpower that wrote them; or HDEL that field with redis-cli: then the specs' own count",
        )
    if not facts.violations:
        return None
    broken = [f"{found.place.file}:{found.place.line} {found.what} ({_rule(found)})" for found in facts.violations]
    return Check(
        "policy",
        "refuse",
        f"{_count(len(broken), 'place')} {'breaks' if len(broken) == 1 else 'break'} house rules that were applied "
        f"last: {_named(broken, '; ')}",
        "keep to the rules; or apply the loosened rules alone first: they count from the next apply on",
    )


def _rule(problem: Problem) -> str:
    return problem.hint.removeprefix("the rule is ").strip("`")


def _long_commit(plan: Plan, allowed: Allowed) -> Check | None:
    changes = len(plan.changes)
    if changes <= LONG_COMMIT or allowed.long_commit:
        return None
    seconds = changes * SECONDS_PER_THOUSAND / 1000
    busy = f" (with BUSY errors after {_BUSY_AFTER} s, which end many workers)" if seconds > _BUSY_AFTER else ""
    return Check(
        "long commit",
        "refuse",
        f"{changes:,} changes are written in one step, in which Redis answers nobody for up to {seconds:.0f} s"
        f"{busy}; without a word {LONG_COMMIT:,} may be",
        "apply in parts (fewer specs at a time), or at a quiet hour: --allow-long-commit",
    )


def _twin(twin: Twin) -> Check:
    number = len(twin.schedules)
    twice = f"{'it' if number == 1 else 'each'} would fire twice"
    return Check(
        "twin",
        "refuse" if twin.fires else "warn",
        f"{twin.namespace}, applied from this repository too, has {number:,} of these schedules in the same Redis: "
        f"{_named(twin.schedules)}; {twice if twin.fires else 'no scheduler fires there now'}",
        "if the project or its environment has a new name, empty the old one first: apply it once more, with "
        f"`schedules: deleted`{'; if both should fire: --allow-twin' if twin.fires else ''}",
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _named(names: Iterable[str], separator: str = ", ") -> str:
    shown = list(names)
    rest = len(shown) - _NAMED
    return separator.join(shown[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")
