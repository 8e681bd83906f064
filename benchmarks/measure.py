"""Run the sides of a benchmark in turn, several times, and summarise what was measured.

Sides take turns, so that a busy minute of the machine hits all of them; nobody's time is asserted. What is asserted
is the work: a side that did less than it was given fails the benchmark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TypeAlias

from benchmarks.samples import Sample

Run: TypeAlias = "Callable[[], Mapping[str, Sample]]"  # does the work once; a sample for each phase of it


class WorkMissingError(Exception):
    """A side did less work than it was given."""


@dataclass(frozen=True, slots=True)
class Side:
    """Something that does the work."""

    name: str
    version: str
    run: Run
    amount: int  # how much work `run` is given, and must have done
    rounds: int | None = None  # at most so many, for slow ones


@dataclass(frozen=True, slots=True)
class Row:
    """What one side needed for one phase; `ratio`: how many times as fast the first side, flowerpower, is."""

    phase: str
    side: str
    version: str
    amount: int
    runs: int
    seconds: float  # median
    fastest: float
    slowest: float
    cpu: float  # median
    ratio: float | None
    memory: float = 0.0  # median, MB

    @property
    def rate(self) -> float:
        """Return how much was done in a second."""
        return self.amount / self.seconds


@dataclass(slots=True)
class _Taken:
    side: Side
    samples: dict[str, list[Sample]] = field(default_factory=dict)


def compare(sides: Sequence[Side], rounds: int, say: Callable[[str], None] = lambda text: None) -> list[Row]:
    """Run every side *rounds* times in turn and return a row for each phase and side.

    Raises `WorkMissingError` when a side did not do all of its work.
    """
    taken = [_Taken(side) for side in sides]
    for number in range(rounds):
        turn = taken[number % len(taken) :] + taken[: number % len(taken)]
        for one in turn:
            if one.side.rounds is None or number < one.side.rounds:
                say(f"round {number + 1} of {rounds}: {one.side.name}")
                _take(one)
    return rows(taken[0].side.name, {one.side: one.samples for one in taken})


def _take(one: _Taken) -> None:
    for phase, sample in one.side.run().items():
        if sample.count != one.side.amount:
            raise WorkMissingError(f"{one.side.name} did {sample.count} of {one.side.amount} ({phase})")
        one.samples.setdefault(phase, []).append(sample)


def rows(first: str, samples: Mapping[Side, Mapping[str, Sequence[Sample]]]) -> list[Row]:
    """Return the rows, phase by phase; sides in the order given, ratios to the side called *first*."""
    phases = list(dict.fromkeys(phase for phases in samples.values() for phase in phases))
    base = {
        phase: _rate(side, taken[phase]) for side, taken in samples.items() if side.name == first for phase in taken
    }
    return [
        _row(phase, side, taken[phase], None if side.name == first else base.get(phase))
        for phase in phases
        for side, taken in samples.items()
        if phase in taken
    ]


def _row(phase: str, side: Side, samples: Sequence[Sample], base: float | None) -> Row:
    seconds = [sample.seconds for sample in samples]
    return Row(
        phase=phase,
        side=side.name,
        version=side.version,
        amount=side.amount,
        runs=len(samples),
        seconds=median(seconds),
        fastest=min(seconds),
        slowest=max(seconds),
        cpu=median(sample.cpu for sample in samples),
        ratio=None if base is None else base / _rate(side, samples),
        memory=median(sample.memory for sample in samples),
    )


def _rate(side: Side, samples: Sequence[Sample]) -> float:
    return side.amount / median(sample.seconds for sample in samples)
