"""What a queue has to bear in the days to come, as data. Times are epoch seconds, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Basis = Literal["measured", "estimated", "counts"]


@dataclass(frozen=True, slots=True)
class Load:
    """The starts on one queue by schedules that fire, and the work they bring if run times are known."""

    schedules: int = 0  # that fire
    starts: int = 0
    peak: int = 0  # starts in the busiest minute
    peak_at: int | None = None  # when that minute begins; None: nothing starts
    hours: tuple[tuple[int, float], ...] = ()  # (when an hour of the local clock begins, starts), hours with any
    work: float | None = None  # seconds of all runs; None: no run time is known
    drain: float | None = (
        None  # seconds from the peak until its runs are done; None: no run time is known, or more work than workers
    )
    measured: int = 0  # schedules whose own run time is known
    uncounted: int = 0  # schedules left out, because counting them would take too long

    @property
    def basis(self) -> Basis:
        """Return what `work` rests on: run times of each schedule, guesses by other runs too, or nothing."""
        if self.work is None:
            return "counts"
        return "measured" if self.measured >= self.schedules else "estimated"


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """What a plan makes of the load of one queue; in a forecast of what is live both sides are the same."""

    queue: str
    workers: int  # live ones that listen on it
    timezone: str  # of the project, for people
    days: int
    before: Load
    after: Load

    def share(self, load: Load) -> float | None:
        """Return which part of the workers' time the runs take, above 1 if more than they have; None: unknown."""
        if load.work is None or not self.workers:
            return None
        return load.work / (self.workers * self.days * 86_400)
