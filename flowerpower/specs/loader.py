"""Texts to a project: every spec resolved for one environment, or every problem at once.

Order of layers: project patch; spec over the project's defaults; the spec's environment patch; variables.
`load` reads no file, no clock and no environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flowerpower.errors import Problem
from flowerpower.specs.compiled import NeedsModelsError
from flowerpower.specs.drafts import draft, is_misspelt, may_come_from_defaults
from flowerpower.specs.files.kinds import PROJECT_FILES, kind_of_file
from flowerpower.specs.layering import Layering
from flowerpower.specs.messages import begins_alike, did_you_mean, there_are
from flowerpower.specs.names import name_of, stem_of
from flowerpower.specs.placeholders import Path, fill_variables, resolve_redis
from flowerpower.specs.places import Origin, Places, origin_of
from flowerpower.specs.project import BROKEN, Project
from flowerpower.specs.reported import Reported
from flowerpower.specs.rules import check
from flowerpower.specs.silence import silence, wrong_comments
from flowerpower.specs.text.documents import MAX_PROBLEMS, Document, Parsed
from flowerpower.specs.text.yaml import Parse, find, parse
from flowerpower.specs.unread import Unread
from flowerpower.specs.verdict import in_order

if TYPE_CHECKING:
    from flowerpower.specs.fields import Spec
    from flowerpower.specs.models import ProjectSpec
    from flowerpower.specs.twice import FirstValues

__all__ = ["Loaded", "Project", "kind_of_file", "load", "resolve_redis"]

Models = Mapping[str, Any]
"""By kind of spec what makes specs of values: the models, or what `compiled` made of them."""


class Loaded(NamedTuple):
    """A project, unless there is an error, and all problems, sorted by place.

    The draft is there in any case: the project as far as it is right, for whoever has more to check. Where keys are
    there twice, it has the second values; what the first ones make is beside it.
    """

    project: Project | None
    problems: tuple[Problem, ...]
    draft: Project
    with_first: tuple[FirstValues, Loaded] | None = None


def load(
    texts: Mapping[str, bytes],
    *,
    env: str,
    variables: Mapping[str, str],
    models: Models | None = None,
    parse: Parse = parse,
) -> Loaded:
    """Return the project in *texts* (path in the project folder -> content) as it is in one environment.

    Without *models* they are the real ones; with compiled ones those still say what is wrong with a spec. A *parse*
    that remembers serves several environments.
    """
    asked = (env, variables, models or _real_models(), parse)
    loaded = _load(texts, *asked)
    if loaded.project is not None or not (first := _first_values(texts, loaded.problems)):
        return loaded
    other = _load(first.texts, *asked)
    told = in_order([*loaded.problems, *first.told(other.problems, loaded.problems)])
    return loaded._replace(problems=told, with_first=(first, other))


def _load(texts: Mapping[str, bytes], env: str, variables: Mapping[str, str], models: Models, parse: Parse) -> Loaded:
    loading = _Loading(texts, env, variables, models, parse)
    draft = loading.project()
    problems = [*loading.told.problems, *wrong_comments({file: texts[file] for file in texts if kind_of_file(file)})]
    problems += check(draft, loading.elsewhere)
    kept = in_order(problem for problem in silence(problems, texts) if not loading.unread.explains(problem))
    if kept:
        from flowerpower.specs.written import with_fitting_hints

        kept = tuple(with_fitting_hints(kept, texts))
    return Loaded(None if any(problem.severity == "error" for problem in kept) else draft, kept, draft)


def _first_values(texts: Mapping[str, bytes], problems: Sequence[Problem]) -> FirstValues | None:
    if not any(problem.code == "FP011" for problem in problems):
        return None
    from flowerpower.specs.twice import first_values  # only a mistake needs it

    return first_values(texts, problems)


def _real_models() -> Models:
    from flowerpower.specs.models import MODELS

    return MODELS


class _Loading:
    """One run of `load`: builds the specs, and tells what is wrong with them."""

    def __init__(
        self, texts: Mapping[str, bytes], env: str, variables: Mapping[str, str], models: Models, parse: Parse
    ) -> None:
        self.texts, self.env, self.variables, self._models, self._parse = texts, env, variables, models, parse
        self.elsewhere: dict[str, str] = {}  # address -> why it is not in the project
        self.unread = Unread(texts)
        self.told = Reported(texts, env, self.unread)
        self._layering = Layering(self.told, env, models, self.elsewhere)
        self._defaults: dict[str, dict[str, Any]] = {"pipeline": {}, "schedule": {}}
        self._timezone = "UTC"
        self._doubted: Mapping[str, frozenset[str]] = {}  # by kind, of the defaults
        self._defaults_known = self._fill_everywhere = False
        self._unsound: dict[str, frozenset[str]] = {}
        self._placeholders: dict[str, bool] = {}  # by file: whether it has some
        self._files: dict[str | None, list[str]] = {"project": [], "pipeline": [], "schedule": [], None: []}
        for file in sorted(texts):
            self._files[kind_of_file(file)].append(file)

    def project(self) -> Project:
        """Return the project as far as it is right."""
        spec = self._project_spec([document for document, _ in self._documents("project")])
        if spec is None:
            spec = self._models["project"].model_validate({"name": "unknown"})
            self._unsound["project"] = frozenset(self._models["project"].model_fields)
        pipelines, schedules = self._specs("pipeline"), self._specs("schedule")
        return Project(spec, self.env, pipelines, schedules, self.told.places, self._unsound)

    def _documents(self, kind: str) -> Iterator[tuple[Document, bool]]:
        """Parse the files of a kind one after the other; yield documents, and whether each is alone."""
        for file in self._files[kind]:
            parsed = self._parse(file, self.texts[file])
            if parsed.problems or len(parsed.documents) != 1:  # of few files
                self._note(kind, file, parsed)
            alone = sum(document.data is not None for document in parsed.documents) == 1
            for document in parsed.documents:
                if document.leaves_open and not document.holes:
                    self._doubt(kind, document)
                yield document, alone

    def _doubt(self, kind: str, document: Document) -> None:
        """Note which keys of a document are left open, where the null that this means may be a slip."""
        from flowerpower.specs.left_open import left_open

        text = self.texts[document.file]
        for finding in left_open(kind, document, text, self._defaults.get(kind, {})):
            place, _ = find(document.file, document.number, text, finding.path, key=True)
            self.told.report(finding.code, place, finding.what, finding.hint)

    def _note(self, kind: str, file: str, parsed: Parsed) -> None:
        """Take down what is wrong with the text of a file, and what is not known of it for that."""
        self.told.problems += parsed.problems
        split = self.unread.note(kind, file, parsed)
        if split:
            self.told.problems.append(split)
        if split or not parsed.documents:
            self.elsewhere[f"{kind}.{stem_of(file)}"] = "cannot be read"

    def _project_spec(self, documents: Sequence[Document]) -> ProjectSpec | None:
        files = [file for file in PROJECT_FILES if file in self.texts]
        if len(documents) != 1 or len(files) != 1:
            from flowerpower.specs.shapes import wrong_number  # only a mistake needs it

            for place, what in wrong_number(files, len(documents)):
                self.told.report("FP009", place, what)
            return None
        origin = origin_of("project", documents[0])
        self.told.places = Places(self.texts, self.env, origin)
        data = self._layering.patched(documents[0], origin, {})
        if data is None:
            return None
        self._learn(data, origin, documents[0])
        whole = {**data, "environments": documents[0].data.get("environments", {})}
        filled, mistaken = self._filled(data, origin, whole)
        if any(problem.severity == "error" for problem in self.told.problems):  # those of the patches are told already
            mistaken.append(("environments",))
        spec: ProjectSpec | None = self._validated(filled, mistaken, origin, "project")
        if not documents[0].sound:
            fields = {str(guess.path[0]) for guess in documents[0].guesses if guess.path}
            self._unsound["project"] = self._unsound.get("project", frozenset()) | fields
        known = self.told.environments
        if known is not None and self.env not in known:
            self._defaults_known = False
            alike = begins_alike(self.env, known)
            hint = f"did you mean '{alike}'?" if alike else f"{there_are(known)}; add it under `environments:`"
            hint = did_you_mean(self.env, known) or hint
            place = self.told.places.at("project", "environments")
            self.told.report("FP201", place, f"no environment '{self.env}'", hint)
        return spec

    def _learn(self, data: Mapping[str, Any], origin: Origin, document: Document) -> None:
        """Take from the project what specs need, also when the rest of it is wrong."""
        guesses = {guess.path for guess in document.guesses}
        if "environments" not in document.data and not (() in guesses or is_misspelt("environments", data)):
            self.told.environments = {"default": None}
        elif ("environments",) in guesses:
            self.told.environments = None
        defaults = data.get("defaults")
        known = isinstance(data.get("defaults", {}), dict) and not is_misspelt("defaults", data)
        for kind in self._defaults:
            found = defaults.get(kind) if isinstance(defaults, dict) else None
            if isinstance(found, dict):
                self._defaults[kind] = found
                self._layering.check_keys(kind, {}, found, origin, ("defaults", kind))
        if not document.sound or not known or (defaults and not defaults.keys() <= self._defaults.keys()):
            from flowerpower.specs.guesses import doubts_of_defaults  # only a mistake needs it

            usable = (defaults or {}) if known else None
            self._doubted = doubts_of_defaults(document, self.texts[document.file], self.env, usable)
        self._defaults_known = known and not any(BROKEN in doubted for doubted in self._doubted.values())
        self._fill_everywhere = "${" in str(self._defaults)
        zone = fill_variables({"timezone": data.get("timezone")}, self.variables)[0]["timezone"]
        self._timezone = zone if isinstance(zone, str) and "${" not in zone else "UTC"

    def _specs(self, kind: str) -> dict[str, Any]:
        found: dict[str, Spec] = {}
        for document, alone in self._documents(kind):
            origin = origin_of(kind, document)
            name = name_of(document, alone=alone)
            key = name or "unknown"
            if key in found or not name:  # a place of its own, so that the rest of it is checked too
                key = f"{key} in {origin.place}"
            spec = self._spec(document, origin, name, f"{kind}.{key}")
            if spec is None:
                continue
            found[key] = spec
            self.told.places.add(f"{kind}.{key}", origin)
            if name and key != name:
                what = f"the {kind} '{name}' is also in {self.told.places[f'{kind}.{name}']}"
                self.told.report("FP110", self.told.places.within(origin, ("name",)), what)
        return found

    def _spec(self, document: Document, origin: Origin, name: str | None, address: str) -> Spec | None:
        full = self.told.is_full(document.file)
        data = None if full else self._layering.patched(document, origin, self._defaults[origin.kind])
        if data is None:
            self.elsewhere.setdefault(f"{origin.kind}.{name}", "has problems")
            return None
        if origin.kind == "schedule":
            data.setdefault("timezone", self._timezone)
        if "name" not in data and name is None:
            self._report_nameless(document, origin, data)
        data.setdefault("name", name or "unknown")
        mistaken: list[Path] = []
        if self._fill_everywhere or self._has_placeholders(document.file):
            data, mistaken = self._filled(data, origin, data)
        spec: Spec | None = self._validated(data, mistaken, origin, address)
        if self._doubted or not document.sound:
            from flowerpower.specs.guesses import doubts_of  # only a mistake needs it

            found = doubts_of(origin.kind, document, self.texts[document.file], self.env, self._doubted, self._defaults)
            self._unsound[address] = self._unsound.get(address, frozenset()) | found
        return spec

    def _report_nameless(self, document: Document, origin: Origin, data: Mapping[str, Any]) -> None:
        from flowerpower.specs.manifests import manifest  # only a mistake needs it

        known = not self.unread.may_hold(origin, ("name",)) and not is_misspelt("name", data)
        if known and manifest(data).key in {"", *self._models[origin.kind].model_fields}:
            self.told.report("FP111", origin.place, f"a {origin.kind} in a file with several documents has no name")

    def _has_placeholders(self, file: str) -> bool:
        """Tell whether there is something to fill in, in a file that may hold thousands of documents."""
        found = self._placeholders.get(file)
        if found is None:
            found = self._placeholders[file] = b"${" in self.texts[file]
        return found

    def _filled(self, data: dict[str, Any], origin: Origin, whole: dict[str, Any]) -> tuple[dict[str, Any], list[Path]]:
        """Return *whole* with the variables of *data* filled in, and the paths where that failed."""
        filled, mistakes = fill_variables(data, self.variables)
        fields = self._models[origin.kind].model_fields
        mistakes = [one for one in mistakes if one.path[0] in fields or one.code != "FP203"]  # else nobody knows
        for mistake in mistakes[:MAX_PROBLEMS]:
            self.told.report(mistake.code, self.told.places.within(origin, mistake.path), mistake.what, mistake.hint)
        return {**whole, **filled}, [mistake.path for mistake in mistakes]

    def _validated(self, data: dict[str, Any], mistaken: Sequence[Path], origin: Origin, address: str) -> Any:
        """Return the spec as far as it is right, and note what is wrong; nothing more is said of *mistaken*."""
        try:
            made = draft(self._models[origin.kind], data, mistaken)
        except NeedsModelsError:
            made = draft(_real_models()[origin.kind], data, mistaken)
        for finding in made.findings:
            if self.told.is_full(origin.file):
                break
            if self._defaults_known or origin.kind == "project" or not may_come_from_defaults(finding, data):
                self.told.add(finding, origin)
        if made.unsound:
            self._unsound[address] = made.unsound
        if made.misspelt:
            self.told.places.add_misspelt(origin, dict(made.misspelt))
        return made.spec
