"""What a plan does to the graphs of the pipelines it changes: nodes that differ, and how far that reaches.

No code of the project runs. The graphs are read from the files of today and from those that the live records were
applied from; where those cannot be proved, or a graph is not decided, that is said instead of a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowerpower.dataflow.compare import Difference, Version, compare, loose_code
from flowerpower.dataflow.graph import Graph
from flowerpower.dataflow.modules import Files
from flowerpower.dataflow.partial import new_nodes, unsure_functions
from flowerpower.dataflow.reader import module_closure
from flowerpower.dataflow.sketch import Mark, downstream, needs_of, sketch
from flowerpower.dataflow.touched import users_of
from flowerpower.planning.dataflow import GraphChange
from flowerpower.planning.live_code import ReadCommits, Unknown, live_files, texts_of
from flowerpower.planning.plan import Change, Plan
from flowerpower.specs.dataflow_graphs import Graphs
from flowerpower.state.models import Json, Pipeline, Reading, Schedule

MOST_PIPELINES = 200
MOST_DRAWN = 40  # nodes in one drawing
_GIVEN = ("config", "inputs", "load", "overrides")
_MATTERS = frozenset({"code", "modules", "folders", "record", *_GIVEN})
_TOO_MANY = f"only the first {MOST_PIPELINES} changed pipelines are looked into"
Pairs = Sequence[tuple[Version, Version]]
"""The graph of a pipeline before and after, for each config that it runs with."""


@dataclass(frozen=True, slots=True)
class _Side:
    """A pipeline as it is live or wanted, with its files and all schedules of that side."""

    pipeline: Pipeline
    schedules: Mapping[str, Schedule]
    graphs: Graphs

    def version(self, schedule: str | None) -> Version:
        """Return the graph under the pipeline's own config, or with that of a schedule laid over it."""
        over = self.schedules[schedule].fields.get("config") if schedule else None
        config = {**_mapping(self.pipeline.fields.get("config")), **_mapping(over)}
        return Version(self.graphs.read(self.modules, config), self.graphs.files)

    @property
    def modules(self) -> tuple[str, ...]:
        """The names of its modules."""
        return texts_of(self.pipeline.fields.get("modules"))

    @property
    def code(self) -> dict[str, bytes]:
        """The files that its modules are made of and import."""
        files = self.graphs.files
        return {path: files[path] for path in module_closure(self.modules, files, self.graphs.folders)}


def graph_changes(plan: Plan, reading: Reading, files: Files, read: ReadCommits) -> dict[str, GraphChange]:
    """Return what becomes of the graph of each pipeline that *plan* changes so that it may differ.

    *files* are the modules of today, *read* finds those of earlier commits.
    """
    updates = [(change.before, change.after) for change in plan.changes if _may_matter(change)]
    pairs = [(one, other) for one, other in updates if isinstance(one, Pipeline) and isinstance(other, Pipeline)]
    live = live_files([before for before, _ in pairs[:MOST_PIPELINES]], reading, files, read)
    schedules = _schedules_by_basis(plan) if pairs else {}
    known: dict[tuple[int, tuple[str, ...]], Graphs] = {}
    found: dict[str, GraphChange] = {}
    for before, after in pairs:
        names = schedules.get(after.digest, ())
        old = live.get(before.name, Unknown(_TOO_MANY))
        if isinstance(old, Unknown):
            found[after.name] = GraphChange(after.name, schedules=names, unknown=old.why)
            continue
        one = _Side(before, reading.state.schedules, _graphs(known, before, old))
        other = _Side(after, plan.after.schedules, _graphs(known, after, files))
        if change := _graph_change(one, other, names):
            found[after.name] = change
    return found


def _may_matter(change: Change) -> bool:
    return change.kind == "pipeline" and any(entry.name in _MATTERS for entry in change.fields)


