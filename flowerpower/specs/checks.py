"""All that can be said of a project's texts without running any code of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING

from flowerpower.errors import Place, Problem
from flowerpower.schedule.errors import TriggerError
from flowerpower.schedule.trigger import parse_trigger
from flowerpower.specs.dataflow_graphs import RealGraphs
from flowerpower.specs.dataflow_rules import check_dataflow
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.known_parts import with_known_dataflow
from flowerpower.specs.loader import Loaded, Models, load
from flowerpower.specs.places import ends_line
from flowerpower.specs.rules import check_future, check_modules, may_end
from flowerpower.specs.silence import silence
from flowerpower.specs.text.yaml import Parse, parse
from flowerpower.specs.verdict import Ending, Verdict, in_order

if TYPE_CHECKING:
    from flowerpower.specs.models import ScheduleSpec


def check_sources(
    sources: Sources,
    *,
    env: str,
    variables: Mapping[str, str],
    now: int,
    models: Models | None = None,
    parse: Parse = parse,
) -> Loaded:
    """Return the project in one environment, unless there is an error, and every problem, sorted by place.

    *now*, in epoch seconds, decides which schedules never fire again. As to *models* and *parse* see `load`.
    """
    loaded = load(sources.texts, env=env, variables=variables, models=models, parse=parse)
    return with_code(loaded, sources, now)


def with_code(
    loaded: Loaded, sources: Sources, now: int, real: RealGraphs | None = None, more: Sequence[Problem] = ()
) -> Loaded:
    """Return loaded specs with what is wrong beyond them: against the project's code and against the clock.

    *real* graphs, which Hamilton built, decide what reading the modules does not; *more* is what else is known.
    """
    draft, modules = loaded.draft, sources.modules
    found = check_modules(draft, modules) + check_future(draft, now)
    found += [*check_dataflow(with_known_dataflow(draft), modules, real), *more]
    if found and loaded.problems:
        found = _beside_broken_yaml(found, loaded.problems, sources.texts)
    problems = _together(spec_problems(loaded, sources), silence(found, {**modules, **sources.texts}), sources.texts)
    if loaded.with_first is not None:
        first, other = loaded.with_first
        of_first = with_code(other, sources._replace(texts=first.texts), now, real, more).problems
        problems = in_order([*problems, *first.told(of_first, problems)])
    wrong = any(problem.severity == "error" for problem in problems)
    return Loaded(None if wrong else loaded.project, problems, draft)


def _beside_broken_yaml(
    found: Sequence[Problem], of_specs: Sequence[Problem], texts: Mapping[str, bytes]
) -> list[Problem]:
    """Return what was found where nothing is wrong with the YAML itself: elsewhere the values are guesses."""
    errors = [one for one in of_specs if one.severity == "error" and "FP010" <= one.code < "FP100"]
    broken = {(one.place.file, one.place.line) for one in errors if one.code != "FP011"}
    return [one for one in found if not _is_beside(one.place, broken, texts)]


def _is_beside(place: Place, broken: Set[tuple[str, int]], texts: Mapping[str, bytes]) -> bool:
    """Tell whether a place is in a broken line, or that of a value which may stand in such a line below its key."""
    file, line, _ = place
    goes_on = (file, line + 1) in broken and ends_line(texts[file], place)
    return goes_on or (file, line) in broken


def _together(of_specs: Sequence[Problem], more: Sequence[Problem], texts: Mapping[str, bytes]) -> tuple[Problem, ...]:
    if not more:
        return in_order(of_specs)
    from flowerpower.specs.written import with_fitting_hints, without_doubts_of_mistakes

    return in_order(without_doubts_of_mistakes([*of_specs, *with_fitting_hints(more, texts)]))


def spec_problems(loaded: Loaded, sources: Sources) -> tuple[Problem, ...]:
    """Return what is wrong with files and specs, sorted by place; a file that cannot be read is not also missing."""
    unread = {problem.place.file for problem in sources.problems}
    said = [problem for problem in loaded.problems if problem.code != "FP009" or problem.place.file not in unread]
    return in_order([*sources.problems, *said])


def verdict_of(loaded: Loaded, now: int) -> Verdict:
    """Return what is worth keeping of a check that was made at *now*."""
    draft = loaded.draft
    endings = tuple(endings_of(draft.schedules.values(), now))
    return Verdict(draft.namespace, len(draft.pipelines), len(draft.schedules), loaded.problems, now, endings)


def endings_of(schedules: Iterable[ScheduleSpec], now: int) -> Iterator[Ending]:
    """Yield those of some schedules that will stop to fire one day."""
    for schedule in schedules:
        if may_end(schedule):
            try:
                tick = parse_trigger(**schedule.trigger).next_tick(now)
            except TriggerError:  # told as a problem
                continue
            if tick is not None:
                yield Ending(schedule.trigger, tick)
