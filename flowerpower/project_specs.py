"""What people wrote: the texts of a project in one environment, what is wrong with them, and what they ask for.

`FlowerPowerProject` shows it; nothing here knows Redis. Each step is taken once, when it is first needed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.errors import Problem, SpecError, UsageError
from flowerpower.settings import Settings
from flowerpower.trust import refuse_untrusted

if TYPE_CHECKING:
    from flowerpower.dataflow.graph import Graph, Unbuilt
    from flowerpower.filesystem import Filesystem
    from flowerpower.in_parts import InParts
    from flowerpower.memory import Memory
    from flowerpower.specs.dataflow_graphs import RealGraphs
    from flowerpower.specs.files.sources import Sources
    from flowerpower.specs.loader import Loaded, Project
    from flowerpower.specs.models import ProjectSpec
    from flowerpower.specs.text.yaml import Parse
    from flowerpower.specs.verdict import Question, Verdict
    from flowerpower.state.models import Desired, State
    from flowerpower.state.outline import Outline


class _Texts:
    """The texts of a project, read once, and what was made of them, for all environments."""

    def __init__(self, place: Path | Filesystem, ref: str | None, *, wary: bool) -> None:
        self._where = place, ref
        self._wary = wary
        self.read_at = 0  # nanoseconds of the epoch
        self.parse: Parse | None = None  # what remembers, where several environments are looked at
        self.graphs: dict[tuple[object, ...], Graph | Unbuilt] = {}  # that Hamilton built, by what they are

    @cached_property
    def sources(self) -> Sources:
        """The texts of the specs and the modules."""
        from flowerpower.specs.files.sources import read

        self.read_at = time.time_ns()
        return read(*self._where, wary=self._wary)

    @property
    def of_project_file(self) -> Mapping[str, bytes]:
        """The text of the project file; nothing else is read for it."""
        from flowerpower.specs.files.folder import project_texts
        from flowerpower.specs.files.kinds import PROJECT_FILES

        place, ref = self._where
        if ref or "sources" in self.__dict__:
            return {path: text for path, text in self.sources.texts.items() if path in PROJECT_FILES}
        return project_texts(place) if isinstance(place, Path) else self._fetched

    @cached_property
    def _fetched(self) -> Mapping[str, bytes]:
        from flowerpower.specs.files.remote import remote_project_texts

        place = self._where[0]
        return {} if isinstance(place, Path) else remote_project_texts(place)


class ProjectSpecs:
    """The specs and modules in a folder, at a git revision of it or at a URL, as one environment sees them.

    A check of them looks at one environment, or with *every* at all that the project declares.
    """

    def __init__(
        self, place: Path | Filesystem, settings: Settings, ref: str | None = None, *, every: bool = False
    ) -> None:
        self.place = place
        self.settings = settings
        self.ref = ref
        self._every = every
        self._texts = _Texts(place, ref, wary=settings.untrusted)

    @property
    def folder(self) -> Path:
        """The folder of the project; raises `UsageError` for a project at a URL, which is in none."""
        if isinstance(self.place, Path):
            return self.place
        from flowerpower.filesystem import no_folder

        raise no_folder(self.settings.url)

    @property
    def sources(self) -> Sources:
        """The texts of the specs and the modules, read once."""
        return self._texts.sources

    @property
    def of_project_file(self) -> Mapping[str, bytes]:
        """The text of the project file; nothing else is read for it."""
        return self._texts.of_project_file

    @cached_property
    def everywhere(self) -> ProjectSpecs:
        """The same in every environment that the project declares, unless one was named; itself where that is all."""
        from flowerpower.specs.files.kinds import may_declare

        if self.settings.env_named or not any(map(may_declare, self._texts.of_project_file.values())):
            return self
        return self._beside(self.settings, every=True)

    @cached_property
    def each(self) -> Sequence[ProjectSpecs]:
        """The specs in each environment that a check looks at."""
        from flowerpower.specs.environments import looked_at
        from flowerpower.specs.text.yaml import parse_once

        if not self._every:
            return [self]
        self._texts.parse = parse_once()
        return [self._beside(self.settings._replace(env=env)) for env in looked_at(self._declared)]

    @property
    def _declared(self) -> Sequence[str]:
        from flowerpower.specs.environments import declared

        return declared(self._texts.of_project_file)

    def _beside(self, settings: Settings, *, every: bool = False) -> ProjectSpecs:
        other = ProjectSpecs(self.place, settings, self.ref, every=every)
        other._texts = self._texts
        return other

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem of the specs, sorted by place."""
        known = self.recalled or (self._memory.of_content if self.outline else None)
        if known is None and self._in_parts_if_asked:
            known = self._in_parts_if_asked.verdict
        return known.problems if known else self.loaded.problems

    @cached_property
    def recalled(self) -> Verdict | None:
        """The verdict of an earlier check, if the files in the folder are as they were then; None if none is known."""
        return self._memory.of_folder

    @cached_property
    def verdict(self) -> Verdict:
        """What a check of the specs says, recalled from an earlier one where nothing has changed since."""
        return self.recalled or self._memory.verdict

    @cached_property
    def outline(self) -> Outline | None:
        """What the specs ask for, in short, as an earlier plan of the same files has found."""
        return self._memory.outline

    @cached_property
    def _memory(self) -> Memory:
        from flowerpower.memory import Memory
        from flowerpower.specs.files.cache import VerdictCache

        return Memory(
            VerdictCache(self.settings.cache_dir), self._question, lambda: (self.sources, self._texts.read_at)
        )

    @cached_property
    def _question(self) -> Question:
        from flowerpower.specs.verdict import Question

        settings, place = self.settings, self.place
        root = str(place) if isinstance(place, Path) and not self.ref else None
        return Question(settings.env, settings.variables, int(time.time()), root, self._every)

    @property
    def spec(self) -> Project:
        """The resolved specs; raises `SpecError` while there is any error in them.

        The code is not looked into: what a run needs, the run checks itself, with what it is given by hand.
        """
        from flowerpower.specs.checks import spec_problems

        problems = spec_problems(self._resolved, self.sources)
        if self._resolved.project is None or any(problem.severity == "error" for problem in problems):
            raise SpecError(problems)
        return self._resolved.project

    def errors_beside(self, pipeline: str) -> tuple[Problem, ...]:
        """Return the errors that do not keep a pipeline from running.

        Raises `SpecError` where others do, `UsageError` for one that the environment leaves out.
        """
        from flowerpower.specs.checks import spec_problems
        from flowerpower.specs.concerns import errors_of_pipeline

        problems = spec_problems(self._resolved, self.sources)
        if pipeline not in self.draft.pipelines:
            self._refuse_left_out(pipeline)
        if errors_of_pipeline(self.draft, problems, self.sources.texts, pipeline):
            raise SpecError(problems)
        return tuple(problem for problem in problems if problem.severity == "error")

    def _refuse_left_out(self, pipeline: str) -> None:
        from flowerpower.specs.left_out import ELSEWHERE, why_left_out

        if why := why_left_out(self.sources.texts, self.settings.env, pipeline, ("pipeline",)):
            raise UsageError(why, hint=ELSEWHERE)

    @property
    def draft(self) -> Project:
        """The specs as far as they are right; raises `SpecError` when the project file is invalid."""
        _ = self.home
        return self._resolved.draft

    @cached_property
    def _resolved(self) -> Loaded:
        from flowerpower.specs.loader import load
        from flowerpower.specs.text.yaml import parse

        asked, texts = self.settings, self._texts
        return load(texts.sources.texts, env=asked.env, variables=asked.variables, parse=texts.parse or parse)

    @cached_property
    def loaded(self) -> Loaded:
        """The specs with every problem of them and of the modules, whose code is read."""
        return self._checked(None)

    def _checked(self, real: RealGraphs | None, more: Sequence[Problem] = ()) -> Loaded:
        """Return the specs with every problem; *real* graphs decide what reading the modules does not."""
        from flowerpower.specs.checks import with_code

        return with_code(self._resolved, self.sources, int(time.time()), real, more)

    @property
    def home(self) -> ProjectSpec:
        """The project file alone: what a worker and a look at the live state need, also while a spec is broken.

        Raises `SpecError` when the project file itself is invalid.
        """
        return self._home.spec

    @cached_property
    def _home(self) -> Project:
        from flowerpower.specs.loader import load

        loaded = load(self._texts.of_project_file, env=self.settings.env, variables=self.settings.variables)
        if loaded.project is None:
            raise SpecError(self._problems_of_project_file(loaded))
        return loaded.project

    @property
    def redis_url(self) -> str:
        """The URL of the Redis that the project file names, or `embedded`; `SpecError` if a variable in it is unset."""
        from flowerpower.specs.redis import redis_url, unset_in

        redis, environment = self.home.redis, self.settings.environment
        try:
            return redis_url(redis, environment, str(self.place))
        except SpecError as error:
            place = self._home.place("project", "redis", *unset_in(redis, environment))
            placed = SpecError([problem._replace(place=place) for problem in error.problems])
            placed.hint = error.problems[0].hint  # a check of the specs has no environment to ask, and finds nothing
            raise placed from None

    def _problems_of_project_file(self, loaded: Loaded) -> tuple[Problem, ...]:
        """Return what is wrong with the project file, also that it cannot be read; of other files nothing."""
        from flowerpower.specs.checks import spec_problems
        from flowerpower.specs.files.kinds import PROJECT_FILES

        unread = tuple(problem for problem in self.sources.problems if problem.place.file in PROJECT_FILES)
        return spec_problems(loaded, self.sources._replace(problems=unread))

    def refuse_imports(self) -> None:
        """Raise an error where no module may be imported, or none can."""
        refuse_untrusted(self.settings, "imports no modules")
        if self.ref is not None:
            raise UsageError("modules of another revision cannot be imported", hint="check it out, or leave --ref away")
        if not isinstance(self.place, Path):
            raise UsageError(f"modules at {self.place} cannot be imported", hint="copy the project into a folder")

    @cached_property
    def imported(self) -> Verdict:
        """What a check says that imports the modules, see `validate`; nothing of it is remembered."""
        from flowerpower.specs.checks import verdict_of
        from flowerpower.specs.environments import verdict_everywhere

        verdicts = [(each.settings.env, verdict_of(each.with_imports, int(time.time()))) for each in self.each]
        return verdict_everywhere(verdicts, len(self._declared)) if self._every else verdicts[0][1]

    @cached_property
    def with_imports(self) -> Loaded:
        """The same after importing the modules, which decides what reading them leaves open."""
        from flowerpower.pipelines.probing import real_graphs
        from flowerpower.specs.dataflow_rules import builds_of
        from flowerpower.specs.known_parts import with_known_dataflow

        self.refuse_imports()
        project = with_known_dataflow(self._resolved.draft)
        builds, folders, known = builds_of(project, self.sources.modules), project.spec.modules, self._texts.graphs
        keys = {id(build): (folders, build.key, repr(build.values)) for build in builds}
        wanted = [build for build in builds if keys[id(build)] not in known]
        graphs = real_graphs(wanted, self.folder, folders) if wanted else ()
        known |= {keys[id(build)]: graph for build, graph in zip(wanted, graphs, strict=True)}
        return self._checked({build.key: known[keys[id(build)]] for build in builds}, tuple(self._lacking()))

    def _lacking(self) -> Iterator[Problem]:
        """Yield what pipelines need that is not installed here, where modules are imported as runs would.

        Of what is nowhere, which is told already, nothing.
        """
        from flowerpower.pipelines.lacking import lacking
        from flowerpower.specs.rules import problem

        project = self._resolved.draft
        nowhere = {found.place for found in self._resolved.problems if found.code == "FP351"}
        for name, spec in project.pipelines.items():
            for path, what, hint in lacking(spec, project.spec.plugins):
                if project.is_sound("project", "plugins") and project.is_sound(f"pipeline.{name}", str(path[0])):
                    found = problem(project, "FP353", (f"pipeline.{name}", *path), what, hint)
                    if found.place not in nowhere:
                        yield found

    @property
    def checked(self) -> Project:
        """The resolved specs after every check; raises `SpecError`, also for what the modules make of them."""
        if self.loaded.project is None:
            raise SpecError(self.problems)
        return self.loaded.project

    @cached_property
    def desired(self) -> Desired:
        """The state the specs ask for; raises `SpecError`, also for a mistake in what the modules make of them."""
        if "loaded" not in self.__dict__ and self._in_parts:
            return self._in_parts.desired
        from flowerpower.in_parts import desired_of

        desired = desired_of(self.checked, self.sources)
        self._memory.keep_desired(desired, self.loaded)
        return desired

    def desired_where_it_differs(self, live: State, same: Set[str]) -> Desired:
        """The same as `desired`, taken from what is *live* where an outline found the *same*; see `partly`."""
        from flowerpower.partly import wanted_partly

        if "desired" in self.__dict__ or not self.outline:
            return self.desired
        return wanted_partly(self.sources, self._question, self.outline, live, same) or self.desired

    def outlined(self) -> Outline | None:
        """Return what the specs ask for, in short: as an earlier plan has found it, or as it was found on the way.

        None for a small project that no plan has met before: then it is loaded. Raises `SpecError` as `desired` does.
        """
        if self.outline is None and self.desired and self._in_parts_if_asked:
            return self._in_parts_if_asked.outline
        return self.outline

    @cached_property
    def _in_parts(self) -> InParts | None:
        """What a large project asks for, worked out in two processes; None where that is no use."""
        from flowerpower.in_parts import worked_out_in_parts

        found = worked_out_in_parts(self.sources, self._question)
        if found:
            self._memory.keep_outline(found.outline, found.verdict)
        return found

    @property
    def _in_parts_if_asked(self) -> InParts | None:
        found: InParts | None = self.__dict__.get("_in_parts")
        return found
