"""The dataflow of every pipeline against its spec and its schedules: unknown outputs, missing inputs and their kin.

What a schedule merges over its pipeline counts, so each run is checked as it will be; a mistake is told once, where it
stands. A pipeline that no schedule runs is checked as written, and an input that it lacks may still come by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flowerpower.dataflow.check import Finding, Path, Wanted, check_run
from flowerpower.dataflow.graph import Build, Fault, Graph, Reason, Unbuilt, Value
from flowerpower.dataflow.modules import Files, ModuleFile, SyntaxMistake
from flowerpower.errors import Place, Problem, Severity
from flowerpower.proposed import in_env
from flowerpower.specs.codes import CODES
from flowerpower.specs.dataflow_graphs import Graphs, Located, RealGraphs
from flowerpower.specs.dataflow_transfers import wrong_transfers
from flowerpower.specs.dataflow_values import Given, are_plainly_right, can_be_told, values_of, wrong_values
from flowerpower.specs.known_parts import Doubt, doubt_of, without_follow_ons
from flowerpower.specs.project import NO_NAME, Project
from flowerpower.specs.silence import wrong_comments

if TYPE_CHECKING:
    from flowerpower.specs.models import PipelineSpec, ScheduleSpec

CODE_OF_KIND: Mapping[str, str] = {
    "no node": "FP320",
    "no input": "FP321",
    "missing": "FP322",
    "no variant": "FP323",
    "cycle": "FP325",
    "not an input": "FP330",
    "given twice": "FP331",
    "wrong type": "FP335",
    "not held": "FP337",
    "unused": "FP338",
}
_BY_HAND = "Give it under `inputs` or `load`, or at each run with --set."
_WAIT = "Nothing to do: the run will tell."
_SEVERITY: Mapping[str, Severity] = {"unused": "warning"}
_BY_KEY = ("inputs", "overrides", "load")


class Run(NamedTuple):
    """What one schedule runs, or a pipeline alone: its address, and the spec with the schedule's values laid over."""

    address: str
    own: Mapping[str, Mapping[str, Any]]  # what the schedule itself says
    inputs: Mapping[str, Any]
    config: Mapping[str, Any]
    overrides: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, frozenset[str], frozenset[str]]:
        """What decides what is found: equal keys, equal findings. The first part decides the graph."""
        return repr(self.config), frozenset(self.inputs), frozenset(self.overrides)

    @property
    def given(self) -> Given:
        """Everything it gives to nodes, by the section of the spec."""
        return {"inputs": self.inputs, "config": self.config, "overrides": self.overrides}


def check_dataflow(project: Project, files: Files, real: RealGraphs | None = None) -> list[Problem]:
    """Return what is wrong with the dataflows; *files* are the Python files of the project's module folders.

    *real* are the graphs of `builds_of` as Hamilton built them; without them no code runs, and what only running it
    would tell is a note.
    """
    problems = _Check(project, Graphs(files, project.spec.modules, real)).run()
    once = {(problem.code, problem.place, problem.what): problem for problem in problems}
    found = list(once.values())
    named = {problem.place.file for problem in found} & files.keys()
    found += wrong_comments({path: files[path] for path in named})
    return sorted(found, key=lambda problem: (problem.place, problem.code, problem.what))


def builds_of(project: Project, files: Files) -> list[Build]:
    """Return the graphs that Hamilton would have to build to decide everything."""
    check = _Check(project, Graphs(files, project.spec.modules), given={})
    for _ in check.run():
        pass  # what is wrong has been told
    asked, given = check.graphs.asked, check.given or {}
    return [build._replace(values=tuple(given.get(key, {}).values())) for key, build in asked.items()]


def runs_of(name: str, pipeline: PipelineSpec, schedules: Sequence[tuple[str, ScheduleSpec]]) -> list[Run]:
    """Return what will run of a pipeline: one run for each schedule, or the pipeline alone."""
    if not schedules:
        return [Run(f"pipeline.{name}", {}, pipeline.inputs, pipeline.config, pipeline.overrides)]
    found = []
    for schedule_name, spec in schedules:
        own = {"inputs": spec.inputs, "config": spec.config, "overrides": spec.overrides}
        inputs, config = _laid_over(pipeline.inputs, spec.inputs), _laid_over(pipeline.config, spec.config)
        overrides = _laid_over(pipeline.overrides, spec.overrides)
        found.append(Run(f"schedule.{schedule_name}", own, inputs, config, overrides))
    return found


