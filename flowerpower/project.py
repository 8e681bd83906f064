"""`FlowerPowerProject`: everything one can do with a project, in one place. It calls the functions below it.

Nothing is read, connected to or imported before it is needed. An embedded Redis that was started is left by `close`, or
when nobody holds the project any more: nothing that it holds may hold it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from flowerpower import arguments
from flowerpower.errors import Problem, ProjectNotFoundError, UsageError
from flowerpower.project_specs import ProjectSpecs
from flowerpower.settings import Settings, read_settings
from flowerpower.trust import refuse_its_modules, refuse_lost_redis, refuse_untrusted, trusted_redis

if TYPE_CHECKING:
    from flowerpower.apply import Applied
    from flowerpower.filesystem import Filesystem
    from flowerpower.jobs.manager import RQManager
    from flowerpower.pipelines.manager import PipelineManager
    from flowerpower.planned import PlannedChanges
    from flowerpower.planning.guards import Allowed
    from flowerpower.planning.past import PastView
    from flowerpower.revision import Revision
    from flowerpower.specs.files.sources import Sources
    from flowerpower.specs.loader import Project
    from flowerpower.specs.models import ProjectSpec
    from flowerpower.specs.verdict import Verdict
    from flowerpower.state.keys import Keys
    from flowerpower.state.models import Desired, History, Source, State
    from flowerpower.state.outline import Outline
    from flowerpower.state.store import Store

_WHO = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME")


class FlowerPowerProject:
    """A project in one environment. Use it in a `with` block, or call `close` at the end."""

    def __init__(self, place: Path | Filesystem, settings: Settings, ref: str | None = None) -> None:
        self.place = place
        self.settings = settings
        self.ref = ref
        self.written: ProjectSpecs = ProjectSpecs(place, settings, ref)  # what people wrote
        self._resources = ExitStack()
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
        from flowerpower.specs.files.walk import find_project

        if settings.url:
            from flowerpower.specs.files.remote import project_at

            return cls(project_at(settings.url, settings.storage_options, ref, wary=settings.untrusted), settings)
        if not settings.project.is_dir():  # else a mistyped folder would find the project around it
            if settings.project.is_file():
                raise ProjectNotFoundError(f"{settings.project} is a file, and no folder", hint="name its folder")
            raise ProjectNotFoundError(f"there is no folder {settings.project}")
        folder = find_project(settings.project)
        if settings.untrusted:
            refuse_its_modules(folder, sys.path)
        return cls(folder, settings, ref)

    def __repr__(self) -> str:
        ref = f", ref={self.ref!r}" if self.ref else ""
        return f"FlowerPowerProject({str(self.place)!r}, env={self.settings.env!r}{ref})"

    def __reduce__(self) -> str:
        arguments.refuse_pickle("a project")

    def __enter__(self) -> FlowerPowerProject:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection to Redis and leave the embedded server, if there is one.

        A project that is used again afterwards connects anew, and is to be closed again.
        """
        self._resources.close()
        self._managers.clear()
        for name in ("store", "redis_url"):
            self.__dict__.pop(name, None)

    @property
    def folder(self) -> Path:
        """The folder of the project; raises `UsageError` for a project at a URL, which is in none."""
        return self.written.folder

    @property
    def sources(self) -> Sources:
        """The texts of the specs and the modules, read once."""
        return self.written.sources

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem of the specs, sorted by place."""
        return self.written.problems

    @property
    def recalled(self) -> Verdict | None:
        """The verdict of an earlier check, if the files in the folder are as they were then; None if none is known."""
        return self.written.recalled

    @property
    def verdict(self) -> Verdict:
        """What a check of the specs says, recalled from an earlier one where nothing has changed since."""
        return self.written.verdict

    @property
    def imported(self) -> Verdict:
        """What a check says that imports the modules, see `validate`; nothing of it is remembered."""
        return self.written.imported

    @property
    def outline(self) -> Outline | None:
        """What the specs ask for, in short, as an earlier plan of the same files has found."""
        return self.written.outline

    def outlined(self) -> Outline | None:
        """Return the same, also where it is found on the way; None for a small project, which is loaded then."""
        return self.written.outlined()

    @property
    def home(self) -> ProjectSpec:
        """The project file alone; raises `SpecError` when it is invalid, whatever else is."""
        return self.written.home

    @property
    def spec(self) -> Project:
        """The resolved specs, without a look into the code; raises `SpecError` while there is any error in them."""
        return self.written.spec

    @property
    def checked(self) -> Project:
        """The resolved specs after every check; raises `SpecError`, also for what the modules make of them."""
        return self.written.checked

    @property
    def desired(self) -> Desired:
        """The state the specs ask for; raises `SpecError`, also for a mistake in what the modules make of them."""
        return self.written.desired

    def desired_where_it_differs(self, live: State, same: Set[str]) -> Desired:
        """Return the same, taken from what is *live* where an outline has told that it is the *same*."""
        return self.written.desired_where_it_differs(live, same)

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

    def in_each_environment(self) -> Sequence[FlowerPowerProject]:
        """Return the project as it is in each environment that a check looks at: that which was named, or every one."""
        every = self.written.everywhere.each
        return [self, *map(self._as, every[1:])]

    def _as(self, written: ProjectSpecs) -> FlowerPowerProject:
        other = FlowerPowerProject(self.place, written.settings, self.ref)
        other.written = written
        return other

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

        return plan_against(self, revision, allowed or Allowed())

    def history(self, count: int | None = None) -> History:
        """Return the applies that changed something, newest first: all that are kept, or the newest *count*."""
        from flowerpower.state.history import read_history

        return read_history(self.store, None if count is None else arguments.whole(count, "`count`", 1))

    def past_apply(self, apply_id: str) -> PastView:
        """Return what an apply of the history changed; it is named by the start of its id, or by its number."""
        from flowerpower.planning.past import view_past
        from flowerpower.state.history import read_past

        return view_past(*read_past(self.store, apply_id))

    def history_of(self, name: str) -> tuple[PastView, ...]:
        """Return what the applies that are kept changed of one schedule or pipeline, newest first, also under its
        former names. An address as `schedule.nightly` means that one alone; empty when none of them changed it.
        """
        from flowerpower.planning.past import view_object
        from flowerpower.state.history import read_past_of

        return view_object(*read_past_of(self.store, name), name)

    def rollback_plan(self, apply_id: str, allowed: Allowed | None = None) -> PlannedChanges:
        """Return the plan that restores what was live before an apply: it and every later one are undone.

        No spec is read but the project file. Raises `HistoryError` when one of them can no longer be undone.
        """
        from flowerpower.planner import rollback_plan
        from flowerpower.planning.guards import Allowed

        return rollback_plan(self, apply_id, allowed or Allowed())

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
        from flowerpower.planner import check_saved

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

    @property
    def named_redis(self) -> str:
        """The URL of the environment's Redis as it is named, which may hold a password, or `embedded`."""
        if self.settings.untrusted:
            return trusted_redis(self.settings)
        return self.settings.redis or self.written.redis_url

    @cached_property
    def redis_url(self) -> str:
        """The URL of the environment's Redis; an embedded one is started now. It may hold a password."""
        from flowerpower.embedded import embedded_server

        url = self.named_redis
        if url != "embedded":
            return url
        settings = self.settings
        refuse_lost_redis(settings)
        if not isinstance(self.place, Path):
            hint = "name the Redis with --redis or FLOWERPOWER_REDIS"
            raise UsageError(f"an embedded Redis needs a folder, and the project is at {self.place}", hint=hint)
        server = embedded_server(self.folder, runtime_dir=settings.runtime_dir, binary=settings.redis_server)
        return self._resources.enter_context(server)

    @cached_property
    def store(self) -> Store:
        """The live state of this project and environment; nothing is sent before it is asked."""
        from flowerpower.state.connection import connect
        from flowerpower.state.store import Store

        return Store(self._resources.enter_context(connect(self.redis_url)), self.keys)

    @property
    def keys(self) -> Keys:
        """The names of this project's and environment's keys in Redis."""
        from flowerpower.state.keys import Keys

        return Keys(self.home.name, self.settings.env, self.settings.rq_prefix)

    @cached_property
    def revision(self) -> Revision:
        """What git says of the folder, or of the revision that the specs are taken from; of a URL nothing."""
        from flowerpower.revision import Revision, read_revision

        if not isinstance(self.place, Path):
            return Revision()
        return read_revision(self.folder, self.ref, wary=self.settings.untrusted)

    @cached_property
    def source(self) -> Source:
        """Where the specs come from: the commit, `+dirty` after it for uncommitted changes, or `tree:<digest>`."""
        from flowerpower.state.models import Source

        revision = self.revision
        commit = revision.commit if revision.dirty is False else f"{revision.commit}+dirty"
        tree = "" if commit else self.outline.tree if self.outline else self.sources.digest
        return Source(commit or f"tree:{tree}", revision.repository, self.who())

    def who(self) -> str:
        """Return who is acting: the user of CI or of this machine, by the name of the account where none is set."""
        from flowerpower.state.scripts import one_line

        environment = self.settings.environment
        return one_line(next((environment[name] for name in _WHO if environment.get(name)), "") or _account())


def _account() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a number that has no name
        return ""
