"""Checked plans of a project: its specs, or what an apply had changed, against what is live or against a revision.

This is where planning meets files, git and Redis; what is made of them is worked out in `planning/`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from flowerpower.applied import Checkout, with_applied_fields
from flowerpower.planned import PlannedChanges
from flowerpower.planning.against import reading_of
from flowerpower.planning.approval import check_fresh, check_target
from flowerpower.planning.diff import make_plan
from flowerpower.planning.digest import plan_hash
from flowerpower.planning.graphs import graph_changes
from flowerpower.planning.guards import Allowed, Facts, check_plan
from flowerpower.planning.managed import managed
from flowerpower.planning.outlook import with_forecast
from flowerpower.planning.plan import Plan
from flowerpower.planning.rollback import RollbackContext, plan_rollback, still_rolled_back
from flowerpower.revision import descends, precedes
from flowerpower.specs.files.earlier import modules_at
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.state.history import read_steps
from flowerpower.state.models import Desired, Head, Reading, State
from flowerpower.state.run_times import RunTimes, read_run_times

if TYPE_CHECKING:
    from flowerpower.project import FlowerPowerProject


def plan_changes(project: FlowerPowerProject, allowed: Allowed) -> PlannedChanges:
    """Return what apply would change, with the guards' verdicts."""
    desired = project.desired
    checkout = Checkout(project.folder, project.settings.env, project.settings.variables)
    reading = managed(with_applied_fields(project.store.read(), checkout), desired)
    facts = _facts(project, reading.head)
    kept = still_rolled_back(reading.head, project.source.commit, undone=facts.undone)
    plan = make_plan(project.keys, desired, reading, replace(project.source, rolled_back=kept))
    plan = _with_graphs(project, _checked(plan, reading, facts, allowed), reading)
    return _planned(_with_forecast(project, plan, reading), allowed)


def plan_against(project: FlowerPowerProject, revision: str, allowed: Allowed) -> PlannedChanges:
    """Return what changes from a git revision of the specs to these, without Redis; it cannot be applied."""
    before = type(project)(project.folder, project.settings, revision)
    reading = reading_of(project.keys, _desired_or_nothing(before), before.source.commit, int(time.time()))
    plan = replace(make_plan(project.keys, project.desired, reading, project.source), against=before.source.commit)
    checked = _checked(plan, reading, Facts(max_deletes=_max_deletes(project)), allowed)
    plan = with_forecast(_with_graphs(project, checked, reading), reading, RunTimes, project.home.timezone)
    return _planned(plan, allowed)


def rollback_plan(project: FlowerPowerProject, apply_id: str, allowed: Allowed) -> PlannedChanges:
    """Return the plan that restores what was live before an apply: it and every later one are undone."""
    reading = project.store.read()
    context = RollbackContext(project.source, Facts(max_deletes=_max_deletes(project)), allowed)
    plan = plan_rollback(project.keys, read_steps(project.store, apply_id), reading, context)
    return _planned(_with_forecast(project, plan, reading), allowed)


def check_saved(project: FlowerPowerProject, plan: Plan) -> None:
    """Raise `UsageError` or `StalePlanError` unless a saved plan fits this project, this Redis and what is live."""
    reading = project.store.read()
    check_target(plan, project.home.name, project.settings.env, reading.head)
    check_fresh(plan, reading)


def _checked(plan: Plan, reading: Reading, facts: Facts, allowed: Allowed) -> Plan:
    return replace(plan, checks=check_plan(plan, reading, facts, allowed))


def _with_forecast(project: FlowerPowerProject, plan: Plan, reading: Reading) -> Plan:
    times = partial(read_run_times, project.store, reading.state)
    return with_forecast(plan, reading, times, project.home.timezone)


def _with_graphs(project: FlowerPowerProject, plan: Plan, reading: Reading) -> Plan:
    today = project.sources.modules
    return replace(plan, graphs=graph_changes(plan, reading, today, partial(modules_at, project.folder, today)))


def _planned(plan: Plan, allowed: Allowed) -> PlannedChanges:
    return PlannedChanges(plan, plan_hash(plan, allowed), allowed)


def _desired_or_nothing(project: FlowerPowerProject) -> Desired:
    """Return the state that specs ask for; nothing where there was no project yet."""
    there = any(name in project.sources.texts for name in PROJECT_FILES) or project.sources.problems
    return project.desired if there else Desired(State(), {}, {})


def _facts(project: FlowerPowerProject, head: Head) -> Facts:
    revision, live = project.revision, head.commit.removesuffix("+dirty")
    in_git = revision.in_git
    comparable = in_git and live and not live.startswith("tree:")
    commit = project.source.commit
    is_restored = commit.removesuffix("+dirty") == live
    return Facts(
        in_git=in_git,
        dirty=revision.dirty if in_git else None,
        descends=descends(project.folder, revision.commit, live) if comparable else None,
        undone=not is_restored and precedes(project.folder, commit, head.rolled_back),
        max_deletes=_max_deletes(project),
    )


def _max_deletes(project: FlowerPowerProject) -> str | None:
    limit = project.home.guards.max_deletes
    return None if limit is None else str(limit)
