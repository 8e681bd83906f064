"""What a project asks for where that is not live: with the outline of it all at hand, few specs need be loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import replace

from flowerpower.in_parts import desired_of
from flowerpower.specs.files.again import with_only
from flowerpower.specs.files.glances import name_at_a_glance, pipelines_at_a_glance
from flowerpower.specs.files.kinds import kind_of_file
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.loader import load
from flowerpower.specs.verdict import Question
from flowerpower.state.models import Desired, Pipeline, State
from flowerpower.state.outline import Outline

_MOST = 0.5  # of the schedules: beyond that all are loaded


def wanted_partly(
    sources: Sources, question: Question, outline: Outline, live: State, same: Set[str]
) -> Desired | None:
    """Return what a valid project asks for, taken from what is *live* where that is the *same*, else from its specs.

    None where too much differs, or where what was loaded is not what *outline* says: a spec may be somewhere else than
    a look at the texts tells.
    """
    missing = {one.name: one for one in outline.schedules() if one.name not in same}
    if len(missing) > _MOST * outline.count:
        return None
    changed = {name for name, digest in outline.pipelines.items() if not _is_live(live.pipelines.get(name), digest)}
    part = with_only(sources, set(_files(sources.texts, missing, changed)))
    loaded = load(part.texts, env=question.env, variables=question.variables)
    if loaded.project is None:
        return None
    found = desired_of(loaded.project, part)
    state = found.state
    if not all(name in state.schedules and one.is_of(state.schedules[name]) for name, one in missing.items()):
        return None
    if not all(name in state.pipelines and state.pipelines[name].digest == outline.pipelines[name] for name in changed):
        return None
    schedules = {one.name: (live if one.name in same else state).schedules[one.name] for one in outline.schedules()}
    pipelines = {name: (state if name in changed else live).pipelines[name] for name in outline.pipelines}
    return replace(found, state=State(schedules, pipelines), rules=outline.rules)


def _is_live(live: Pipeline | None, digest: str) -> bool:
    return live is not None and live.digest == digest


def _files(texts: Mapping[str, bytes], schedules: Collection[str], pipelines: Collection[str]) -> Iterator[str]:
    """Yield the files that seem to hold some schedules and pipelines, and the pipelines that those run."""
    names, needed = {name.encode() for name in schedules}, {name.encode() for name in pipelines}
    for path, text in texts.items():
        if kind_of_file(path) == "schedule" and (_is_manifold(text) or name_at_a_glance(path, text) in names):
            needed.update(pipelines_at_a_glance(text))
            yield path
    for path, text in texts.items():
        if kind_of_file(path) == "pipeline" and (_is_manifold(text) or name_at_a_glance(path, text) in needed):
            yield path


def _is_manifold(text: bytes) -> bool:
    """Tell whether a file may hold several specs."""
    return b"\n---" in text