def _laid_over(values: Mapping[str, Any], more: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**values, **more} if more else values


def outputs_of(pipeline: PipelineSpec) -> Mapping[Path, str]:
    """Return the nodes that a pipeline computes or saves, by where the spec names them."""
    outputs: dict[Path, str] = {("outputs", position): name for position, name in enumerate(pipeline.outputs)}
    for number, save in enumerate(pipeline.save):
        outputs |= {("save", number, "outputs", position): name for position, name in enumerate(save.outputs)}
    return {path: name for path, name in outputs.items() if name != NO_NAME}


def findings_as_problems(
    project: Project, name: str, runs: Sequence[Run], findings: Mapping[str, Sequence[Finding]]
) -> Iterator[Problem]:
    """Return the problems of a pipeline from the findings of each of its runs, by address, each told once."""
    having: dict[tuple[str, Path, str], list[tuple[Run, Finding]]] = {}
    for run in runs:
        for finding in findings[run.address]:
            having.setdefault((finding.kind, finding.path, finding.what), []).append((run, finding))
    for pairs in having.values():
        found_in = [run for run, _ in pairs]
        finding = max((finding for _, finding in pairs), key=lambda finding: finding.meant != "")
        yield from _problems_of(project, name, finding, found_in, in_all=len(found_in) == len(runs))


def _problems_of(
    project: Project, name: str, finding: Finding, runs: Sequence[Run], *, in_all: bool
) -> Iterator[Problem]:
    section, *rest = finding.path
    pipeline, severity = f"pipeline.{name}", _SEVERITY.get(finding.kind, "error")
    own = [run for run in runs if rest and rest[0] in run.own.get(str(section), {})]
    if finding.kind in ("missing", "no variant") and not rest and not in_all:
        own = list(runs)
    for run in own:
        yield _problem(project, finding, run.address, finding.what, severity)
    left = len(runs) - len(own)
    if left:
        scheduled = runs[0].address != pipeline
        by_hand = not scheduled and finding.kind == "missing"
        if by_hand:
            finding = finding._replace(hint=_BY_HAND)
        where = "" if in_all else _said_of([run for run in runs if run not in own])
        yield _problem(project, finding, pipeline, f"{finding.what}{where}", "warning" if by_hand else severity)


def _said_of(runs: Sequence[Run]) -> str:
    first, more = runs[0].address.partition(".")[2], len(runs) - 1
    return f", as the schedule '{first}'{f' and {more} more' if more else ''} runs it"


def _problem(project: Project, finding: Finding, address: str, what: str, severity: Severity) -> Problem:
    code, path = CODE_OF_KIND[finding.kind], finding.path
    by_key = finding.kind == "unused" or (path[0] in _BY_KEY and len(path) > 1 and finding.kind != "wrong type")
    place = project.place(address, *path, key=by_key)
    if place == project.places.get(address) and path[0] != "outputs" and address.startswith("pipeline."):
        place = project.place(address, "outputs")  # nearer than the first line, where the section is not written
    return Problem(code, place, what, finding.hint or CODES[code].advice, severity)


