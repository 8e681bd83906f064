"""A part of a plan, for a closer look: the changes whose addresses match patterns. It can be read and never applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from flowerpower.planning.plan import Change, Plan

_KINDS = ("schedule.", "pipeline.")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which changes of a plan are shown: those that match a target, or all but those that match an exclusion.

    A pattern is an address, `schedule.nightly`, or a name alone; `*`, `?` and `[...]` stand for letters in it.
    """

    targets: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.targets or self.excluded)

    def takes(self, *addresses: str) -> bool:
        """Tell whether something that has these addresses, now or until now, is shown."""
        if self.targets:
            return _any_matches(self.targets, addresses)
        return not _any_matches(self.excluded, addresses)


def select(plan: Plan, selection: Selection) -> Plan:
    """Return the plan with the selected changes alone. The guards go on judging the whole of it."""
    changes = tuple(change for change in plan.changes if selection.takes(*_addresses(change)))
    return replace(
        plan,
        changes=changes,
        left_out=len(plan.changes) - len(changes),
        graphs={name: graph for name, graph in plan.graphs.items() if selection.takes(f"pipeline.{name}")},
        held={name: hold for name, hold in plan.held.items() if selection.takes(f"schedule.{name}")},
        firing=tuple(name for name in plan.firing if selection.takes(f"schedule.{name}")),
        unmanaged={},
        loads=(),
    )


def unmatched(plan: Plan, selection: Selection) -> list[str]:
    """Return the patterns that match nothing, neither what changes nor what stays as it is."""
    known = {address for change in plan.changes for address in _addresses(change)}
    known |= {f"schedule.{name}" for name in plan.after.schedules}
    known |= {f"pipeline.{name}" for name in plan.after.pipelines}
    return [pattern for pattern in (*selection.targets, *selection.excluded) if not _any_matches([pattern], known)]


def _addresses(change: Change) -> tuple[str, ...]:
    return (change.address, change.previous) if change.previous else (change.address,)


def _any_matches(patterns: Sequence[str], addresses: Iterable[str]) -> bool:
    return any(_matches(pattern, address) for address in addresses for pattern in patterns)


def _matches(pattern: str, address: str) -> bool:
    return fnmatchcase(address if pattern.startswith(_KINDS) else address.partition(".")[2], pattern)
