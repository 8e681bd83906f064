"""When a schedule's outcomes are worth a message: when it starts to fail, while it goes on failing, when it is well.

Pure: an outcome and what was known before give what is known now and what to tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["failed", "failing", "recovered", "succeeded"]

BAD = frozenset({"failed", "missed"})
"""Outcomes that should not be: a run that failed, a tick that should have run and did not."""

GOOD = frozenset({"succeeded"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one tick, or of a range of `count` ticks that were missed; times are epoch seconds."""

    schedule: str
    status: str
    tick: int
    at: int
    run: str = ""
    attempt: int = 0
    reason: str = ""
    commit: str = ""
    duration: float = 0.0
    count: int = 1


@dataclass(frozen=True, slots=True)
class Health:
    """How a schedule fares: since when it fails (0: it is well), how often it did since, when that was told last."""

    since: int = 0
    count: int = 0
    told: int = 0


WELL = Health()


def judge(health: Health, outcome: Outcome, remind: int = 0) -> tuple[Health, Kind | None]:
    """Return the health after an outcome, and what to tell those who want to hear of failures.

    While it fails they are told again at the first bad outcome that is *remind* seconds after the last message; 0:
    once. What says nothing about health (a skipped tick, a cancelled run) changes nothing.
    """
    if outcome.status in GOOD:
        return WELL, "recovered" if health.since else None
    if outcome.status not in BAD:
        return health, None
    if not health.since:
        return Health(outcome.at, outcome.count, outcome.at), "failed"
    count = health.count + outcome.count
    if remind and outcome.at - health.told >= remind:
        return Health(health.since, count, outcome.at), "failing"
    return Health(health.since, count, health.told), None
