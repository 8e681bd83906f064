"""A part of a plan, for a closer look: the changes whose addresses match patterns. It can be read and never applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from flowerpower.nearest import nearest
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
    known = _known(plan)
    return [pattern for pattern in (*selection.targets, *selection.excluded) if not _any_matches([pattern], known)]


def nearest_address(plan: Plan, pattern: str) -> str:
    """Return the address, or the name alone, that a pattern which matches nothing was meant to be; or nothing."""
    known = sorted(_known(plan))
    if "." in pattern:
        return nearest(pattern, known)
    return nearest(pattern, [address.partition(".")[2] for address in known])


def _known(plan: Plan) -> set[str]:
    known = {address for change in plan.changes for address in _addresses(change)}
    known |= {f"schedule.{name}" for name in plan.after.schedules}
    return known | {f"pipeline.{name}" for name in plan.after.pipelines}


def _addresses(change: Change) -> tuple[str, ...]:
    return (change.address, change.previous) if change.previous else (change.address,)


def _any_matches(patterns: Sequence[str], addresses: Iterable[str]) -> bool:
    return any(_matches(pattern, address) for address in addresses for pattern in patterns)


def _matches(pattern: str, address: str) -> bool:
    return fnmatchcase(address if pattern.startswith(_KINDS) else address.partition(".")[2], pattern)