def _schedules_by_basis(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the schedules of each pipeline, by its digest: unlike their fields, that needs no parsing."""
    found: dict[str, list[str]] = {}
    for name, schedule in sorted(plan.after.schedules.items()):
        found.setdefault(schedule.basis, []).append(name)
    return {basis: tuple(names) for basis, names in found.items()}


def _graphs(known: dict[tuple[int, tuple[str, ...]], Graphs], pipeline: Pipeline, files: Files) -> Graphs:
    """Return what reads graphs in some files, the same for all pipelines that share them."""
    folders = texts_of(pipeline.fields.get("folders"))
    return known.setdefault((id(files), folders), Graphs(files, folders))


def _graph_change(before: _Side, after: _Side, schedules: tuple[str, ...]) -> GraphChange:
    pairs = _pairs(before, after, schedules)
    difference = _difference(pairs)
    unsure = {name for pair in pairs for name in unsure_functions(*pair)}.difference(*_parts(difference))
    files = _changed_files(before.code, after.code)
    users = {name for _, new in pairs for name in users_of(new, files, after.graphs.folders)} if files else set()
    users.difference_update(difference.added, difference.changed)
    values = set(_values(before.pipeline, after.pipeline, pairs))
    marks: dict[str, Mark] = dict.fromkeys([*users, *unsure, *values], "touched")
    marks |= {name: kind for kind, names in zip(_KINDS, _parts(difference), strict=True) for name in names}
    old, new = (needs_of(pair[side].graph for pair in pairs) for side in (0, 1))
    reached = downstream(new, marks)
    outputs = tuple(name for name in _outputs(after.pipeline) if name in marks or name in reached)
    return GraphChange(
        pipeline=after.pipeline.name,
        added=difference.added,
        removed=difference.removed,
        changed=difference.changed,
        unsure=tuple(sorted(unsure)),
        touched=tuple(sorted(users)),
        values=tuple(sorted(values)),
        downstream=reached,
        outputs=outputs,
        schedules=schedules,
        files=tuple(sorted(files - _explained(pairs, difference))),
        undecided=_doubt(pairs) if files or marks else "",
        sketch=sketch(old, new, marks, outputs, MOST_DRAWN),
    )


_KINDS: tuple[Mark, ...] = ("added", "removed", "changed")


def _parts(difference: Difference) -> tuple[tuple[str, ...], ...]:
    return difference.added, difference.removed, difference.changed


def _pairs(before: _Side, after: _Side, schedules: Sequence[str]) -> Pairs:
    """Return the graphs under the pipeline's own config and those of schedules, each pair that differs once.

    A schedule that is new has nothing to compare with.
    """
    found: dict[tuple[int, int], tuple[Version, Version]] = {}
    live, wanted = before.schedules, after.schedules
    own = [name for name in schedules if name in live and (_config(live[name]) or _config(wanted[name]))]
    for name in (None, *own):
        one, other = before.version(name), after.version(name)
        found.setdefault((id(one.graph), id(other.graph)), (one, other))
    return list(found.values())


def _difference(pairs: Pairs) -> Difference:
    """Return what differs over all configs: new and gone are the nodes that are so under every config."""
    old, new = (_nodes(pair[side] for pair in pairs) for side in (0, 1))
    comes = [new_nodes(one, other) for one, other in pairs]
    goes = [new_nodes(other, one) for one, other in pairs]
    added, removed = set().union(*comes) - old, set().union(*goes) - new
    changed = {name for one, other in pairs for name in compare(one, other).changed}
    changed = changed.union(*comes, *goes) - added - removed
    return Difference(*(tuple(sorted(names)) for names in (added, removed, changed)))


def _nodes(versions: Iterator[Version]) -> set[str]:
    return {name for version in versions for name in version.graph.nodes}


def _changed_files(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> set[str]:
    return {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}


def _explained(pairs: Pairs, difference: Difference) -> set[str]:
    """Return the files that hold nodes that differ, unless they do other things than before when they are imported."""
    names = {name for part in _parts(difference) for name in part}
    homes = {
        version.graph.nodes[name].place.file
        for pair in pairs
        for version in pair
        for name in names & version.graph.nodes.keys()
    }
    before, after = (pairs[0][side].files for side in (0, 1))
    return {path for path in homes if loose_code(before.get(path, b"")) == loose_code(after.get(path, b""))}


def _values(before: Pipeline, after: Pipeline, pairs: Pairs) -> Iterator[str]:
    """Yield the names in the new graph that the pipeline itself gives another value, or none any more."""
    graphs: list[Graph] = [other.graph for _, other in pairs]
    for part in _GIVEN:
        old, new = _mapping(before.fields.get(part)), _mapping(after.fields.get(part))
        for name in old.keys() | new.keys():
            same = name in old and name in new and old[name] == new[name]
            if not same and any(graph.knows(name) for graph in graphs):
                yield name


def _outputs(pipeline: Pipeline) -> Collection[str]:
    """Return the nodes that a run computes for their own sake, those it saves after the others."""
    saves = pipeline.fields.get("save")
    saved = (
        [texts_of(save.get("outputs")) for save in saves if isinstance(save, dict)] if isinstance(saves, list) else []
    )
    return dict.fromkeys([*texts_of(pipeline.fields.get("outputs")), *(name for names in saved for name in names)])


def _doubt(pairs: Pairs) -> str:
    """Return why a graph is only known in part: the wanted one first, that one can be mended."""
    graphs = [pair[side].graph for side in (1, 0) for pair in pairs]
    for reason in (reason for graph in graphs for reason in graph.reasons):
        where = f"{reason.place.file}:{reason.place.line}: " if reason.place.file else ""
        return f"{where}{reason.why}"
    return ""


def _config(schedule: Schedule) -> Json:
    return schedule.fields.get("config")


def _mapping(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
