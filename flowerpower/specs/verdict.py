"""What a check of a project found, small enough to be kept: `specs/files/cache.py` keeps it until something changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from flowerpower.errors import Place, Problem


class Question(NamedTuple):
    """What a check is asked: environment, variables, time (epoch seconds), and the folder unless it is a revision.

    `every` asks of all environments that the project declares.
    """

    env: str
    variables: Mapping[str, str]
    now: int
    root: str | None = None
    every: bool = False


class Ending(NamedTuple):
    """A schedule that will stop to fire one day: the arguments of its trigger, and its next tick (epoch seconds)."""

    trigger: Mapping[str, Any]
    next_tick: int

    def holds(self, now: int) -> bool:
        """Tell whether it can still fire."""
        if now < self.next_tick:
            return True
        from flowerpower.schedule.trigger import parse_trigger

        return parse_trigger(**self.trigger).next_tick(now) is not None


class Verdict(NamedTuple):
    """All problems of a project in one environment, sorted by place, and how much there is in it.

    Or in several: those that were checked are named then.
    """

    namespace: str
    pipelines: int
    schedules: int
    problems: tuple[Problem, ...]
    made_at: int = 0  # epoch seconds
    endings: tuple[Ending, ...] = ()
    environments: tuple[str, ...] = ()
    left_out: int = 0  # environments that the project declares too, and that are too many

    @property
    def is_valid(self) -> bool:
        """Whether nothing stands in the way of a plan."""
        return not any(problem.severity == "error" for problem in self.problems)

    def holds(self, now: int) -> bool:
        """Tell whether time alone has changed nothing: what could still fire then can still fire now."""
        return now >= self.made_at and all(ending.holds(now) for ending in self.endings)


def to_dict(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as a JSON value."""
    return {
        **verdict._asdict(),
        "problems": [problem_to_dict(problem) for problem in verdict.problems],
        "endings": [ending._asdict() for ending in verdict.endings],
    }


def from_dict(value: Mapping[str, Any]) -> Verdict:
    """Return the verdict of a JSON value; TypeError, KeyError or ValueError for any other."""
    problems = tuple(problem_from(entry) for entry in value["problems"])
    endings = tuple(Ending(**entry) for entry in value["endings"])
    environments = tuple(value["environments"])
    return Verdict(**{**value, "problems": problems, "endings": endings, "environments": environments})


def joined(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict on a project from those on parts of it that share no spec."""
    first = verdicts[0]
    problems = {problem for verdict in verdicts for problem in verdict.problems}
    return Verdict(
        first.namespace,
        sum(verdict.pipelines for verdict in verdicts),
        sum(verdict.schedules for verdict in verdicts),
        in_order(problems),
        first.made_at,
        tuple(ending for verdict in verdicts for ending in verdict.endings),
    )


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return each problem once, sorted by place."""
    return tuple(sorted(set(problems), key=_order))


def _order(problem: Problem) -> tuple[object, ...]:
    return problem.place, problem.code, problem.what, problem.severity, problem.environments


def problem_to_dict(problem: Problem) -> dict[str, Any]:
    """Return a problem as a JSON value."""
    return {**problem._asdict(), "place": problem.place._asdict()}


def problem_from(entry: Mapping[str, Any]) -> Problem:
    """Return the problem of a JSON value; TypeError or KeyError for any other."""
    environments = tuple(entry["environments"])
    return Problem(**{**entry, "place": Place(**entry["place"]), "environments": environments})
