"""A plan in the pieces that people read: changes in order of urgency, and as one piece what is best told together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowerpower.planning.plan import Change, InFlight, Plan
from flowerpower.render.words import safe
from flowerpower.state.models import Schedule

SYMBOLS = {"create": "+", "update": "~", "delete": "-"}
RENAMED, ADOPTED = "»", "="
_ORDER = {"delete": 0, "update": 2, "create": 5}
_ACCIDENT, _TOGETHER = 1, 4


@dataclass(frozen=True, slots=True)
class Group:
    """Schedules of which nothing changes but the pipeline that they run; their fires stay as they are."""

    pipeline: str
    changes: tuple[Change, ...]

    @property
    def names(self) -> list[str]:
        """Return the names of the schedules, the one that fires first in front."""
        return [change.name for change in self.changes]

    @property
    def first(self) -> Change | None:
        """Return the schedule that is the first to run what changed, if one fires at all."""
        return next((change for change in self.changes if change.fires and change.fires.after), None)

    @property
    def in_flight(self) -> InFlight:
        """Return the runs of all of them that are queued or running."""
        return InFlight(
            sum(change.in_flight.queued for change in self.changes),
            sum(change.in_flight.running for change in self.changes),
            sum(change.in_flight.waiting for change in self.changes),
        )

    @property
    def cancels(self) -> bool:
        """Tell whether those runs are cancelled."""
        return self.changes[0].cancels


def ordered(changes: Sequence[Change]) -> list[Change]:
    """Return changes as people want to read them: deletes, lost or doubled fires, drift, updates, then what is new."""
    return sorted(changes, key=lambda change: (*_urgency(change), change.name))


def pieces(plan: Plan) -> list[Change | Group]:
    """Return the changes in order; schedules that only run a changed pipeline as one piece, where they are several."""
    together: dict[tuple[str, bool], list[Change]] = {}
    alone: list[tuple[tuple[int, int, bool], str, Change | Group]] = []
    for change in plan.changes:
        pipeline = _runs_changed(change)
        if pipeline:
            together.setdefault((pipeline, change.cancels), []).append(change)
        else:
            alone.append((_urgency(change), change.name, change))
    for (pipeline, _), changes in together.items():
        if len(changes) == 1:
            alone.append((_urgency(changes[0]), changes[0].name, changes[0]))
        else:
            alone.append(((_TOGETHER, 0, False), pipeline, Group(pipeline, tuple(sorted(changes, key=_next)))))
    return [piece for _, _, piece in sorted(alone, key=lambda item: item[:2])]


def symbol_of(change: Change) -> str:
    """Return the sign that stands before a change."""
    if change.adopts:
        return ADOPTED
    return RENAMED if change.previous else SYMBOLS[change.action]


def place_of(change: Change) -> str:
    """Return file and line of a change, or why there is none."""
    if change.after is None and change.why:
        return safe(change.why) + ("; protected" if change.protected else "")
    if change.after is None:
        return "no longer in the specs" if not change.protected else "no longer in the specs; protected"
    return safe(":".join(change.place.split(":")[:2]))


def _runs_changed(change: Change) -> str:
    """Return the pipeline of a schedule of which nothing else changes, an empty text for any other change."""
    only = change.action == "update" and symbol_of(change) == SYMBOLS["update"] and not change.drifted
    if not only or not isinstance(change.after, Schedule) or {field.reason for field in change.fields} != {"pipeline"}:
        return ""
    return str(change.after.fields.get("pipeline", ""))


def _urgency(change: Change) -> tuple[int, int, bool]:
    rank = _ORDER[change.action]
    if change.fires and change.fires.verdict in ("skipped", "twice"):
        rank = min(rank, _ACCIDENT)
    return rank, 0 if change.drifted else 1, change.kind != "schedule"


def _next(change: Change) -> tuple[float, str]:
    fires = change.fires.after if change.fires else ()
    return (fires[0] if fires else float("inf"), change.name)