class _Check:
    """One check of a project; what several pipelines share is told once."""

    def __init__(
        self, project: Project, graphs: Graphs, given: dict[object, dict[object, Value]] | None = None
    ) -> None:
        self.project = project
        self.graphs = graphs
        self.given = given  # to the nodes of each graph, where that is wanted
        self._undecided: dict[Reason, list[str]] = {}
        self._shared: dict[Problem, list[str]] = {}  # in what specs have in common
        self._code: dict[Problem, None] = {}

    def run(self) -> Iterator[Problem]:
        """Yield every problem."""
        schedules: dict[str, list[tuple[str, ScheduleSpec]]] = {}
        for name, schedule in self.project.schedules.items():
            schedules.setdefault(schedule.pipeline, []).append((name, schedule))
        for name, pipeline in self.project.pipelines.items():
            yield from self.pipeline(name, pipeline, schedules.get(name, ()))
        yield from self._code
        for problem, names in self._shared.items():
            yield problem._replace(what=f"{problem.what}, in {_pipelines(names)}")
        for reason, names in self._undecided.items():
            for group in [[name] for name in names] if reason.key else [names]:
                yield _undecided_problem(self.project, reason, group)

    def pipeline(
        self, name: str, pipeline: PipelineSpec, schedules: Sequence[tuple[str, ScheduleSpec]]
    ) -> Iterator[Problem]:
        """Yield the problems of one pipeline; no more for one whose modules are not there or cannot be read."""
        modules = pipeline.modules
        located, mistakes = self.graphs.locate(modules), self.graphs.mistakes(modules)
        self._code |= {_syntax_problem(path, mistake): None for path, mistake in mistakes}
        if None in located or mistakes:
            return
        if len(set(modules)) < len(modules):
            yield _listed_twice(self.project, name, modules)
            return
        yield from _odd_modules(self.project, name, located)
        doubts = self.doubts(name, pipeline, schedules)
        runs = [run for run in runs_of(name, pipeline, schedules) if self.has_shape(pipeline, run, doubts)]
        findings = self.findings(name, pipeline, runs)
        findings = {address: without_follow_ons(found) for address, found in findings.items()}
        if doubts:
            findings = {address: doubts[address].certain(found) for address, found in findings.items()}
        for problem in findings_as_problems(self.project, name, runs, findings):
            if problem.place.file in self.files_of(name, runs):
                yield problem
            elif problem.code != CODE_OF_KIND["unused"]:  # others may use it
                self._shared.setdefault(problem, []).append(name)

    def doubts(
        self, name: str, pipeline: PipelineSpec, schedules: Sequence[tuple[str, ScheduleSpec]]
    ) -> Mapping[str, Doubt]:
        """Return what is in doubt of each run of a pipeline, by its address; nothing where all specs are sound."""
        if not self.project.unsound:
            return {}
        own = doubt_of(self.project, f"pipeline.{name}", pipeline)
        of_schedules = [(f"schedule.{other}", spec) for other, spec in schedules]
        found = {address: own | doubt_of(self.project, address, spec) for address, spec in of_schedules}
        return found or {f"pipeline.{name}": own}

    def has_shape(self, pipeline: PipelineSpec, run: Run, doubts: Mapping[str, Doubt]) -> bool:
        """Tell whether the graph of a run is known: its config is, or does not matter."""
        if not doubts or not doubts[run.address].has("config"):
            return True
        return self.graphs.read(pipeline.modules, run.config).used == frozenset()

    def files_of(self, name: str, runs: Sequence[Run]) -> set[str]:
        """Return the files of a pipeline and its schedules; to look places up takes long, so only of what is wrong."""
        return {self.project.place(address).file for address in (f"pipeline.{name}", *(run.address for run in runs))}

    def findings(self, name: str, pipeline: PipelineSpec, runs: Sequence[Run]) -> Mapping[str, Sequence[Finding]]:
        """Return what is wrong with each run of a pipeline, by its address; what they share is looked at once."""
        outputs, by_key = outputs_of(pipeline), dict[object, list[Finding]]()
        graphs: dict[str, Graph | None] = {}
        transfers: dict[int, list[Finding]] = {}
        found: dict[str, Sequence[Finding]] = {}
        for run in runs:
            key = run.key
            if key[0] not in graphs:
                graphs[key[0]] = graph = self.graph(name, pipeline.modules, run.config)
                if graph and id(graph) not in transfers:  # configs share graphs
                    transfers[id(graph)] = [*wrong_transfers(graph, pipeline.load, pipeline.save)]
            if (graph := graphs[key[0]]) is None:
                found[run.address] = ()
                continue
            values = (*key, id(run.inputs), id(run.overrides))
            if values not in by_key:
                self.note(pipeline.modules, run)
                wanted = Wanted(outputs, run.config, run.inputs.keys(), run.overrides.keys(), pipeline.load.keys())
                if key not in by_key:
                    by_key[key] = [*check_run(graph, wanted), *transfers[id(graph)]]
                right = are_plainly_right(graph, run.inputs, run.config)
                by_key[values] = by_key[key] if right else [*by_key[key], *wrong_values(graph, wanted, run.given)]
            found[run.address] = by_key[values]
        return found

    def note(self, modules: tuple[str, ...], run: Run) -> None:
        """Take down what a run gives, for those who want to know."""
        if self.given is not None:
            noted = self.given.setdefault(self.graphs.build(modules, run.config).key, {})
            noted |= {value.key: value for value in values_of(run.given) if can_be_told(value)}

    def graph(self, name: str, modules: tuple[str, ...], config: Mapping[str, Any]) -> Graph | None:
        """Return the graph of a run, if there is one to check it against.

        What is wrong with the code is taken down, and why its graph is in doubt.
        """
        graph = self.graphs.of(modules, config)
        if isinstance(graph, Unbuilt):
            self._code[_unbuilt_problem(self.project, name, graph)] = None
            return None
        self._code |= {_fault_problem(fault): None for fault in graph.faults}
        if graph.faults:
            return None
        if graph.reasons:
            names = self._undecided.setdefault(graph.reasons[0], [])
            names += [name] if name not in names else []
        return graph


