"""Whether something grows: pure functions of samples.

The slope is that of Theil and Sen, the median of the slopes between all pairs of samples: a rewrite of the append-only
file, a cycle of the garbage collector or one busy moment do not move it, a leak does. What counts is the growth from
the end of the warm-up to the end, by that slope; it must stay below 5 % of the level, or below 4 MB where 5 % is less:
allocators give and take pages in steps of that size. A leak of 100 bytes for each run shows after some 40,000 runs.

What goes up and down in steps of a minute, as garbage that is collected now and then or a warm process that another
takes the place of after 1,000 runs, is only told from a leak by several of its steps: the floor under them must rise,
too, and of less than some minutes nothing is said but that it is flat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

WARM_UP = 1 / 3  # of the time: caches fill, caps are reached
SHARE = 0.05
LEAST = 4 << 20  # bytes
ENOUGH = 200.0  # seconds after the warm-up: those of a soak of five minutes
MOST_PAIRS = 400  # samples of which all pairs are looked at


@dataclass(frozen=True)
class Series:
    """What was measured of one thing: seconds since the begin, and bytes."""

    name: str
    times: Sequence[float]
    sizes: Sequence[float]


@dataclass(frozen=True)
class Growth:
    """How one thing grew once it was warm."""

    name: str
    level: float  # bytes, the median
    slope: float  # bytes for a second
    grown: float  # bytes over the time that was looked at
    floor: float = float("inf")  # bytes that the least of it rose over that time
    seconds: float = ENOUGH  # that were looked at
    fills: bool = False  # it holds what is kept up to a cap that may not be reached yet

    @property
    def is_flat(self) -> bool:
        """Whether it did not grow."""
        return min(self.grown, self.floor) < max(SHARE * self.level, LEAST)

    @property
    def is_clear(self) -> bool:
        """Whether there was time enough to tell growth from steps."""
        return self.is_flat or self.seconds >= ENOUGH * 0.95

    @property
    def word(self) -> str:
        """The verdict."""
        if self.is_flat:
            return "flat"
        if self.fills:
            return "fills up to its caps"
        return "**grows**" if self.is_clear else "too short to tell"


def growth(series: Series, end: float) -> Growth:
    """Return how a thing grew from the end of the warm-up on."""
    warm = [(at, size) for at, size in zip(series.times, series.sizes, strict=True) if at >= end * WARM_UP]
    floor = _floor_rise([size for _, size in warm])
    warm = warm[:: max(1, len(warm) // MOST_PAIRS)]
    slopes = [
        (right[1] - left[1]) / (right[0] - left[0]) for left, right in combinations(warm, 2) if right[0] > left[0]
    ]
    slope = median(slopes) if slopes else 0.0
    seconds = warm[-1][0] - warm[0][0] if warm else 0.0
    level = median([size for _, size in warm] or [0.0])
    return Growth(series.name, level, slope, slope * seconds, floor, seconds)


def _floor_rise(sizes: Sequence[float]) -> float:
    """Return how much the least of the last third is above that of the first, two thirds of the time before it."""
    third = len(sizes) // 3
    return 1.5 * (min(sizes[-third:]) - min(sizes[:third])) if third else 0.0


def table(growths: Sequence[Growth], counts: Mapping[str, str]) -> str:
    """Return what was found as a table in Markdown, and the counts below it."""
    lines = ["| | level | growth an hour | grown | |", "|---|---:|---:|---:|---|"]
    for one in growths:
        lines.append(f"| {one.name} | {_mb(one.level)} | {_mb(one.slope * 3600)} | {_mb(one.grown)} | {one.word} |")
    return "\n".join([*lines, "", *(f"- {name}: {count}" for name, count in counts.items())])


def _mb(size: float) -> str:
    return f"{size / (1 << 20):.2f} MB"
