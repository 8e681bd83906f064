"""Texts to a project: every spec resolved for one environment, or every problem at once.

Order of layers: project patch; spec over the project's defaults; the spec's environment patch; variables.
`load` reads no file, no clock and no environment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from flowerpower.errors import Place, Problem
from flowerpower.specs.codes import CODES
from flowerpower.specs.fields import NOT_PATCHED, Spec
from flowerpower.specs.merge import lay_over, merge_patch, without_other_triggers
from flowerpower.specs.messages import Finding, describe, did_you_mean, findings, unknown_key
from flowerpower.specs.models import PipelineSpec, ProjectSpec, ScheduleSpec
from flowerpower.specs.placeholders import Path, fill_variables, resolve_redis
from flowerpower.specs.places import Origin, Places, origin_of
from flowerpower.specs.project import PROJECT_FILES, Project
from flowerpower.specs.rules import check
from flowerpower.specs.silence import silence, wrong_comments
from flowerpower.specs.yaml import MAX_PROBLEMS, Document, parse

__all__ = ["Loaded", "Project", "kind_of_file", "load", "resolve_redis"]

_MODELS: Mapping[str, type[Spec]] = {"project": ProjectSpec, "pipeline": PipelineSpec, "schedule": ScheduleSpec}
_Model = TypeVar("_Model", bound=Spec)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project, unless there is an error, and all problems, sorted by place; `readable` is what is good of it."""

    project: Project | None
    problems: tuple[Problem, ...]
    readable: Project | None = None


def load(texts: Mapping[str, bytes], *, env: str, variables: Mapping[str, str]) -> Loaded:
    """Return the project in *texts* (path in the project folder -> content) as it is in one environment."""
    loading = _Loading(texts, env, variables)
    project = loading.project()
    problems = [*loading.problems, *wrong_comments({file: texts[file] for file in texts if kind_of_file(file)})]
    if project is not None:
        problems += check(project, loading.elsewhere)
    kept = sorted(set(silence(problems, texts)), key=lambda problem: (problem.place, problem.code, problem.what))
    failed = project is None or any(problem.severity == "error" for problem in kept)
    return Loaded(None if failed else project, tuple(kept), project)


def kind_of_file(path: str) -> str | None:
    """Return what a file of a project holds by its path: project, pipeline, schedule, or None for no spec."""
    if path in PROJECT_FILES:
        return "project"
    folder, _, rest = path.partition("/")
    if rest.endswith((".yaml", ".yml")) and folder in ("pipelines", "schedules"):
        return folder.removesuffix("s")
    return None