def _listed_twice(project: Project, name: str, modules: Sequence[str]) -> Problem:
    position = next(number for number, module in enumerate(modules) if module in modules[:number])
    what = f"the module '{modules[position]}' is listed twice, so each of its nodes would be there twice"
    return Problem("FP324", project.place(f"pipeline.{name}", "modules", position), what, "Remove one of the two.")


def _odd_modules(project: Project, name: str, located: Located) -> Iterator[Problem]:
    """Yield warnings for modules without nodes, and for those that one of Python's own may hide."""
    for position, file in enumerate(located):
        if not isinstance(file, ModuleFile):
            continue
        found = []
        reexports = any(taken.source.names for taken in file.module.taken)
        if not file.module.functions and not file.module.doubts and not reexports:
            found.append(("FP327", f"the module '{file.name}' has no public function, so it adds no node"))
        top = file.name.partition(".")[0]
        if top in sys.stdlib_module_names:
            found.append(("FP333", f"Python has a module '{top}' of its own, which may hide this one"))
        for code, what in found:
            place = project.place(f"pipeline.{name}", "modules", position)
            yield Problem(code, place, what, CODES[code].advice, "warning")


def _syntax_problem(path: str, mistake: SyntaxMistake) -> Problem:
    place = Place(path, mistake.spot.line, mistake.spot.column)
    return Problem("FP326", place, f"Python cannot read this: {mistake.message}", CODES["FP326"].advice)


def _unbuilt_problem(project: Project, name: str, found: Unbuilt) -> Problem:
    place = found.place or project.place(f"pipeline.{name}", "modules")
    return Problem("FP332", place, found.what, found.hint or CODES["FP332"].advice)


def _fault_problem(fault: Fault) -> Problem:
    if fault.kind == "duplicate":
        what = f"the node '{fault.name}' is also defined at {fault.detail}"
        return Problem("FP324", fault.place, what, CODES["FP324"].advice)
    if fault.kind == "stranded":
        what = f"`{fault.detail} ...` leads out of all packages: the module is imported as '{fault.name}'"
        return Problem("FP334", fault.place, what, CODES["FP334"].advice)
    if fault.kind == "unfit":
        return Problem("FP336", fault.place, fault.detail, CODES["FP336"].advice)
    what = f"'{fault.name}' has no type for {fault.detail}"
    return Problem("FP329", fault.place, what, CODES["FP329"].advice)


def _undecided_problem(project: Project, reason: Reason, names: Sequence[str]) -> Problem:
    what = f"only running the code tells the dataflow of {_pipelines(names)}: {reason.why}"
    if reason.key:
        place = project.place(f"pipeline.{names[0]}", "config", reason.key)
        return Problem("FP328", place, f"{reason.why}, so nobody can tell the dataflow before", _WAIT, "note")
    return Problem("FP328", reason.place, what, in_env(CODES["FP328"].advice, project.env), "note")


def _pipelines(names: Sequence[str]) -> str:
    return f"the pipeline '{names[0]}'{f' and {len(names) - 1} more' if len(names) > 1 else ''}"
