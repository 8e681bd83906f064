"""Checked plans of a project: its specs, or what an apply had changed, against what is live or against a revision.

This is where planning meets files, git and Redis; what is made of them is worked out in `planning/`.
"""

from __future__ import annotations

import time
from collections.abc import Set
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower import arguments
from flowerpower.applied import SpecsInGit, with_applied_fields
from flowerpower.checking import refuse_by_checks, verdicts_on
from flowerpower.errors import DamagedError, FlowerPowerError, SpecError, StoreError, UsageError
from flowerpower.facts import Checkout, facts_of, is_enforced, twins_of, violations_of
from flowerpower.planned import PlannedChanges
from flowerpower.planning.against import reading_of, renamed_in
from flowerpower.planning.approval import at_this_moment, check_fresh, check_target
from flowerpower.planning.cutover import worse_cut_over
from flowerpower.planning.diff import make_plan
from flowerpower.planning.digest import plan_hash
from flowerpower.planning.graphs import graph_changes
from flowerpower.planning.guards import Allowed, Facts, check_plan
from flowerpower.planning.managed import managed
from flowerpower.planning.outlook import with_forecast
from flowerpower.planning.plan import Plan
from flowerpower.planning.renames import check_taken, renamed_back
from flowerpower.planning.returning import check_returning
from flowerpower.planning.rollback import RollbackContext, plan_rollback, still_rolled_back
from flowerpower.planning.sync import Wanted
from flowerpower.planning.twins import Twin
from flowerpower.planning.unchanged import same_schedules, unchanged_plan
from flowerpower.proposed import in_env
from flowerpower.specs.environments import declared
from flowerpower.specs.files.earlier import modules_at
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.state.history import read_rollbacks, read_steps
from flowerpower.state.models import Desired, Reading, Source, State
from flowerpower.state.neighbours import read_neighbours
from flowerpower.state.outline import Outline
from flowerpower.state.renamed import name_now, read_renamed
from flowerpower.state.run_times import RunTimes, read_run_times
from flowerpower.trust import refuse_foreign

if TYPE_CHECKING:
    from flowerpower.opened import OpenedProject
    from flowerpower.specs.project_spec import ProjectSpec


def plan_changes(project: OpenedProject, allowed: Allowed) -> PlannedChanges:
    """Return what apply would change, with the guards' verdicts."""
    arguments.of_kind(allowed, Allowed, "`allowed`", "pass Allowed(...) of flowerpower.planning.guards")
    refuse_by_checks(project)
    outline = project.outlined()
    settings, live = project.settings, _live(project)
    refuse_foreign(settings, project.keys.namespace, theirs=live.head.repository, ours=project.source.repository)
    same = same_schedules(project.keys, outline, live) if outline else frozenset[str]()
    unchanged = _plan_unchanged(project, outline, live, same, allowed) if outline else None
    if unchanged is not None:
        return unchanged
    desired = project.desired_where_it_differs(live.state, same)
    return _plan_changes(project, desired, live, same, allowed)


def _live(project: OpenedProject) -> Reading:
    """Return what is live; raise `DamagedError` if the head cannot be read: guards have nothing to compare with."""
    reading = project.store.read()
    if damage := reading.damaged.get("head"):
        raise DamagedError(damage.told, hint=damage.hint)
    return reading


def _plan_unchanged(
    project: OpenedProject, outline: Outline, live: Reading, same: Set[str], allowed: Allowed
) -> PlannedChanges | None:
    """Return the plan that changes nothing, without a look at the specs; None if there may be something to change."""
    if not is_enforced(live.head, outline.rules.policies):
        return None
    plan = unchanged_plan(project.keys, outline, live, project.source, same)
    if plan is None:
        return None
    facts = facts_of(_checkout(project), live.head, _asked(project.home))
    plan = replace(plan, source=_source(project, live, facts))
    plan = _checked(plan, replace(live, state=plan.after), facts, allowed)
    return _planned(_with_house_rules(project, plan, allowed), allowed)


def _plan_changes(
    project: OpenedProject, desired: Desired, live: Reading, same: Set[str], allowed: Allowed
) -> PlannedChanges:
    settings = project.settings
    specs = SpecsInGit(_folder(project), settings.env, settings.variables, settings.untrusted)
    reading = managed(with_applied_fields(live, specs), desired)
    desired = _with_names_back(project, desired, reading)
    violations = violations_of(reading.head, desired.rules.policies, lambda: project.checked, project.sources)
    facts = facts_of(_checkout(project), reading.head, _asked(project.home), violations)
    if not reading.head.generation:
        facts = replace(facts, twins=_twins(project, desired))
    plan = make_plan(project.keys, desired, reading, _source(project, reading, facts), same)
    plan = _with_graphs(project, _checked(plan, reading, facts, allowed), reading)
    plan = replace(plan, checks=(*plan.checks, *check_taken(desired, reading, plan.changes)))
    plan = plan if facts.undone else _with_rolled_back(project, plan)
    return _planned(_with_house_rules(project, _with_forecast(project, plan, reading), allowed), allowed)


def _with_names_back(project: OpenedProject, desired: Desired, reading: Reading) -> Desired:
    """Return what is wanted, as a revert of a rename means it; most plans have no two schedules to ask for."""
    wanted, live = desired.state.schedules.keys(), reading.state.schedules.keys()
    if wanted <= live or live <= wanted:
        return desired
    try:
        return renamed_back(desired, reading, read_renamed(project.store))
    except StoreError:  # the key is damaged: then it is as if nothing had been renamed
        return desired


