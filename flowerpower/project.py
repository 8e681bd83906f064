"""`FlowerPowerProject`: everything one can do with a project, in one place. It calls the functions below it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from flowerpower import arguments
from flowerpower.errors import Problem
from flowerpower.opened import OpenedProject
from flowerpower.settings import Settings, read_settings
from flowerpower.trust import refuse_its_modules, refuse_untrusted

if TYPE_CHECKING:
    from flowerpower.apply import Applied
    from flowerpower.filesystem import Filesystem
    from flowerpower.jobs.manager import RQManager
    from flowerpower.pipelines.manager import PipelineManager
    from flowerpower.planned import PlannedChanges
    from flowerpower.planning.guards import Allowed
    from flowerpower.planning.past import PastView
    from flowerpower.state.models import History


class FlowerPowerProject(OpenedProject):
    """A project in one environment. Use it in a `with` block, or call `close` at the end."""

    def __init__(self, place: Path | Filesystem, settings: Settings, ref: str | None = None) -> None:
        super().__init__(place, settings, ref)
        self._managers: WeakValueDictionary[str, RQManager] = WeakValueDictionary()  # they hold the project

    @classmethod
    def load(
        cls,
        path: str | Path = ".",
        env: str | None = None,
        *,
        ref: str | None = None,
        redis: str | None = None,
        variables: Mapping[str, str] | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> FlowerPowerProject:
        """Return the project in a folder or above it; `git+file:///repo@main` names a git revision, as `ref` does.

        Or the one at a URL of fsspec, such as `s3://bucket/acme`, which *storage_options* help to open. Specs are read
        later, when they are needed. Raises `ProjectNotFoundError` when there is no project; at a URL then.
        """
        from flowerpower.specs.files.walk import named_place

        for name, given in (("`env`", env), ("`ref`", ref), ("`redis`", redis)):
            arguments.text(given or "", name)
        arguments.by_name(variables or {}, "`variables`")
        options = arguments.by_name(storage_options or {}, "`storage_options`")
        named = named_place(str(path))
        settings = read_settings(project=named.folder, env=env, redis=redis, variables=variables)
        return cls.find(settings._replace(url=named.url, storage_options=options), ref or named.ref)

    @classmethod
    def find(cls, settings: Settings, ref: str | None = None) -> FlowerPowerProject:
        """Return the project that settings name; raise `ProjectNotFoundError` when there is none."""
        from flowerpower.specs.files.walk import find_project, refuse_no_folder

        if settings.url:
            from flowerpower.specs.files.remote import project_at

            return cls(project_at(settings.url, settings.storage_options, ref, wary=settings.untrusted), settings)
        refuse_no_folder(settings.project)  # else a mistyped folder would find the project around it
        folder = find_project(settings.project)
        if settings.untrusted:
            refuse_its_modules(folder, sys.path)
        return cls(folder, settings, ref)

    def close(self) -> None:
        """Close the connection to Redis and leave the embedded server, if there is one.

        A project that is used again afterwards connects anew, and is to be closed again.
        """
        super().close()
        self._managers.clear()

    def validate(self, *, imports: bool = False) -> list[Problem]:
        """Return every problem of the specs, sorted by place; warnings and notes too.

        With *imports* the modules are imported, in another process, and Hamilton builds every graph: that decides what
        reading the modules leaves open. It needs the project's libraries, and a folder instead of a revision. Unless an
        environment was named, every one that the project declares is looked at.
        """
        from flowerpower.checking import house_problems_everywhere
        from flowerpower.specs.environments import told_once

        asked = [(each.settings.env, each) for each in self.written.everywhere.each]
        found = told_once([(env, (each.with_imports if imports else each.loaded).problems) for env, each in asked])
        return [*found, *house_problems_everywhere(self)]

    def plan(self, allowed: Allowed | None = None) -> PlannedChanges:
        """Return what apply would change, with the guards' verdicts; reads Redis, writes nothing.

        Raises `SpecError` when a spec is invalid, `StoreError` when Redis cannot be read.
        """
        from flowerpower.planner import plan_changes
        from flowerpower.planning.guards import Allowed

        return plan_changes(self, allowed or Allowed())

    def plan_against(self, revision: str, allowed: Allowed | None = None) -> PlannedChanges:
        """Return what changes from a git revision of the specs to these, without Redis; it cannot be applied.

        Raises `SpecError` when the specs of either side are invalid, `GitError` when git does not know the revision.
        """
        from flowerpower.planner import plan_against
        from flowerpower.planning.guards import Allowed

        return plan_against(self, arguments.text(revision, "`revision`"), allowed or Allowed())

    def history(self, count: int | None = None) -> History:
        """Return the applies that changed something, newest first: all that are kept, or the newest *count*."""
        from flowerpower.state.history import read_history

        return read_history(self.store, None if count is None else arguments.whole(count, "`count`", 1))

    def past_apply(self, apply_id: str | int) -> PastView:
        """Return what an apply of the history changed; it is named by the start of its id, or by its number."""
        from flowerpower.planning.past import view_past
        from flowerpower.state.history import read_past

        return view_past(*read_past(self.store, arguments.id_or_number(apply_id, "`apply_id`")))

    def history_of(self, name: str) -> tuple[PastView, ...]:
        """Return what the applies that are kept changed of one schedule or pipeline, newest first, also under its
        former names. An address as `schedule.nightly` means that one alone; empty when none of them changed it.
        """
        from flowerpower.planning.past import view_object
        from flowerpower.state.history import read_past_of

        return view_object(*read_past_of(self.store, arguments.text(name, "`name`")), name)

    def rollback_plan(self, apply_id: str | int, allowed: Allowed | None = None) -> PlannedChanges:
        """Return the plan that restores what was live before an apply: it and every later one are undone.

        No spec is read but the project file. Raises `HistoryError` when one of them can no longer be undone.
        """
        from flowerpower.planner import rollback_plan
        from flowerpower.planning.guards import Allowed

        return rollback_plan(self, arguments.id_or_number(apply_id, "`apply_id`"), allowed or Allowed())

    def apply(
        self, planned: PlannedChanges, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> Applied:
        """Make Redis match the plan in one atomic step; *progress* gets the changes staged and the changes in all.

        Raises `RefusedError`, `StalePlanError`, `StoreError`, or `UsageError` for a plan of another project or
        Redis; then nothing was written.
        """
        from flowerpower.apply import apply_plan
        from flowerpower.planned import PlannedChanges
        from flowerpower.planning.approval import check_target
        from flowerpower.state.signing import Signer

        plan = arguments.of_kind(planned, PlannedChanges, "`planned`", "pass what `project.plan()` returns").plan
        refuse_untrusted(self.settings, "applies nothing")
        check_target(plan, self.home.name, self.settings.env, self.store.head())
        return apply_plan(plan, self.store, os.urandom(16).hex(), progress, Signer.of(self.settings.signing_key))

    def check_saved(self, planned: PlannedChanges, *, accept_cutover: bool = False) -> PlannedChanges:
        """Return a saved plan with what got worse since it was made, if it still fits what is live.

        Raises `UsageError` for a plan of another project, environment or Redis, `StalePlanError` for another state; its
        `details` say what has changed since.
        """
        from flowerpower.planned import PlannedChanges
        from flowerpower.planner import check_saved

        arguments.of_kind(planned, PlannedChanges, "`planned`", "pass what `PlannedChanges.from_file` returns")
        return check_saved(self, planned, accept_cutover=accept_cutover)

    @property
    def pipelines(self) -> PipelineManager:
        """The project's pipelines, each as long as it is right itself; a wrong project file raises `SpecError`."""
        from flowerpower.pipelines.manager import PipelineManager
        from flowerpower.pipelines.run import Access
        from flowerpower.pipelines.secrets import secrets_of

        refuse_untrusted(self.settings, "runs no pipeline")
        project, spec = self.written.draft, self.home
        return PipelineManager(
            {name: pipeline for name, pipeline in project.pipelines.items() if pipeline.name == name},
            self.place,
            spec.modules,
            spec.timezone,
            access=Access(spec.allow.paths, spec.plugins, spec.allow.pickle),
            secrets=secrets_of(self.settings.environment, spec.plugins),
            look=self.written.errors_beside,
            ref=self.ref,
            schedules={name: schedule.pipeline for name, schedule in project.schedules.items()},
        )

    @property
    def jobs(self) -> RQManager:
        """The job queue of the environment: enqueue, schedules, workers, status."""
        from flowerpower.jobs.manager import JobQueueManager
        from flowerpower.jobs.workers.processes import worker_options

        found = self._managers.get("rq")
        if found is None:
            options = worker_options(self.home, self.place, self.settings)
            found = JobQueueManager.create("rq", store=self.store, url=self.redis_url, options=options, who=self.who)
            self._managers["rq"] = found
        return found
