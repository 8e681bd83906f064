"""All that can be said of a project's texts without running any code of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowerpower.schedule.errors import TriggerError
from flowerpower.schedule.trigger import parse_trigger
from flowerpower.specs.loader import Loaded, load
from flowerpower.specs.project import Project
from flowerpower.specs.reading import Sources
from flowerpower.specs.rules import check_future, check_modules, may_end
from flowerpower.specs.silence import silence
from flowerpower.specs.verdict import Ending, Verdict, in_order


def check_sources(sources: Sources, *, env: str, variables: Mapping[str, str], now: int) -> Loaded:
    """Return the project in one environment, unless there is an error, and every problem, sorted by place.

    *now*, in epoch seconds, decides which schedules never fire again.
    """
    loaded = load(sources.texts, env=env, variables=variables)
    found = [*check_modules(loaded.draft, sources.modules), *check_future(loaded.draft, now)]
    unread = {problem.place.file for problem in sources.problems}  # not missing, then
    said = [problem for problem in loaded.problems if problem.code != "FP009" or problem.place.file not in unread]
    problems = in_order([*sources.problems, *said, *silence(found, sources.texts)])
    wrong = any(problem.severity == "error" for problem in problems)
    return Loaded(None if wrong else loaded.project, problems, loaded.draft)


def verdict_of(loaded: Loaded, now: int) -> Verdict:
    """Return what is worth keeping of a check that was made at *now*."""
    draft = loaded.draft
    endings = tuple(_endings(draft, now))
    return Verdict(draft.namespace, len(draft.pipelines), len(draft.schedules), loaded.problems, now, endings)


def _endings(project: Project, now: int) -> Iterator[Ending]:
    for schedule in project.schedules.values():
        if may_end(schedule):
            try:
                tick = parse_trigger(**schedule.trigger).next_tick(now)
            except TriggerError:  # told as a problem
                continue
            if tick is not None:
                yield Ending(schedule.trigger, tick)