def _with_rolled_back(project: OpenedProject, plan: Plan) -> Plan:
    """Return the plan with what it says of changes that a rollback had undone: a merge brings them back unasked."""
    if not plan.head.rolled_back or not plan.changes:
        return plan
    try:
        rollbacks = read_rollbacks(project.store)
    except FlowerPowerError:  # the history is damaged: that stops no plan
        return plan
    return replace(plan, checks=(*plan.checks, *check_returning(plan, rollbacks)))


def _twins(project: OpenedProject, desired: Desired) -> tuple[Twin, ...]:
    """Return the namespaces that a first apply would fire beside, since they hold the same."""
    known, neighbours = declared(project.sources.texts), read_neighbours(project.store)
    return twins_of(_checkout(project), neighbours, project.keys, known, desired.state.schedules.keys())


def _checkout(project: OpenedProject) -> Checkout:
    untrusted = project.settings.untrusted
    fetched = project.home.code == "git" and not untrusted
    return Checkout(_folder(project), project.revision, project.source.commit, untrusted, fetched)


def _folder(project: OpenedProject) -> Path | None:
    return project.place if isinstance(project.place, Path) else None


def _source(project: OpenedProject, live: Reading, facts: Facts) -> Source:
    kept = still_rolled_back(live.head, project.source.commit, undone=facts.undone)
    return replace(project.source, rolled_back=kept)


def wanted_of(project: OpenedProject) -> Wanted:
    """Return what the specs ask for, in digests, to tell at a glance whether it is live; wrong specs say so."""
    try:
        return Wanted.of(project.outlined() or project.desired, project.source.commit)
    except SpecError:
        see = in_env("flowerpower validate", project.settings.env)
        return Wanted(unknown=f"the specs here are not valid: see {see}")
    except FlowerPowerError as error:
        return Wanted(unknown=str(error))


def plan_against(project: OpenedProject, revision: str, allowed: Allowed) -> PlannedChanges:
    """Return what changes from a git revision of the specs to these, without Redis; it cannot be applied."""
    if not isinstance(project.place, Path):
        raise UsageError(f"{project.place} has no revisions to compare with", hint="name a folder in a clone")
    refuse_by_checks(project)
    before = type(project)(project.place, project.settings, revision)
    had = _desired_or_nothing(before)
    reading = reading_of(project.keys, had, before.source.commit, int(time.time()))
    desired = renamed_back(project.desired, reading, renamed_in(had))
    plan = replace(make_plan(project.keys, desired, reading, project.source), against=before.source.commit)
    checked = _checked(plan, reading, _asked(project.home), allowed)
    checked = replace(checked, checks=(*checked.checks, *check_taken(desired, reading, plan.changes)))
    plan = with_forecast(_with_graphs(project, checked, reading), reading, RunTimes, project.home.timezone)
    return _planned(_with_house_rules(project, plan, allowed), allowed)


def rollback_plan(project: OpenedProject, apply_id: str, allowed: Allowed) -> PlannedChanges:
    """Return the plan that restores what was live before an apply: it and every later one are undone."""
    reading = _live(project)
    context = RollbackContext(project.source, replace(_asked(project.home), wants_none=False), allowed)
    steps = read_steps(project.store, apply_id)
    plan = plan_rollback(project.keys, steps, reading, context)
    plan = replace(plan, may_stop=allowed.cancel, rules=reading.head.rules)
    return _planned(_with_forecast(project, plan, reading), allowed)


def check_saved(project: OpenedProject, planned: PlannedChanges, *, accept_cutover: bool) -> PlannedChanges:
    """Return a saved plan with what got worse since it was made.

    Raises `UsageError` or `StalePlanError` unless it fits this project, this Redis and what is live.
    """
    plan, reading = planned.plan, _live(project)
    check_target(plan, project.home.name, project.settings.env, reading.head)
    check_fresh(plan, reading, partial(name_now, project.store))
    worse = worse_cut_over(plan, at_this_moment(plan, reading), accepted=accept_cutover or planned.allowed.cutover)
    return planned.with_checks((*worse, *verdicts_on(project, plan, planned.allowed.checks)))


def _checked(plan: Plan, reading: Reading, facts: Facts, allowed: Allowed) -> Plan:
    checks = check_plan(plan, reading, facts, allowed)
    return replace(plan, checks=checks, may_stop=allowed.cancel)


def _with_house_rules(project: OpenedProject, plan: Plan, allowed: Allowed) -> Plan:
    return replace(plan, checks=(*plan.checks, *verdicts_on(project, plan, allowed.checks)))


def _with_forecast(project: OpenedProject, plan: Plan, reading: Reading) -> Plan:
    times = partial(read_run_times, project.store, reading.state)
    return with_forecast(plan, reading, times, project.home.timezone)


def _with_graphs(project: OpenedProject, plan: Plan, reading: Reading) -> Plan:
    today = project.sources.modules
    then = partial(modules_at, _folder(project), today, wary=project.settings.untrusted)
    return replace(plan, graphs=graph_changes(plan, reading, today, then))


def _planned(plan: Plan, allowed: Allowed) -> PlannedChanges:
    return PlannedChanges(plan, plan_hash(plan, allowed), allowed)


def _desired_or_nothing(project: OpenedProject) -> Desired:
    """Return the state that specs ask for; nothing where there was no project yet."""
    there = any(name in project.sources.texts for name in PROJECT_FILES) or project.sources.problems
    return project.desired if there else Desired(State(), {}, {})


def _asked(home: ProjectSpec) -> Facts:
    """Return what the project file says to the guards."""
    limit = home.guards.max_deletes
    return Facts(max_deletes=None if limit is None else str(limit), wants_none=home.schedules == "deleted")