class _Loading:
    """One run of `load`: collects problems while it builds the specs."""

    def __init__(self, texts: Mapping[str, bytes], env: str, variables: Mapping[str, str]) -> None:
        self.texts, self.env, self.variables = texts, env, variables
        self.problems: list[Problem] = []
        self._reported: dict[str, set[Problem]] = defaultdict(set)  # by file
        self.elsewhere: dict[str, str] = {}  # address -> why it is not in the project
        self._defaults: dict[str, dict[str, Any]] = {"pipeline": {}, "schedule": {}}
        self._environments: tuple[str, ...] | None = None  # None: not known, so nothing is checked against them
        self._timezone = "UTC"
        self._fill_everywhere = False
        self._places = Places(texts, env, None)
        self._files: dict[str | None, list[str]] = {"project": [], "pipeline": [], "schedule": [], None: []}
        for file in sorted(texts):
            self._files[kind_of_file(file)].append(file)

    def project(self) -> Project | None:
        """Return the project, also with problems as long as its own file is good."""
        spec = self._project_spec([document for document, _ in self._documents("project")])
        pipelines = self._specs("pipeline", PipelineSpec)
        schedules = self._specs("schedule", ScheduleSpec)
        return None if spec is None else Project(spec, self.env, pipelines, schedules, self._places)

    def _documents(self, kind: str) -> Iterator[tuple[Document, bool]]:
        """Parse the files of a kind one after the other; yield documents, and whether each is alone."""
        for file in self._files[kind]:
            parsed = parse(file, self.texts[file])
            self.problems += parsed.problems
            if not parsed.documents:
                self.elsewhere[f"{kind}.{_stem(file)}"] = "cannot be read"
            for document in parsed.documents:
                yield document, len(parsed.documents) == 1

    def _project_spec(self, documents: Sequence[Document]) -> ProjectSpec | None:
        files = [file for file in PROJECT_FILES if file in self.texts]
        if len(documents) != 1 or len(files) != 1:
            self._wrong_number(files, len(documents))
            return None
        origin = origin_of("project", documents[0])
        self._places = Places(self.texts, self.env, origin)
        data = self._patched(documents[0], origin, {})
        if data is None:
            return None
        self._learn(data, origin)
        whole = {**data, "environments": documents[0].data.get("environments", {})}
        spec = self._validated(ProjectSpec, *self._filled(data, origin, whole), origin)
        if spec is not None and self.env != "default" and self.env not in spec.environments:
            known = ("default", *spec.environments)
            hint = did_you_mean(self.env, known) or f"there are {', '.join(known)}"
            self._report("FP201", self._places.at("project", "environments"), f"no environment '{self.env}'", hint)
            return None
        return spec

    def _wrong_number(self, files: Sequence[str], documents: int) -> None:
        if not files:
            self._report("FP009", Place(PROJECT_FILES[0]), "there is no flowerpower.yaml")
        elif len(files) > 1:
            self._report("FP009", Place(files[1]), f"there is a {files[0]} too")
        elif documents > 1:
            self._report("FP009", Place(files[0]), f"the file holds {documents} documents")

    def _learn(self, data: Mapping[str, Any], origin: Origin) -> None:
        """Take from the project what specs need, also when the rest of it is wrong."""
        defaults = data.get("defaults")
        for kind in self._defaults:
            found = defaults.get(kind) if isinstance(defaults, dict) else None
            if isinstance(found, dict):
                self._defaults[kind] = found
                self._check_keys(kind, found, origin, ("defaults", kind))
        self._fill_everywhere = "${" in str(self._defaults)
        if isinstance(zone := data.get("timezone"), str):
            filled, _ = fill_variables({"timezone": zone}, self.variables)
            self._timezone = "UTC" if "${" in filled["timezone"] else filled["timezone"]

    def _specs(self, kind: str, model: type[_Model]) -> dict[str, _Model]:
        found: dict[str, _Model] = {}
        for document, alone in self._documents(kind):
            origin = origin_of(kind, document)
            spec = self._spec(model, document, origin, alone=alone)
            if spec is None:
                continue
            name: str = getattr(spec, "name")  # noqa: B009  both models have one
            address = f"{kind}.{name}"
            if name in found:
                what = f"the {kind} '{name}' is also in {self._places[address]}"
                self._report("FP110", self._places.within(origin, ("name",)), what)
                continue
            found[name] = spec
            self._places.add(address, origin)
        return found

    def _spec(self, model: type[_Model], document: Document, origin: Origin, *, alone: bool) -> _Model | None:
        full = self._is_full(document.file)
        data = None if full else self._patched(document, origin, self._defaults[origin.kind])
        name = _name_of(document, alone=alone)
        address = f"{origin.kind}.{name}"
        if data is None:
            self.elsewhere.setdefault(address, "has problems")
            return None
        if origin.kind == "schedule":
            data.setdefault("timezone", self._timezone)
        if "name" not in data and name is None:
            self._report("FP111", origin.place, f"a {origin.kind} in a file with several documents has no name")
            return None
        data.setdefault("name", name)
        mistaken: list[Path] = []
        if self._fill_everywhere or b"${" in self.texts[document.file]:
            data, mistaken = self._filled(data, origin, data)
        spec = self._validated(model, data, mistaken, origin)
        if spec is None:
            self.elsewhere.setdefault(address, "has problems")
        return spec

    def _patched(self, document: Document, origin: Origin, defaults: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the document over the defaults and under its environment's patch; None if it is wrong or left out."""
        if not document.sound:
            return None
        if not isinstance(document.data, dict):
            self._report("FP100", origin.place, f"a {origin.kind} is a mapping, found {describe(document.data)}")
            return None
        data = {key: value for key, value in document.data.items() if key != "environments"}
        if defaults:
            data = lay_over(without_other_triggers(defaults, data), data)
        if "environments" not in document.data:
            return data
        environments = document.data["environments"]
        if not self._check_environments(environments, origin):
            return None
        patch = environments.get(self.env, {})
        if patch is None and origin.kind != "project":
            address = f"{origin.kind}.{data.get('name') or _stem(document.file)}"
            self.elsewhere[address] = f"is left out of the environment '{self.env}'"
            return None
        return merge_patch(without_other_triggers(data, patch or {}), patch or {})  # type: ignore[no-any-return]

    def _check_environments(self, environments: object, origin: Origin) -> bool:
        if not isinstance(environments, dict):
            place = self._places.within(origin, ("environments",))
            code = "FP112" if environments is None else "FP103"
            self._report(code, place, f"expected a mapping of environments, found {describe(environments)}")
            return False
        if origin.kind == "project":
            self._environments = ("default", *environments)
        before = len(self.problems)
        for name, patch in environments.items():
            if self._is_full(origin.file):
                break
            if self._environments is not None and name not in self._environments:
                hint = did_you_mean(name, self._environments) or f"there are {', '.join(self._environments)}"
                place = self._places.within(origin, ("environments", name), key=True)
                self._report("FP201", place, f"no environment '{name[:60]}'", hint)
            elif isinstance(patch, dict):
                self._check_keys(origin.kind, patch, origin, ("environments", name))
            elif patch is not None:
                place = self._places.within(origin, ("environments", name))
                self._report("FP103", place, f"expected a mapping or null, found {describe(patch)}")
        return len(self.problems) == before

    def _check_keys(self, kind: str, layer: Mapping[str, Any], origin: Origin, path: tuple[str, ...]) -> None:
        known = _MODELS[kind].model_fields.keys() - NOT_PATCHED
        for key in sorted(layer.keys() - known)[:MAX_PROBLEMS]:
            finding = unknown_key(key, sorted(known), (*path, key))
            if key in NOT_PATCHED:
                finding = Finding("FP101", (*path, key), f"'{key}' may not stand here", "", at_key=True)
            self._add(finding, origin)

    def _filled(self, data: dict[str, Any], origin: Origin, whole: dict[str, Any]) -> tuple[dict[str, Any], list[Path]]:
        """Return *whole* with the variables of *data* filled in, and the paths where that failed."""
        filled, mistakes = fill_variables(data, self.variables)
        for mistake in mistakes[:MAX_PROBLEMS]:
            self._report(mistake.code, self._places.within(origin, mistake.path), mistake.what, mistake.hint)
        return {**whole, **filled}, [mistake.path for mistake in mistakes]

    def _validated(
        self, model: type[_Model], data: dict[str, Any], mistaken: Sequence[Path], origin: Origin
    ) -> _Model | None:
        """Return the spec; None, and its problems noted, if it is wrong anywhere or was not filled in at *mistaken*."""
        try:
            spec = model.model_validate(data)
        except ValidationError as error:
            for finding in findings(model, error):
                if self._is_full(origin.file):
                    break
                if finding.path not in mistaken:
                    self._add(finding, origin)
            return None
        return None if mistaken else spec

    def _add(self, finding: Finding, origin: Origin) -> None:
        place = self._places.within(origin, finding.path, key=finding.at_key)
        self._report(finding.code, place, finding.what, finding.hint)

    def _report(self, code: str, place: Place, what: str, hint: str = "") -> None:
        found = Problem(code, place, what, hint or CODES[code].advice)
        reported = self._reported[place.file]
        if found in reported or self._is_full(place.file):
            return
        reported.add(found)
        self.problems.append(found)
        if self._is_full(place.file):
            what = f"the file has {MAX_PROBLEMS} problems or more"
            self.problems.append(Problem("FP020", place, what, CODES["FP020"].advice))

    def _is_full(self, file: str) -> bool:
        return len(self._reported[file]) >= MAX_PROBLEMS


def _stem(file: str) -> str:
    return file.rpartition("/")[2].rpartition(".")[0]


def _name_of(document: Document, *, alone: bool) -> str | None:
    name = document.data.get("name") if isinstance(document.data, dict) else None
    if isinstance(name, str):
        return name
    return _stem(document.file) if alone else None
